//! A house per test: its own DynamoDB engine, clock and ids, and personas who call its router.

mod before;
pub mod bombs;
pub mod bridge;
pub mod faults;
mod gallery;
mod in_time;
mod logs;
mod reply;
pub mod tls;
pub mod tokens;
pub mod wire;

pub use gallery::{Gallery, encoded, fields, picture, put};
pub use in_time::in_time;
pub use logs::{lines_of, logged};
pub use reply::Reply;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use roster::app::App;
use roster::clock::Clock;
use roster::config::Config;
use roster::domain::Timestamp;
use roster::ids::Ids;
use roster::local::dynamodb::DynamoDb;
use roster::local::stream::Stream;
use serde_json::{Value, json};
use tower::ServiceExt;

use before::Before;

/// A password that every policy accepts.
pub const PASSWORD: &str = "correct horse battery staple";

/// A ready hash, for tests that need many users and no passwords.
pub const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";

/// 2026-11-22T07:00:00.000Z, when every house's clock starts.
pub const START_MILLIS: i64 = 1_795_330_800_000;

/// One directory on one fresh engine.
pub struct House {
    pub app: App,
    pub router: Router,
    pub clock: Clock,
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Where its DynamoDB is.
    pub endpoint: String,
    calls: Arc<AtomicUsize>,
    pub s3: aws_sdk_s3::Client,
    engine: Option<DynamoDb>,
}

impl House {
    /// A house in `open` mode.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A house with further variables in its environment.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        Self::at(Timestamp::from_unix_millis(START_MILLIS), variables).await
    }

    /// A house whose clock starts at another time.
    pub async fn at(start: Timestamp, variables: &[(&str, &str)]) -> Self {
        Self::changed(start, variables, |_| ()).await
    }

    /// A house at another DynamoDB, whose calls may take so long.
    pub async fn with_calls_of(call_timeout: Duration, variables: &[(&str, &str)]) -> Self {
        let start = Timestamp::from_unix_millis(START_MILLIS);
        Self::changed(start, variables, |config| config.call_timeout = call_timeout).await
    }

    async fn changed(start: Timestamp, variables: &[(&str, &str)], change: impl Fn(&mut Config)) -> Self {
        logs::capture();
        // ROSTER_TEST_DYNAMODB points the suite at another engine; each test makes a table of its own there.
        let elsewhere = std::env::var("ROSTER_TEST_DYNAMODB").ok();
        let engine = elsewhere.is_none().then(|| DynamoDb::in_memory().unwrap());
        let endpoint = elsewhere.unwrap_or_else(|| engine.as_ref().unwrap().url());
        let table = format!("roster-{}", Ids::system().write_mark());
        let mut environment: HashMap<&str, &str> = HashMap::from([
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str()),
            // Where nobody is: a house without pictures asks for none, and never another machine.
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
            ("ROSTER_TABLE", &table),
            ("ROSTER_MAX_PARALLEL_HASHES", "2"),
            // A busy machine is no reason to fail.
            ("ROSTER_DEADLINE_SECONDS", "120"),
        ]);
        environment.extend(variables.iter().copied());
        let mut config = Config::for_local(&|name| environment.get(name).map(|value| (*value).to_owned())).unwrap();
        change(&mut config);
        let clock = Clock::settable(start);
        let mut app = App::with(&config, clock.clone(), Ids::seeded(1)).await.unwrap();
        app.store.create_table().await.unwrap();
        let clients = roster::aws::clients(&config).await.unwrap();
        let (dynamodb, s3) = ((*clients.dynamodb).clone(), (*clients.s3).clone());
        let calls = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&calls);
        let count = Before::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        app.store = count.store(&app, &dynamodb);
        Self { router: roster::doors::router(app.clone()), app, clock, dynamodb, s3, endpoint, calls, engine }
    }

    /// How many calls the application has made to DynamoDB.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Every record of the table's stream.
    pub fn records(&self) -> Vec<Value> {
        let (mut stream, mut records) = (self.stream(), Vec::new());
        loop {
            let batch = stream.read().unwrap();
            if batch.records.is_empty() {
                return records;
            }
            records.extend(batch.records);
            stream.move_on(batch.next);
        }
    }

    /// The stream of the embedded engine, from its beginning.
    pub fn stream(&self) -> Stream {
        self.engine.as_ref().expect("these tests read the embedded engine's stream").stream(self.app.store.table())
    }

    /// Any caller.
    pub fn anyone(&self) -> Persona<'_> {
        Persona { house: self, headers: Vec::new() }
    }

    /// A service that names itself.
    pub fn billing_service(&self) -> Persona<'_> {
        self.anyone().with("x-client-id", "billing")
    }

    /// Creates a user and gives its id.
    pub async fn create(&self, user_name: &str) -> String {
        let reply = self.anyone().post("/users", &new_user(user_name)).await;
        reply.expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    /// Every item in the table. Only tests look at the whole.
    pub async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let pages = self
            .dynamodb
            .scan()
            .table_name(self.app.store.table())
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        pages.collect::<Result<Vec<_>, _>>().await.unwrap()
    }

    /// The partition keys in the table, in order.
    pub async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.items().await.iter().map(|item| item["pk"].as_s().unwrap().clone()).collect();
        keys.sort();
        keys
    }
}

/// A caller with headers of its own.
#[derive(Clone)]
pub struct Persona<'a> {
    house: &'a House,
    headers: Vec<(String, Vec<u8>)>,
}

impl Persona<'_> {
    /// The same caller with one more header.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None, Vec::new()).await
    }

    pub async fn head(&self, path: &str) -> Reply {
        self.send(Method::HEAD, path, None, Vec::new()).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None, Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some("application/json"), body.to_string().into_bytes()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, Some("application/json"), body.to_string().into_bytes()).await
    }

    /// A GraphQL operation.
    pub async fn graphql(&self, query: &str, variables: &Value) -> Reply {
        let caller = self.clone().with("accept", "application/graphql-response+json");
        caller.post("/graphql", &json!({"query": query, "variables": variables})).await
    }

    /// A merge patch.
    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some("application/merge-patch+json"), body.to_string().into_bytes()).await
    }

    /// A JSON patch.
    pub async fn json_patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some("application/json-patch+json"), body.to_string().into_bytes()).await
    }

    /// Any request at all.
    pub async fn send(&self, method: Method, path: &str, content_type: Option<&str>, body: Vec<u8>) -> Reply {
        let mut request = Request::builder().method(&method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let response = self.house.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        Reply::read(format!("{method} {path}"), response).await
    }
}

/// The peak of this process's resident memory so far.
pub fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Prints a figure or a table, for those who look (`--nocapture`).
#[expect(clippy::print_stdout, reason = "a test tells what it has measured")]
pub fn tell(text: &str) {
    println!("{text}");
}

/// Bytes as they may stand in a query.
pub fn percent(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |text, byte| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => text + &char::from(*byte).to_string(),
        byte => format!("{text}%{byte:02X}"),
    })
}

/// So many parts of a document, by number.
pub fn repeated(n: usize, part: impl Fn(usize) -> String) -> String {
    (0..n).map(part).collect::<Vec<_>>().concat()
}

/// A body that creates a user.
pub fn new_user(user_name: &str) -> Value {
    json!({"userName": user_name, "firstName": "Ada", "lastName": "Lovelace", "password": PASSWORD})
}
