//! Spans of OpenTelemetry, as a collector receives them over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use futures_util::future::join_all;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use roster::config::Traces;
use roster::telemetry::otel;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::harness::{House, PASSWORD, in_time, new_user};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What it answers with, and all that it was sent.
type Held = Arc<Mutex<(StatusCode, Vec<ExportTraceServiceRequest>)>>;

/// A collector; it ends with the test's runtime. While the guard lives, this thread's spans go to it.
struct Collector {
    held: Held,
    _guard: DefaultGuard,
}

impl Collector {
    async fn start() -> Self {
        let held = Held::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(Arc::clone(&held));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { held, _guard: to(&endpoint) }
    }

    /// The spans that have arrived since the last time, each with its resource's name.
    fn spans(&self) -> Vec<(String, Span)> {
        let requests = std::mem::take(&mut self.held.lock().unwrap().1);
        let all = requests.into_iter().flat_map(|request| request.resource_spans);
        let spans = all.flat_map(|part| {
            let service = text(&part.resource.unwrap().attributes, "service.name").unwrap();
            part.scope_spans.into_iter().flat_map(|scope| scope.spans).map(move |span| (service.clone(), span))
        });
        spans.collect()
    }
}

fn to(endpoint: &str) -> DefaultGuard {
    let traces = Traces { endpoint: endpoint.to_owned(), service: "directory".to_owned() };
    tracing::subscriber::set_default(tracing_subscriber::registry().with(otel::layer(&traces).unwrap()))
}

