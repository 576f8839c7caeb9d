//! Turns: how much memory and how many cores passwords may take at once, and how long a request waits for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::scope;

/// Most memory that any imported hash may ask for, in KiB.
pub(super) const MOST_IMPORTED_KIB: u32 = 256 * 1024;

/// How many requests wait for a turn at most; more are told to come back at once, however quick hashes are. Fewer than the connections of a server, so
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

/// Hands out places in the queue, and turns to those who have one; first come, first served.
#[derive(Clone)]
pub(super) struct Turns {
    /// One permit for each request that works, waits, or is about to.
    places: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    parallel: usize,
    /// One permit per MiB.
    memory: Arc<Semaphore>,
    memory_mib: u32,
    longest_wait: Duration,
    /// How long a hash takes of late, in microseconds; 0 where none has been made.
    typical: Arc<AtomicU64>,
}

/// A place in the queue.
pub(super) struct Place {
    turns: Turns,
    _place: OwnedSemaphorePermit,
}

/// A turn: cores and memory come back when it ends or is dropped.
pub(super) struct Turn {
    began: Instant,
    typical: Arc<AtomicU64>,
    _core: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

impl Turns {
    /// Turns within these limits, where a usual hash takes `memory_kib`.
    pub(super) fn new(limits: &Limits, memory_kib: u32) -> Self {
        let fit = limits.memory_mib / memory_kib.div_ceil(1024).max(1);
        let parallel = limits.parallel.min(fit as usize).max(1);
        Self {
            places: Arc::new(Semaphore::new(parallel + MOST_WAITING)),
            cores: Arc::new(Semaphore::new(parallel)),
            parallel,
            memory: Arc::new(Semaphore::new(limits.memory_mib as usize)),
            memory_mib: limits.memory_mib,
            longest_wait: limits.longest_wait,
            typical: Arc::default(),
        }
    }

    /// Takes a place, or tells at once to come back when the queue is too long: for itself, or for the time that the
    /// request has left. Whoever finds a core free has a place in any case, however long hashes were before.
    pub(super) fn queue(&self) -> Result<Place, Error> {
        let place = self.places.clone().try_acquire_owned();
        let before_me = self.parallel + MOST_WAITING - self.places.available_permits() - usize::from(place.is_ok());
        let typical = Duration::from_micros(self.typical.load(Relaxed));
        let rounds = (before_me + 1).saturating_sub(self.parallel).div_ceil(self.parallel);
        let wait = typical * u32::try_from(rounds).unwrap_or(u32::MAX);
        let is_soon = wait.is_zero() || wait + typical <= self.patience();
        match place {
            Ok(place) if is_soon => Ok(Place { turns: self.clone(), _place: place }),
            _ => Err(too_many(wait)),
        }
    }

    /// How long a request may wait for its turn. A quarter of what it has left is for what it does before and after.
    fn patience(&self) -> Duration {
        scope::time_left().map_or(self.longest_wait, |left| (left / 4 * 3).min(self.longest_wait))
    }
}

impl Place {
    /// Waits for a turn with this much memory, for no longer than the request can. A hash that needs more than there is
    /// works alone.
    pub(super) async fn turn(&self, memory_kib: u32) -> Result<Turn, Error> {
        let turns = &self.turns;
        let both = async {
            let core = turns.cores.clone().acquire_owned().await?;
            let permits = memory_kib.div_ceil(1024).min(turns.memory_mib);
            let memory = turns.memory.clone().acquire_many_owned(permits).await?;
            Ok::<_, AcquireError>((core, memory))
        };
        let (core, memory) = tokio::time::timeout(turns.patience(), both)
            .await
            .map_err(|_| too_many(turns.longest_wait / 2))?
            .map_err(|_| Error::internal("the hasher is closed"))?;
        Ok(Turn { began: Instant::now(), typical: turns.typical.clone(), _core: core, _memory: memory })
    }
}

impl Turn {
    /// Ends a turn in which a hash was made: how long it took is what the next ones are thought to take.
    pub(super) fn end(self) {
        let took = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX / 8).max(1);
        let blend = |typical: u64| if typical == 0 { took } else { (typical / 8 * 7 + took / 8).max(1) };
        // Two that end at once may each miss the other's time.
        self.typical.store(blend(self.typical.load(Relaxed)), Relaxed);
    }
}

