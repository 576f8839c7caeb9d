//! A proxy before an engine, of DynamoDB or S3, that answers chosen calls itself, as only the real service would.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use roster::local::DynamoDb;
use serde_json::{Value, json};

/// The proxy: its own engine, and the answers that it will give instead of the engine's.
#[derive(Clone)]
pub struct Faults {
    engine: SocketAddr,
    _own: Option<Arc<DynamoDb>>,
    client: Client,
    canned: Arc<Mutex<VecDeque<Canned>>>,
    weather: Arc<Mutex<Option<Weather>>>,
    calls: Arc<Mutex<Vec<String>>>,
    pub url: String,
}

/// What happens to every call of some operation, until the weather changes.
type Weather = Box<dyn Fn(&str) -> Option<Fault> + Send>;

type Client = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

struct Canned {
    operation: &'static str,
    fault: Fault,
}

/// What happens to a call.
#[derive(Clone)]
pub enum Fault {
    /// This error instead of the engine's answer.
    Error(StatusCode, Value),
    /// The same as S3 writes it: by its code.
    OfS3(StatusCode, &'static str),
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
        let engine = DynamoDb::in_memory().unwrap();
        let faults = Self::before(engine.address()).await;
        Self { _own: Some(Arc::new(engine)), ..faults }
    }

    /// Starts a proxy before an engine that is somebody else's, and may come and go.
    pub async fn before(engine: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults = Self {
            engine,
            _own: None,
            client: hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http(),
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

    /// Lets this happen to the first calls of every operation, or to all of them; the first call of a change is a read, and its
    /// write is to meet the fault as well.
    pub fn befall(&self, fault: Fault, times: Option<usize>) {
        let left = Mutex::new(HashMap::<String, usize>::new());
        self.weather(Some(Box::new(move |operation| {
            let mut left = left.lock().unwrap();
            let left = left.entry(operation.to_owned()).or_insert(times.unwrap_or(usize::MAX));
            *left = left.checked_sub(1)?;
            Some(fault.clone())
        })));
    }

    /// The operations called since the last time; of S3, their methods.
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

    /// The engine's answer, or a broken connection where there is no engine.
    async fn forward(&self, parts: &Parts, body: &Bytes) -> Response {
        let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let mut request = Request::builder().method(&parts.method).uri(format!("http://{}{target}", self.engine));
        // The host too, as it is signed.
        for (name, value) in parts.headers.iter().filter(|(name, _)| **name != CONNECTION) {
            request = request.header(name, value);
        }
        let Ok(answer) = self.client.request(request.body(Full::new(body.clone())).unwrap()).await else {
            return broken(StatusCode::OK, &[]);
        };
        let (mut parts, body) = answer.into_parts();
        parts.headers.remove(CONNECTION);
        match body.collect().await {
            Ok(body) => Response::from_parts(parts, body.to_bytes().into()),
            Err(_) => broken(parts.status, &[]),
        }
    }
}

/// An answer that begins so, and after which the connection breaks.
fn broken(status: StatusCode, begin: &[u8]) -> Response {
    let parts = [Ok(Bytes::copy_from_slice(begin)), Err(std::io::Error::other("cut"))];
    let body = Body::from_stream(futures_util::stream::iter(parts));
    (status, [("content-length", (begin.len() * 2 + 1).to_string())], body).into_response()
}

async fn answer(State(faults): State<Faults>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    // Who gives up in the middle gets no answer.
    let Ok(body) = body.collect().await.map(Collected::to_bytes) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // S3 knows calls by their methods.
    let target = parts.headers.get("x-amz-target").map_or(parts.method.as_str(), |target| target.to_str().unwrap());
    let operation = target.rsplit('.').next().unwrap().to_owned();
    faults.calls.lock().unwrap().push(operation.clone());
    match faults.take(&operation) {
        None => faults.forward(&parts, &body).await,
        Some(Fault::Error(status, body)) => (status, body.to_string()).into_response(),
        Some(Fault::OfS3(status, code)) => {
            let body = format!(
                "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as the test asked</Message></Error>"
            );
            (status, [("content-type", "application/xml")], body).into_response()
        }
        Some(Fault::LostAnswer) => {
            faults.forward(&parts, &body).await;
            // What the SDK takes for a passing failure of the service, and sends the call again.
            (StatusCode::INTERNAL_SERVER_ERROR, error("InternalServerError").to_string()).into_response()
        }
        Some(Fault::Late(time)) => {
            tokio::time::sleep(time).await;
            faults.forward(&parts, &body).await
        }
        Some(Fault::Cut) => cut(faults.forward(&parts, &body).await).await,
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::SilenceAfterActing) => {
            faults.forward(&parts, &body).await;
            std::future::pending().await
        }
        Some(Fault::Nonsense) => (StatusCode::OK, "<html>It works!</html>").into_response(),
    }
}

/// The first half of an answer.
async fn cut(answer: Response) -> Response {
    let status = answer.status();
    let body = answer.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    broken(status, &body[..body.len() / 2])
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
