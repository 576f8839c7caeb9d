//! `openapi.json` says what the code does.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::Value;

use crate::harness::House;

fn committed() -> Value {
    serde_json::from_str(include_str!("../../openapi.json")).unwrap()
}

#[test]
fn the_committed_description_is_the_one_in_the_code() {
    let written = roster::doors::rest::openapi::document_json();
    assert_eq!(include_str!("../../openapi.json"), written, "run `cargo run -- openapi > openapi.json`");
    assert!(committed()["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn every_described_operation_is_routed_and_no_other_method() {
    let house = House::new().await;
    for (path, operations) in committed()["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "01980000-0000-7000-8000-000000000001").replace("{slug}", "validation");
        let path = path.replace("{uploadId}", "01980000-0000-7000-8000-00000000000a");
        let described: Vec<String> =
            operations.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let reply = house.anyone().send(method.clone(), &path, Some("application/json"), b"{".to_vec()).await;
            assert_eq!(reply.status != 405, described.iter().any(|known| *known == method.as_str()), "{reply}");
        }
    }
}

#[test]
fn every_path_of_the_router_is_described() {
    let router = include_str!("../../src/doors/rest/mod.rs");
    let routed: BTreeSet<&str> = router.split(".route(").skip(1).filter_map(|rest| rest.split('"').nth(1)).collect();
    let document = committed();
    let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(routed, described);
}

#[tokio::test]
async fn the_description_is_served_as_committed() {
    let house = House::new().await;
    let reply = house.anyone().get("/openapi.json").await.expect(200);
    assert_eq!(reply.body, include_bytes!("../../openapi.json"));
    assert_eq!(reply.header("content-type"), "application/json");
}
