//! How an issuer's keys come and go: discovery, rotation under load, an issuer that is down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::harness::House;
use crate::harness::tokens::{AUDIENCE, Answer, ISSUER, KeyServer, NOW, Signer, key_set};
use crate::tokens::{SCOPE, house, list, refusal};

#[tokio::test]
async fn keys_are_found_by_discovery_and_only_the_right_issuers() {
    let signer = Signer::es256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let variables = |issuer: &str| {
        [
            ("ROSTER_AUTH", "jwt".to_owned()),
            ("ROSTER_JWT_ISSUER", issuer.to_owned()),
            ("ROSTER_JWT_AUDIENCE", AUDIENCE.to_owned()),
        ]
    };
    let own = variables(&server.url);
    let house = House::with(&own.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    list(&house, &signer.token(&json!({"iss": server.url, "scope": SCOPE}))).await.expect(200);
    // The document names the issuer without the slash: it is another's.
    let other = variables(&format!("{}/", server.url));
    let house = House::with(&other.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    list(&house, &signer.token(&json!({"iss": server.url, "scope": SCOPE}))).await.problem(503, "unavailable");
}

#[tokio::test]
async fn a_new_key_is_live_within_the_cool_down_and_an_old_one_until_it_is_removed() {
    let (old, new) = (Signer::es256("old"), Signer::eddsa("new"));
    let server = KeyServer::start(Answer::Keys(key_set(&[&old])));
    let house = house(&server).await;
    let (old_token, new_token) = (old.token(&json!({"scope": SCOPE})), new.token(&json!({"scope": SCOPE})));
    list(&house, &old_token).await.expect(200);
    server.set(Answer::Keys(key_set(&[&old, &new])));
    // Under load: at every second, tokens of both keys and of none, at once.
    let nobody = Signer::es256("nobody").token(&json!({"scope": SCOPE}));
    let mut live_after = None;
    for second in 0..=40 {
        let replies =
            futures_util::future::join_all((0..15).map(|i| list(&house, [&old_token, &new_token, &nobody][i % 3])))
                .await;
        for (i, reply) in replies.iter().enumerate() {
            assert!(reply.status.as_u16() < 500, "{reply}");
            match i % 3 {
                0 => assert_eq!(reply.status, 200, "{reply}"),
                1 if reply.status == 200 => live_after = live_after.or(Some(second)),
                1 => assert!(live_after.is_none(), "live once, live for good: {reply}"),
                _ => assert_eq!(reply.status, 401, "{reply}"),
            }
        }
        house.clock.advance_seconds(1);
    }
    assert!(live_after.is_some_and(|seconds| seconds <= 30), "{live_after:?}");
    assert!(server.asked() <= 3, "615 requests, {} fetches", server.asked());

    server.set(Answer::Keys(key_set(&[&new])));
    house.clock.advance_seconds(600);
    list(&house, &new_token).await.expect(200);
    assert!(refusal(&list(&house, &old_token).await).contains("key"), "a removed key is gone ten minutes later");
}

#[tokio::test]
async fn known_keys_keep_working_while_the_issuer_is_down() {
    let signer = Signer::rs256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let house = house(&server).await;
    let token = signer.token(&json!({"scope": SCOPE, "exp": NOW + 100_000}));
    let stranger = Signer::es256("2").token(&json!({"scope": SCOPE, "exp": NOW + 100_000}));
    list(&house, &token).await.expect(200);
    // The set is about to be old when the issuer goes down.
    house.clock.advance_seconds(590);
    for broken in [
        Answer::Down,
        Answer::Status(500),
        Answer::Flood(200_000),
        Answer::Keys(json!({"keys": []})),
        Answer::Keys(json!("no")),
    ] {
        server.set(broken);
        for _ in 0..10 {
            list(&house, &token).await.expect(200);
            // Whether a strange key is good cannot be known now.
            let reply = list(&house, &stranger).await;
            assert!(reply.status == 503 || reply.status == 401, "{reply}");
            house.clock.advance_seconds(6);
        }
    }
    // Five minutes later, with fresh tokens too; in the end the old set is not trusted any more.
    list(&house, &signer.token(&json!({"scope": SCOPE}))).await.expect(200);
    house.clock.advance_seconds(3600);
    list(&house, &token).await.problem(503, "unavailable");
    server.set(Answer::Keys(key_set(&[&signer])));
    house.clock.advance_seconds(1);
    list(&house, &token).await.expect(200);
}

#[tokio::test]
async fn without_keys_the_answer_is_503_and_never_a_yes() {
    let signer = Signer::es256("1");
    let server = KeyServer::start(Answer::Down);
    let house = house(&server).await;
    let token = signer.token(&json!({"scope": SCOPE}));
    assert_eq!(list(&house, &token).await.problem(503, "unavailable").header("retry-after"), "5");
    house.anyone().get("/health/live").await.expect(200);
    house.anyone().get("/users").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn many_requests_at_once_fetch_the_keys_once() {
    let signer = Signer::es256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let house = house(&server).await;
    let token = signer.token(&json!({"scope": SCOPE}));
    let all_good = Arc::new(AtomicBool::new(true));
    futures_util::future::join_all((0..50).map(|_| async {
        if list(&house, &token).await.status != 200 {
            all_good.store(false, Ordering::SeqCst);
        }
    }))
    .await;
    assert!(all_good.load(Ordering::SeqCst));
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_key_set_is_read_up_to_a_bound() {
    let signer = Signer::es256("1");
    let token = signer.token(&json!({"scope": SCOPE}));
    for (bytes, status) in [(100_000, 200), (200_000, 503)] {
        let mut keys = key_set(&[&signer]);
        keys["note"] = json!("x".repeat(bytes));
        let server = KeyServer::start(Answer::Keys(keys));
        assert_eq!(list(&house(&server).await, &token).await.status, status, "{bytes} bytes");
    }
}

#[test]
fn a_file_that_holds_no_keys_stops_the_start() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    for (path, told) in [("/does/not/exist", "cannot read"), (file.path().to_str().unwrap(), "no key")] {
        let lookup = |name: &str| match name {
            "ROSTER_AUTH" => Some("jwt".to_owned()),
            "ROSTER_JWT_ISSUER" => Some(ISSUER.to_owned()),
            "ROSTER_JWT_AUDIENCE" => Some(AUDIENCE.to_owned()),
            "ROSTER_JWT_JWKS" => Some(path.to_owned()),
            _ => None,
        };
        let config = roster::config::Config::for_local(&lookup).unwrap();
        let mistake = runtime.block_on(roster::app::App::new(&config)).err().unwrap().to_string();
        assert!(mistake.starts_with("ROSTER_JWT_JWKS") && mistake.contains(told), "{mistake}");
    }
}
