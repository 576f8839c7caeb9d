//! What runs around every request: a request id, one log line, problems completed, panics caught, headers hardened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header, request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Router, extract};
use tower_http::catch_panic::CatchPanicLayer;

use super::cors;
use super::problem::{HEADERS_TOO_LARGE, Problem, TIMEOUT};
use super::throttle::Told;
use crate::app::App;

/// The id of one request: Lambda's own, or one made here; told in `X-Request-Id` and in every problem.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// What stands before our paths in the client's URL: the stage of an API Gateway, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Mount(pub String);

/// Marks an answer whose body stays as it is, though a problem comes with it: another door has its own words for it.
#[derive(Clone, Copy, Debug)]
pub struct AsItIs;

/// Most bytes of path, query and headers together; API Gateway itself ends at 10,240 for the headers.
const HEAD_BYTES: usize = 16 * 1024;

/// How much time is left until the process is stopped, as Lambda tells.
#[derive(Clone, Copy, Debug)]
pub struct TimeLeft(pub Duration);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_PROTO: &str = "x-forwarded-proto";
/// Two years, as <https://hstspreload.org> recommends; other hosts of the domain are not ours to bind.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");
/// What is left of Lambda's time for the answer.
const ANSWERING: Duration = Duration::from_millis(500);

/// Puts the layers around the routes.
pub fn around(routes: Router<App>, app: App) -> Router<App> {
    let routes = routes.layer(CatchPanicLayer::custom(panicked));
    let routes = match cors::layer(&app.door) {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    routes.layer(middleware::from_fn_with_state(app, observe))
}

async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = match request.extensions().get::<RequestId>() {
        Some(RequestId(id)) => id.clone(),
        None => app.ids.request_id(app.clock.now()),
    };
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // What is too long to be one of our paths is not echoed whole.
    let path = request.uri().path().chars().take(512).collect::<String>();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let is_behind_tls = request.headers().get(FORWARDED_PROTO).is_some_and(|proto| proto == "https");
    let told = Told::default();
    request.extensions_mut().insert(told.clone());
    let mut response = if head_bytes(&request) > HEAD_BYTES {
        Problem::new(HEADERS_TOO_LARGE).into_response()
    } else {
        answer(&app, request, next).await
    };

    let problem = found(&response);
    if let Some(problem) = &problem
        && response.extensions().get::<AsItIs>().is_none()
    {
        complete(&mut response, problem, &method, &path, &id);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if is_behind_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    told.write(headers);
    log(&method, &route, &response, problem.as_deref(), &id, started);
    response
}

/// The size of path, query and all headers, without separators.
fn head_bytes(request: &Request) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    target + request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
}

/// The handler's answer, if it comes in time. What it was about to write may have been written.
async fn answer(app: &App, request: Request, next: Next) -> Response {
    let left = request.extensions().get::<TimeLeft>().map(|TimeLeft(left)| left.saturating_sub(ANSWERING));
    let deadline = left.unwrap_or(app.door.deadline).min(app.door.deadline);
    match tokio::time::timeout(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(TIMEOUT).into_response(),
    }
}

/// The problem that a handler answered, or the one that a bare error status stands for.
fn found(response: &Response) -> Option<Arc<Problem>> {
    let status = response.status();
    let by_handler = response.extensions().get::<Arc<Problem>>().cloned();
    by_handler.or_else(|| {
        (status.is_client_error() || status.is_server_error()).then(|| Arc::new(Problem::of_status(status)))
    })
}

fn complete(response: &mut Response, problem: &Problem, method: &Method, path: &str, id: &str) {
    let body = problem.body(path, id);
    *response.status_mut() = problem.kind().status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    *response.body_mut() = if method == Method::HEAD { Body::empty() } else { Body::from(body) };
}

/// One line per request. Neither path nor query nor any input is in it.
fn log(method: &Method, route: &str, response: &Response, problem: Option<&Problem>, id: &str, started: Instant) {
    let status = response.status().as_u16();
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    let kind = problem.map(|problem| problem.kind().slug);
    let cause = problem.map(Problem::cause).filter(|cause| !cause.is_empty());
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(%method, route, status, error_kind = kind, cause, duration_ms, request_id = id, "request")
        };
    }
    // Another door may tell a failure under 200.
    match problem.map_or(response.status(), |problem| response.status().max(problem.kind().status)) {
        status if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::GATEWAY_TIMEOUT => line!(warn),
        status if status.is_server_error() => line!(error),
        _ => line!(info),
    }
}

/// A panic is our fault; its words may hold input and are not repeated.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::from(crate::error::Error::internal("a handler panicked")).into_response()
}

/// The client's view of one of our paths.
pub struct Mounted(String);

impl Mounted {
    /// `path` below the mount.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl<S: Sync> extract::FromRequestParts<S> for Mounted {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<Mount>().cloned().unwrap_or_default().0))
    }
}
