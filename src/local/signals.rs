//! Being told to end: Ctrl-C, or SIGTERM as containers and service managers send it.

use tokio::runtime::Runtime;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Trouble;

/// Hears every signal to end that comes after it was made.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

#[cfg(unix)]
impl Signals {
    /// Begins to listen; the process no longer ends by itself on these signals.
    pub(super) fn listen(runtime: &Runtime) -> Result<Self, Trouble> {
        let _inside = runtime.enter();
        let hear = |kind| signal(kind).map_err(Trouble::start("listening for Ctrl-C"));
        Ok(Self { interrupt: hear(SignalKind::interrupt())?, terminate: hear(SignalKind::terminate())? })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Does nothing: there is only Ctrl-C here, and it is listened to when it is waited for.
    pub(super) fn listen(_: &Runtime) -> Result<Self, Trouble> {
        Ok(Self {})
    }

    /// Waits for the next Ctrl-C.
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
