//! POST /users.

use axum::http::Method;
use roster::hashing::{Hasher, Limits, Parameters, Pepper, Settings};
use roster::ids::Ids;
use serde_json::json;

use crate::harness::{House, PASSWORD, new_user};

#[tokio::test]
async fn a_user_is_created_and_shown() {
    let house = House::new().await;
    let reply = house.anyone().post("/users", &new_user("Ada")).await.expect(201);
    let user = reply.json();
    let id = user["id"].as_str().unwrap();
    assert_eq!(reply.header("location"), format!("/users/{id}"));
    assert_eq!(reply.etag(), "\"1\"");
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(
        user,
        json!({
            "id": id, "userName": "Ada", "firstName": "Ada", "lastName": "Lovelace", "avatar": null, "version": 1,
            "createdAt": "2026-11-22T07:00:00.000Z", "updatedAt": "2026-11-22T07:00:00.000Z",
        })
    );
    assert_eq!(&id[14..15], "7", "a version 7 UUID");
    assert_eq!(house.keys().await, [format!("CRED#{id}"), "NAME#ada".to_owned(), format!("USER#{id}")]);
}

#[tokio::test]
async fn a_taken_name_is_refused_in_any_case_width_or_form() {
    let house = House::new().await;
    house.create("Zo\u{eb}").await;
    for name in ["zo\u{eb}", "ZOE\u{308}", "Ｚｏ\u{eb}"] {
        let reply = house.anyone().post("/users", &new_user(name)).await.problem(409, "name-taken");
        assert_eq!(reply.errors(), ["#/userName name_taken"]);
    }
    assert_eq!(house.keys().await.len(), 3);
}

