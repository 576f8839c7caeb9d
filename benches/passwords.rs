//! What passwords cost, and what their timing tells: `cargo bench --bench passwords`.
//!
//! - argon2id with the default parameters: one hash, and two at once against one.
//! - `verify_password` for an unknown name, a wrong password and a user without a credential, in turns: the medians must
//!   differ by less than 3 percent, or the benchmark fails.
//! - the policy on the worst passwords of 256 code points.
//!
//! Run it on a quiet machine.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs, reason = "a benchmark")]

use std::time::{Duration, Instant};

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
    println!("argon2id 19456/2/1, one hash: {:.2} ms", millis(measure(Parameters::default(), 50)));
    at_once().await;
    policy();
    timing().await;
}

/// Two hashes on two cores against one on one.
async fn at_once() {
    let settings =
        Settings { parameters: Parameters::default(), limits: Limits::new(2, 256), pepper: Pepper::default() };
    let hasher = Hasher::new(settings, Ids::seeded(1));
    let mut rates = [0.0; 2];
    for round in 0..6 {
        let workers = 1 + round % 2;
        let start = Instant::now();
        let work = (0..workers).map(|_| async {
            for _ in 0..40 {
                hasher.hash(b"correct horse battery staple", [7; 16]).await.unwrap();
            }
        });
        futures_util::future::join_all(work).await;
        #[allow(clippy::cast_precision_loss, reason = "a few")]
        let rate = 40.0 * workers as f64 / start.elapsed().as_secs_f64();
        rates[workers - 1] = f64::max(rates[workers - 1], rate);
    }
    let [one, two] = rates;
    println!("hashes a second: {one:.1} alone, {two:.1} two at once: {:.2} times", two / one);
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
        operations::create_user(&app, &actor, new_user(name), None).await.unwrap();
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
    let medians = times.map(|mut times| {
        times.sort();
        millis(times[times.len() / 2])
    });
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
    (app, roster::aws::clients(&config).await.unwrap().dynamodb)
}

fn new_user(name: &str) -> NewUser {
    let person = |name: &str| PersonName::parse(name).unwrap();
    let profile =
        Profile { user_name: UserName::parse(name).unwrap(), first_name: person("Ada"), last_name: person("Byron") };
    let password = Password::parse("correct horse battery staple").unwrap();
    let accepted = PasswordPolicy::default().accept_for(password, &profile).ok().unwrap();
    NewUser { profile, credential: NewCredential::Password(accepted) }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
