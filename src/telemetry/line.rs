//! One event as one line.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::emf::Noted;
use super::work;
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
        let level = *event.metadata().level();
        match self {
            Self::Json { metrics } => {
                let mut line = Json::default();
                let _ = write!(line.text, r#"{{"timestamp":"{now}","level":"{level}""#);
                event.record(&mut line);
                let is_request = event.metadata().target() == work::TARGET;
                if let Some(namespace) = metrics.as_deref().filter(|_| is_request) {
                    line.noted.finish(&mut line.text, level, namespace, now);
                }
                writeln!(writer, "{}}}", line.text)
            }
            Self::Text { is_coloured } => {
                let (on, off) = if *is_coloured { (colour(level), "\x1b[0m") } else { ("", "") };
                let mut line = Text::default();
                event.record(&mut line);
                writeln!(writer, "{now} {on}{level:>5}{off} {}{}", line.message, line.fields)
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

/// A text as JSON has it, in quotes.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Times in milliseconds and capacity in units: a thousandth is as fine as anyone wants it.
fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The fields of one event as members of a JSON object, each with a comma ahead. A field is written as it comes: nothing is
/// gathered first.
#[derive(Default)]
struct Json {
    text: String,
    /// What metrics are made of.
    noted: Noted,
}

impl Json {
    /// Writes a member whose value is JSON already.
    fn add(&mut self, field: &Field, value: impl fmt::Display) {
        // A name is a literal in somebody's code: words, dots at most, nothing to escape. Two are taken.
        if !["timestamp", "level"].contains(&field.name()) {
            let _ = write!(self.text, r#","{}":{value}"#, field.name());
        }
    }
}

impl Visit for Json {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.noted.number(field.name(), value);
        let value = thousandths(value);
        // With a point, so that a field is of one kind in every line.
        if value.is_finite() { self.add(field, format_args!("{value:?}")) } else { self.add(field, "null") }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    #[expect(clippy::cast_precision_loss, reason = "whether it is more than nothing")]
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.noted.number(field.name(), value as f64);
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.noted.text(field.name());
        self.add(field, quoted(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_str(field, &crate::error::chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// The fields of one event for a terminal, where what was not spent and not so is left out.
#[derive(Default)]
struct Text {
    message: String,
    /// Each with a blank ahead.
    fields: String,
}

impl Text {
    fn add(&mut self, field: &Field, value: impl fmt::Display) {
        let _ = write!(self.fields, " {}={value}", field.name());
    }
}

impl Visit for Text {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if thousandths(value) != 0.0 {
            self.add(field, thousandths(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if value != 0 {
            self.add(field, value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if value != 0 {
            self.add(field, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if value {
            self.add(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // On one line whatever is in it.
        let value = if value.contains(char::is_control) { &quoted(value) } else { value };
        if field.name() == "message" { value.clone_into(&mut self.message) } else { self.add(field, value) }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_str(field, &crate::error::chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of an event.
    fn line_of(line: Line, event: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let lines = crate::telemetry::lines(line, move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), event);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with('\n') && !text.trim_end().contains('\n'), "one line: {text:?}");
        text.trim_end().to_owned()
    }

    fn awkward() {
        tracing::warn!(
            cause = "a \"quote\"\nand \u{1b}[31m",
            other = ?Some("x"),
            nothing = 0_u64,
            two = 2_i64,
            time_ms = 1.23456,
            endless = f64::INFINITY,
            is_so = true,
            is_not = false,
            absent = None::<&str>,
            level = "theirs",
            "what\twas"
        );
    }

    #[test]
    fn a_json_line_keeps_every_value() {
        let line: Value =
            serde_json::from_str(&line_of(Line::Json { metrics: Some("Roster".to_owned()) }, awkward)).unwrap();
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
        let mut expected = json!({
            "level": "WARN", "message": "what\twas", "cause": "a \"quote\"\nand \u{1b}[31m", "other": "Some(\"x\")",
            "nothing": 0, "two": 2, "time_ms": 1.235, "endless": null, "is_so": true, "is_not": false,
        });
        expected["timestamp"] = line["timestamp"].clone();
        assert_eq!(line, expected, "and no metrics, which are of requests alone");
    }

    #[test]
    fn a_line_for_eyes_is_one_line_of_what_says_something() {
        let line = line_of(Line::Text { is_coloured: false }, awkward);
        let (_, said) = line.split_once(' ').unwrap();
        let expected = r#" WARN "what\twas" cause="a \"quote\"\nand \u001b[31m" other=Some("x") two=2 time_ms=1.235 endless=inf is_so=true level=theirs"#;
        assert_eq!(said, expected);
    }
}
