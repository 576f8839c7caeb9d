//! Turns: how much memory and how many cores passwords may take at once, and how long a request waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::scope;

/// Most memory that any imported hash may ask for, in KiB.
pub(super) const MOST_IMPORTED_KIB: u32 = 256 * 1024;

/// How many requests wait for a turn; more are told to come back at once. Fewer than the connections of a server, so
/// that a crowd of them leaves room for requests that hash nothing.
const MOST_WAITING: usize = 256;

/// What all hashes together may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many passwords are hashed at once; more than there are cores gains nothing.
    pub parallel: usize,
    /// Memory for all hashes at once, in MiB: half of the function's.
    pub memory_mib: u32,
    /// How long a request waits for its turn before it is told to come back.
    pub longest_wait: Duration,
}

impl Limits {
    /// Limits with the usual wait of ten seconds.
    pub fn new(parallel: usize, memory_mib: u32) -> Self {
        Self { parallel, memory_mib, longest_wait: Duration::from_secs(10) }
    }

    /// The most that one imported hash may take: half of this memory, which is a quarter of the function's.
    pub fn most_imported_kib(&self) -> u32 {
        (self.memory_mib.saturating_mul(1024) / 2).min(MOST_IMPORTED_KIB)
    }
}

/// Hands out turns, first come, first served.
#[derive(Clone)]
pub(super) struct Turns {
    /// One permit for each that works or waits.
    places: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// One permit per MiB.
    memory: Arc<Semaphore>,
    memory_mib: u32,
    longest_wait: Duration,
}

/// A turn: cores and memory come back when it is dropped.
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
    _core: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.parallel + MOST_WAITING)),
            cores: Arc::new(Semaphore::new(limits.parallel)),
            memory: Arc::new(Semaphore::new(limits.memory_mib as usize)),
            memory_mib: limits.memory_mib,
            longest_wait: limits.longest_wait,
        }
    }

    /// Waits for a turn with this much memory, for no longer than the request has left. A hash that needs more than there is works alone.
    pub(super) async fn take(&self, memory_kib: u32) -> Result<Turn, Error> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| too_many())?;
        let both = async {
            let core = self.cores.clone().acquire_owned().await?;
            let memory = self.memory.clone().acquire_many_owned(memory_kib.div_ceil(1024).min(self.memory_mib)).await?;
            Ok::<_, tokio::sync::AcquireError>(Turn { _place: place, _core: core, _memory: memory })
        };
        let longest = scope::time_left().map_or(self.longest_wait, |left| left.min(self.longest_wait));
        tokio::time::timeout(longest, both)
            .await
            .map_err(|_| too_many())?
            .map_err(|_| Error::internal("the hasher is closed"))
    }
}

fn too_many() -> Error {
    Error::Unavailable { reason: "too many passwords are being hashed", retry_after_seconds: 2, source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_never_given_twice_and_waiting_ends() {
        let limits = Limits { parallel: 8, memory_mib: 40, longest_wait: Duration::from_millis(20) };
        let turns = Turns::new(&limits);
        let first = turns.take(19 * 1024).await.unwrap();
        let _second = turns.take(19 * 1024 + 1).await.unwrap();
        match turns.take(19 * 1024).await {
            Err(Error::Unavailable { retry_after_seconds, .. }) => assert!(retry_after_seconds > 0),
            _ => panic!("a third hash found memory"),
        }
        drop(first);
        drop(turns.take(19 * 1024).await.unwrap());
        drop(turns.take(8 * 1024 * 1024).await.err().expect("the second still holds its part"));
    }

    #[tokio::test]
    async fn a_long_queue_is_turned_away_at_once() {
        let turns = Turns::new(&Limits { parallel: 1, memory_mib: 40, longest_wait: Duration::from_secs(60) });
        let first = turns.take(19 * 1024).await.unwrap();
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| Box::pin(turns.take(19 * 1024))).collect();
        for waits in &mut waiting {
            let waits = tokio::time::timeout(Duration::from_micros(1), waits.as_mut());
            assert!(waits.await.is_err(), "there is a place to wait");
        }
        let turned_away = tokio::time::timeout(Duration::from_secs(5), turns.take(19 * 1024)).await;
        assert!(matches!(turned_away, Ok(Err(Error::Unavailable { .. }))));
        drop(first);
        drop(waiting.remove(0).await.unwrap());
        drop(waiting);
        drop(turns.take(19 * 1024).await.unwrap());
    }

    #[test]
    fn an_imported_hash_may_take_a_quarter_of_the_function() {
        for (function_mb, most_mib) in [(128, 32), (512, 128), (1024, 256), (1769, 256), (10_240, 256)] {
            assert_eq!(Limits::new(1, function_mb / 2).most_imported_kib(), most_mib * 1024, "{function_mb}");
        }
    }
}
