//! One event as one line.

use std::fmt;

use serde_json::{Map, Number, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::{emf, work};
use crate::clock::Clock;

/// How events are written.
#[derive(Clone, Debug)]
pub enum Line {
    /// One JSON object: `timestamp`, `level`, `message` and the event's fields. The lines of requests hold CloudWatch's
    /// embedded metrics too, if there is a namespace for them.
    Json {
        /// The metrics' namespace.
        metrics: Option<String>,
    },
    /// For eyes: time, level, message, and the fields that say something.
    Text {
        /// Whether the level has a colour.
        is_coloured: bool,
    },
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let now = Clock::system().now();
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields(mut fields) = fields;
        match self {
            Self::Json { metrics } => {
                fields.insert("timestamp".to_owned(), now.to_string().into());
                fields.insert("level".to_owned(), metadata.level().as_str().into());
                if let Some(namespace) = metrics.as_deref().filter(|_| metadata.target() == work::TARGET) {
                    emf::add(&mut fields, namespace, now);
                }
                writeln!(writer, "{}", Value::Object(fields))
            }
            Self::Text { is_coloured } => {
                let (on, off) = if *is_coloured { (colour(*metadata.level()), "\x1b[0m") } else { ("", "") };
                let message = fields.remove("message").unwrap_or_default();
                write!(writer, "{now} {on}{:>5}{off} {}", metadata.level(), Plain(&message))?;
                for (name, value) in fields.iter().filter(|(_, value)| says_something(value)) {
                    write!(writer, " {name}={}", Plain(value))?;
                }
                writeln!(writer)
            }
        }
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[34m",
    }
}

/// In a terminal what was not spent and not so is left out.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Bool(is_so) => *is_so,
        Value::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    }
}

/// A value without the quotes that JSON needs, on one line whatever is in it.
struct Plain<'a>(&'a Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) if !text.contains(char::is_control) => f.write_str(text),
            value => write!(f, "{value}"),
        }
    }
}

/// The fields of one event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // Times in milliseconds and capacity in units: a thousandth is as fine as anyone wants it.
        self.add(field, Number::from_f64((value * 1000.0).round() / 1000.0).map_or(Value::Null, Value::Number));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, crate::error::chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}
