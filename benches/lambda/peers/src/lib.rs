//! The bare peer, for its two binaries. The least that can answer: the same trimmed SDK as ours, GetItem or the eight queries of
//! a page, and what they gave as JSON. No checks, no headers, no merge.

use std::env;

use aws_config::environment::credentials::EnvironmentVariableCredentialsProvider;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::try_join_all;
use serde_json::{Map, Number, Value};

type Item = std::collections::HashMap<String, AttributeValue>;

/// Serves Lambda until it ends the sandbox.
pub async fn run() -> Result<(), lambda_http::Error> {
    let trust = TrustStore::empty().with_pem_certificate(std::fs::read(env::var("SSL_CERT_FILE")?)?);
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(TlsContext::builder().with_trust_store(trust).build()?)
        .build_https();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .http_client(http)
        .load()
        .await;
    let router = Router::new().route("/users/{id}", get(read)).route("/users", get(list));
    lambda_http::run(router.with_state(Client::new(&config))).await
}

async fn read(State(client): State<Client>, Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let key = AttributeValue::S(format!("USER#{id}"));
    let call = client.get_item().table_name(table()).key("pk", key).key("sk", AttributeValue::S("USER".into()));
    let answer = call.consistent_read(true).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    answer.item.map(shown).map(Json).ok_or(StatusCode::NOT_FOUND)
}

/// Eight queries of eleven, as `api` asks for a page of 50, and fifty of what they gave.
async fn list(State(client): State<Client>) -> Result<Json<Value>, StatusCode> {
    let queries = (0..8).map(|shard: u32| {
        client
            .query()
            .table_name(table())
            .index_name("by_created")
            .key_condition_expression("#shard = :shard")
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_values(":shard", AttributeValue::N(shard.to_string()))
            .limit(11)
            .send()
    });
    let answers = try_join_all(queries).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let items = answers.into_iter().flat_map(|answer| answer.items.unwrap_or_default());
    Ok(Json(items.take(50).map(shown).collect()))
}

fn table() -> String {
    env::var("ROSTER_TABLE").unwrap_or_default()
}

fn shown(item: Item) -> Value {
    let value = |value| match value {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(number) => number.parse::<Number>().map_or(Value::Null, Value::Number),
        _ => Value::Null,
    };
    Value::Object(item.into_iter().map(|(name, given)| (name, value(given))).collect::<Map<_, _>>())
}