fn too_many(wait: Duration) -> Error {
    let retry_after_seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
    Error::Unavailable { reason: "too many passwords are being hashed", retry_after_seconds, source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH_KIB: u32 = 19 * 1024;

    async fn take(turns: &Turns, memory_kib: u32) -> Result<Turn, Error> {
        turns.queue()?.turn(memory_kib).await
    }

    #[tokio::test]
    async fn memory_is_never_given_twice_and_waiting_ends() {
        let limits = Limits { parallel: 8, memory_mib: 40, longest_wait: Duration::from_millis(20) };
        let turns = Turns::new(&limits, HASH_KIB);
        let first = take(&turns, HASH_KIB).await.unwrap();
        let _second = take(&turns, HASH_KIB + 1).await.unwrap();
        match take(&turns, HASH_KIB).await {
            Err(Error::Unavailable { retry_after_seconds, .. }) => assert!(retry_after_seconds > 0),
            _ => panic!("a third hash found memory"),
        }
        drop(first);
        drop(take(&turns, HASH_KIB).await.unwrap());
        drop(take(&turns, 8 * 1024 * 1024).await.err().expect("the second still holds its part"));
    }

    #[tokio::test]
    async fn a_long_queue_is_turned_away_at_once() {
        let limits = Limits { parallel: 1, memory_mib: 40, longest_wait: Duration::from_secs(60) };
        let turns = Turns::new(&limits, HASH_KIB);
        let first = take(&turns, HASH_KIB).await.unwrap();
        let mut waiting: Vec<_> = (0..=MOST_WAITING).filter_map(|_| turns.queue().ok()).collect();
        assert_eq!(waiting.len(), MOST_WAITING + 1, "places to wait");
        assert!(matches!(turns.queue(), Err(Error::Unavailable { .. })));
        let next = waiting.pop().unwrap();
        let mut next = Box::pin(next.turn(HASH_KIB));
        assert!(tokio::time::timeout(Duration::from_millis(20), next.as_mut()).await.is_err(), "one works already");
        drop(first);
        drop(next.await.unwrap());
        drop(waiting);
        drop(take(&turns, HASH_KIB).await.unwrap());
    }

    #[tokio::test]
    async fn who_would_wait_beyond_the_deadline_is_turned_away_at_once() {
        let limits = Limits { parallel: 2, memory_mib: 64, longest_wait: Duration::from_secs(60) };
        let turns = Turns::new(&limits, HASH_KIB);
        turns.typical.store(300_000, Relaxed);
        let scope = scope::Scope::until(Some(Instant::now() + Duration::from_secs(4)));
        let within = async |count: usize| {
            let places: Vec<_> = (0..count).map_while(|_| turns.queue().ok()).collect();
            places
        };
        // Three seconds for waiting and the hash itself: two that work, and eight rounds of two that wait.
        let places = scope.of(within(100)).await;
        assert_eq!(places.len(), 2 + 2 * 8);
        match scope.of(async { turns.queue() }).await.err() {
            Some(Error::Unavailable { retry_after_seconds, .. }) => assert_eq!(retry_after_seconds, 3),
            _ => panic!("there was a place"),
        }
        assert!(turns.queue().is_ok(), "who has no deadline may wait");
    }

    #[tokio::test]
    async fn a_free_core_is_taken_however_long_hashes_were() {
        let turns = Turns::new(&Limits::new(1, 64), HASH_KIB);
        turns.typical.store(3_600_000_000, Relaxed);
        let scope = scope::Scope::until(Some(Instant::now() + Duration::from_secs(1)));
        let turn = scope.of(take(&turns, HASH_KIB)).await.unwrap();
        assert!(scope.of(take(&turns, HASH_KIB)).await.is_err());
        turn.end();
        let typical = turns.typical.load(Relaxed);
        assert!((3_000_000_000..3_200_000_000).contains(&typical), "an eighth is of today: {typical}");
    }

    #[test]
    fn an_imported_hash_may_take_a_quarter_of_the_function() {
        for (function_mb, most_mib) in [(128, 32), (512, 128), (1024, 256), (1769, 256), (10_240, 256)] {
            assert_eq!(Limits::new(1, function_mb / 2).most_imported_kib(), most_mib * 1024, "{function_mb}");
        }
    }
}
