//! What runs around every request: a request id, a deadline, one log line, problems completed, panics caught, headers hardened.

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
use super::problem::{HEADERS_TOO_LARGE, Problem};
use super::throttle::{self, Told};
use crate::app::App;
use crate::doors::trace::Trace;
use crate::error::Error;
use crate::scope::{OutOfTime, Scope};
use crate::telemetry::span::Span;
use crate::telemetry::work::{Done, Outcome};

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
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const FORWARDED_PROTO: &str = "x-forwarded-proto";
/// Two years, as <https://hstspreload.org> recommends; other hosts of the domain are not ours to bind.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");
/// What is left of Lambda's time for the answer.
const LAMBDA_ANSWERING: Duration = Duration::from_millis(500);
/// What is left of the request's own time when the last call ends: enough to say which of them did not answer.
const ANSWERING: Duration = Duration::from_millis(50);

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
    let began = Instant::now();
    let id = match request.extensions().get::<RequestId>() {
        Some(RequestId(id)) => id.clone(),
        None => app.ids.request_id(app.clock.now()),
    };
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // What is too long to be one of our paths is not echoed whole.
    let path = request.uri().path().chars().take(512).collect::<String>();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let is_behind_tls = request.headers().get(FORWARDED_PROTO).is_some_and(|proto| proto == "https");
    let trace = trace_of(&request, &app);
    let shown_route = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = Span::begin(trace.parent(), "server", format_args!("{} {shown_route}", shown(&method)));
    let trace = trace.at(span.at());
    let told = Told::default();
    request.extensions_mut().insert(told.clone());
    let time = time_for(&app, &request);
    let scope = Scope::until(Some(began + time.saturating_sub(ANSWERING)));
    let mut response = if head_bytes(&request) > HEAD_BYTES {
        Problem::new(HEADERS_TOO_LARGE).into_response()
    } else {
        span.of(scope.of(answer(began + time, request, next))).await
    };

    let problem = found(&response);
    if let Some(problem) = &problem
        && response.extensions().get::<AsItIs>().is_none()
    {
        complete(&mut response, problem, &method, &path, &id);
    }
    let headers = response.headers_mut();
    for (name, value) in [(REQUEST_ID, id.as_str()), (TRACEPARENT, trace.traceparent().as_str())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if is_behind_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    told.write(headers);
    let status = response.status();
    let done = Done {
        operation: throttle::operation_id(&method, route.as_ref()),
        http: Some((shown(&method), shown_route, status.as_u16())),
        error_kind: problem.as_ref().map(|problem| problem.kind().slug),
        cause: problem.as_ref().map(|problem| problem.cause()),
        // Another door may tell a failure under 200.
        outcome: match problem.as_ref().map_or(status, |problem| status.max(problem.kind().status)) {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Outcome::Unavailable,
            status if status.is_server_error() => Outcome::Faulty,
            _ => Outcome::Answered,
        },
        request_id: &id,
        trace: Some((&trace.id, trace.xray.as_deref())),
        is_cold_start: app.is_cold_start(),
        began,
    };
    done.tell(&scope);
    span.end(&done, &scope).await;
    response
}

/// A method that anyone may make up is not repeated.
fn shown(method: &Method) -> &str {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if KNOWN.contains(method) { method.as_str() } else { "other" }
}

fn trace_of(request: &Request, app: &App) -> Trace {
    let mut parents = request.headers().get_all(TRACEPARENT).iter();
    // Two parents are none.
    let parent = parents.next().filter(|_| parents.next().is_none()).and_then(|value| value.to_str().ok());
    Trace::of(parent, request.extensions().get(), &app.ids)
}

/// The size of path, query and all headers, without separators.
fn head_bytes(request: &Request) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    target + request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
}

/// How long the request may take: as configured, or until shortly before Lambda ends the sandbox.
fn time_for(app: &App, request: &Request) -> Duration {
    let left = request.extensions().get::<TimeLeft>().map(|TimeLeft(left)| left.saturating_sub(LAMBDA_ANSWERING));
    left.unwrap_or(app.door.deadline).min(app.door.deadline)
}

/// The handler's answer, if it comes in time. What it was about to write may have been written.
async fn answer(deadline: Instant, request: Request, next: Next) -> Response {
    match tokio::time::timeout_at(deadline.into(), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::from(Error::Timeout(OutOfTime.into())).into_response(),
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

/// A panic is our fault; its words may hold input and are not repeated.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::from(Error::internal("a handler panicked")).into_response()
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
