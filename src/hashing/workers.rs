//! Threads that hash, each in memory of its own, which is wiped and used again.
//!
//! They are made when they are first needed, and no more of them than there are turns. The one that worked last works
//! next, so that passwords that come one by one, as on Lambda, take one thread and one memory. On a machine that serves
//! more than one request at a time they step back behind those who answer: a hash is long, and a read beside it is short.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Block;
use tokio::sync::oneshot;

use crate::error::Error;

type Job = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// The threads that have nothing to do. They end when the last clone is dropped.
#[derive(Clone, Default)]
pub(super) struct Workers {
    idle: Arc<Mutex<Vec<Sender<Job>>>>,
}

impl Workers {
    /// Starts a thread with so many blocks, all of them written once, so that the system has given them. Waits for that: what
    /// is not done when a sandbox has started is done in its first request's time. Gives how many there are now; where that
    /// is none, the first work tells why.
    pub(super) fn make_ready(&self, blocks: usize) -> usize {
        let Ok(worker) = start() else { return 0 };
        let (tell, told) = channel();
        let write = move |memory: &mut Vec<Block>| {
            memory.resize(blocks, Block::new());
            let _is_told = tell.send(memory.len());
        };
        let sent = worker.send(Box::new(write));
        let Some(ready) = sent.ok().and_then(|()| told.recv().ok()) else { return 0 };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        ready
    }

    /// Does `work` on one of the threads; what an imported hash needs beyond `kept` blocks is given back. The work goes on
    /// where nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        kept: usize,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = match idle {
            Some(worker) => worker,
            None => start()?,
        };
        let (tell, told) = oneshot::channel();
        let (home, back) = (Arc::downgrade(&self.idle), worker.clone());
        let job = move |memory: &mut Vec<Block>| {
            let outcome = work(memory);
            if memory.len() > kept {
                *memory = Vec::new();
            }
            // Before the answer, so that whoever asks next finds this thread. One that panics does not come here, and ends.
            if let Some(home) = home.upgrade() {
                home.lock().unwrap_or_else(PoisonError::into_inner).push(back);
            }
            let _nobody_waits = tell.send(outcome);
        };
        worker.send(Box::new(job)).map_err(|_| Error::internal("a hashing thread has ended"))?;
        told.await.map_err(|_| Error::internal("hashing panicked"))
    }
}

fn start() -> Result<Sender<Job>, Error> {
    let (sender, jobs) = channel::<Job>();
    let work = move || {
        step_back();
        let mut memory = Vec::new();
        for job in jobs {
            job(&mut memory);
        }
    };
    let started = std::thread::Builder::new().name("hash".into()).spawn(work);
    started.map_err(|e| Error::Internal { context: "a hashing thread cannot be started", source: Some(e.into()) })?;
    Ok(sender)
}

/// Lets other threads go first. A function of Lambda has one request at a time, and nobody to let by.
#[cfg(all(feature = "local", target_os = "linux"))]
fn step_back() {
    // Of this thread alone, on Linux. Where it may not be, hashes compete.
    let _unchanged = rustix::process::nice(NICE);
}

/// A third of the share of a core that others have who want it: enough to let them by, and no standstill on a busy machine.
#[cfg(all(feature = "local", target_os = "linux"))]
const NICE: i32 = 5;

#[cfg(not(all(feature = "local", target_os = "linux")))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use super::*;

    async fn thread(workers: &Workers) -> ThreadId {
        workers.run(0, |_| current().id()).await.unwrap()
    }

    #[tokio::test]
    async fn one_by_one_takes_one_thread_and_a_panic_costs_it_alone() {
        let workers = Workers::default();
        let first = thread(&workers).await;
        assert_eq!(thread(&workers).await, first);
        assert!(workers.run(0, |_| panic!("on purpose")).await.is_err());
        let second = thread(&workers).await;
        assert_ne!(second, first);
        let (one, other) = tokio::join!(
            workers.run(0, |_| std::thread::sleep(std::time::Duration::from_millis(50))),
            workers.run(0, |_| current().id())
        );
        one.unwrap();
        assert_ne!(other.unwrap(), second, "the other one works");
    }

    #[tokio::test]
    async fn memory_stays_unless_it_is_more_than_usual() {
        let workers = Workers::default();
        let found = async |wanted: usize| {
            let work = move |memory: &mut Vec<Block>| {
                let found = memory.len();
                memory.resize(wanted, Block::new());
                found
            };
            workers.run(8, work).await.unwrap()
        };
        assert_eq!((found(8).await, found(9).await, found(8).await), (0, 8, 0));
    }

    #[tokio::test]
    async fn what_is_made_ready_is_what_works() {
        let workers = Workers::default();
        assert_eq!(workers.make_ready(4096), 4096);
        assert_eq!(workers.idle.lock().unwrap().len(), 1);
        assert_eq!(workers.run(4096, |memory| memory.len()).await.unwrap(), 4096);
    }

    #[tokio::test]
    async fn threads_end_with_their_last_owner() {
        let (workers, (alive, ended)) = (Workers::default(), channel::<()>());
        workers
            .run(0, move |memory| {
                memory.clear();
            })
            .await
            .unwrap();
        // Held by the thread's own stack for as long as it lives.
        workers.run(0, move |_| LEASH.set(Some(alive))).await.unwrap();
        drop(workers);
        assert!(
            ended
                .recv_timeout(std::time::Duration::from_secs(5))
                .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Disconnected)
        );
    }

    thread_local! {
        static LEASH: std::cell::Cell<Option<Sender<()>>> = const { std::cell::Cell::new(None) };
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashes_step_back_and_nobody_else() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        assert_eq!(Workers::default().run(0, move |_| nice()).await.unwrap(), (before + NICE).min(19));
        assert_eq!(nice(), before);
    }
}
