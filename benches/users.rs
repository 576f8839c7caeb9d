//! Create, read and patch through the router, over real HTTP to the DynamoDB engine in memory.
//!
//! `cargo bench --profile server --bench users`; a create is measured with its argon2id hash and, by bringing a ready one, without.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::BodyExt;
use roster::app::App;
use roster::config::Config;
use roster::doors::rest;
use roster::local::DynamoDb;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

const READY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";

async fn send(router: &Router, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let response = router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn users(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let engine = DynamoDb::in_memory().unwrap();
    let endpoint = engine.url();
    let config = Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| endpoint.clone())).unwrap();
    let router = runtime.block_on(async {
        let app = App::new(&config).await.unwrap();
        app.store.create_table().await.unwrap();
        rest::router(app)
    });
    let mut count = 0;
    let mut new_user = |credential: (&str, &str)| {
        count += 1;
        let mut user = json!({"userName": format!("user-{count}"), "firstName": "Ada", "lastName": "Lovelace"});
        user[credential.0] = json!(credential.1);
        user
    };
    let (_, user) = runtime.block_on(send(&router, Method::POST, "/users", &new_user(("passwordHash", READY_HASH))));
    let path = format!("/users/{}", user["id"].as_str().unwrap());

    let mut group = criterion.benchmark_group("users");
    group.sample_size(30);
    for (name, credential) in [
        ("create", ("password", "correct horse battery staple")),
        ("create with a ready hash", ("passwordHash", READY_HASH)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let answer = runtime.block_on(send(&router, Method::POST, "/users", &new_user(credential)));
                assert_eq!(answer.0, StatusCode::CREATED);
            });
        });
    }
    group.bench_function("read", |bencher| {
        bencher
            .iter(|| assert_eq!(runtime.block_on(send(&router, Method::GET, &path, &Value::Null)).0, StatusCode::OK));
    });
    let mut version = 0;
    group.bench_function("patch", |bencher| {
        bencher.iter(|| {
            version += 1;
            let patch = json!({"firstName": format!("Ada {version}")});
            assert_eq!(runtime.block_on(send(&router, Method::PATCH, &path, &patch)).0, StatusCode::OK);
        });
    });
    group.finish();
}

criterion_group!(benches, users);
criterion_main!(benches);
