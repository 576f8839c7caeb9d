//! OpenTelemetry: the spans of requests and of their calls to AWS, sent by OTLP over HTTP (feature `otel`).
//!
//! A sandbox of Lambda is frozen once it has answered, and whatever a thread or a task had left to do waits until the next
//! request, or is lost. So spans are not sent in the background: they are gathered as they end, and the request sends them
//! before its answer goes out. What they cost is in `docs/TRACES.md`.
//!
//! The spans of calls are those that the SDK makes itself; of its events and of ours none is taken, for they may hold what
//! was asked. A request's span holds what its log line holds, without the caller.

use std::fmt::Arguments;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter as _, SpanProcessor};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::otlp_client::Client;
use super::span::At;
use super::work::{Done, Outcome};
use crate::config::Traces;
use crate::scope::Scope;

/// The target of requests' spans.
const TARGET: &str = "roster::span";
/// How long sending may hold up an answer.
const PATIENCE: Duration = Duration::from_millis(400);
/// How many spans wait to be sent at most; what is more is dropped.
const MOST: usize = 4096;

/// Spans that have ended, and who sends them. A layer without a deed of its own, so that whoever has the subscriber has it.
#[derive(Clone)]
struct Spans(Arc<Held>);

struct Held {
    ended: Ended,
    exporter: tokio::sync::Mutex<SpanExporter>,
    is_failing: AtomicBool,
    /// Stops when dropped.
    _provider: SdkTracerProvider,
}

impl<S: Subscriber> Layer<S> for Spans {}

/// The layer that makes spans of OpenTelemetry of ours and the SDK's.
pub fn layer<S>(traces: &Traces) -> Result<impl Layer<S> + Send + Sync + use<S>, String>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let failed = |error: &dyn std::fmt::Display| format!("spans cannot be sent: {error}");
    let client = Client::new(&traces.endpoint, PATIENCE);
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(&traces.endpoint)
        .with_timeout(PATIENCE)
        // Between attempts it would put the whole thread to sleep.
        .with_retry_policy(RetryPolicy::disabled());
    let mut exporter = exporter.build().map_err(|error| failed(&error))?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(traces.service.clone()).with_attributes([version]).build();
    exporter.set_resource(&resource);
    let ended = Ended::default();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(ended.clone()).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("roster"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false);
    let exporter = tokio::sync::Mutex::new(exporter);
    let spans = Spans(Arc::new(Held { ended, exporter, is_failing: AtomicBool::new(false), _provider: provider }));
    Ok(spans.and_then(layer).with_filter(filter_fn(is_taken).with_max_level_hint(LevelFilter::DEBUG)))
}

/// Whether something becomes a span: a request, or a call of the SDK with all its attempts.
fn is_taken(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    metadata.is_span() && (target == TARGET || target.starts_with("aws_sdk_") && metadata.name().contains('.'))
}

impl Spans {
    /// Those of the subscriber that is in charge here.
    fn current() -> Option<Self> {
        tracing::dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Self>().cloned())
    }

    /// Sends all that has ended, of other requests too.
    async fn send(&self) {
        let Self(held) = self;
        // Waiting for others to send is waiting, too.
        let sending = async {
            let exporter = held.exporter.lock().await;
            let spans = std::mem::take(&mut *held.ended.lock());
            if spans.is_empty() { Ok(()) } else { exporter.export(spans).await }
        };
        let told = match tokio::time::timeout(PATIENCE, sending).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the collector did not answer in time".to_owned()),
        };
        // Once for each time that it breaks, and not with every request.
        if let (Some(error), false) = (&told, held.is_failing.swap(told.is_some(), Relaxed)) {
            tracing::warn!(error, "spans are lost");
        }
    }
}

/// Gathers spans as they end.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl Ended {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SpanData>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        // The SDK calls its calls internal, and numbers them for its own log.
        if span.attributes.iter().any(|attribute| attribute.key.as_str() == "rpc.system") {
            span.span_kind = SpanKind::Client;
            span.attributes.retain(|attribute| attribute.key.as_str() != "sdk_invocation_id");
        }
        let mut ended = self.lock();
        if ended.len() < MOST {
            ended.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The span of one piece of work.
pub struct Span(tracing::Span);

impl Span {
    /// Begins a span beneath the caller's, or a trace of its own; `kind` is OpenTelemetry's word for the work,
    /// and `name` one of few.
    pub fn begin(parent: Option<&At>, kind: &str, name: Arguments<'_>) -> Self {
        let span = tracing::info_span!(target: TARGET, "request", otel.kind = kind, otel.name = %name);
        if let Some(parent) = parent.and_then(remote)
            && !span.is_disabled()
        {
            // It fails only where no layer takes the span.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        Self(span)
    }

    /// Where it is, if somebody takes it.
    pub fn at(&self) -> Option<At> {
        let context = self.0.context();
        let place = context.span().span_context().clone();
        let at = At {
            trace: place.trace_id().to_string(),
            span: place.span_id().to_string(),
            is_sampled: place.is_sampled(),
        };
        place.is_valid().then_some(at)
    }

    /// Does the work within the span.
    pub fn of<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        work.instrument(self.0.clone())
    }

    /// Ends the span with what is known of the work now, and sends it before it goes on.
    pub async fn end(self, done: &Done<'_>, scope: &Scope) {
        if self.0.is_disabled() {
            return;
        }
        self.describe(done, scope);
        drop(self);
        if let Some(spans) = Spans::current() {
            spans.send().await;
        }
    }

    fn describe(&self, done: &Done<'_>, scope: &Scope) {
        let Self(span) = self;
        if let Some((method, route, status)) = done.http {
            span.set_attribute("http.request.method", method.to_owned());
            span.set_attribute("http.route", route.to_owned());
            span.set_attribute("http.response.status_code", i64::from(status));
        }
        span.set_attribute("roster.operation", done.operation.to_owned());
        if let Some(kind) = done.error_kind {
            span.set_attribute("error.type", kind.to_owned());
        }
        if done.outcome != Outcome::Answered {
            span.set_status(Status::error(""));
        }
        span.set_attribute("faas.coldstart", done.is_cold_start);
        span.set_attribute("roster.dynamodb_calls", i64::from(scope.dynamodb_calls.get()));
        span.set_attribute("roster.s3_calls", i64::from(scope.s3_calls.get()));
        span.set_attribute("roster.retries", i64::from(scope.retries.get()));
        span.set_attribute("roster.hash_ms", scope.hash_micros.thousandth());
    }
}

/// Marks the span in hand, which is that of a call to AWS, as failed.
pub fn fail_current() {
    tracing::Span::current().set_status(Status::error(""));
}

fn remote(At { trace, span, is_sampled }: &At) -> Option<SpanContext> {
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::default().with_sampled(*is_sampled);
    Some(SpanContext::new(trace, span, flags, true, TraceState::default()))
}
