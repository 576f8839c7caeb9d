//! Whether something is done in time, on a machine that may be busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much later than at its deadline an answer may come.
const GRACE: Duration = Duration::from_millis(100);

/// Does it, holds that it takes no longer than `limit` and a grace, and gives how long it took.
pub async fn in_time<T>(label: &str, limit: Duration, work: impl Future<Output = T>) -> (T, Duration) {
    let (lateness, began) = (Lateness::watch(), Instant::now());
    let outcome = work.await;
    let took = began.elapsed();
    assert!(took <= limit + GRACE + lateness.worst(), "{label}: {took:?}, machine {:?}", lateness.worst());
    (outcome, took)
}

/// How late this machine wakes whoever sleeps: no answer can be more punctual.
struct Lateness {
    worst_millis: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Lateness {
    fn watch() -> Self {
        let this = Self { worst_millis: Arc::default(), is_over: Arc::default() };
        let (worst, is_over) = (this.worst_millis.clone(), this.is_over.clone());
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(Duration::from_millis(5));
                let late = began.elapsed().saturating_sub(Duration::from_millis(5)).as_millis();
                worst.fetch_max(u64::try_from(late).unwrap(), Ordering::Relaxed);
            }
        });
        this
    }

    fn worst(&self) -> Duration {
        Duration::from_millis(self.worst_millis.load(Ordering::Relaxed))
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
