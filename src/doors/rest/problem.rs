//! Every error as `application/problem+json` (RFC 9457): one table of kinds, one match from [`Error`].

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::domain::Flaw;
use crate::error::{self, Error, Place, Source, Violation};
use crate::percent;

/// A kind of problem: the last part of `type`, stable for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// In `kebab-case`, as in `/problems/{slug}`.
    pub slug: &'static str,
    /// HTTP status.
    pub status: StatusCode,
    /// What happened, the same each time.
    pub title: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $slug:literal, $title:literal, $mend:literal;)*) => {
        $(pub(crate) const $name: Kind = Kind { slug: $slug, status: StatusCode::$status, title: $title, mend: $mend };)*
        /// Every kind of problem that the API answers.
        pub const KINDS: &[Kind] = &[$($name),*];
    };
}

kinds! {
    MALFORMED_REQUEST = BAD_REQUEST, "malformed-request", "The request cannot be read",
        "Send JSON in UTF-8 and well-formed headers; `errors` or `detail` says what could not be read.";
    INVALID_CURSOR = BAD_REQUEST, "invalid-cursor", "The cursor does not belong to this query",
        "Take the cursor from the last answer to the very same query, or start again without one.";
    INVALID_FILTER = BAD_REQUEST, "invalid-filter", "The filter cannot be read",
        "Mend the filter at the position that `errors` names; the grammar is RFC 7644, section 3.4.2.2.";
    UNAUTHENTICATED = UNAUTHORIZED, "unauthenticated", "The caller is not known",
        "Sign the request or send a valid token, as WWW-Authenticate asks.";
    INVALID_CREDENTIALS = UNAUTHORIZED, "invalid-credentials", "The name or the password is wrong",
        "Try the right name and password; the answer does not tell which was wrong.";
    FORBIDDEN = FORBIDDEN, "forbidden", "The caller may not do this",
        "Ask for a token with the scope that the operation needs.";
    NOT_FOUND = NOT_FOUND, "not-found", "There is nothing here",
        "Check the path and the id; it may have been deleted, or be private.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "The method does not fit this path",
        "Use one of the methods that Allow lists.";
    REQUEST_TIMEOUT = REQUEST_TIMEOUT, "request-timeout", "The request took too long to arrive",
        "Send the whole body within 20 seconds.";
    NAME_TAKEN = CONFLICT, "name-taken", "The user name is taken",
        "Choose another user name; names are compared without regard to case, width and form.";
    REQUEST_IN_PROGRESS = CONFLICT, "request-in-progress", "The same request is in progress",
        "Wait a moment and send the same request again with the same Idempotency-Key.";
    VERSION_CONFLICT = PRECONDITION_FAILED, "version-conflict", "The user has changed meanwhile",
        "Read the user again, look at what changed, and send the change with the new ETag in If-Match.";
    INVALID_QUERY = BAD_REQUEST, "invalid-query", "The GraphQL document is not valid",
        "Mend the document as the message says; schema.graphql and introspection tell what there is.";
    QUERY_TOO_COMPLEX = BAD_REQUEST, "query-too-complex", "The GraphQL document asks for too much at once",
        "Ask for less at once: fewer fields, aliases or levels, smaller pages, one operation per request.";
    TOO_LARGE = PAYLOAD_TOO_LARGE, "too-large", "The request is too large",
        "Send at most 64 KiB of JSON.";
    UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The content type is not understood",
        "Send one of the content types that Accept or Accept-Patch lists.";
    VALIDATION = UNPROCESSABLE_ENTITY, "validation", "Some values are not valid",
        "Mend each value that `errors` points to; `code` is stable, `detail` says how.";
    IDEMPOTENCY_KEY_REUSED = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was used for another request",
        "Use a new key for a new request; send the same body to repeat the old one.";
    PRECONDITION_REQUIRED = PRECONDITION_REQUIRED, "precondition-required", "The change must name a version",
        "Read the user and send its ETag in If-Match.";
    QUOTA_EXCEEDED = TOO_MANY_REQUESTS, "quota-exceeded", "Too many requests",
        "Wait as long as Retry-After says.";
    HEADERS_TOO_LARGE = REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "The path and headers are too large",
        "Send a shorter path, fewer or shorter headers: 16 KiB in all.";
    INTERNAL = INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side",
        "Report the requestId to the operator; the log has the cause.";
    UNAVAILABLE = SERVICE_UNAVAILABLE, "unavailable", "The service is busy or a dependency is down",
        "Try again after Retry-After; give a create an Idempotency-Key so that repeating it is safe.";
    TIMEOUT = GATEWAY_TIMEOUT, "timeout", "A dependency did not answer in time",
        "Try again; the change may have happened, so read first or use an Idempotency-Key or If-Match.";
}

