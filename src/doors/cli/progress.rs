//! How far a long command is: a bar on a terminal, a plain line now and then elsewhere. All on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// The time between two plain lines.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    told: Instant,
    total: Option<u64>,
    what: &'static str,
}

impl Progress {
    /// Starts; `total` is in whatever [`Self::tell`] counts.
    pub(super) fn start(what: &'static str, total: Option<u64>) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let template = if total.is_some() {
                "{elapsed_precise} [{wide_bar}] {percent:>3}%  {msg}  {eta_precise} left"
            } else {
                "{elapsed_precise} {spinner} {msg}"
            };
            bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let now = Instant::now();
        Self { bar, started: now, told: now, total, what }
    }

    /// Tells how many are done, and how far that is.
    pub(super) fn tell(&mut self, done: u64, position: u64) {
        if self.told.elapsed() < if self.bar.is_some() { Duration::from_millis(100) } else { PAUSE } {
            return;
        }
        self.told = Instant::now();
        let message = format!("{done} {} ({:.0} a second)", self.what, self.rate(done));
        if let Some(bar) = &self.bar {
            bar.set_message(message);
            bar.set_position(position);
        } else {
            let percent = self.total.filter(|total| *total > 0).map(|total| format!(", {}%", position * 100 / total));
            self.line(&format!("{message}{}", percent.unwrap_or_default()));
        }
    }

    /// Says something without disturbing the bar.
    pub(super) fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => {
                let _ = writeln!(io::stderr(), "{line}");
            }
        }
    }

    /// Ends the bar, and tells how long it all took, `details`, and the most memory that it held.
    pub(super) fn finish(&self, done: u64, details: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let (seconds, rate) = (self.started.elapsed().as_secs_f64(), self.rate(done));
        let peak = peak_memory_mib().map(|mib| format!(" Peak memory {mib} MiB.")).unwrap_or_default();
        let what = if done == 1 { self.what.trim_end_matches('s') } else { self.what };
        self.line(&format!("{done} {what} in {seconds:.1} s ({rate:.0} a second){details}.{peak}"));
    }

    #[expect(clippy::cast_precision_loss, reason = "it is told without decimals")]
    fn rate(&self, done: u64) -> f64 {
        done as f64 / self.started.elapsed().as_secs_f64().max(0.001)
    }
}

/// The most memory that this process has held, in MiB; known on Linux.
fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib / 1024)
}
