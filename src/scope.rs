//! The scope of one piece of work, such as a request: when it must be answered, and what it has cost so far.
//!
//! It follows the task that does the work and is no argument: the calls to AWS are watched by an interceptor of the SDK
//! (`aws/watch.rs`), which is handed nothing of ours, and calls are made six rooms below the door that knows the deadline.
//! Outside every scope (the command line) there is no deadline and nothing is counted.
//!
//! # What a deadline means for writes
//!
//! No call is begun once [`time_left`] is zero, and a call under way is dropped at the deadline, before the answer is
//! given. What DynamoDB has received by then it may still do, so 504 says "it may have happened". Repeating is safe
//! each time: a create by its `Idempotency-Key` (without one the second is 409), a change by being the same change
//! (which writes nothing) or 412 under `If-Match`, a password by being set to the same one, a delete by 404.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

tokio::task_local! {
    static CURRENT: Arc<Scope>;
}

/// One piece of work.
#[derive(Debug, Default)]
pub struct Scope {
    deadline: Option<Instant>,
    /// Who asked for it: a calling service.
    pub caller: OnceLock<String>,
    /// Calls sent to DynamoDB, repeated ones included.
    pub dynamodb_calls: Count,
    /// Calls sent to S3, likewise.
    pub s3_calls: Count,
    /// Calls sent to EventBridge, likewise.
    pub bus_calls: Count,
    /// Records of the table's stream that were handed over.
    pub records: Count,
    /// Change events that were told, all before the first that was not.
    pub events: Count,
    /// Calls sent again, and writes tried again after a conflict.
    pub retries: Count,
    /// Answers that asked us to slow down.
    pub throttles: Count,
    /// Requests that a quota refused.
    pub quota_refusals: Count,
    /// Read capacity, in thousandths of a unit; DynamoDB tells it of calls that succeed.
    pub read_milli_units: Total,
    /// Write capacity, likewise.
    pub write_milli_units: Total,
    /// Time spent hashing passwords, in microseconds.
    pub hash_micros: Total,
    /// Time spent waiting for a turn to hash, in microseconds.
    pub hash_wait_micros: Total,
}

/// A small number that grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU32);

/// A number that grows.
#[derive(Debug, Default)]
pub struct Total(AtomicU64);

impl Count {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// Some more.
    pub fn add(&self, more: usize) {
        self.0.fetch_add(u32::try_from(more).unwrap_or(u32::MAX), Relaxed);
    }

    /// So many.
    pub fn get(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// So many, if there were any.
    pub fn some(&self) -> Option<u32> {
        Some(self.get()).filter(|count| *count > 0)
    }
}

impl Total {
    /// So much more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// That much more time, counted in microseconds.
    pub fn add_time(&self, time: Duration) {
        self.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// A thousandth of it: milliseconds of microseconds, units of thousandths.
    #[expect(clippy::cast_precision_loss, reason = "nobody spends 2^53 of anything here")]
    pub fn thousandth(&self) -> f64 {
        self.0.load(Relaxed) as f64 / 1000.0
    }
}

impl Scope {
    /// Work that must be done by `deadline`, if there is one.
    pub fn until(deadline: Option<Instant>) -> Arc<Self> {
        Arc::new(Self { deadline, ..Self::default() })
    }

    /// Does `work` within this scope.
    pub async fn of<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(Arc::clone(self), work).await
    }
}

/// Notes something in the scope of the running task, if there is one.
pub fn note(what: impl FnOnce(&Scope)) {
    let _outside = CURRENT.try_with(|scope| what(scope));
}

/// How long the work in hand may still take; nothing where nobody waits.
pub fn time_left() -> Option<Duration> {
    let deadline = CURRENT.try_with(|scope| scope.deadline).ok().flatten()?;
    Some(deadline.saturating_duration_since(Instant::now()))
}

/// Waits before the work is tried again; false, at once, where the deadline would pass meanwhile.
pub async fn pause(time: Duration) -> bool {
    if time_left().is_some_and(|left| left <= time) {
        return false;
    }
    note(|scope| scope.retries.one());
    tokio::time::sleep(time).await;
    true
}

/// The deadline has passed before a call was begun.
#[derive(Debug, thiserror::Error)]
#[error("the deadline has passed")]
pub struct OutOfTime;

impl OutOfTime {
    /// Whether it lies beneath an error.
    pub fn is_beneath(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |&error| error.source()).any(<dyn std::error::Error>::is::<Self>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scope_counts_its_own_work_alone() {
        let (one, other) = (Scope::until(None), Scope::until(None));
        one.of(async { note(|scope| scope.s3_calls.one()) }).await;
        other
            .of(async { tokio::join!(async { note(|s| s.s3_calls.one()) }, async { note(|s| s.s3_calls.one()) }) })
            .await;
        note(|scope| scope.s3_calls.one());
        assert_eq!((one.s3_calls.get(), other.s3_calls.get(), time_left()), (1, 2, None));
    }

    #[tokio::test]
    async fn nobody_waits_beyond_the_deadline() {
        let scope = Scope::until(Some(Instant::now() + Duration::from_millis(40)));
        let began = Instant::now();
        assert!(!scope.of(pause(Duration::from_secs(5))).await);
        assert!(scope.of(pause(Duration::from_millis(1))).await);
        assert!(began.elapsed() < Duration::from_secs(1));
        assert_eq!(scope.retries.get(), 1);
    }
}
