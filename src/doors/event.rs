//! What the doors of events share: what Lambda says beside an event, the deadline that follows from it, and one line in the log.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::lambda;
use super::trace::{Trace, XRay};
use crate::error::{Error, chain};
use crate::ids::Ids;
use crate::scope::Scope;
use crate::telemetry::span::Span;
use crate::telemetry::work::{Done, Outcome};

/// What is left of Lambda's time to say that it was not enough.
const ANSWERING: Duration = Duration::from_millis(500);

/// What Lambda says beside an event.
#[derive(Debug, Default)]
pub struct About {
    /// The invocation's id.
    pub request_id: String,
    /// When it must be done.
    pub deadline: Option<Instant>,
    /// Which trace it belongs to.
    pub xray: Option<XRay>,
    /// Whether the process has done nothing before.
    pub is_cold_start: bool,
}

impl About {
    pub(super) fn of(context: lambda_runtime::Context, is_cold_start: bool) -> Self {
        let left = lambda::time_left(context.deadline);
        Self {
            deadline: left.map(|left| Instant::now() + left.saturating_sub(ANSWERING)),
            request_id: context.request_id,
            xray: context.xray_trace_id.map(XRay),
            is_cold_start,
        }
    }
}

/// Does `work` within its deadline, and leaves one line. Its answer may name items that failed and come again.
pub(super) async fn work(
    operation: &str,
    about: &About,
    work: impl Future<Output = Result<Value, Error>>,
) -> Result<Value, Error> {
    let began = Instant::now();
    let scope = Scope::until(about.deadline);
    let trace = Trace::of(None, about.xray.as_ref(), &Ids::system());
    let span = Span::begin(trace.parent(), "consumer", format_args!("{operation}"));
    let trace = trace.at(span.at());
    let outcome = Box::pin(span.of(scope.of(work))).await;
    let has_failed = |answer: &Value| answer["batchItemFailures"].as_array().is_some_and(|failed| !failed.is_empty());
    let (error_kind, ended) = match &outcome {
        Ok(answer) if has_failed(answer) => (Some("item-failed"), Outcome::Unavailable),
        Ok(_) => (None, Outcome::Answered),
        Err(Error::Unavailable { .. }) => (Some("unavailable"), Outcome::Unavailable),
        Err(Error::Timeout(_)) => (Some("timeout"), Outcome::Unavailable),
        Err(_) => (Some("internal"), Outcome::Faulty),
    };
    let done = Done {
        operation,
        http: None,
        error_kind,
        cause: outcome.as_ref().err().map(|error| chain(error)),
        outcome: ended,
        request_id: &about.request_id,
        trace: Some((&trace.id, trace.xray.as_deref())),
        is_cold_start: about.is_cold_start,
        began,
    };
    done.tell(&scope);
    span.end(&done, &scope).await;
    outcome
}
