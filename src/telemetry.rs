//! Logging: JSON lines on Lambda, readable lines in a terminal.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Config;

/// Starts logging to standard error, as the configuration says; a second call changes nothing.
pub fn init(config: &Config) {
    std::panic::set_hook(Box::new(|panic| {
        // The words of a panic may quote input, such as a password that was sliced: only the place is told.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
    let filter: Targets = config.log.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_fit_to_log));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // The first subscriber stays: a test harness may have its own.
    let _is_first = if config.log_json {
        registry
            .with(layer.json().flatten_event(true).with_current_span(false).with_span_list(false))
            .try_init()
            .is_ok()
    } else {
        registry.with(layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).try_init().is_ok()
    };
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
