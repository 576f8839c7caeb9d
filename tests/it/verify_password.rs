//! POST /users/verify-password.

use futures_util::future::join_all;
use roster::domain::{Actor, ClientId, Password, UserName, actor::Scope};
use roster::error::Error;
use roster::hashing::{Hasher, Limits, Parameters, Pepper, Settings};
use roster::ids::Ids;
use roster::operations;
use serde_json::{Value, json};

use crate::harness::{House, PASSWORD, Reply, new_user};

const VERIFY: &str = "/users/verify-password";

fn claim(user_name: &str, password: &str) -> Value {
    json!({"userName": user_name, "password": password})
}

#[tokio::test]
async fn the_right_password_gives_the_user() {
    let house = House::new().await;
    let id = house.create("Ada").await;
    for name in ["Ada", "ada", "ＡＤＡ"] {
        let reply = house.anyone().post(VERIFY, &claim(name, PASSWORD)).await.expect(200);
        let user = house.anyone().get(&format!("/users/{id}")).await.expect(200);
        assert_eq!((reply.json(), reply.etag()), (user.json(), user.etag()));
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn every_wrong_claim_has_one_answer() {
    let house = House::new().await;
    house.create("ada").await;
    let eve = house.create("eve").await;
    let forget = house.dynamodb.delete_item().table_name(house.app.store.table());
    let key = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    forget.key("pk", key(format!("CRED#{eve}"))).key("sk", key("CRED".to_owned())).send().await.unwrap();
    let mut answers = Vec::new();
    for claim in [claim("ada", "wrong horse"), claim("nobody", PASSWORD), claim("eve", PASSWORD)] {
        answers.push(anonymous(&house.anyone().post(VERIFY, &claim).await.problem(401, "invalid-credentials")));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

/// Whether a name exists must not be heard in the time; `cargo bench --bench passwords` holds it to 3 percent, and here,
/// where other tests run beside this one, to what cannot be mistaken.
#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_claim_costs_a_hash_with_the_parameters_of_today() {
    let mut house = House::with(&[("ROSTER_ATTEMPTS_PER_CALLER", "1000")]).await;
    let mut least = Vec::new();
    for passes in [1, 12] {
        let parameters = Parameters { passes, ..Parameters::default() };
        let settings = Settings { parameters, limits: Limits::new(1, 64), pepper: Pepper::default() };
        house.app.hasher = Hasher::new(settings, Ids::seeded(2));
        house.router = roster::doors::rest::router(house.app.clone());
        let (known, lost) = (format!("ada{passes}"), format!("eve{passes}"));
        house.create(&known).await;
        let eve = house.create(&lost).await;
        let forget = house.dynamodb.delete_item().table_name(house.app.store.table());
        let key = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        forget.key("pk", key(format!("CRED#{eve}"))).key("sk", key("CRED".to_owned())).send().await.unwrap();
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..9 {
            for (times, name) in times.iter_mut().zip([known.as_str(), "nobody", &lost]) {
                let start = std::time::Instant::now();
                house.anyone().post(VERIFY, &claim(name, "wrong horse")).await.problem(401, "invalid-credentials");
                times.push(start.elapsed().as_secs_f64());
            }
        }
        // The least of each: whatever else the machine does only adds to it.
        least.push(times.map(|times| times.into_iter().fold(f64::MAX, f64::min)));
        house.clock.advance_seconds(900);
    }
    for of_passes in &least {
        let most = of_passes.iter().copied().fold(0.0, f64::max);
        assert!(of_passes.iter().all(|time| 2.0 * time > most), "{least:?}");
    }
    assert!((0..3).all(|kind| least[1][kind] > 2.0 * least[0][kind]), "{least:?}");
}

/// Body and headers without what differs from request to request.
fn anonymous(reply: &Reply) -> (Value, Vec<(String, String)>) {
    let mut body = reply.json();
    body.as_object_mut().unwrap().remove("requestId");
    let headers = reply.headers.iter().filter(|(name, _)| *name != "x-request-id" && *name != "traceparent");
    (body, headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect())
}

#[tokio::test]
async fn what_cannot_be_a_claim_is_refused() {
    let house = House::new().await;
    for (body, expected) in [
        (json!({}), &["#/password required", "#/userName required"][..]),
        (claim("a b", ""), &["#/password required", "#/userName invalid_characters"]),
        (claim("ada", &"x".repeat(257)), &["#/password too_long"]),
        (json!({"userName": "ada", "password": 7, "id": "x"}), &["#/id read_only", "#/password wrong_type"]),
    ] {
        assert_eq!(house.anyone().post(VERIFY, &body).await.problem(422, "validation").errors(), expected);
    }
}

#[tokio::test]
async fn only_those_may_ask_who_verify() {
    let house = House::new().await;
    house.create("ada").await;
    let (name, password) = (UserName::parse("ada").unwrap(), Password::parse(PASSWORD).unwrap());
    for (scope, may) in [
        (Scope::Verify, true),
        (Scope::Admin, true),
        (Scope::Read, false),
        (Scope::Write, false),
        (Scope::Delete, false),
    ] {
        let actor = Actor::new(ClientId::anonymous(), None, vec![scope]);
        let outcome = operations::verify_password(&house.app, &actor, &name, &password).await;
        assert_eq!(outcome.is_ok(), may, "{scope:?}");
        assert!(may || matches!(outcome, Err(Error::Forbidden)), "{scope:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_renamed_user_is_known_by_the_new_name_alone() {
    let house = House::new().await;
    let id = house.create("ada").await;
    house.anyone().patch(&format!("/users/{id}"), &json!({"userName": "countess"})).await.expect(200);
    house.anyone().post(VERIFY, &claim("ada", PASSWORD)).await.problem(401, "invalid-credentials");
    house.anyone().post(VERIFY, &claim("countess", PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_requests_are_answered_while_hashes_run() {
    let house = House::with(&[("ROSTER_MAX_PARALLEL_HASHES", "1")]).await;
    let path = format!("/users/{}", house.create("ada").await);
    let order = std::sync::Mutex::new(Vec::new());
    let verifies = join_all((0..12).map(|_| async {
        house.anyone().post(VERIFY, &claim("ada", PASSWORD)).await.expect(200);
        order.lock().unwrap().push("verify");
    }));
    let writes = async {
        for n in 0..3 {
            house.anyone().patch(&path, &json!({"firstName": format!("Ada {n}")})).await.expect(200);
        }
        order.lock().unwrap().push("writes");
    };
    tokio::join!(verifies, writes);
    assert_ne!(order.into_inner().unwrap().last(), Some(&"writes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_told_to_come_back_and_not_kept_waiting() {
    let mut house = House::new().await;
    house.create("ada").await;
    let limits = Limits { parallel: 1, memory_mib: 19, longest_wait: std::time::Duration::from_millis(1) };
    let settings = Settings { parameters: Parameters::default(), limits, pepper: Pepper::default() };
    house.app.hasher = Hasher::new(settings, Ids::seeded(2));
    house.router = roster::doors::rest::router(house.app.clone());
    let replies = join_all((0..12).map(|_| async { house.anyone().post(VERIFY, &claim("ada", PASSWORD)).await })).await;
    let busy: Vec<_> = replies.iter().filter(|reply| reply.status == 503).collect();
    assert!(!busy.is_empty() && busy.len() < 12, "{} of 12 were turned away", busy.len());
    assert!(busy.iter().all(|reply| reply.header("retry-after").parse::<u32>().unwrap() >= 1));
    assert!(replies.iter().all(|reply| [200, 503].contains(&reply.status.as_u16())));
    house.anyone().post("/users", &new_user("eve")).await.expect(201);
}

#[tokio::test]
async fn other_parameters_and_another_pepper_are_taken_on_at_the_next_login() {
    let mut house = House::new().await;
    house.create("ada").await;
    for (passes, pepper, mark) in [
        (3, "", "t=3,p=1$"),
        (3, "k1:MDEyMzQ1Njc4OWFiY2RlZg==", "keyid=azE$"),
        (2, "k2:ZmVkY2JhOTg3NjU0MzIxMA==,k1:MDEyMzQ1Njc4OWFiY2RlZg==", "keyid=azI$"),
    ] {
        let parameters = Parameters { passes, ..Parameters::default() };
        let settings = Settings { parameters, limits: Limits::new(2, 256), pepper: Pepper::parse(pepper).unwrap() };
        house.app.hasher = Hasher::new(settings, Ids::seeded(2));
        house.router = roster::doors::rest::router(house.app.clone());
        house.anyone().post(VERIFY, &claim("ada", "wrong horse")).await.problem(401, "invalid-credentials");
        let before = stored_hash(&house).await;
        assert!(!before.contains(mark), "a wrong password upgrades nothing");
        house.anyone().post(VERIFY, &claim("ada", PASSWORD)).await.expect(200);
        let after = stored_hash(&house).await;
        assert!(after.contains(mark), "{after}");
        house.anyone().post(VERIFY, &claim("ada", PASSWORD)).await.expect(200);
        assert_eq!(stored_hash(&house).await, after, "and once is enough");
    }
}

async fn stored_hash(house: &House) -> String {
    house.items().await.iter().find_map(|item| item.get("hash")).unwrap().as_s().unwrap().clone()
}
