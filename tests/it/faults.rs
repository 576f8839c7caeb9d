//! DynamoDB at its worst: every fault against every kind of call, through a real proxy. No answer is 500 but where that is
//! meant, none is late, no write is lost or doubled, and all is well once the fault is gone.
//!
//! `cargo test --test it faults -- --nocapture` prints the table of faults and outcomes.

use std::fmt::Write;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use roster::domain::{Actor, ClientId, IfMatch, PersonName, Profile, User, UserId};
use roster::error::Error;
use roster::local::{DynamoDb, dynamodb::Storage, listen};
use roster::operations;
use roster::scope::Scope;
use serde_json::{Value, json};

use crate::harness::faults::{Fault, Faults, cancelled, error};
use crate::harness::{HASH, House, PASSWORD, Reply, in_time, tell};

/// The deadline of every request here.
const DEADLINE: Duration = Duration::from_secs(2);
/// All attempts of one call; each attempt has two fifths of it.
const CALL: Duration = Duration::from_millis(1500);
const NEW_PASSWORD: &str = "another horse battery staple";

async fn house(dynamodb: &str) -> House {
    let seconds = DEADLINE.as_secs().to_string();
    House::with_calls_of(CALL, &[("AWS_ENDPOINT_URL_DYNAMODB", dynamodb), ("ROSTER_DEADLINE_SECONDS", &seconds)]).await
}

/// Everything that can be asked, each of a user of its own.
const DEEDS: [&str; 7] = ["read", "list", "create", "change", "rename", "password", "delete"];

/// Asks for it. Each may be asked for again.
async fn ask(house: &House, deed: &str, name: &str, id: &str) -> Reply {
    let (anyone, path) = (house.anyone(), format!("/users/{id}"));
    match deed {
        "read" => anyone.get(&path).await,
        "list" => anyone.get("/users?limit=1").await,
        "create" => anyone.with("idempotency-key", name).post("/users", &person(&format!("new-{name}"))).await,
        "change" => anyone.with("if-match", "\"1\"").patch(&path, &json!({"firstName": "Eve"})).await,
        "rename" => anyone.with("if-match", "\"1\"").patch(&path, &json!({"userName": format!("re-{name}")})).await,
        "password" => anyone.put(&format!("{path}/password"), &json!({"newPassword": NEW_PASSWORD})).await,
        "delete" => anyone.send(Method::DELETE, &path, None, Vec::new()).await,
        other => panic!("{other}"),
    }
}

fn person(name: &str) -> Value {
    json!({"userName": name, "firstName": "Ada", "lastName": "Lovelace", "passwordHash": HASH})
}

/// Whether it has been done once, and once only, after it was asked for until it was answered.
async fn check(house: &House, deed: &str, name: &str, id: &str, label: &str) {
    let path = format!("/users/{id}");
    match deed {
        "create" => {
            let keys = house.keys().await;
            let guards = keys.iter().filter(|key| **key == format!("NAME#new-{name}")).count();
            assert_eq!(guards, 1, "{label}");
        }
        "change" => {
            let user = house.anyone().get(&path).await.expect(200).json();
            assert_eq!((&user["firstName"], &user["version"]), (&json!("Eve"), &json!(2)), "{label}");
        }
        "rename" => {
            let user = house.anyone().get(&path).await.expect(200).json();
            assert_eq!((&user["userName"], &user["version"]), (&json!(format!("re-{name}")), &json!(2)), "{label}");
            assert!(!house.keys().await.contains(&format!("NAME#{name}")), "{label}: the old name is free");
        }
        "password" => {
            let login = json!({"userName": name, "password": NEW_PASSWORD});
            house.anyone().post("/users/verify-password", &login).await.expect(200);
        }
        "delete" => {
            house.anyone().get(&path).await.expect(404);
            let keys = house.keys().await;
            assert!(!keys.iter().any(|key| key.ends_with(id) || *key == format!("NAME#{name}")), "{label}: {keys:?}");
        }
        _ => {}
    }
}

