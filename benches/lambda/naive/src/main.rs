//! The function that one writes first: the SDK as it comes, its connection opened by the first request.

use std::env;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let router = Router::new().route("/users/{id}", get(read)).route("/users", post(create));
    let router = router.with_state(Client::new(&config));
    lambda_http::run(router).await
}

async fn read(State(client): State<Client>, Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let table = env::var("ROSTER_TABLE").unwrap_or_default();
    let key = AttributeValue::S(format!("USER#{id}"));
    let call = client.get_item().table_name(table).key("pk", key).key("sk", AttributeValue::S("USER".into()));
    let answer = call.consistent_read(true).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let item = answer.item.ok_or(StatusCode::NOT_FOUND)?;
    let members = item.into_iter().filter_map(|(name, value)| Some((name, Value::String(value.as_s().ok()?.clone()))));
    Ok(Json(Value::Object(members.collect::<Map<_, _>>())))
}

async fn create(
    State(client): State<Client>,
    Json(user): Json<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let table = env::var("ROSTER_TABLE").unwrap_or_default();
    let members =
        user.iter().filter_map(|(name, value)| Some((name.clone(), AttributeValue::S(value.as_str()?.to_owned()))));
    let name = user.get("userName").and_then(Value::as_str).unwrap_or_default();
    let call = client.put_item().table_name(table).set_item(Some(members.collect()));
    let call = call.item("pk", AttributeValue::S(format!("NAIVE#{name}"))).item("sk", AttributeValue::S("USER".into()));
    call.condition_expression("attribute_not_exists(pk)").send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok((StatusCode::CREATED, Json(Value::Object(user))))
}