#[tokio::test]
async fn every_error_is_told_at_once() {
    let house = House::new().await;
    let body = json!({
        "userName": "a b", "firstName": 7, "lastName": null, "password": "123", "id": "x", "avatar": null, "a/b": {"c": 1},
    });
    let reply = house.anyone().post("/users", &body).await.problem(422, "validation");
    assert_eq!(
        reply.errors(),
        [
            "#/avatar read_only",
            "#/a~1b unknown_member",
            "#/firstName wrong_type",
            "#/id read_only",
            "#/lastName required",
            "#/password all_digits",
            "#/password too_guessable",
            "#/password too_short",
            "#/userName invalid_characters",
        ]
    );
    let reply = house.anyone().post("/users", &json!({})).await.problem(422, "validation");
    assert_eq!(
        reply.errors(),
        ["#/firstName required", "#/lastName required", "#/password required", "#/userName required"]
    );
    assert_eq!(house.keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn duplicate_members_are_refused() {
    let house = House::new().await;
    let body =
        format!(r#"{{"userName":"ada","userName":"eve","firstName":"A","lastName":"B","password":"{PASSWORD}"}}"#);
    let reply = house.anyone().send(Method::POST, "/users", Some("application/json"), body.into_bytes()).await;
    assert_eq!(reply.problem(422, "validation").errors(), ["#/userName duplicate_member"]);
}

#[tokio::test]
async fn an_idempotent_create_is_replayed_and_a_reused_key_is_refused() {
    let house = House::new().await;
    let caller = house.billing_service().with("idempotency-key", "\"order-17\"");
    let first = caller.post("/users", &new_user("ada")).await.expect(201);
    house.clock.advance_seconds(3600);
    let second = caller.post("/users", &new_user("ada")).await.expect(201);
    assert_eq!(
        (&first.body, first.etag(), first.header("location")),
        (&second.body, second.etag(), second.header("location"))
    );

    for (member, value) in [("firstName", "Eve"), ("userName", "eve"), ("password", "another horse battery staple")] {
        let mut other = new_user("ada");
        other[member] = json!(value);
        caller.post("/users", &other).await.problem(422, "idempotency-key-reused");
    }
    let other_caller = house.anyone().with("idempotency-key", "order-17");
    other_caller.post("/users", &new_user("ada")).await.problem(409, "name-taken");
    other_caller.post("/users", &new_user("eve")).await.expect(201);
}

#[tokio::test]
async fn a_replay_answers_what_was_answered_even_after_changes() {
    let house = House::new().await;
    let caller = house.anyone().with("idempotency-key", "k");
    let first = caller.post("/users", &new_user("ada")).await.expect(201);
    let path = first.header("location").to_owned();
    house.anyone().patch(&path, &json!({"firstName": "Eve"})).await.expect(200);
    assert_eq!(caller.post("/users", &new_user("ada")).await.expect(201).body, first.body);
    house.anyone().delete(&path).await.expect(204);
    assert_eq!(caller.post("/users", &new_user("ada")).await.expect(201).body, first.body);
}

#[tokio::test]
async fn a_create_is_repeated_across_a_change_of_pepper_and_of_cost() {
    let (old, new) = ("a:MDEyMzQ1Njc4OWFiY2RlZg==", "b:ZmVkY2JhOTg3NjU0MzIxMA==");
    let mut house = House::with(&[("ROSTER_PASSWORD_PEPPER", old)]).await;
    let create =
        async |house: &House, name| house.anyone().with("idempotency-key", name).post("/users", &new_user(name)).await;
    let first = create(&house, "ada").await.expect(201);
    let mut later = house.app.clone();
    later.hasher = Hasher::new(
        Settings {
            parameters: Parameters { memory_kib: 8192, passes: 3, lanes: 1 },
            limits: Limits::new(2, 64),
            pepper: Pepper::parse(&format!("{new},{old}")).unwrap(),
        },
        Ids::system(),
    );
    house.router = roster::doors::router(later);
    assert_eq!(create(&house, "ada").await.expect(201).body, first.body);
    let mut other = new_user("ada");
    other["password"] = json!("another horse battery staple");
    let keyed = house.anyone().with("idempotency-key", "ada");
    keyed.post("/users", &other).await.problem(422, "idempotency-key-reused");

    // A receipt of a version that did not write down how it had hashed.
    let second = create(&house, "eve").await.expect(201);
    let receipts = house.items().await.into_iter().filter(|item| item["sk"].as_s().unwrap() == "IDEM");
    for receipt in receipts {
        let update = house.dynamodb.update_item().table_name(house.app.store.table());
        let update = update.key("pk", receipt["pk"].clone()).key("sk", receipt["sk"].clone());
        update.update_expression("REMOVE memoryKib, passes, lanes, keyId").send().await.unwrap();
    }
    assert_eq!(create(&house, "eve").await.expect(201).body, second.body);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let house = House::new().await;
    let caller = house.anyone().with("idempotency-key", "k");
    caller.post("/users", &new_user("ada")).await.expect(201);
    house.clock.advance_seconds(24 * 3600 + 1);
    caller.post("/users", &new_user("eve")).await.expect(201);
}

#[tokio::test]
async fn bad_idempotency_keys_and_caller_names_are_told_by_header() {
    let house = House::new().await;
    for (name, value) in [
        ("Idempotency-Key", &b""[..]),
        ("Idempotency-Key", b"two words"),
        ("Idempotency-Key", b"\xff"),
        ("X-Client-Id", b"a b"),
        ("X-Client-Id", &[b'a'; 300]),
    ] {
        let reply =
            house.anyone().with(name, value).post("/users", &new_user("ada")).await.problem(400, "malformed-request");
        assert!(reply.errors()[0].starts_with(name), "{reply}");
    }
    let twice = house.anyone().with("Idempotency-Key", "a").with("Idempotency-Key", "b");
    assert_eq!(
        twice.post("/users", &new_user("ada")).await.problem(400, "malformed-request").errors(),
        ["Idempotency-Key repeated"]
    );
}

#[tokio::test]
async fn a_ready_hash_is_taken_as_it_is() {
    let house = House::new().await;
    let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";
    let mut body = json!({"userName": "ada", "firstName": "Ada", "lastName": "Lovelace", "passwordHash": hash});
    house.anyone().post("/users", &body).await.expect(201);
    let items = house.items().await;
    let stored: Vec<_> =
        items.iter().filter_map(|item| item.get("hash")).map(|hash| hash.as_s().unwrap().as_str()).collect();
    assert_eq!(stored, [hash]);

    body["userName"] = json!("eve");
    body["password"] = json!(PASSWORD);
    let reply = house.anyone().post("/users", &body).await.problem(422, "validation");
    assert_eq!(reply.errors(), ["#/passwordHash contradiction"]);
    body["passwordHash"] = json!("5f4dcc3b5aa765d61d8327deb882cf99");
    body.as_object_mut().unwrap().remove("password");
    assert_eq!(
        house.anyone().post("/users", &body).await.problem(422, "validation").errors(),
        ["#/passwordHash hash_too_weak"]
    );
}
