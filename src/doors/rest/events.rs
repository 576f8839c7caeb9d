//! `/events`: what changes, as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! A comment `: up to date` tells the end of what was there when the listener came, and `: heartbeat` that the line is alive.

use std::convert::Infallible;
use std::fmt::Write;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::extract::single_header;
use super::problem::Problem;
use crate::app::App;
use crate::domain::{Actor, Flaw};
use crate::events::{Entry, Position, Reader};
use crate::operations;

/// What a listener has heard already.
pub struct LastEventId(Option<Position>);

impl FromRequestParts<App> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        const NAME: &str = "Last-Event-ID";
        let Some(text) = single_header(&parts.headers, NAME)? else { return Ok(Self(None)) };
        let flaw =
            || Flaw::new("invalid_event_id", "give the id of the last event that arrived, or 0 for all that are kept");
        Position::parse(text).map(|position| Self(Some(position))).ok_or_else(|| Problem::bad_header(NAME, flaw()))
    }
}

/// The place to go on from.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct ResumeAfter {
    /// The id of the last event that arrived, as a browser's EventSource sends it; 0 for all that are kept. Without it only new
    /// events are sent.
    #[param(rename = "Last-Event-ID", example = "0")]
    last_event_id: Option<String>,
}

/// One event of the stream, by its fields.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct SentEvent {
    /// Its place, for `Last-Event-ID`.
    id: String,
    /// Its type, such as `user.created`.
    event: String,
    /// The CloudEvent in JSON; `schemas/events` describes it.
    data: String,
}

/// Sends change events as they happen. In local mode only, where the embedded DynamoDB keeps the last 10,000; on AWS they are
/// on the EventBridge bus.
#[utoipa::path(get, path = "/events", operation_id = "get_events", tag = "events", params(ResumeAfter),
    responses(
        (status = 200, description = "CloudEvents 1.0 in JSON, each as `id`, `event` (its type) and `data`",
            body = SentEvent, content_type = "text/event-stream"),
        super::openapi::CommonProblems,
        (status = 400, description = "malformed-request", body = super::openapi::Problem, content_type = "application/problem+json"),
        (status = 404, description = "not-found: not in local mode", body = super::openapi::Problem, content_type = "application/problem+json"),
    ))]
pub async fn get_events(
    State(app): State<App>,
    actor: Actor,
    LastEventId(after): LastEventId,
) -> Result<Response, Problem> {
    let reader = operations::watch_changes(&app, &actor, after)?;
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    // Proxies that gather answers would hold events back.
    let unbuffered = [("x-accel-buffering", "no")];
    Ok((headers, unbuffered, Body::from_stream(stream::unfold(Stage::Backlog(reader), next))).into_response())
}

/// How far a listener is.
enum Stage {
    Backlog(Reader),
    Live(Reader),
}

async fn next(stage: Stage) -> Option<(Result<Bytes, Infallible>, Stage)> {
    let (text, stage) = match stage {
        Stage::Backlog(mut reader) => match reader.waiting() {
            // The pause before coming again, in milliseconds, stands first in the stream or after its backlog: either will do.
            entries if entries.is_empty() => (": up to date\nretry: 1000\n\n".to_owned(), Stage::Live(reader)),
            entries => (written(&entries), Stage::Backlog(reader)),
        },
        Stage::Live(mut reader) => {
            let entries = reader.next().await?;
            let text = if entries.is_empty() { ": heartbeat\n\n".to_owned() } else { written(&entries) };
            (text, Stage::Live(reader))
        }
    };
    Some((Ok(Bytes::from(text)), stage))
}

/// JSON holds no line break, so each event is three lines.
fn written(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |mut text, Entry { position, event_type, json }| {
        let _ = write!(text, "id: {position}\nevent: {event_type}\ndata: {json}\n\n");
        text
    })
}
