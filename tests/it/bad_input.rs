//! Bad input of every kind: a 4xx problem, never a 500, and nothing stored.

use axum::http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::harness::{House, PASSWORD, Reply, new_user};

const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let full = new_user("eve").to_string();
    let mut bodies: Vec<Vec<u8>> = (0..full.len()).map(|length| full.as_bytes()[..length].to_vec()).collect();
    bodies.extend([
        "[".repeat(10_000).into_bytes(),
        format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes(),
        b"{\"userName\":\"\xff\xfe\"}".to_vec(),
        br#"{"userName":"\ud800"}"#.to_vec(),
        br#"{"userName":"\udc00\ud800"}"#.to_vec(),
        b"{\"userName\":\"a\0b\"}".to_vec(),
        b"{} {}".to_vec(),
        b"1e999".to_vec(),
        b"NaN".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
    ]);
    for body in bodies {
        house.anyone().send(Method::POST, "/users", JSON, body.clone()).await.problem(400, "malformed-request");
        house
            .anyone()
            .send(Method::PATCH, &path, Some("application/json-patch+json"), body)
            .await
            .problem(400, "malformed-request");
    }
    assert_eq!(house.keys().await.len(), 3);
}

#[tokio::test]
async fn deceiving_names_are_refused_with_a_pointer() {
    let house = House::new().await;
    for name in [
        "",
        " ",
        "a b",
        "a\u{0}",
        "\u{202e}ada",
        "a\u{200b}da",
        "аda",
        "a\u{fe0f}",
        "\u{1f980}",
        "a\u{d}",
        "ad\u{ad}a",
        "\u{feff}ada",
    ] {
        let mut body = new_user(name);
        body["userName"] = json!(name);
        let reply = house.anyone().post("/users", &body).await.problem(422, "validation");
        assert!(reply.errors()[0].starts_with("#/userName "), "{reply}");
    }
    for name in ["", "\u{0}", "a\u{202e}b", "a\nb", "\u{2066}a", "\u{ffff}"] {
        let mut body = new_user("eve");
        body["firstName"] = json!(name);
        let reply = house.anyone().post("/users", &body).await.problem(422, "validation");
        assert!(reply.errors()[0].starts_with("#/firstName "), "{reply}");
    }
    assert_eq!(house.keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_small_request_never_causes_a_large_answer() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let long = "k".repeat(30_000);
    let doubled = "\"a\":1,".repeat(5000);
    let strangers = (0..6000).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",");
    for body in [
        format!("{{\"{long}\":{{{doubled}\"a\":1}}}}"),
        format!("{{{doubled}\"a\":1}}"),
        format!("{{{strangers}}}"),
        format!("{{\"{long}\":1}}"),
        format!("[{}1]", "1,".repeat(30_000)),
    ] {
        for (method, path, content_type) in [
            (Method::POST, "/users", "application/json"),
            (Method::PUT, path.as_str(), "application/json"),
            (Method::PATCH, path.as_str(), "application/merge-patch+json"),
            (Method::PATCH, path.as_str(), "application/json-patch+json"),
        ] {
            let reply = house.anyone().send(method, path, Some(content_type), body.clone().into_bytes()).await;
            let reply = reply.problem(422, "validation");
            assert!(reply.body.len() < 64 * 1024, "{} bytes", reply.body.len());
        }
    }
    let strangers = (0..3000).map(|n| n.to_string()).collect::<Vec<_>>().join("&");
    for query in ["a&".repeat(8000), "size=1&".repeat(2200), strangers] {
        for path in ["/users", &format!("{path}/avatar")] {
            let reply = house.anyone().get(&format!("{path}?{query}")).await.problem(422, "validation");
            assert!(reply.body.len() < 64 * 1024, "{} bytes", reply.body.len());
            assert_eq!(reply.errors().len(), 100);
        }
    }
}

#[tokio::test]
async fn headers_of_any_bytes_are_answered() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let long = "\"x\",".repeat(20_000);
    for name in ["if-match", "if-none-match", "idempotency-key", "x-client-id", "accept", "content-length"] {
        for value in [&b"\xff\x80"[..], b"", b"\"", b",,,", b"W/", long.as_bytes()] {
            let get = house.anyone().with(name, value).get(&path).await;
            let patch = house.anyone().with(name, value).patch(&path, &json!({"firstName": "Ada"})).await;
            for reply in [get, patch] {
                assert!(reply.status.as_u16() < 500, "{name}: {reply}");
                assert!(value.len() < 16 * 1024 || reply.status == 431, "{name}: {reply}");
            }
        }
    }
}

/// Any JSON, with our own member names and sore spots mixed in.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[a-z]{1,12}",
        "\\PC{0,300}",
        Just(PASSWORD.to_owned()),
        Just("\u{0}".to_owned()),
        Just("a".repeat(300)),
        Just("$argon2id$v=19$m=4294967295,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ".to_owned()),
    ];
    let member = prop_oneof![
        Just("userName".to_owned()),
        Just("firstName".to_owned()),
        Just("lastName".to_owned()),
        Just("password".to_owned()),
        Just("passwordHash".to_owned()),
        Just("newPassword".to_owned()),
        Just("currentPassword".to_owned()),
        Just("op".to_owned()),
        Just("path".to_owned()),
        Just("from".to_owned()),
        Just("value".to_owned()),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(member.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// JSON as text, sometimes with a byte changed.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    (any_json(), prop::option::of((any::<prop::sample::Index>(), any::<u8>()))).prop_map(|(value, change)| {
        let mut bytes = value.to_string().into_bytes();
        if let Some((index, byte)) = change {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        bytes
    })
}

#[test]
fn any_body_at_any_door_is_answered_below_500_and_only_success_stores() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (house, path) = runtime.block_on(async {
        let house = House::new().await;
        let path = format!("/users/{}", house.create("ada").await);
        (house, path)
    });
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let doors = prop::sample::select(vec![
        (Method::POST, "", "application/json"),
        (Method::PUT, "/x", "application/json"),
        (Method::PATCH, "/x", "application/merge-patch+json"),
        (Method::PATCH, "/x", "application/json-patch+json"),
        (Method::PUT, "/x/password", "application/json"),
    ]);
    let outcome = runner.run(&(doors, any_body()), |((method, suffix, content_type), body)| {
        let path = if suffix.is_empty() { "/users".to_owned() } else { suffix.replacen("/x", &path, 1) };
        let before = runtime.block_on(house.keys()).len();
        let reply: Reply = runtime.block_on(house.anyone().send(method, &path, Some(content_type), body));
        let after = runtime.block_on(house.keys()).len();
        prop_assert!(reply.status.as_u16() < 500, "{reply}");
        prop_assert!(reply.body.len() < 64 * 1024, "an answer of {} bytes", reply.body.len());
        prop_assert!(reply.status.is_success() || before == after, "{reply}");
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
