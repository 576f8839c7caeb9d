//! The Lambda door: API Gateway HTTP API and REST API, function URLs and load balancers, all into the one router.

use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::http::{Response, StatusCode, Uri, uri};
use http_body_util::BodyExt;
use lambda_http::request::RequestContext;
use lambda_http::{Body, IntoResponse, Request, RequestExt};
use tower::{Service, ServiceExt};

use super::rest::{Mount, Principal, RequestId, TimeLeft};
use super::trace::XRay;
use crate::clock::Clock;
use crate::domain::ClientId;

/// Serves the router until Lambda ends the sandbox.
pub async fn run(router: Router) -> Result<(), lambda_http::Error> {
    lambda_http::run(service(router).map_response(Answer)).await
}

/// An answer as Lambda takes it: what is text as text, anything else in base 64. The library would look for its character
/// set, by tables of all that there ever were.
struct Answer(axum::response::Response);

impl IntoResponse for Answer {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(async {
            let (parts, body) = self.0.into_parts();
            let body = match body.collect().await {
                Ok(body) => shown(body.to_bytes().into()),
                // Our bodies are in memory: this does not happen.
                Err(error) => {
                    tracing::error!(%error, "an answer ended too soon");
                    let mut answer = Response::new(Body::Empty);
                    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    return answer;
                }
            };
            Response::from_parts(parts, body)
        })
    }
}

fn shown(bytes: Vec<u8>) -> Body {
    if bytes.is_empty() {
        return Body::Empty;
    }
    String::from_utf8(bytes).map_or_else(|not_text| Body::Binary(not_text.into_bytes()), Body::Text)
}

/// The router as a service of Lambda's requests.
pub fn service(
    router: Router,
) -> impl Service<Request, Response = axum::response::Response, Error = std::convert::Infallible, Future: Send> + Clone
{
    router.map_request(to_axum)
}

/// A Lambda request as axum knows it: without the stage in its path; principal, ids, time left and mount are beside it.
fn to_axum(request: Request) -> axum::extract::Request {
    let context = request.request_context_ref().cloned();
    let raw_path = request.raw_http_path().to_owned();
    let id = request.lambda_context_ref().map(|context| context.request_id.clone());
    let left = request.lambda_context_ref().and_then(|context| time_left(context.deadline)).map(TimeLeft);
    let xray = request.lambda_context_ref().and_then(|context| context.xray_trace_id.clone()).map(XRay);
    let (mut parts, body) = request.into_parts();
    let mount = context.as_ref().and_then(stage).map(|stage| format!("/{stage}")).unwrap_or_default();
    // An HTTP API leaves its stage in the path it hands on, a REST API takes it out.
    let path = match context {
        Some(RequestContext::ApiGatewayV2(_)) => below(&raw_path, &mount),
        _ => &raw_path,
    };
    parts.uri = with_path(&parts.uri, path);
    parts.extensions.insert(Mount(mount));
    if let Some(principal) = context.as_ref().and_then(principal) {
        parts.extensions.insert(principal);
    }
    if let Some(left) = left {
        parts.extensions.insert(left);
    }
    if let Some(xray) = xray {
        parts.extensions.insert(xray);
    }
    if let Some(id) = id {
        parts.extensions.insert(RequestId(id));
    }
    let body = match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes) => bytes.into(),
        _ => axum::body::Body::empty(),
    };
    axum::extract::Request::from_parts(parts, body)
}

/// What is left until the runtime ends the invocation at `deadline`, in milliseconds since 1970.
pub(super) fn time_left(deadline: u64) -> Option<Duration> {
    let left = deadline.checked_sub(Clock::system().now().unix_millis().unsigned_abs())?;
    (left > 0).then(|| Duration::from_millis(left))
}

/// The named stage of an API, which stands in the client's URL.
fn stage(context: &RequestContext) -> Option<&str> {
    let stage = match context {
        RequestContext::ApiGatewayV2(context) => context.stage.as_deref(),
        RequestContext::ApiGatewayV1(context) => context.stage.as_deref(),
        _ => None,
    };
    stage.filter(|stage| *stage != "$default" && !stage.is_empty())
}

/// The path below the mount.
fn below<'a>(raw_path: &'a str, mount: &str) -> &'a str {
    match raw_path.strip_prefix(mount) {
        Some("") => "/",
        Some(below) if below.starts_with('/') => below,
        _ => raw_path,
    }
}

fn with_path(uri: &Uri, path: &str) -> Uri {
    let path = if path.starts_with('/') { path } else { "/" };
    let path_and_query = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    uri::Builder::new().path_and_query(path_and_query).build().unwrap_or_else(|_| Uri::from_static("/malformed-path"))
}

/// The IAM principal, as API Gateway has authenticated it.
fn principal(context: &RequestContext) -> Option<Principal> {
    let arn = match context {
        RequestContext::ApiGatewayV2(context) => context.authorizer.as_ref()?.iam.as_ref()?.user_arn.clone()?,
        RequestContext::ApiGatewayV1(context) => context.identity.user_arn.clone()?,
        _ => return None,
    };
    ClientId::parse(without_session(&arn)).ok().map(Principal)
}

/// An assumed role's ARN ends in a session name that changes from day to day; the role is the caller.
fn without_session(arn: &str) -> &str {
    match arn.find(":assumed-role/") {
        Some(_) => arn.rsplit_once('/').map_or(arn, |(role, _session)| role),
        None => arn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_text_where_it_is_text() {
        for (bytes, expected) in [
            (&b""[..], Body::Empty),
            ("{\"lastName\":\"Gödel\"}".as_bytes(), Body::Text("{\"lastName\":\"Gödel\"}".to_owned())),
            (b"RIFF\xff\xfe", Body::Binary(b"RIFF\xff\xfe".to_vec())),
        ] {
            let answer = Response::builder().status(201).header("etag", "\"1\"").body(bytes.to_vec().into()).unwrap();
            let shown = Answer(answer).into_response().await;
            assert_eq!((shown.status().as_u16(), shown.headers()["etag"].as_bytes()), (201, &b"\"1\""[..]));
            assert_eq!(*shown.body(), expected);
        }
    }
}
