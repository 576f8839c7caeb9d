//! A server on a thread and a runtime of its own, which ends when its handle does.
//!
//! The engines work in their callers' turns (a database call, a large object), so they share no runtime with
//! the API. One thread each is enough: the database is one connection behind a lock in any case.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::watch;

/// How long requests in flight may take once an engine is told to stop.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// A running server: stops, and waits until it has stopped, when dropped.
pub(super) struct Engine {
    address: SocketAddr,
    running: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Resolves when the engine is to stop.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<()>);

impl Stop {
    pub(super) async fn told(mut self) {
        // Nothing is ever sent: the handle lets go of its end.
        while self.0.changed().await.is_ok() {}
    }
}

impl Engine {
    /// Runs `serve` on a thread called `name` until the handle is dropped.
    pub(super) fn start<F>(
        name: &str,
        listener: TcpListener,
        serve: impl FnOnce(tokio::net::TcpListener, Stop) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()>,
    {
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (running, told) = watch::channel(());
        let stop = Stop(told);
        listener.set_nonblocking(true)?;
        let listener = {
            let _in_runtime = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, stop.clone()) => {}
                    () = async { stop.told().await; tokio::time::sleep(GRACE).await } => {}
                }
            });
            runtime.shutdown_timeout(GRACE);
        })?;
        Ok(Self { address, running: Some(running), thread: Some(thread) })
    }

    /// Returns the address it listens on.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by its own thread.
            let _ = thread.join();
        }
    }
}
