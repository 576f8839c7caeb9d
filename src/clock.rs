//! The one source of the current time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::Timestamp;

/// Tells the time: the system's, or one that a test sets.
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is moved.
    pub fn settable(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.unix_millis()))))
    }

    /// Now, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        if let Some(millis) = &self.0 {
            return Timestamp::from_unix_millis(millis.load(Ordering::SeqCst));
        }
        #[expect(clippy::disallowed_methods, reason = "this is the clock that the rule points to")]
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    /// Moves a settable clock forward; the system's clock is left alone.
    pub fn advance_seconds(&self, seconds: i64) {
        if let Some(millis) = &self.0 {
            millis.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }
}
