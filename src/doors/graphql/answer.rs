//! One request over HTTP: read, counted, executed, answered.

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::{Response as Executed, Value, Variables};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{Caller, Loader, Schema, failure, limits};
use crate::app::App;
use crate::domain::Actor;
use crate::doors::rest::authenticate::identify;
use crate::doors::rest::extract::JsonBody;
use crate::doors::rest::layers::AsItIs;
use crate::doors::rest::problem::{INVALID_QUERY, MALFORMED_REQUEST, Problem, QUERY_TOO_COMPLEX};
use crate::doors::rest::throttle::{self, Told};

/// Most errors of one answer: more help nobody, and would let a small request cause a large answer.
const MOST_ERRORS: usize = 10;

/// Answers one request.
pub async fn to(schema: &Schema, app: App, request: Request) -> Response {
    let media = Media::wanted(request.headers());
    match run(schema, app, request).await {
        Ok(executed) => shown(media, executed),
        Err(problem) => refused(media, problem),
    }
}

async fn run(schema: &Schema, app: App, request: Request) -> Result<Executed, Problem> {
    let (parts, body) = request.into_parts();
    let actor = identify(&parts, &app).await?;
    let told = parts.extensions.get::<Told>().cloned();
    let request = match read(Request::from_parts(parts, body), &app).await {
        Ok(request) => request,
        Err(problem) => {
            // Whoever sends what cannot be run is counted all the same.
            throttle::count(&app, told.as_ref(), &actor, &[""]).await?;
            return Err(problem);
        }
    };
    let operations = if request.operations.is_empty() { &[""][..] } else { &request.operations };
    throttle::count(&app, told.as_ref(), &actor, operations).await?;
    Ok(schema.execute(request.inner.data(caller(app, actor))).await)
}

fn caller(app: App, actor: Actor) -> Caller {
    let users = Loader::new(app.clone(), actor.clone());
    Caller { app, actor, users }
}

/// A request that may be run.
struct Readable {
    inner: async_graphql::Request,
    /// What its root fields count as.
    operations: Vec<&'static str>,
}

async fn read(request: Request, app: &App) -> Result<Readable, Problem> {
    let body = JsonBody::from_request(request, app).await?;
    if !body.violations.is_empty() {
        return Err(Problem::new(MALFORMED_REQUEST).with_errors(body.violations));
    }
    let malformed = |detail: &str| Problem::new(MALFORMED_REQUEST).with_detail(detail);
    let mut members = match body.value {
        serde_json::Value::Object(members) => members,
        serde_json::Value::Array(_) => {
            let detail = "Send one operation per request: an object with query, and perhaps variables, operationName.";
            return Err(Problem::new(QUERY_TOO_COMPLEX).with_detail(detail));
        }
        _ => return Err(malformed("Send a JSON object with the member query.")),
    };
    let Some(serde_json::Value::String(text)) = members.remove("query") else {
        return Err(malformed("query must be there and be a string."));
    };
    let operation_name = match members.remove("operationName") {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(name)) => Some(name),
        Some(_) => return Err(malformed("operationName must be a string or null.")),
    };
    let variables = match members.remove("variables") {
        None | Some(serde_json::Value::Null) => Variables::default(),
        Some(map @ serde_json::Value::Object(_)) => Variables::from_json(map),
        Some(_) => return Err(malformed("variables must be an object or null.")),
    };
    if !matches!(members.remove("extensions"), None | Some(serde_json::Value::Null | serde_json::Value::Object(_))) {
        return Err(malformed("extensions must be an object or null."));
    }
    limits::scan(&text)?;
    let document = parse_query(&text).map_err(|error| {
        // The parser's own words quote the line, which may hold a password; the position may be told.
        let at = error.positions().next().map(|at| format!(": line {}, column {}", at.line, at.column));
        Problem::new(INVALID_QUERY).with_detail(format!("The document cannot be parsed{}.", at.unwrap_or_default()))
    })?;
    let operations = limits::check(&document, operation_name.as_deref(), &variables, app.door.introspection)?;
    let mut inner = async_graphql::Request::new(text).variables(variables);
    inner.operation_name = operation_name;
    inner.set_parsed_query(document);
    Ok(Readable { inner, operations })
}