/// An answer that tells what went wrong; the layers adds `instance` and `requestId` and writes the log line.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: Kind,
    detail: Option<String>,
    errors: Vec<Violation>,
    headers: Vec<(HeaderName, HeaderValue)>,
    member: Option<(&'static str, Value)>,
    source: Option<Source>,
}

impl Problem {
    /// A problem of this kind and nothing more.
    pub fn new(kind: Kind) -> Self {
        let (errors, headers) = (Vec::new(), Vec::new());
        Self(Box::new(Parts { kind, detail: None, errors, headers, member: None, source: None }))
    }

    /// The same with a sentence about this very case.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// The same with the places that are wrong.
    pub fn with_errors(mut self, errors: Vec<Violation>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The same with a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The same with a member that only this kind of answer has (RFC 9457, section 3.2).
    pub fn with_member(mut self, name: &'static str, value: Value) -> Self {
        self.0.member = Some((name, value));
        self
    }

    /// The same with the error beneath, for the log alone.
    fn with_source(mut self, error: Error) -> Self {
        self.0.source = Some(Box::new(error));
        self
    }

    /// A header that cannot be read.
    pub fn bad_header(name: &'static str, flaw: Flaw) -> Self {
        Self::new(MALFORMED_REQUEST).with_errors(vec![Violation::at_parameter(name, flaw)])
    }

    /// The kind of a bare status from the router or a layer.
    pub fn of_status(status: StatusCode) -> Self {
        Self::new(match status {
            StatusCode::NOT_FOUND => NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED => METHOD_NOT_ALLOWED,
            StatusCode::PAYLOAD_TOO_LARGE => TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => UNSUPPORTED_MEDIA_TYPE,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => HEADERS_TOO_LARGE,
            other if other.is_client_error() => MALFORMED_REQUEST,
            _ => INTERNAL,
        })
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The sentence about this case, or else how to mend such a problem.
    pub fn detail(&self) -> &str {
        self.0.detail.as_deref().unwrap_or(self.0.kind.mend)
    }

    /// The places that are wrong.
    pub fn errors(&self) -> &[Violation] {
        &self.0.errors
    }

    /// The headers that go with it.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// The chain of causes for the log, outermost first; empty for a client's mistake.
    pub fn cause(&self) -> String {
        self.0.source.as_deref().map(|source| error::chain(source)).unwrap_or_default()
    }

    /// The body, completed by what only the layer knows.
    pub fn body(&self, instance: &str, request_id: &str) -> Vec<u8> {
        let body = Body {
            r#type: format!("/problems/{}", self.0.kind.slug),
            title: self.0.kind.title,
            status: self.0.kind.status.as_u16(),
            detail: self.detail(),
            instance,
            request_id,
            errors: self.0.errors.iter().map(Entry::from).collect(),
            member: self.0.member.iter().map(|(name, value)| (*name, value)).collect(),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(errors) => Self::new(VALIDATION).with_errors(errors),
            Error::InvalidFilter(misread) => {
                let detail = format!("character {}: {}", misread.position, misread.flaw.detail());
                let flaw = Flaw::new(misread.flaw.code(), detail);
                Self::new(INVALID_FILTER).with_errors(vec![Violation::at_parameter("filter", flaw)])
            }
            Error::InvalidCursor => {
                let flaw = Flaw::new("invalid_cursor", "take nextCursor from the last answer to the very same query");
                Self::new(INVALID_CURSOR).with_errors(vec![Violation::at_parameter("cursor", flaw)])
            }
            Error::NotFound => Self::new(NOT_FOUND),
            Error::Forbidden => Self::new(FORBIDDEN),
            Error::NameTaken => {
                let flaw = Flaw::new("name_taken", "choose another user name");
                Self::new(NAME_TAKEN).with_errors(vec![Violation::at_pointer("/userName", flaw)])
            }
            Error::VersionConflict => Self::new(VERSION_CONFLICT),
            Error::IdempotencyKeyReused => Self::new(IDEMPOTENCY_KEY_REUSED),
            Error::RequestInProgress => {
                Self::new(REQUEST_IN_PROGRESS).with_header(header::RETRY_AFTER, HeaderValue::from(1))
            }
            Error::TooManyUploads { retry_after_seconds } => Self::new(QUOTA_EXCEEDED)
                .with_detail(
                    "Too many uploads of this user wait for their files, or were made in the last day. Wait as long as Retry-After says.",
                )
                .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds)),
            Error::InvalidCredentials => Self::new(INVALID_CREDENTIALS)
                .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Password realm=\"roster\"")),
            Error::QuotaExceeded { retry_after_seconds } => {
                Self::new(QUOTA_EXCEEDED).with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
            }
            Error::TooManyAttempts { retry_after_seconds } => Self::new(QUOTA_EXCEEDED)
                .with_detail("Too many wrong passwords were given. Wait as long as Retry-After says.")
                .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds)),
            Error::Unavailable { retry_after_seconds, .. } => {
                let retry_after = HeaderValue::from(retry_after_seconds);
                Self::new(UNAVAILABLE).with_header(header::RETRY_AFTER, retry_after).with_source(error)
            }
            Error::Timeout(_) => {
                Self::new(TIMEOUT).with_header(header::RETRY_AFTER, HeaderValue::from(1)).with_source(error)
            }
            Error::Internal { .. } => Self::new(INTERNAL).with_source(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.kind.status.into_response();
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

/// Nothing is routed here.
pub async fn no_such_route() -> Problem {
    Problem::new(NOT_FOUND)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Entry<'a>>,
    #[serde(flatten)]
    member: BTreeMap<&'a str, &'a Value>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    code: &'static str,
    detail: &'a str,
}

impl<'a> From<&'a Violation> for Entry<'a> {
    fn from(violation: &'a Violation) -> Self {
        let (pointer, parameter) = match &violation.place {
            Place::Pointer(pointer) => (Some(fragment(pointer)), None),
            Place::Parameter(name) => (None, Some(name.as_ref())),
        };
        Self { pointer, parameter, code: violation.flaw.code(), detail: violation.flaw.detail() }
    }
}