async fn take(State(held): State<Held>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!((uri.path(), headers["content-type"].to_str().unwrap()), ("/v1/traces", "application/x-protobuf"));
    let mut held = held.lock().unwrap();
    held.1.push(ExportTraceServiceRequest::decode(body).unwrap());
    held.0
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    Some(match found.value.as_ref()? {
        AnyValue { value: Some(any_value::Value::StringValue(text)) } => text.clone(),
        AnyValue { value: Some(any_value::Value::IntValue(number)) } => number.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn a_request_and_its_calls_are_one_trace_that_has_arrived_before_the_answer() {
    let house = House::new().await;
    let collector = Collector::start().await;
    let reply = house.anyone().with("traceparent", PARENT).post("/users", &new_user("ada")).await.expect(201);
    let spans = collector.spans();
    let names: BTreeMap<&str, i32> = spans.iter().map(|(_, span)| (span.name.as_str(), span.kind)).collect();
    let (server, client) = (2, 3);
    assert_eq!(names, BTreeMap::from([("POST /users", server), ("DynamoDB.TransactWriteItems", client)]));
    let of = |name: &str| &spans.iter().find(|(_, span)| span.name == name).unwrap().1;
    let (request, call) = (of("POST /users"), of("DynamoDB.TransactWriteItems"));
    assert!(spans.iter().all(|(service, span)| service == "directory" && hex(&span.trace_id) == PARENT[3..35]));
    assert_eq!(hex(&request.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(call.parent_span_id, request.span_id);
    assert!(request.start_time_unix_nano <= call.start_time_unix_nano);
    assert!(call.end_time_unix_nano <= request.end_time_unix_nano);
    assert_eq!(reply.header("traceparent"), format!("00-{}-{}-01", &PARENT[3..35], hex(&request.span_id)));
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/users"),
        ("http.response.status_code", "201"),
        ("roster.operation", "create_user"),
        ("roster.dynamodb_calls", "1"),
    ] {
        assert_eq!(text(&request.attributes, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(text(&call.attributes, "rpc.method").as_deref(), Some("TransactWriteItems"));

    // A trace that begins here has an id that the caller is told.
    let reply = house.anyone().get("/users/00000000-0000-7000-8000-000000000000").await.expect(404);
    let spans = collector.spans();
    let request = &spans.iter().find(|(_, span)| span.name == "GET /users/{id}").unwrap().1;
    assert_eq!(reply.header("traceparent"), format!("00-{}-{}-01", hex(&request.trace_id), hex(&request.span_id)));
    assert_eq!(text(&request.attributes, "error.type").as_deref(), Some("not-found"));
    assert!(request.parent_span_id.is_empty());
}

#[tokio::test]
async fn no_span_tells_of_a_person_or_a_password() {
    let house = House::new().await;
    let collector = Collector::start().await;
    let mut user = new_user("thaumaturge78");
    user["firstName"] = "Zephyrina".into();
    let caller = house.anyone().with("x-client-id", "Brimborium").with("idempotency-key", "key-of-oubliettes");
    let id = caller.post("/users", &user).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let claim = serde_json::json!({"userName": "thaumaturge78", "password": PASSWORD});
    caller.post("/users/verify-password", &claim).await.expect(200);
    caller.get("/users?filter=userName%20eq%20%22thaumaturge78%22").await.expect(200);
    caller.patch(&format!("/users/{id}"), &serde_json::json!({"lastName": "Quatrefoils"})).await.expect(200);
    caller.delete(&format!("/users/{id}")).await.expect(204);
    let spans = format!("{:?}", collector.spans());
    assert!(spans.contains("DELETE /users/{id}") && spans.contains("DynamoDB.Query"));
    for word in ["thaumaturge78", "Zephyrina", "Quatrefoils", "Brimborium", "oubliettes", PASSWORD, "argon2", &id] {
        let found = spans.find(word).map(|place| &spans[place.saturating_sub(200)..place + word.len()]);
        assert_eq!(found, None, "{word}");
    }
}

#[tokio::test]
async fn whose_trace_is_not_recorded_is_not_sent() {
    let house = House::new().await;
    let collector = Collector::start().await;
    let unsampled = PARENT.replace("-01", "-00");
    let reply = house.anyone().with("traceparent", &unsampled).post("/users", &new_user("ada")).await.expect(201);
    assert!(collector.spans().is_empty());
    let told = reply.header("traceparent");
    assert!(told.starts_with(&PARENT[..36]) && told.ends_with("-00"), "{told}");
}

#[tokio::test]
async fn a_call_that_fails_is_marked() {
    let house = House::new().await;
    let collector = Collector::start().await;
    house.anyone().get("/health/ready").await.expect(503);
    let failed: BTreeMap<String, bool> = collector
        .spans()
        .into_iter()
        .map(|(_, span)| (span.name, span.status.is_some_and(|status| status.code == 2)))
        .collect();
    let expected = [("DynamoDB.GetItem", false), ("GET /health/ready", true), ("S3.ListObjectsV2", true)];
    assert_eq!(failed, expected.map(|(name, failed)| (name.to_owned(), failed)).into());
}

#[tokio::test]
async fn a_collector_that_is_down_costs_no_answer() {
    let house = House::new().await;
    let collector = Collector::start().await;
    collector.held.lock().unwrap().0 = StatusCode::SERVICE_UNAVAILABLE;
    house.anyone().post("/users", &new_user("ada")).await.expect(201);
    assert_eq!(collector.spans().len(), 2);
    collector.held.lock().unwrap().0 = StatusCode::OK;
    house.anyone().post("/users", &new_user("bob")).await.expect(201);
    assert_eq!(collector.spans().len(), 2, "what is lost is not sent again");
    drop(collector);
    let _nobody = to("http://127.0.0.1:9/v1/traces");
    house.anyone().post("/users", &new_user("cy")).await.expect(201);
}

#[tokio::test]
async fn a_collector_that_is_silent_holds_ten_requests_up_no_longer_than_one() {
    let house = House::new().await;
    // Connections are made, and nobody reads them.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", deaf.local_addr().unwrap());
    let _guard = to(&endpoint);
    let anyone = house.anyone();
    for round in ["first", "second"] {
        let all = join_all((0..10).map(|_| anyone.get("/health/live")));
        let (replies, took) = in_time(round, Duration::from_millis(500), all).await;
        for reply in replies {
            reply.expect(200);
        }
        assert!(took >= Duration::from_millis(400), "{round}: nothing waited for the collector, {took:?}");
    }
    // It comes to itself: what ends from now on arrives.
    let held = Held::default();
    deaf.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(deaf).unwrap();
    let router = Router::new().fallback(take).with_state(Arc::clone(&held));
    tokio::spawn(async move { axum::serve(listener, router).await });
    house.anyone().post("/users", &new_user("ada")).await.expect(201);
    let arrived = format!("{:?}", held.lock().unwrap().1);
    assert!(arrived.contains("POST /users"), "{arrived}");
}