/// The media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    /// `application/graphql-response+json`: its status tells of the request.
    GraphQl,
    /// `application/json`, for clients from before: 200 whenever the request could be read.
    Json,
}

impl Media {
    /// What `Accept` prefers; plain JSON where it says neither.
    fn wanted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter();
        let ranges: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        let quality = |wanted: &str| {
            let ranges = ranges.iter().flat_map(|value| value.split(','));
            let qualities = ranges.filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_it = parts.next()?.eq_ignore_ascii_case(wanted);
                let q = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
                is_it.then_some(q)
            });
            qualities.fold(0.0, f32::max)
        };
        let graphql = quality("application/graphql-response+json");
        if graphql > 0.0 && graphql >= quality("application/json") { Self::GraphQl } else { Self::Json }
    }

    const fn name(self) -> HeaderValue {
        match self {
            Self::GraphQl => HeaderValue::from_static("application/graphql-response+json; charset=utf-8"),
            Self::Json => HeaderValue::from_static("application/json; charset=utf-8"),
        }
    }
}

/// An answer on the wire: without `data` where nothing was run.
#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<async_graphql::ServerError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// A request that was run, or that `async-graphql` found to be invalid.
fn shown(media: Media, executed: Executed) -> Response {
    let mut errors = executed.errors;
    // Some rules are asked twice.
    errors.dedup();
    errors.truncate(MOST_ERRORS);
    let problems: Vec<_> = errors.iter_mut().map(failure::told).collect();
    let worst = problems.into_iter().max_by_key(|problem| problem.kind().status);
    // The root fields are all nullable: null as a whole, and an error that is at no field, means that none was run.
    let is_run = executed.data != Value::Null || errors.iter().all(|error| !error.path.is_empty());
    // Null as a whole without an error: every field was skipped.
    let data = if errors.is_empty() && executed.data == Value::Null {
        Value::Object(async_graphql::indexmap::IndexMap::new())
    } else {
        executed.data
    };
    let data = is_run.then_some(data);
    let status = if is_run || media == Media::Json { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    written(media, status, &Answer { errors, data }, worst)
}

/// A request that was not run.
fn refused(media: Media, problem: Problem) -> Response {
    let is_of_document = [INVALID_QUERY, QUERY_TOO_COMPLEX].contains(&problem.kind());
    let status = if is_of_document && media == Media::Json { StatusCode::OK } else { problem.kind().status };
    let answer = Answer { errors: vec![failure::of_request(&problem)], data: None };
    let problem = Arc::new(problem);
    let mut response = written(media, status, &answer, Some(Arc::clone(&problem)));
    for (name, value) in problem.headers() {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

/// The problem goes along for the request's log line.
fn written(media: Media, status: StatusCode, answer: &Answer, problem: Option<Arc<Problem>>) -> Response {
    let body = serde_json::to_vec(answer).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, media.name())], Body::from(body)).into_response();
    response.extensions_mut().insert(AsItIs);
    if let Some(problem) = problem {
        response.extensions_mut().insert(problem);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_media_type_is_answered_to_those_who_prefer_it() {
        const NEW: &str = "application/graphql-response+json";
        for (accept, expected) in [
            ("", Media::Json),
            ("*/*", Media::Json),
            ("application/json", Media::Json),
            (NEW, Media::GraphQl),
            ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", Media::GraphQl),
            ("application/graphql-response+json;q=0.5, application/json", Media::Json),
            ("application/graphql-response+json;q=0", Media::Json),
            ("text/html", Media::Json),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Media::wanted(&headers), expected, "{accept}");
        }
    }
}
