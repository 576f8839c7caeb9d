//! Everything that the tests of this process logged, at the most talkative level that a deployment can set.

use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

use roster::telemetry::Line;
use serde_json::Value;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ONCE: Once = Once::new();

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts to capture; later calls do nothing.
pub fn capture() {
    ONCE.call_once(|| {
        let lines = roster::telemetry::lines(Line::Json { metrics: Some("Roster".to_owned()) }, || Captured);
        tracing_subscriber::registry().with(filter_fn(roster::telemetry::is_fit_to_log)).with(lines).init();
    });
}

/// The lines of one request, each of which is a JSON object.
pub fn lines_of(request_id: &str) -> Vec<Value> {
    let text = logged();
    let lines = text.lines().filter(|line| line.contains(request_id));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// What has been logged so far.
pub fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
