//! The one line that each piece of work leaves behind, whichever door it came through.

use std::time::{Duration, Instant};

use crate::scope::Scope;

/// The target of these lines, by which levels and metrics know them.
pub const TARGET: &str = "roster::request";

/// A piece of work that is done. No name, no address, no path, no input is in it.
#[derive(Debug)]
pub struct Done<'a> {
    /// The operation's `operationId`, or `none`.
    pub operation: &'a str,
    /// Of an HTTP request: method, route (the template) and status.
    pub http: Option<(&'a str, &'a str, u16)>,
    /// The problem's kind, if it was one.
    pub error_kind: Option<&'a str>,
    /// The chain of causes, if it was our fault.
    pub cause: Option<String>,
    /// How bad it was.
    pub outcome: Outcome,
    /// The request's id.
    pub request_id: &'a str,
    /// The trace's id (W3C), and Lambda's own (X-Ray).
    pub trace: Option<(&'a str, Option<&'a str>)>,
    /// Whether the process has done nothing before.
    pub is_cold_start: bool,
    /// When it began.
    pub began: Instant,
}

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or refused with reason.
    Answered,
    /// A dependency failed, or time did.
    Unavailable,
    /// Our own fault.
    Faulty,
}

impl Done<'_> {
    /// Writes the line.
    pub fn tell(&self, scope: &Scope) {
        let Self { operation, http, error_kind, ref cause, outcome, request_id, trace, is_cold_start, began } = *self;
        let (method, route, status) = (http.map(|http| http.0), http.map(|http| http.1), http.map(|http| http.2));
        let cause = cause.as_deref().filter(|cause| !cause.is_empty());
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET,
                    operation,
                    method,
                    route,
                    status,
                    errorKind = error_kind,
                    cause,
                    caller = scope.caller.get(),
                    requestId = request_id,
                    traceId = trace.map(|trace| trace.0),
                    xrayTraceId = trace.and_then(|trace| trace.1),
                    duration_ms = milliseconds(began.elapsed()),
                    coldStart = is_cold_start,
                    dynamodbCalls = scope.dynamodb_calls.get(),
                    s3Calls = scope.s3_calls.get(),
                    busCalls = scope.bus_calls.some(),
                    records = scope.records.some(),
                    events = scope.events.some(),
                    readUnits = scope.read_milli_units.thousandth(),
                    writeUnits = scope.write_milli_units.thousandth(),
                    retries = scope.retries.get(),
                    throttles = scope.throttles.get(),
                    quotaRefusals = scope.quota_refusals.get(),
                    hash_ms = scope.hash_micros.thousandth(),
                    hashQueue_ms = scope.hash_wait_micros.thousandth(),
                    "request"
                )
            };
        }
        match outcome {
            Outcome::Answered => line!(info),
            Outcome::Unavailable => line!(warn),
            Outcome::Faulty => line!(error),
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
