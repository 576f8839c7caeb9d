//! What passwords cost, and what their timing tells: `cargo bench --profile server --bench passwords`, with `reference`,
//! `cores`, `policy` or `timing` behind `--` for one part alone.
//!
//! - argon2id with the default parameters, and the C reference in turns with it (needs a C compiler and Debian's
//!   libargon2-dev): ours must take at most 0.82 of its time. The hashes are compared.
//! - two hashes at once against one, and the same of the C reference, rounds in turns: the rates of both, and what the
//!   second core brings each of them.
//! - `verify_password` for an unknown name, a wrong password and a user without a credential, in turns: the medians must
//!   differ by less than 3 percent, or the benchmark fails.
//! - the policy on the worst passwords of 256 code points.
//!
//! Run it on a quiet machine.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs, reason = "a benchmark")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use roster::app::App;
use roster::clock::Clock;
use roster::config::Config;
use roster::domain::{
    Actor, ClientId, NewCredential, NewUser, Password, PasswordPolicy, PersonName, Profile, UserName,
};
use roster::hashing::calibrate::measure;
use roster::hashing::{Hasher, Limits, Parameters, Pepper, Settings};
use roster::ids::Ids;
use roster::local::dynamodb::DynamoDb;
use roster::operations;

const SAMPLES: usize = 200;

#[tokio::main]
async fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("reference") {
        reference().await;
    }
    if wanted("cores") {
        at_once().await;
    }
    if wanted("policy") {
        policy();
    }
    if wanted("timing") {
        timing().await;
    }
}

