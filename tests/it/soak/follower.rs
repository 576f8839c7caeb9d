//! Who listens to `roster events`, from the first change to the last, and keeps its place while the engines are killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long the last event may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event, as far as it can be compared with what was asked for.
#[derive(Debug)]
pub struct Told {
    pub id: String,
    pub user: String,
    pub kind: String,
    pub sequence: String,
    /// Names of the user afterwards, where the event has them.
    pub user_name: Option<String>,
    pub first_name: Option<String>,
    /// The whole of it.
    pub json: String,
}

impl Told {
    fn read(line: String) -> Self {
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let must = |name: &str| text(&event[name]).unwrap_or_else(|| panic!("no {name}: {event}"));
        let of_user = |name: &str| text(&event["data"]["user"][name]);
        let kind = must("type").strip_prefix("user.").unwrap_or_else(|| panic!("{event}")).to_owned();
        assert_eq!(event["data"]["user"]["id"], event["subject"], "{event}");
        Self {
            id: must("id"),
            user: must("subject"),
            kind,
            sequence: must("sequence"),
            user_name: of_user("userName"),
            first_name: of_user("firstName"),
            json: line,
        }
    }
}

/// All that has been told so far.
type Heard = Arc<(Mutex<Vec<Told>>, Condvar)>;

/// The command, and what it has printed.
pub struct Follower {
    process: Child,
    heard: Heard,
}

impl Follower {
    /// Follows the server at `url` from the oldest event that it keeps.
    pub fn start(mut command: Command, url: &str) -> Self {
        let command = command.args(["events", "--follow", "--url", url]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let heard = Heard::default();
        let more = Arc::clone(&heard);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                more.0.lock().unwrap().push(Told::read(line));
                more.1.notify_all();
            }
        });
        Self { process, heard }
    }

    /// Waits for an event of this user, and gives all before it.
    pub fn until(self, user: &str) -> Vec<Told> {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.heard.0.lock().unwrap();
        loop {
            if let Some(end) = heard.iter().position(|told| told.user == user) {
                return heard.drain(..end).collect();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} events, and not the last one", heard.len());
            heard = self.heard.1.wait_timeout(heard, left).unwrap().0;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
