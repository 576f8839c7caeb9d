//! The functions with other doors: GraphQL's, S3's and the stream's.

use axum::Router;
use axum::body::Bytes;
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::events::event;
use crate::figures::Other;
use crate::photograph::photograph;
use crate::sandbox::{Sandbox, Took};
use crate::world::{Function, World};

/// Users whose changes come in one batch.
const CHANGES: usize = 10;

/// Starts each of them so often, and once for so many events.
pub async fn measure(world: &World, memory: u32, times: usize, photo: &[u8]) -> Vec<Other> {
    let mut all = Vec::new();
    for function in [Function::GraphQl, Function::Avatars, Function::Changes] {
        let mut other = Other::new(function);
        // A photograph takes seconds where there is little of a processor.
        let (starts, events) = if function == Function::Avatars { (3, 3) } else { (times, 20) };
        for _ in 0..starts {
            let mut sandbox = world.sandbox(function, memory).await;
            other.init.push(sandbox.init);
            other.first.push(done(world, &mut sandbox, function, &next(world, function, photo).await).await);
        }
        let mut sandbox = world.sandbox(function, memory).await;
        for round in 0..=events {
            let event = next(world, function, photo).await;
            world.asked();
            let took = done(world, &mut sandbox, function, &event).await;
            if round > 0 {
                other.later.push(took);
                other.asked = world.asked();
            }
        }
        other.peak_mb = sandbox.peak_mb();
        all.push(other);
    }
    all
}

async fn next(world: &World, function: Function, photo: &[u8]) -> Value {
    match function {
        Function::GraphQl => {
            let query = "{ users(first: 50) { edges { node { id userName firstName lastName avatar version createdAt updatedAt } } pageInfo { endCursor } } }";
            event("POST", "/graphql", Some(&json!({"query": query})))
        }
        Function::Avatars => world.upload(&world.users[4], "image/jpeg", photo).await,
        _ => changes(),
    }
}

async fn done(world: &World, sandbox: &mut Sandbox, function: Function, event: &Value) -> Took {
    let (answer, took) = sandbox.invoke(event).await;
    let body = || serde_json::from_str::<Value>(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
    let is_done = match function {
        Function::GraphQl => body()["data"]["users"]["edges"].as_array().is_some_and(|edges| edges.len() == 50),
        Function::Avatars => world.is_attached().await,
        _ => answer["batchItemFailures"].as_array().is_some_and(Vec::is_empty),
    };
    assert!(is_done, "{}: {answer}", function.name());
    took
}

/// A batch of the table's stream.
fn changes() -> Value {
    let life: Value = serde_json::from_str(include_str!("../../events/dynamodb/life_of_a_user.json")).unwrap();
    let created = &life["Records"][0];
    // Of a user each, for what concerns one user is told in order, a call after the other.
    let records = (0..CHANGES).map(|number| {
        let mut record = created.clone();
        let id = format!("01980000-0000-7000-8000-{number:012}");
        let change = &mut record["dynamodb"];
        change["SequenceNumber"] = format!("{number:024}").into();
        change["Keys"]["pk"]["S"] = format!("USER#{id}").into();
        change["NewImage"]["pk"]["S"] = format!("USER#{id}").into();
        change["NewImage"]["id"]["S"] = id.into();
        record
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

/// A photograph of 12 megapixels, as a telephone sends it.
pub fn photo() -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 90);
    photograph().write_with_encoder(encoder).unwrap();
    file
}

/// What stands in for EventBridge, which no engine here does: it takes every event. Listens until the process ends.
pub async fn bus() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn take(body: Bytes) -> impl IntoResponse {
    let call: Value = serde_json::from_slice(&body).unwrap();
    let taken: Vec<Value> =
        call["Entries"].as_array().unwrap().iter().map(|_| json!({"EventId": "11710aed"})).collect();
    ([("content-type", "application/x-amz-json-1.1")], json!({"Entries": taken, "FailedEntryCount": 0}).to_string())
}