/// The C reference, in a process of its own.
struct Reference {
    process: Child,
    ask: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl Reference {
    /// Builds it and starts `count` of them; nothing where that is not possible.
    fn start<const COUNT: usize>() -> Option<[Self; COUNT]> {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("argon2_reference");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/argon2_reference.c");
        let built = Command::new("cc").args(["-O2", "-o"]).arg(&binary).args([source, "-largon2"]).status();
        if !built.is_ok_and(|status| status.success()) {
            println!("no C reference: install cc and libargon2-dev");
            return None;
        }
        Some(std::array::from_fn(|_| {
            let mut process = Command::new(&binary).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let told = BufReader::new(process.stdout.take().unwrap()).lines();
            let mut reference = Self { ask: process.stdin.take().unwrap(), told, process };
            reference.hash();
            reference
        }))
    }

    /// How long it took by its own clock, and the hash.
    fn hash(&mut self) -> (Duration, Vec<u8>) {
        let Parameters { memory_kib, passes, lanes } = Parameters::default();
        writeln!(self.ask, "{memory_kib} {passes} {lanes}").unwrap();
        let line = self.told.next().unwrap().unwrap();
        let (nanos, digest) = line.split_once(' ').unwrap();
        let digest = (0..32).map(|n| u8::from_str_radix(&digest[2 * n..2 * n + 2], 16).unwrap()).collect();
        (Duration::from_nanos(nanos.parse().unwrap()), digest)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The hasher against the C reference, one hash of each in turns.
async fn reference() {
    const ROUNDS: usize = 100;
    let Some([mut reference]) = Reference::start() else {
        println!("argon2id, one hash: {:.2} ms", millis(measure(Parameters::default(), 50)));
        return;
    };
    let hasher = hasher(1);
    let (mut ours, mut c) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        let start = Instant::now();
        let hash = hasher.hash(b"correct horse battery staple", [7; 16]).await.unwrap();
        ours.push(start.elapsed());
        let (time, digest) = reference.hash();
        c.push(time);
        assert!(hash.expose().ends_with(&STANDARD_NO_PAD.encode(digest)), "the two disagree");
    }
    // The first ones find no memory.
    let (ours, c) = (sorted(ours[1..].to_vec()), sorted(c[1..].to_vec()));
    let ratio = |at: usize| millis(ours[at]) / millis(c[at]);
    let Parameters { memory_kib, passes, lanes } = Parameters::default();
    println!(
        "argon2id {memory_kib}/{passes}/{lanes}, {ROUNDS} hashes each, in turns: {:.2} ms, in C {:.2} ms at the median: {:.2} of it; \
         least {:.2} and {:.2} ms: {:.2}",
        millis(ours[ROUNDS / 2]),
        millis(c[ROUNDS / 2]),
        ratio(ROUNDS / 2),
        millis(ours[0]),
        millis(c[0]),
        ratio(0),
    );
    assert!(ratio(ROUNDS / 2) <= 0.82, "slower than promised");
}

fn hasher(parallel: usize) -> Hasher {
    let settings =
        Settings { parameters: Parameters::default(), limits: Limits::new(parallel, 256), pepper: Pepper::default() };
    Hasher::new(settings, Ids::seeded(1))
}

/// Two hashes on two cores against one on one.
async fn at_once() {
    const ROUNDS: usize = 15;
    const HASHES: usize = 20;
    let hasher = hasher(2);
    let mut references: Option<[Reference; 2]> = Reference::start();
    // Ours, then those in C: hashes a second of one, and of two at once.
    let mut rates: [[Vec<f64>; 2]; 2] = Default::default();
    #[allow(clippy::cast_precision_loss, reason = "a few")]
    let rate = |workers: usize, start: Instant| (HASHES * workers) as f64 / start.elapsed().as_secs_f64();
    for round in 0..2 * ROUNDS {
        let workers = 1 + round % 2;
        let start = Instant::now();
        let work = (0..workers).map(|_| async {
            for _ in 0..HASHES {
                hasher.hash(b"correct horse battery staple", [7; 16]).await.unwrap();
            }
        });
        futures_util::future::join_all(work).await;
        rates[0][workers - 1].push(rate(workers, start));
        let start = Instant::now();
        std::thread::scope(|scope| {
            for reference in references.iter_mut().flatten().take(workers) {
                scope.spawn(|| (0..HASHES).for_each(|_| drop(reference.hash())));
            }
        });
        rates[1][workers - 1].push(rate(workers, start));
    }
    for (what, [one, two]) in ["ours", "in C"].into_iter().zip(rates) {
        if what == "in C" && references.is_none() {
            break;
        }
        let median = |figures: Vec<f64>| {
            let mut figures = figures;
            figures.sort_by(f64::total_cmp);
            (figures[figures.len() / 2], figures[figures.len() - 1])
        };
        let times: Vec<f64> = one.iter().zip(&two).map(|(one, two)| two / one).collect();
        let (times, one, two) = (median(times).0, median(one), median(two));
        println!(
            "hashes a second {what}: {:.1} alone, {:.1} two at once at the median of {ROUNDS} rounds: {times:.2} times; \
             at best {:.1} and {:.1}: {:.2} times",
            one.0,
            two.0,
            one.1,
            two.1,
            two.1 / one.1,
        );
    }
}

fn policy() {
    for (what, text) in [
        ("letters and digits", "a1".repeat(128)),
        ("l33t", "p4$$w0rd".repeat(32)),
        ("keyboard", "qwertyuiop".repeat(26).chars().take(256).collect()),
        ("dates", "19841984".repeat(32)),
    ] {
        let start = Instant::now();
        let _ = PasswordPolicy::default().accept(Password::parse(&text).unwrap(), &["ada", "Ada", "Lovelace"]);
        println!("policy on 256 {what}: {:.2} ms", millis(start.elapsed()));
    }
}

async fn timing() {
    let (app, dynamodb) = app().await;
    let actor = Actor::all_powerful(ClientId::anonymous());
    for name in ["ada", "eve"] {
        operations::create_user(&app, &actor, |_| Ok(new_user(name)), None).await.unwrap();
    }
    let eve = app.store.find_user_id(&UserName::parse("eve").unwrap()).await.unwrap().unwrap();
    // No operation takes a credential away.
    let key = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    let delete = dynamodb.delete_item().table_name(app.store.table());
    delete.key("pk", key(format!("CRED#{eve}"))).key("sk", key("CRED".to_owned())).send().await.unwrap();
    let kinds = [("unknown name", "nobody"), ("wrong password", "ada"), ("no credential", "eve")];
    let mut times: [Vec<Duration>; 3] = Default::default();
    for sample in 0..SAMPLES {
        for (kind, (_, name)) in kinds.iter().enumerate() {
            let (name, password) = (UserName::parse(name).unwrap(), Password::parse("wrong horse").unwrap());
            // Each sample has a caller of its own, so that none is turned away.
            let caller = Actor::all_powerful(ClientId::parse(&format!("caller{sample}")).unwrap());
            let start = Instant::now();
            assert!(operations::verify_password(&app, &caller, &name, &password).await.is_err());
            times[kind].push(start.elapsed());
        }
    }
    let medians = times.map(|times| millis(sorted(times)[SAMPLES / 2]));
    for ((what, _), median) in kinds.iter().zip(medians) {
        println!("verify, {what}: {median:.2} ms at the median of {SAMPLES}");
    }
    let (least, most) = (medians.iter().copied().fold(f64::MAX, f64::min), medians.iter().copied().fold(0.0, f64::max));
    let difference = 100.0 * (most - least) / least;
    println!("they differ by {difference:.2} percent");
    assert!(difference < 3.0, "an unknown name can be told from a wrong password");
}

async fn app() -> (App, aws_sdk_dynamodb::Client) {
    let engine = Box::leak(Box::new(DynamoDb::in_memory().unwrap()));
    let url = engine.url();
    let config = Config::for_local(&|name| match name {
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(url.clone()),
        "ROSTER_ATTEMPTS_PER_NAME" | "ROSTER_ATTEMPTS_PER_CALLER" => Some("100000".to_owned()),
        _ => None,
    })
    .unwrap();
    let app = App::with(&config, Clock::system(), Ids::system()).await.unwrap();
    app.store.create_table().await.unwrap();
    let client = (*roster::aws::clients(&config).await.unwrap().dynamodb).clone();
    (app, client)
}

fn new_user(name: &str) -> NewUser {
    let person = |name: &str| PersonName::parse(name).unwrap();
    let profile =
        Profile { user_name: UserName::parse(name).unwrap(), first_name: person("Ada"), last_name: person("Byron") };
    let password = Password::parse("correct horse battery staple").unwrap();
    let accepted = PasswordPolicy::default().accept_for(password, &profile).ok().unwrap();
    NewUser { profile, credential: NewCredential::Password(accepted) }
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort();
    times
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
