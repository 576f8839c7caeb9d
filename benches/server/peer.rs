//! The peer: the same routes and the same calls by the bare SDK, without checks, headers, log or merge.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::try_join_all;
use serde_json::{Map, Number, Value};

const TABLE: &str = "roster";
const SHARDS: u64 = 8;

static NEW: AtomicU64 = AtomicU64::new(0);

type Item = HashMap<String, AttributeValue>;

/// Serves until the process is killed; `engine` is the DynamoDB engine's address.
pub fn run(engine: &str) {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local-secret", None, None, "bench"))
        .endpoint_url(format!("http://{engine}"))
        .http_client(http)
        .build();
    let routes = Router::new().route("/users/{id}", get(read)).route("/users", get(list).post(create));
    let router = routes.with_state(Client::from_conf(config));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), router)
            .await
            .unwrap();
    });
}

async fn read(State(client): State<Client>, Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let call = client.get_item().table_name(TABLE).key("pk", s(format!("USER#{id}"))).key("sk", s("USER"));
    let answer = call.consistent_read(true).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    answer.item.map(shown).map(Json).ok_or(StatusCode::NOT_FOUND)
}

/// Eight queries of eleven, as a page of 50 is asked for.
async fn list(State(client): State<Client>) -> Result<Json<Value>, StatusCode> {
    let queries = (0..SHARDS).map(|shard| {
        client
            .query()
            .table_name(TABLE)
            .index_name("by_created")
            .key_condition_expression("#shard = :shard")
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_values(":shard", AttributeValue::N(shard.to_string()))
            .limit(11)
            .send()
    });
    let answers = try_join_all(queries).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let items = answers.into_iter().flat_map(|answer| answer.items.unwrap_or_default());
    Ok(Json(items.map(shown).collect()))
}

/// Three conditional puts in one transaction, as a create is; the users are in shards that no page reads.
async fn create(
    State(client): State<Client>,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let number = NEW.fetch_add(1, Ordering::Relaxed);
    let text = |name: &str| s(body[name].as_str().unwrap_or_default());
    let id = format!("01900000-0000-7000-8000-{number:012}");
    let user = [
        ("id", s(&id)),
        ("userName", text("userName")),
        ("firstName", text("firstName")),
        ("lastName", text("lastName")),
        ("version", AttributeValue::N("1".to_owned())),
        ("createdAt", s("2026-01-01T00:00:00.000Z")),
        ("updatedAt", s("2026-01-01T00:00:00.000Z")),
        ("shard", AttributeValue::N((SHARDS + number % SHARDS).to_string())),
        ("createdKey", s(format!("2026-01-01T00:00:00.000Z#{id}"))),
        ("userNameKey", text("userName")),
        ("lastNameKey", s(format!("lovelace#{id}"))),
    ];
    let guard = [("id", s(&id))];
    let credential = [("hash", text("passwordHash")), ("changedAt", s("2026-01-01T00:00:00.000Z"))];
    let writes = [
        put(&format!("USER#{id}"), "USER", user.clone()),
        put(&format!("NAME#bare {number}"), "NAME", guard),
        put(&format!("CRED#{id}"), "CRED", credential),
    ];
    let call = client.transact_write_items().set_transact_items(Some(writes.into()));
    call.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let user = user.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok((StatusCode::CREATED, Json(shown(user))))
}

fn put<const N: usize>(pk: &str, sk: &str, attributes: [(&str, AttributeValue); N]) -> TransactWriteItem {
    let put = Put::builder().table_name(TABLE).item("pk", s(pk)).item("sk", s(sk));
    let put = attributes.into_iter().fold(put, |put, (name, value)| put.item(name, value));
    let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
    TransactWriteItem::builder().put(put).build()
}

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn shown(item: Item) -> Value {
    let value = |value| match value {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(number) => number.parse::<Number>().map_or(Value::Null, Value::Number),
        _ => Value::Null,
    };
    Value::Object(item.into_iter().map(|(name, given)| (name, value(given))).collect::<Map<_, _>>())
}
