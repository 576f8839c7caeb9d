//! How much of what this machine can do the local server reaches: `cargo bench --profile server --bench server`.
//!
//! Beside `roster serve --memory` runs a peer: an axum router with the same routes, whose handlers make the same calls to
//! the same engine by the bare SDK and show what came as JSON, and which does nothing else (`peer`). Both are processes of their own.
//! They take turns, so that a busy moment of the machine meets both; each gets as many requests as it takes from 16
//! connections, then half of that rate evenly spread, for its latencies. A number is the median of the turns. Beside that a
//! thread only sleeps, and tells how late it wakes: a machine that stalls shows there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark"
)]

mod load;
mod peer;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use load::Request;

const TURNS: usize = 7;
const TURN: Duration = Duration::from_secs(2);
const USERS: usize = 400;
const READY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";

/// A server as a process, which ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _is_gone = self.0.kill().is_ok() && self.0.wait().is_ok();
    }
}

/// Starts a command; gives it with the addresses that it prints behind these words, in their order.
fn start(command: &mut Command, words: &[&str]) -> (Server, Vec<String>) {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let after =
        |word: &&str| lines.by_ref().find_map(|line| address(line.unwrap().trim().strip_prefix(*word)?)).unwrap();
    let addresses = words.iter().map(after).collect();
    // Whatever else it prints is read and forgotten.
    std::thread::spawn(move || lines.for_each(drop));
    (Server(process), addresses)
}

fn address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("http://")?;
    let address: String = rest.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    address.contains(':').then_some(address)
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let Some(place) = words.iter().position(|word| word == "peer") {
        return peer::run(&words[place + 1]);
    }
    let mut roster = Command::new(env!("CARGO_BIN_EXE_roster"));
    roster.args(["serve", "--memory", "--listen", "127.0.0.1:0", "--dynamodb-listen", "127.0.0.1:0"]);
    let (_roster, addresses) = start(roster.args(["--s3-listen", "127.0.0.1:0"]), &["API ", "DynamoDB "]);
    let mut peer = Command::new(std::env::current_exe().unwrap());
    let (_peer, bare) = start(peer.args(["peer", &addresses[1]]), &[""]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(compare(&addresses[0], &bare[0]));
}

async fn compare(ours: &str, bare: &str) {
    let ids = load::fill(ours, USERS).await;
    println!("{TURNS} turns of {} s each, {} connections", TURN.as_secs(), load::CONNECTIONS);
    println!(
        "request            | requests/s | bare   | ratio | at half that rate: p50 ms | p99 ms | bare p99 ms | a sleeper's"
    );
    for (name, make) in requests(&ids) {
        let (mut rates, mut bare_rates) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            rates.push(load::most(ours, &make, TURN).await);
            bare_rates.push(load::most(bare, &make, TURN).await);
        }
        let (rate, bare_rate) = (median(&mut rates), median(&mut bare_rates));
        let (mut p50, mut p99, mut bare_p99, mut late) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let sleeper = load::lateness(TURN);
            let times = load::paced(ours, &make, rate / 2.0, TURN).await;
            p50.push(load::quantile(&times, 0.5));
            p99.push(load::quantile(&times, 0.99));
            late.push(load::quantile(&sleeper.join().unwrap(), 0.99));
            bare_p99.push(load::quantile(&load::paced(bare, &make, rate / 2.0, TURN).await, 0.99));
        }
        let ratio = rate / bare_rate;
        let (p50, p99, bare_p99) = (median(&mut p50), median(&mut p99), median(&mut bare_p99));
        let late = median(&mut late);
        println!(
            "{name:18} | {rate:10.0} | {bare_rate:6.0} | {ratio:5.2} | {p50:25.2} | {p99:6.2} | {bare_p99:11.2} | {late:11.2}"
        );
    }
}

type Make = Box<dyn Fn(usize) -> Request>;

/// What is asked for, by the number of the request.
fn requests(ids: &[String]) -> [(&'static str, Make); 3] {
    let ids = ids.to_vec();
    [
        ("GET /users/{id}", Box::new(move |number| Request::get(&format!("/users/{}", ids[number % ids.len()])))),
        ("GET /users", Box::new(|_| Request::get("/users?limit=50"))),
        ("POST /users", Box::new(|_| load::new_user())),
    ]
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
