//! Mixed load at the highest rate that the embedded engines take, with faults on: nothing acknowledged is lost.
//!
//! Three parts, as on AWS: a server under test, a proxy that makes the weather between it and DynamoDB, and a second server
//! whose engines the first one uses, and which is killed now and then. Whoever sends requests keeps a journal of what was
//! answered, and `roster events --follow` listens; in the end the journal is compared with the table, with the server's log,
//! and with the change events.
//!
//! ```sh
//! cargo test --test it soak -- --nocapture                                    # some seconds, as in every run of the tests
//! cargo build --profile server && \
//!   ROSTER_SOAK_SECONDS=600 ROSTER_SOAK_BINARY=$PWD/target/server/roster cargo test --test it soak -- --nocapture
//! ```

mod follower;
mod journal;
mod servers;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::harness::faults::{Fault, Faults, error};
use crate::harness::tell;
use follower::Follower;
use journal::Journal;
use servers::{Engines, Server, roster};
use worker::Worker;

/// How many send requests at once.
const WORKERS: usize = 12;
/// How often the engines are killed, at most.
const SHORTEST_LIFE: Duration = Duration::from_secs(4);
const LONGEST_LIFE: Duration = Duration::from_secs(60);

fn duration() -> Duration {
    let seconds = std::env::var("ROSTER_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

/// One call in twenty meets a fault; few are silent, since each of those holds up a worker until its deadline.
fn weather(number: u64) -> Option<Fault> {
    let error = |status: u16, kind| Fault::Error(StatusCode::from_u16(status).unwrap(), error(kind));
    let dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    match dice % 1000 {
        0..10 => Some(Fault::Late(Duration::from_millis(60))),
        10..18 => Some(Fault::Cut),
        18..26 => Some(Fault::LostAnswer),
        26..34 => Some(error(500, "InternalServerError")),
        34..46 => Some(error(400, "ThrottlingException")),
        46..47 => Some(Fault::Silence),
        47..48 => Some(Fault::SilenceAfterActing),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_under_load_with_faults() {
    let duration = duration();
    let folder = tempfile::tempdir().unwrap();
    let mut engines = Engines::start(folder.path());
    let follower = Follower::start(roster(), &engines.api_url());
    let faults = Faults::before(engines.dynamodb()).await;
    let server = Server::start(&faults.url, &engines.s3_url(), folder.path());
    let calls = AtomicU64::new(0);
    faults.weather(Some(Box::new(move |_| weather(calls.fetch_add(1, Ordering::Relaxed)))));

    let began = Instant::now();
    let until = began + duration;
    let journal = Arc::new(Journal::default());
    let workers: Vec<_> = (0..WORKERS)
        .map(|number| tokio::spawn(Worker::new(number, server.url(), Arc::clone(&journal)).work(until)))
        .collect();
    let life = (duration / 3).clamp(SHORTEST_LIFE, LONGEST_LIFE);
    let (mut reborn, mut kills, mut told) = (Instant::now(), 0, Instant::now());
    let mut watched = Vec::new();
    tell(" seconds   requests      RSS KiB    files    kills");
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        faults.calls();
        if reborn.elapsed() > life && Instant::now() + Duration::from_secs(3) < until {
            engines = tokio::task::spawn_blocking(|| engines.kill_and_restart()).await.unwrap();
            (reborn, kills) = (Instant::now(), kills + 1);
        }
        if told.elapsed() >= duration / 20 {
            told = Instant::now();
            let (rss, files) = server.usage();
            watched.push((rss, files));
            let seconds = began.elapsed().as_secs_f64();
            tell(&format!("{seconds:8.1} {:10} {rss:12} {files:8} {kills:8}", journal.requests()));
        }
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let took = began.elapsed();
    faults.weather(None);

    let log = server.stop();
    let items = engines.items().await;
    let summary = journal.compare_with_table(&items);
    let lines = journal.compare_with_log(log);
    let events = tokio::task::spawn_blocking(move || engines.events(follower)).await.unwrap();
    let events = journal.compare_with_events(&events);
    let rate = journal.requests() / usize::try_from(took.as_secs().max(1)).unwrap();
    tell(&format!("{summary}\n{lines}\n{events}\n{rate} requests a second, engines killed {kills} times"));
    assert!(journal.slowest() < servers::DEADLINE + Duration::from_secs(2), "{:?}", journal.slowest());
    // Growth, from when everything has been in use once to the end. In a short run each core may hash for the first time
    // late, and keeps the 19 MiB for the next time.
    if let (Some(first), Some(last)) = (watched.get(watched.len() / 3), watched.last()) {
        let (share, more) = if duration >= Duration::from_mins(2) { (5, 8 * 1024) } else { (4, 96 * 1024) };
        assert!(last.0 < first.0 * share / 4 + more, "memory grew from {} to {} KiB", first.0, last.0);
        assert!(last.1 < first.1 + 32, "descriptors grew from {} to {}", first.1, last.1);
    }
}
