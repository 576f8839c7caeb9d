//! A crowd at the door: `cargo bench --profile server --bench crowd`.
//!
//! Starts `roster serve --memory`, has 1,000 clients verify a password at once, and reads a user meanwhile, again and
//! again. Each must be told 200, or 503 and when to come back. Prints what was answered, how long the reads took, and the
//! server's peak memory, which must stay under what the hashes may take and a constant. Linux alone: peaks are read from
//! `/proc`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CROWD: usize = 1000;
const PARALLEL: usize = 2;
/// What one hash takes, in MiB, with the default parameters.
const HASH_MIB: f64 = 19.0;
/// What the process may take beside the hashes and what it had before, in MiB.
const CONSTANT_MIB: f64 = 64.0;
const PASSWORD: &str = "correct horse battery staple";

fn main() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(["serve", "--memory", "--listen", "127.0.0.1:0", "--dynamodb-listen", "127.0.0.1:0"])
        .args(["--s3-listen", "127.0.0.1:0"])
        .envs([("ROSTER_MAX_PARALLEL_HASHES", PARALLEL.to_string()), ("ROSTER_LOG", "error".to_owned())])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| crowd(&mut server)));
    server.kill().unwrap();
    server.wait().unwrap();
    outcome.unwrap();
}

fn crowd(server: &mut std::process::Child) {
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = lines.find_map(|line| address(&line.unwrap())).unwrap();
    // Whatever else it prints is read and forgotten.
    std::thread::spawn(move || lines.for_each(drop));
    let user = format!(r#"{{"userName":"ada","firstName":"Ada","lastName":"Lovelace","password":"{PASSWORD}"}}"#);
    let (status, answer) = ask(&address, "POST", "/users", &user);
    assert_eq!(status, 201, "{answer}");
    // What a hash takes is known from here on.
    assert_eq!(ask(&address, "POST", "/users/verify-password", &claim()).0, 200);
    let id = answer.split_once("\"id\":\"").unwrap().1[..36].to_owned();
    let path = format!("/users/{id}");
    let alone = reads(&address, &path, || false);
    let before = mib(server.id(), "VmHWM");
    let is_over = AtomicBool::new(false);
    let claim = claim();
    let start = Instant::now();
    let (answers, meanwhile) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| reads(&address, &path, || !is_over.load(Ordering::Relaxed)));
        let clients: Vec<_> = (0..CROWD)
            .map(|_| {
                let (address, claim) = (&address, claim.as_str());
                let client = move || {
                    let (status, answer) = ask(address, "POST", "/users/verify-password", claim);
                    (status, retry_after(&answer), start.elapsed())
                };
                std::thread::Builder::new().stack_size(64 * 1024).spawn_scoped(scope, client).unwrap()
            })
            .collect();
        let answers: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        (answers, reader.join().unwrap())
    });
    let took = start.elapsed().as_secs_f64();
    let count = |status: u16| answers.iter().filter(|answer| answer.0 == status).count();
    let waits: Vec<u64> = answers.iter().filter(|answer| answer.0 == 503).filter_map(|answer| answer.1).collect();
    println!("{CROWD} verifies at once in {took:.1} s: {} right, {} told to come back (503)", count(200), count(503));
    if let (Some(least), Some(most)) = (waits.iter().min(), waits.iter().max()) {
        let last = answers.iter().filter(|answer| answer.0 == 503).map(|answer| answer.2).max().unwrap_or_default();
        println!("Retry-After {least} to {most} s; the last of these was answered after {:.1} s", last.as_secs_f64());
    }
    assert_eq!(count(200) + waits.len(), CROWD, "{answers:?}");
    let median = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * 1e3;
    println!(
        "GET /users/{{id}}: {:.1} ms at the median of {} alone, {:.1} of {} meanwhile",
        median(&alone),
        alone.len(),
        median(&meanwhile),
        meanwhile.len()
    );
    #[allow(clippy::cast_precision_loss, reason = "a few")]
    let hashes = PARALLEL as f64 * HASH_MIB;
    let peak = mib(server.id(), "VmHWM");
    println!(
        "peak memory {peak:.0} MiB: {before:.0} before, with one hash; {PARALLEL} hashes of {HASH_MIB} MiB; {:.0} beside them",
        peak - before - (hashes - HASH_MIB)
    );
    assert!(peak < before + hashes + CONSTANT_MIB, "more memory than there are turns");
    assert!(median(&meanwhile) < 50.0, "others wait");
}

fn claim() -> String {
    format!(r#"{{"userName":"ada","password":"{PASSWORD}"}}"#)
}

/// When to come back, in seconds.
fn retry_after(answer: &str) -> Option<u64> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    let lines = head.to_ascii_lowercase();
    lines.lines().find_map(|line| line.strip_prefix("retry-after: ")?.parse().ok())
}

/// The API's address, out of the line that tells it.
fn address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("http://")?;
    let address: String = rest.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    address.contains(':').then_some(address)
}

/// Reads one path for a second at least, and for as long as it is told.
fn reads(address: &str, path: &str, goes_on: impl Fn() -> bool) -> Vec<Duration> {
    let (mut times, begin) = (Vec::new(), Instant::now());
    while begin.elapsed() < Duration::from_secs(1) || goes_on() {
        let start = Instant::now();
        assert_eq!(ask(address, "GET", path, "").0, 200);
        times.push(start.elapsed());
        std::thread::sleep(Duration::from_millis(2));
    }
    times.sort();
    times
}

/// One request on a connection of its own: status, and all that was answered.
fn ask(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

/// A line of `/proc/{id}/status`, in MiB.
fn mib(process: u32, line: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let kib = status.lines().find_map(|found| found.strip_prefix(line)?.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap() / 1024.0
}
