//! A function that does nothing: what lambda_http and axum cost by themselves.

use axum::{Json, Router};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::run(Router::new().fallback(|| async { Json::<Value>(json!({})) })).await
}
