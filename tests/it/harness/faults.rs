//! A proxy before the DynamoDB engine that answers chosen calls itself, as only the real service would.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use roster::local::DynamoDb;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The proxy: its own engine, and the answers that it will give instead of the engine's.
#[derive(Clone)]
pub struct Faults {
    engine: Arc<DynamoDb>,
    canned: Arc<Mutex<VecDeque<Canned>>>,
    weather: Arc<Mutex<Option<Weather>>>,
    calls: Arc<Mutex<Vec<String>>>,
    pub url: String,
}

/// What happens to every call of some operation, until the weather changes.
type Weather = Box<dyn Fn(&str) -> Option<Fault> + Send>;

struct Canned {
    operation: &'static str,
    fault: Fault,
}

/// What happens to a call.
#[derive(Clone)]
pub enum Fault {
    /// This error instead of the engine's answer.
    Error(StatusCode, Value),
    /// The engine acts, and its answer is lost on the way.
    LostAnswer,
    /// The engine is asked this much later.
    Late(Duration),
    /// The engine acts, and its answer breaks off in the middle.
    Cut,
    /// Nobody answers, and the connection stays open.
    Silence,
    /// The engine acts, and nobody answers.
    SilenceAfterActing,
    /// Something that is no answer of DynamoDB.
    Nonsense,
}

impl Faults {
    /// Starts a proxy before a fresh engine; it ends with the test's runtime.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults = Self {
            engine: Arc::new(DynamoDb::in_memory().unwrap()),
            canned: Arc::default(),
            weather: Arc::default(),
            calls: Arc::default(),
            url,
        };
        let router = Router::new().fallback(answer).with_state(faults.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        faults
    }

    /// Answers the next calls of `operation` with these faults, one each.
    pub fn next(&self, operation: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.canned.lock().unwrap().extend(faults.into_iter().map(|fault| Canned { operation, fault }));
    }

    /// Lets this happen to every call, or nothing any more.
    pub fn weather(&self, weather: Option<Weather>) {
        *self.weather.lock().unwrap() = weather;
    }

    /// The operations called since the last time.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn take(&self, operation: &str) -> Option<Fault> {
        let mut canned = self.canned.lock().unwrap();
        match canned.iter().position(|canned| canned.operation == operation) {
            Some(place) => canned.remove(place).map(|canned| canned.fault),
            None => self.weather.lock().unwrap().as_ref().and_then(|weather| weather(operation)),
        }
    }

    async fn forward(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let mut stream = tokio::net::TcpStream::connect(self.engine.address()).await.unwrap();
        let mut head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n".to_owned();
        for name in ["content-type", "x-amz-target", "authorization", "x-amz-date"] {
            if let Some(value) = headers.get(name) {
                head += &[name, ": ", value.to_str().unwrap(), "\r\n"].concat();
            }
        }
        head += &["content-length: ", &body.len().to_string(), "\r\n\r\n"].concat();
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let status: u16 = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
        let body = answer[end + 4..].to_vec();
        (StatusCode::from_u16(status).unwrap(), [("content-type", "application/x-amz-json-1.0")], body).into_response()
    }
}

async fn answer(State(faults): State<Faults>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let target = parts.headers["x-amz-target"].to_str().unwrap().to_owned();
    let operation = target.rsplit('.').next().unwrap().to_owned();
    faults.calls.lock().unwrap().push(operation.clone());
    match faults.take(&operation) {
        None => faults.forward(&parts.headers, &body).await,
        Some(Fault::Error(status, body)) => (status, body.to_string()).into_response(),
        Some(Fault::LostAnswer) => {
            faults.forward(&parts.headers, &body).await;
            // What the SDK takes for a passing failure of the service, and sends the call again.
            (StatusCode::INTERNAL_SERVER_ERROR, error("InternalServerError").to_string()).into_response()
        }
        Some(Fault::Late(time)) => {
            tokio::time::sleep(time).await;
            faults.forward(&parts.headers, &body).await
        }
        Some(Fault::Cut) => cut(faults.forward(&parts.headers, &body).await).await,
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::SilenceAfterActing) => {
            faults.forward(&parts.headers, &body).await;
            std::future::pending().await
        }
        Some(Fault::Nonsense) => (StatusCode::OK, "<html>It works!</html>").into_response(),
    }
}

/// The first half of an answer, after which the connection breaks.
async fn cut(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    parts.headers.insert("content-length", body.len().into());
    let half = [Ok(body.slice(..body.len() / 2)), Err(std::io::Error::other("cut"))];
    Response::from_parts(parts, Body::from_stream(futures_util::stream::iter(half)))
}

/// An error body as DynamoDB writes it.
pub fn error(kind: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": "as the test asked"})
}

/// A cancelled transaction with one reason for each item.
pub fn cancelled(reasons: &[&str]) -> Fault {
    let mut body = error("TransactionCanceledException");
    body["CancellationReasons"] = reasons.iter().map(|code| json!({"Code": code, "Message": code})).collect();
    Fault::Error(StatusCode::BAD_REQUEST, body)
}