/// A JSON pointer as a URI fragment (RFC 6901, section 6).
pub(in crate::doors) fn fragment(pointer: &str) -> String {
    format!("#{}", percent::encoded(pointer, b"!$&'()*+,;=:@/?"))
}

/// What an error type means and how to mend it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The value of `type` in a problem.
    #[schema(example = "/problems/name-taken")]
    r#type: String,
    /// The HTTP status that comes with it.
    #[schema(example = 409)]
    status: u16,
    /// What happened.
    title: &'static str,
    /// How to mend it.
    mend: &'static str,
}

/// Explains one kind of problem.
#[utoipa::path(get, path = "/problems/{slug}", operation_id = "get_problem", tag = "about", security(()),
    params(("slug" = String, Path, description = "The last part of a problem's `type`", example = "name-taken")),
    responses(
        (status = 200, description = "What the error type means and how to mend it", body = Explanation),
        (status = 404, description = "not-found: no such problem", body = super::openapi::Problem, content_type = "application/problem+json"),
        super::openapi::StrayProblems,
    ))]
pub async fn get_problem(slug: Result<Path<String>, PathRejection>) -> Result<axum::Json<Explanation>, Problem> {
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    let kind = KINDS.iter().find(|kind| kind.slug == slug).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let r#type = format!("/problems/{}", kind.slug);
    Ok(axum::Json(Explanation { r#type, status: kind.status.as_u16(), title: kind.title, mend: kind.mend }))
}