/// The table's rows: what happens, for how many calls of each operation, and which failures may be told.
fn rows() -> Vec<(&'static str, Fault, Option<usize>, &'static [u16])> {
    // The last two are an operator's to mend and pass for nobody who waits: 500.
    let error = |status: u16, kind| Fault::Error(StatusCode::from_u16(status).unwrap(), error(kind));
    vec![
        ("late by 150 ms", Fault::Late(Duration::from_millis(150)), None, &[]),
        ("late by 5 s", Fault::Late(Duration::from_secs(5)), None, &[503, 504]),
        ("answer cut, once", Fault::Cut, Some(1), &[]),
        ("answer cut", Fault::Cut, None, &[503, 504]),
        ("answer lost, once", Fault::LostAnswer, Some(1), &[]),
        ("500", error(500, "InternalServerError"), None, &[503]),
        ("503, twice", error(503, "ServiceUnavailable"), Some(2), &[]),
        ("throttled, twice", error(400, "ThrottlingException"), Some(2), &[]),
        ("throttled", error(400, "ThrottlingException"), None, &[503]),
        ("transaction throttled", cancelled(&["ThrottlingError", "None", "None"]), None, &[503]),
        ("silence, once", Fault::Silence, Some(1), &[504]),
        ("silence", Fault::Silence, None, &[503, 504]),
        ("silence after acting", Fault::SilenceAfterActing, None, &[503, 504]),
        ("no answer of DynamoDB", Fault::Nonsense, None, &[500]),
        ("access denied", error(400, "AccessDeniedException"), None, &[500]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_loses_or_doubles_a_write_or_holds_up_an_answer() {
    let mut table = format!("{:24}", "fault");
    for deed in DEEDS {
        write!(table, "{deed:>10}").unwrap();
    }
    table += "   slowest ms   asked again\n";
    for (number, (fault_name, fault, times, failures)) in rows().into_iter().enumerate() {
        let faults = Faults::start().await;
        let house = house(&faults.url).await;
        let (mut slowest, mut again) = (Duration::ZERO, 0);
        write!(table, "{fault_name:24}").unwrap();
        for deed in DEEDS {
            let name = format!("{deed}-{number}");
            let label = format!("{fault_name}, {deed}");
            let created = house.anyone().post("/users", &person(&name)).await.expect(201);
            let id = created.json()["id"].as_str().unwrap().to_owned();
            if fault_name.starts_with("transaction") {
                let fault = fault.clone();
                faults.weather(Some(Box::new(move |call| (call == "TransactWriteItems").then(|| fault.clone()))));
            } else {
                faults.befall(fault.clone(), times);
            }
            let (reply, took) = in_time(&label, DEADLINE, ask(&house, deed, &name, &id)).await;
            let status = reply.status.as_u16();
            // What a reader is told of a transaction's failure, or a writer of a reader's, is no fault of this row.
            assert!(status < 400 || failures.contains(&status), "{label}: {reply}");
            if matches!(status, 503 | 504) {
                assert!(reply.headers.contains_key("retry-after"), "{label}: {reply}");
            }
            slowest = slowest.max(took);
            write!(table, "{status:>10}").unwrap();

            faults.weather(None);
            // No restart, no pause: the very next call goes through.
            let mut reply = reply;
            if status >= 500 {
                again += 1;
                reply = ask(&house, deed, &name, &id).await;
            }
            let may_have_happened =
                matches!((deed, reply.status.as_u16()), ("change" | "rename", 412) | ("delete", 404));
            assert!(reply.status.is_success() || (status >= 500 && may_have_happened), "{label}, again: {reply}");
            check(&house, deed, &name, &id, &label).await;
        }
        writeln!(table, "{:>13}{again:>14}", slowest.as_millis()).unwrap();
    }
    tell(&table);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dependency_that_cannot_be_reached_is_told_in_time() {
    // A port that nobody listens on, a name that nobody has, and a socket that nobody reads.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf_url = format!("http://{}", deaf.local_addr().unwrap());
    for (what, url) in [
        ("connection refused", format!("http://{nobody}")),
        ("no such name", "http://roster.invalid:1".to_owned()),
        ("half-open socket", deaf_url),
    ] {
        let faults = Faults::start().await;
        let mut house = house(&faults.url).await;
        let elsewhere = house_without_table(&url).await;
        house.app.store = elsewhere.store;
        house.router = roster::doors::rest::router(house.app.clone());
        for deed in ["read", "create", "change", "delete"] {
            let asking = ask(&house, deed, "ada", "01980000-0000-7000-8000-000000000001");
            let (reply, took) = in_time(what, DEADLINE, asking).await;
            assert!(matches!(reply.status.as_u16(), 503 | 504), "{what}: {reply}");
            assert!(reply.headers.contains_key("retry-after"), "{what}: {reply}");
            tell(&format!("{what:24} {deed:8} {} {:>6} ms", reply.status.as_u16(), took.as_millis()));
        }
    }
}

/// An application whose DynamoDB is somewhere that cannot make a table.
async fn house_without_table(url: &str) -> roster::app::App {
    let lookup = |name: &str| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| url.to_owned());
    let mut config = roster::config::Config::for_local(&lookup).unwrap();
    config.call_timeout = CALL;
    roster::app::App::new(&config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_dies_and_returns_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::File(folder.path().join("items.db"));
    let engine = DynamoDb::start(listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap(), &storage).unwrap();
    let address = engine.address();
    let house = house(&engine.url()).await;
    let mut acknowledged = Vec::new();
    let mut engine = Some(engine);
    for round in 0..3 {
        for n in 0..5 {
            let reply = house.anyone().post("/users", &person(&format!("user-{round}-{n}"))).await.expect(201);
            acknowledged.push(reply.json());
        }
        drop(engine.take());
        for deed in ["read", "create"] {
            let id = acknowledged[0]["id"].as_str().unwrap();
            let (reply, _) = in_time(deed, DEADLINE, ask(&house, deed, &format!("dead-{round}"), id)).await;
            assert!(matches!(reply.status.as_u16(), 503 | 504), "{reply}");
        }
        engine = Some(DynamoDb::start(listen::bind(address, "").unwrap(), &storage).unwrap());
        ask(&house, "create", &format!("dead-{round}"), "").await.expect(201);
    }
    for user in &acknowledged {
        let path = format!("/users/{}", user["id"].as_str().unwrap());
        assert_eq!(house.anyone().get(&path).await.expect(200).json(), *user);
    }
    assert_eq!(house.keys().await.iter().filter(|key| key.starts_with("NAME#")).count(), acknowledged.len() + 3);
}

#[tokio::test]
async fn nothing_is_begun_after_the_deadline() {
    let faults = Faults::start().await;
    let house = house(&faults.url).await;
    let created = house.anyone().post("/users", &person("ada")).await.expect(201);
    let id = UserId::parse(created.json()["id"].as_str().unwrap()).unwrap();
    let operator = Actor::all_powerful(ClientId::anonymous());
    let rename = async || {
        let change =
            |user: &User| Ok(Profile { first_name: PersonName::parse("Eve").unwrap(), ..user.profile.clone() });
        operations::patch_user(&house.app, &operator, id, &IfMatch::Absent, change).await
    };
    let within = |time| Scope::until(Some(Instant::now() + time));
    faults.calls();
    let outcome = Box::pin(within(Duration::ZERO).of(rename())).await;
    assert!(matches!(&outcome, Err(Error::Timeout(_))), "{outcome:?}");
    assert!(faults.calls().is_empty(), "not even read");

    // A call under way ends with the time that is left, and the next one is not begun.
    faults.next("GetItem", [Fault::Silence]);
    let short = Duration::from_millis(300);
    let (outcome, _) = in_time("a silent call", short, Box::pin(within(short).of(rename()))).await;
    assert!(matches!(&outcome, Err(Error::Timeout(_))), "{outcome:?}");
    assert_eq!(faults.calls(), ["GetItem"]);

    // Conflicts are waited for no longer than there is time: the fourth wait would be 80 ms and more.
    faults.weather(Some(Box::new(|operation| {
        let conflict = Fault::Error(StatusCode::BAD_REQUEST, error("TransactionConflictException"));
        (operation == "UpdateItem").then_some(conflict)
    })));
    let short = Duration::from_millis(150);
    let scope = within(short);
    let (outcome, _) = in_time("conflicts", short, Box::pin(scope.of(rename()))).await;
    assert!(matches!(&outcome, Err(Error::Unavailable { .. } | Error::Timeout(_))), "{outcome:?}");
    assert!(faults.calls().len() <= 5 && scope.retries.get() <= 3, "{} waits", scope.retries.get());
    faults.weather(None);
    rename().await.unwrap();
}

#[tokio::test]
async fn retries_stop_when_the_budget_is_used_up() {
    let faults = Faults::start().await;
    // With all the time in the world: on a busy machine a deadline, too, would stop them.
    let house = House::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    let path = format!(
        "/users/{}",
        house.anyone().post("/users", &person("ada")).await.expect(201).json()["id"].as_str().unwrap()
    );
    faults.weather(Some(Box::new(|_| {
        Some(Fault::Error(StatusCode::INTERNAL_SERVER_ERROR, error("InternalServerError")))
    })));
    faults.calls();
    let requests = 80;
    let anyone = house.anyone();
    let began = Instant::now();
    futures_util::future::join_all((0..requests).map(|_| anyone.get(&path))).await;
    let calls = faults.calls().len();
    // 250 tokens, at 5 or 10 for a retry, and some that come back in time: without a budget it were 240 calls.
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    let most = requests + 50 + 2 * (1 + seconds);
    assert!((requests + 10..=most).contains(&calls), "{calls} calls for {requests} requests");
    faults.weather(None);
    house.anyone().get(&path).await.expect(200);
    let login = json!({"userName": "ada", "password": PASSWORD});
    house.anyone().post("/users/verify-password", &login).await.expect(401);
}
