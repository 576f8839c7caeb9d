//! An endpoint that answers PutEvents as EventBridge does, and refuses what it is told to refuse.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use roster::config::Config;
use roster::doors::stream_events;
use roster::events::Bus;
use serde_json::{Value, json};

/// Whether an entry is refused: by the number of the call, counted from 0, and the event in it.
type Refuses = Box<dyn Fn(usize, &Value) -> bool + Send + Sync>;

/// The endpoint; it ends with the test's runtime.
#[derive(Clone)]
pub struct Bridge {
    state: Arc<Mutex<Held>>,
    pub bus: Bus,
}

struct Held {
    refuses: Refuses,
    calls: Vec<Vec<Value>>,
    taken: Vec<Value>,
}

impl Bridge {
    /// A bridge that takes everything.
    pub async fn new() -> Self {
        let held = Held { refuses: Box::new(|_, _| false), calls: Vec::new(), taken: Vec::new() };
        let state = Arc::new(Mutex::new(held));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let environment = BTreeMap::from([
            ("ROSTER_AUTH", "iam"),
            ("ROSTER_TABLE", "users"),
            ("ROSTER_BUCKET", "pictures"),
            ("AWS_REGION", "us-east-1"),
            ("ROSTER_EVENT_BUS", "roster"),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", &url),
        ]);
        let config = Config::for_lambda(&|name| environment.get(name).map(|value| (*value).to_owned())).unwrap();
        Self { state, bus: roster::aws::bus(&config, Some(roster::config::LOCAL_CREDENTIALS)).unwrap() }
    }

    /// Refuses these from now on.
    pub fn refuse(&self, refuses: impl Fn(usize, &Value) -> bool + Send + Sync + 'static) {
        self.state.lock().unwrap().refuses = Box::new(refuses);
    }

    /// Hands records to the function, and gives what it answers: where it wants to begin again.
    pub async fn hand(&self, records: &[Value]) -> Option<String> {
        let answer = stream_events::handle(&self.bus, json!({"Records": records})).await.unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap();
        assert!(failures.len() < 2, "{answer}");
        failures.first().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
    }

    /// The events of each call, the refused ones as well.
    pub fn calls(&self) -> Vec<Vec<Value>> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Every event that was taken, in order.
    pub fn taken(&self) -> Vec<Value> {
        self.state.lock().unwrap().taken.clone()
    }
}

/// The ids of events.
pub fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

async fn answer(State(state): State<Arc<Mutex<Held>>>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["x-amz-target"], "AWSEvents.PutEvents");
    assert!(headers["authorization"].to_str().unwrap().contains("/events/aws4_request"));
    assert!(body.len() <= 300 * 1024, "{} bytes", body.len());
    let call: Value = serde_json::from_slice(&body).unwrap();
    let entries = call["Entries"].as_array().unwrap();
    assert!((1..=10).contains(&entries.len()), "{} entries", entries.len());
    let mut state = state.lock().unwrap();
    let (number, mut events, mut results) = (state.calls.len(), Vec::new(), Vec::new());
    for entry in entries {
        let event: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(entry["EventBusName"], "roster");
        assert_eq!((&entry["DetailType"], &entry["Source"]), (&event["type"], &event["source"]));
        assert!(entry["Time"].is_number(), "{entry}");
        if (state.refuses)(number, &event) {
            results.push(json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}));
        } else {
            results.push(json!({"EventId": format!("{number}")}));
            state.taken.push(event.clone());
        }
        events.push(event);
    }
    state.calls.push(events);
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    let answer = json!({"Entries": results, "FailedEntryCount": failed}).to_string();
    (StatusCode::OK, [("content-type", "application/x-amz-json-1.1")], answer).into_response()
}
