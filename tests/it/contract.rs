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

#[test]
fn every_operation_and_every_problem_has_an_example() {
    let document = committed();
    let mut problems = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap().values();
            let bodies = responses.chain([&operation["requestBody"]]).filter_map(|body| body["content"].as_object());
            for (media_type, content) in bodies.flatten() {
                if media_type == "application/problem+json" {
                    let examples = content["examples"].as_object().expect("examples of problems");
                    assert!(!examples.is_empty(), "{method} {path}: {content}");
                    problems.extend(examples.keys().cloned());
                } else if media_type.contains("json") {
                    assert!(!content["example"].is_null(), "{method} {path}: {media_type} has no example");
                }
            }
        }
    }
    let kinds = roster::doors::rest::problem::KINDS.iter().map(|kind| kind.slug.to_owned());
    let of_others = ["method-not-allowed", "invalid-query", "query-too-complex"];
    let untold: Vec<_> = kinds.filter(|slug| !problems.contains(slug) && !of_others.contains(&slug.as_str())).collect();
    assert_eq!(untold, Vec::<String>::new(), "kinds of problems that no operation is described to answer");
}

#[test]
fn the_postman_collection_forgets_no_operation() {
    fn requests(items: &Value, found: &mut BTreeSet<(String, String)>) {
        for item in items.as_array().into_iter().flatten() {
            requests(&item["item"], found);
            if let Some(parts) = item["request"]["url"]["path"].as_array() {
                let parts = parts.iter().map(|part| part.as_str().unwrap().replace("name-taken", "{slug}"));
                let parts = parts.map(|part| part.replace("{{userId}}", "{id}").replace("{{uploadId}}", "{uploadId}"));
                let path = format!("/{}", parts.collect::<Vec<_>>().join("/"));
                found.insert((path, item["request"]["method"].as_str().unwrap().to_lowercase()));
            }
        }
    }
    let collection = include_str!("../../postman/roster.postman_collection.json");
    let mut requested = BTreeSet::new();
    requests(&serde_json::from_str::<Value>(collection).unwrap()["item"], &mut requested);
    for (path, methods) in committed()["paths"].as_object().unwrap() {
        for (method, _) in methods.as_object().unwrap().iter().filter(|_| path != "/events") {
            let is_there = requested.contains(&(path.clone(), method.clone()));
            assert!(is_there, "{method} {path} is in no request: add it to scripts/make-postman");
        }
    }
}

#[tokio::test]
async fn the_description_is_served_as_committed() {
    let house = House::new().await;
    let reply = house.anyone().get("/openapi.json").await.expect(200);
    assert_eq!(reply.body, include_bytes!("../../openapi.json"));
    assert_eq!(reply.header("content-type"), "application/json");
}
