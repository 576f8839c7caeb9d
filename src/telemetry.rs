//! Logging: JSON lines on Lambda, readable lines in a terminal, and exactly one line for each request ([`work`]), which
//! carries its metrics as well.

mod emf;
mod line;
#[cfg(feature = "otel")]
pub mod otel;
#[cfg(feature = "otel")]
mod otlp_client;
pub mod span;
pub mod work;

use std::io::IsTerminal;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

pub use line::Line;

use crate::config::Config;

/// Starts logging to standard error, as the configuration says; a second call changes nothing.
pub fn init(config: &Config) {
    std::panic::set_hook(Box::new(|panic| {
        // The words of a panic may quote input, such as a password that was sliced: only the place is told.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
    let line = if config.log_json {
        Line::Json { metrics: config.metrics.clone() }
    } else {
        Line::Text { is_coloured: std::io::stderr().is_terminal() }
    };
    let is_told = levels(config).and(filter_fn(|metadata| metadata.is_event() && is_fit_to_log(metadata)));
    let registry = tracing_subscriber::registry().with(lines(line, std::io::stderr).with_filter(is_told));
    // The first subscriber stays: a test harness may have its own.
    #[cfg(not(feature = "otel"))]
    let (_is_first, trouble) = (registry.try_init().is_ok(), "this binary was built without feature otel".to_owned());
    #[cfg(feature = "otel")]
    let (_is_first, trouble) = match config.traces.as_ref().map(otel::layer).transpose() {
        Ok(layer) => (registry.with(layer).try_init().is_ok(), String::new()),
        Err(trouble) => (registry.try_init().is_ok(), trouble),
    };
    if config.traces.is_some() && !trouble.is_empty() {
        tracing::warn!(trouble, "there are no spans");
    }
}

/// What writes events as lines.
pub fn lines<S, W>(line: Line, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    tracing_subscriber::fmt::layer().event_format(line).with_writer(writer)
}

/// The levels that the configuration asks for. Metrics ride in the requests' lines, so where they are wanted those pass at
/// every level, unless the configuration names their target.
fn levels(config: &Config) -> Targets {
    let levels: Targets = config.log.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let is_named = config.log.contains(work::TARGET);
    if config.log_json && config.metrics.is_some() && !is_named {
        levels.with_target(work::TARGET, Level::INFO)
    } else {
        levels
    }
}

/// Whether an event may be logged whatever the levels say. Below `info` the crates beneath us write whole requests into
/// the log, and a request to DynamoDB holds names and hashes. The embedded engines warn of every refused condition and
/// signature, which are answers and not faults: they are silent.
pub fn is_fit_to_log(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let is_engine = target.starts_with("dynoxide") || target.starts_with("s3s");
    target.starts_with("roster") || (!is_engine && *metadata.level() <= Level::INFO)
}

/// Ends a process that cannot start: one line on standard error, exit code 1.
#[expect(clippy::print_stderr, reason = "logging is configured by what could not be read")]
pub fn refuse_to_start(reason: &dyn std::fmt::Display) -> ! {
    eprintln!("roster: {reason}");
    std::process::exit(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_pass_at_every_level_unless_they_are_named() {
        let asks = |variables: &[(&str, &str)]| {
            let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
            levels(&Config::for_local(&lookup).unwrap()).would_enable(work::TARGET, &Level::INFO)
        };
        let quiet = ("ROSTER_LOG", "error");
        let (json, metrics) = (("ROSTER_LOG_FORMAT", "json"), ("ROSTER_METRICS", "Roster"));
        assert!(asks(&[]));
        assert!(!asks(&[quiet]));
        assert!(!asks(&[quiet, json]));
        assert!(asks(&[quiet, json, metrics]));
        assert!(!asks(&[("ROSTER_LOG", "error,roster::request=off"), json, metrics]));
    }
}
