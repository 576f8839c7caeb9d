//! What handlers ask of a request, each with the problem that answers a bad one.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::BodyExt;
use serde_json::Value;

use super::problem::{self, Problem};
use super::{etag, json};
use crate::app::App;
use crate::domain::{Flaw, IdempotencyKey, IfMatch, UserId};
use crate::error::Violation;

/// Most bytes of a body: a full profile in its longest form takes a fifth of it.
pub const BODY_BYTES: usize = 64 * 1024;

/// How long a body may take to arrive, so that a slow client does not hold a connection for ever.
const BODY_TIME: Duration = Duration::from_secs(20);
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Most bytes that are read and thrown away so that a client which sends too much hears our answer and not a reset.
const DRAINED_BYTES: usize = 32 * 1024 * 1024;

/// `{id}` in the path; a malformed one is a user that does not exist.
pub struct Id(pub UserId);

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let not_found = || Problem::new(problem::NOT_FOUND);
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| not_found())?;
        UserId::parse(&text).map(Self).map_err(|_| not_found())
    }
}

/// `If-Match`, demanded where the configuration says so.
pub struct Precondition(pub IfMatch);

impl FromRequestParts<App> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let if_match = etag::if_match(&parts.headers)?;
        if app.require_if_match && if_match == IfMatch::Absent {
            return Err(Problem::new(problem::PRECONDITION_REQUIRED));
        }
        Ok(Self(if_match))
    }
}

/// `Idempotency-Key`, if there is one.
pub struct Idempotency(pub Option<IdempotencyKey>);

impl FromRequestParts<App> for Idempotency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        const NAME: &str = "Idempotency-Key";
        let Some(value) = single_header(&parts.headers, NAME)? else { return Ok(Self(None)) };
        IdempotencyKey::parse(value).map(|key| Self(Some(key))).map_err(|flaw| Problem::bad_header(NAME, flaw))
    }
}

/// The text of a header that may stand once or not at all.
pub fn single_header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::bad_header(name, Flaw::new("repeated", "give this header once")));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| Problem::bad_header(name, Flaw::new("invalid_characters", "use visible ASCII characters")))
}

/// A JSON body: its kind, its value, and the members that stand in it twice.
pub struct JsonBody {
    /// Which of the accepted media types it came as.
    pub media_type: MediaType,
    /// The document.
    pub value: Value,
    /// What is wrong with it already.
    pub violations: Vec<Violation>,
}

/// Media types of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`
    Json,
    /// `application/merge-patch+json` (RFC 7396)
    MergePatch,
    /// `application/json-patch+json` (RFC 6902)
    JsonPatch,
}

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const PATCH_TYPES: HeaderValue =
    HeaderValue::from_static("application/merge-patch+json, application/json-patch+json, application/json");
const JSON_TYPE: HeaderValue = HeaderValue::from_static("application/json");

impl FromRequest<App> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let is_patch = request.method() == Method::PATCH;
        let Some(media_type) = media_type(request.headers(), is_patch) else {
            let (name, value) = if is_patch { (ACCEPT_PATCH, PATCH_TYPES) } else { (header::ACCEPT, JSON_TYPE) };
            return Err(Problem::new(problem::UNSUPPORTED_MEDIA_TYPE).with_header(name, value));
        };
        let late = |_| Problem::new(problem::REQUEST_TIMEOUT).with_header(header::CONNECTION, CLOSE);
        let bytes = tokio::time::timeout(BODY_TIME, read(request.into_body())).await.map_err(late)??;
        let (value, violations) = json::parse(&bytes).map_err(|error| {
            // The parser's own words may quote the input, which may be a password; the position may not.
            let detail = format!("The body is not JSON: line {}, column {}.", error.line(), error.column());
            Problem::new(problem::MALFORMED_REQUEST).with_detail(detail)
        })?;
        Ok(Self { media_type, value, violations })
    }
}

fn media_type(headers: &HeaderMap, is_patch: bool) -> Option<MediaType> {
    if headers.get_all(header::CONTENT_TYPE).iter().count() > 1 || headers.contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let mut charsets = parts.filter_map(|part| part.strip_prefix("charset="));
    if !charsets.all(|charset| charset.trim_matches('"') == "utf-8") {
        return None;
    }
    match essence {
        "application/json" => Some(MediaType::Json),
        "application/merge-patch+json" if is_patch => Some(MediaType::MergePatch),
        "application/json-patch+json" if is_patch => Some(MediaType::JsonPatch),
        _ => None,
    }
}

async fn read(mut body: Body) -> Result<zeroize::Zeroizing<Vec<u8>>, Problem> {
    // A password is in here: the buffer never grows by leaving a copy behind, and is wiped.
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(1024));
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let unreadable = || Problem::new(problem::MALFORMED_REQUEST).with_detail("The body ended before its time.");
        let Ok(data) = frame.map_err(|_| unreadable())?.into_data() else { continue };
        seen += data.len();
        if seen > DRAINED_BYTES {
            break;
        }
        if seen <= BODY_BYTES {
            if bytes.capacity() < seen {
                let mut larger = zeroize::Zeroizing::new(Vec::with_capacity(BODY_BYTES));
                larger.extend_from_slice(&bytes);
                bytes = larger;
            }
            bytes.extend_from_slice(&data);
        }
    }
    if seen > BODY_BYTES { Err(Problem::new(problem::TOO_LARGE)) } else { Ok(bytes) }
}
