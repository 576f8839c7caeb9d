//! One sandbox: a Lambda binary as a process of its own, under the share of a processor that its memory buys, once it has
//! started. INIT has a whole processor whatever the memory, as it has on Lambda
//! (<https://bitesizedserverless.com/bite/lambda-cold-start-bootstrap/>).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::runtime_api::{RuntimeApi, Said};

/// The memory that buys one whole virtual processor, in MB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
pub const WHOLE_CPU_MB: u32 = 1769;
/// The time over which a share is counted, in microseconds.
const PERIOD_US: u32 = 20_000;

/// What something took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Took {
    /// As a clock on the wall sees it.
    pub wall: Duration,
    /// On a processor.
    pub cpu: Duration,
}

/// A running function.
pub struct Sandbox {
    child: Child,
    api: RuntimeApi,
    share: Option<Share>,
    memory_mb: u32,
    /// From the start of the process to its first call for an event.
    pub init: Took,
}

impl Sandbox {
    /// Starts a binary, whose instructions may be counted, and waits until it asks for its first event.
    pub async fn start(
        binary: &Path,
        memory_mb: u32,
        environment: &[(&str, String)],
        counted: Option<&Counted>,
    ) -> Self {
        let api = RuntimeApi::start().await;
        let share = Share::of(memory_mb);
        let mut command = counted.map_or_else(|| Command::new(binary), |counted| counted.command(binary));
        command
            .env_clear()
            .envs(std::env::var("PATH").ok().filter(|_| counted.is_some()).map(|path| ("PATH", path)))
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mb.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let began = Instant::now();
        let child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
        let mut sandbox = Self { child, api, share, memory_mb, init: Took::default() };
        match sandbox.api.hear().await {
            Said::Ready(at) => {
                sandbox.init = Took { wall: at - began, cpu: sandbox.cpu() };
                sandbox.share.as_ref().inspect(|share| share.take(sandbox.child.id()));
            }
            Said::Failure(reason) => panic!("{} does not start: {reason}", binary.display()),
            Said::Answer(..) => panic!("{} answers what nobody asked", binary.display()),
        }
        sandbox
    }

    /// Sends an event; gives the answer, how long it took to come, and the processor time until the function was ready again.
    pub async fn invoke(&mut self, event: &Value) -> (Value, Took) {
        let before = self.cpu();
        let sent = Instant::now();
        self.api.send(event.to_string());
        let (at, answer) = match self.api.hear().await {
            Said::Answer(at, body) => (at, serde_json::from_slice(&body).unwrap()),
            Said::Failure(reason) => panic!("no answer but {reason}"),
            Said::Ready(_) => panic!("no answer"),
        };
        assert!(matches!(self.api.hear().await, Said::Ready(_)), "the function did not come back for more");
        (answer, Took { wall: at - sent, cpu: self.cpu().saturating_sub(before) })
    }

    /// Ends it as one ends a process, so that what watches it can tell.
    pub fn end(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success() && self.child.wait().is_ok(), "the function does not end");
    }

    /// The most memory that it has had, in MB.
    pub fn peak_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Whether it has more of a processor than its memory buys, since control groups cannot be made here.
    pub fn is_unlimited(&self) -> bool {
        self.share.is_none() && self.memory_mb < WHOLE_CPU_MB
    }

    /// The processor time of all its threads, to the nanosecond.
    fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let nanoseconds = tasks.map(|task| {
            let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|spent| spent.parse::<u64>().ok()).unwrap_or_default()
        });
        Duration::from_nanos(nanoseconds.sum())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _is_gone = self.child.kill().is_ok() && self.child.wait().is_ok();
    }
}

/// A count of instructions by valgrind, which a sandbox runs under.
pub struct Counted(tempfile::NamedTempFile);

impl Default for Counted {
    fn default() -> Self {
        Self(tempfile::NamedTempFile::new().unwrap())
    }
}

impl Counted {
    fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new("valgrind");
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", self.0.path().display())).arg(binary);
        command
    }

    /// All that the sandbox executed, once it has ended.
    pub fn read(&self) -> u64 {
        let text = fs::read_to_string(self.0.path()).unwrap();
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        total.and_then(|total| total.trim().parse().ok()).expect("valgrind counted nothing")
    }
}

/// A control group with a quota of processor time; gone with the sandbox.
struct Share {
    folder: PathBuf,
}

impl Share {
    /// None for a whole processor, and where control groups cannot be made.
    fn of(memory_mb: u32) -> Option<Self> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        if memory_mb >= WHOLE_CPU_MB {
            return None;
        }
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("roster-bench-{}-{number}", std::process::id());
        let quota = (u64::from(PERIOD_US) * u64::from(memory_mb) / u64::from(WHOLE_CPU_MB)).max(1000);
        let [first, second] = [Path::new("/sys/fs/cgroup/cpu"), Path::new("/sys/fs/cgroup")];
        Self::first_version(first.join(&name), quota).or_else(|| Self::second_version(second, &name, quota))
    }

    /// <https://docs.kernel.org/scheduler/sched-bwc.html>
    fn first_version(folder: PathBuf, quota: u64) -> Option<Self> {
        fs::create_dir(&folder).ok()?;
        let share = Self { folder };
        fs::write(share.folder.join("cpu.cfs_period_us"), PERIOD_US.to_string()).ok()?;
        fs::write(share.folder.join("cpu.cfs_quota_us"), quota.to_string()).ok()?;
        Some(share)
    }

    /// <https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files>
    fn second_version(root: &Path, name: &str, quota: u64) -> Option<Self> {
        let controllers = fs::read_to_string(root.join("cgroup.controllers")).ok()?;
        if !controllers.split_whitespace().any(|controller| controller == "cpu") {
            return None;
        }
        // Most often it is on already.
        let _is_on = fs::write(root.join("cgroup.subtree_control"), "+cpu").is_ok();
        let folder = root.join(name);
        fs::create_dir(&folder).ok()?;
        let share = Self { folder };
        fs::write(share.folder.join("cpu.max"), format!("{quota} {PERIOD_US}")).ok()?;
        Some(share)
    }

    /// Holds a process to the share from now on, with all its threads.
    fn take(&self, process: u32) {
        fs::write(self.folder.join("cgroup.procs"), process.to_string()).unwrap();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // The process leaves the group a moment after it has been waited for.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
