//! Lambda's runtime API on a loopback port: hands out one event at a time and takes the answers.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The function's end of the API.
struct Function {
    events: Mutex<UnboundedReceiver<String>>,
    said: UnboundedSender<Said>,
}

/// What a function says.
#[derive(Debug)]
pub enum Said {
    /// It asks for an event: it has started, or is done with the last one.
    Ready(Instant),
    /// It answers.
    Answer(Instant, Bytes),
    /// It gives up.
    Failure(String),
}

/// The runtime API of one sandbox.
pub struct RuntimeApi {
    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
    events: UnboundedSender<String>,
    said: UnboundedReceiver<Said>,
}

impl RuntimeApi {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, taken) = unbounded_channel();
        let (said, heard) = unbounded_channel();
        let function = Arc::new(Function { events: Mutex::new(taken), said });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(failure))
            .with_state(function);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, events, said: heard }
    }

    /// Gives the function an event.
    pub fn send(&self, event: String) {
        self.events.send(event).unwrap();
    }

    /// What the function says next.
    pub async fn hear(&mut self) -> Said {
        let patience = std::time::Duration::from_secs(60);
        tokio::time::timeout(patience, self.said.recv()).await.expect("the function says nothing for a minute").unwrap()
    }
}

async fn next(State(function): State<Arc<Function>>) -> Response<Body> {
    function.said.send(Said::Ready(Instant::now())).unwrap();
    let Some(event) = function.events.lock().await.recv().await else {
        // The sandbox is being put away.
        return std::future::pending().await;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        // The most that template.yaml gives a function.
        .header("lambda-runtime-deadline-ms", (now + 60_000).to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:bench")
        .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
        .body(Body::from(event))
        .unwrap()
}

async fn response(State(function): State<Arc<Function>>, Path(_id): Path<String>, body: Bytes) -> StatusCode {
    let _is_heard = function.said.send(Said::Answer(Instant::now(), body)).is_ok();
    StatusCode::ACCEPTED
}

async fn failure(State(function): State<Arc<Function>>, body: Bytes) -> StatusCode {
    let _is_heard = function.said.send(Said::Failure(String::from_utf8_lossy(&body).into_owned())).is_ok();
    StatusCode::ACCEPTED
}
