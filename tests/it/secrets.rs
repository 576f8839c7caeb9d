//! The hash and the password appear nowhere but where they must: the hash in its `CRED#` item.

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use serde_json::json;

use crate::harness::{Gallery, House, Reply, logged, new_user};

/// Passwords that no other test uses, so that a trace of them is a leak of this one.
const FIRST: &str = "plumose quagga vexillum 41";
const SECOND: &str = "zarzuela okapi thribble 77";
const WRONG: &str = "wamble sphex drumlin 12";
/// Names and what else tells a person or opens a door, likewise.
const PERSONAL: [&str; 6] =
    ["thaumaturge77", "Zephyrine", "Quatrefoil", "Brimborion", "eyJhbGciOiJFUzI1NiJ9.zwieback", "key-of-oubliette"];

#[tokio::test]
async fn nothing_that_a_run_produces_holds_a_password_or_a_hash() {
    let house = House::new().await;
    let mut replies: Vec<Reply> = Vec::new();
    let caller = house.anyone().with("idempotency-key", "k");
    let mut body = new_user("ada");
    body["password"] = json!(FIRST);
    replies.push(caller.post("/users", &body).await.expect(201));
    let path = replies[0].header("location").to_owned();
    replies.push(caller.post("/users", &body).await.expect(201));
    let hash = stored_hash(&house).await;

    // Everything that could echo: wrong types, unknown members, broken JSON, wrong places, refused passwords.
    body["passwordHash"] = json!(hash);
    replies.push(house.anyone().post("/users", &body).await.expect(422));
    replies.push(house.anyone().post("/users", &json!({"password": {"nested": FIRST}})).await.expect(422));
    replies.push(house.anyone().post("/users", &json!({"password": [hash], "userName": FIRST})).await.expect(422));
    for broken in [format!("{{\"password\":\"{FIRST}\""), format!("{{\"password\":{FIRST}}}"), format!("\"{hash}")] {
        replies.push(
            house
                .anyone()
                .send(Method::POST, "/users", Some("application/json"), broken.into_bytes())
                .await
                .expect(400),
        );
    }
    replies.push(house.anyone().patch(&path, &json!({"password": FIRST})).await.expect(422));
    replies.push(
        house
            .anyone()
            .json_patch(&path, &json!([{"op": "add", "path": "/password", "value": FIRST}]))
            .await
            .expect(422),
    );
    let passwords = format!("{path}/password");
    replies.push(
        house.anyone().put(&passwords, &json!({"currentPassword": WRONG, "newPassword": SECOND})).await.expect(401),
    );
    replies.push(
        house.anyone().put(&passwords, &json!({"currentPassword": FIRST, "newPassword": FIRST})).await.expect(422),
    );
    replies.push(
        house.anyone().put(&passwords, &json!({"currentPassword": FIRST, "newPassword": SECOND})).await.expect(204),
    );
    let second_hash = stored_hash(&house).await;
    replies.push(house.anyone().get(&path).await.expect(200));
    replies.push(house.anyone().get("/users").await.expect(200));
    replies.push(house.anyone().delete(&path).await.expect(204));

    let secrets = [FIRST, SECOND, WRONG, hash.as_str(), second_hash.as_str(), "$argon2"];
    for secret in secrets {
        for reply in &replies {
            assert!(!reply.to_string().contains(secret), "{secret} in {reply}");
        }
    }
    let log = logged();
    assert!(log.contains("change_password") || log.contains("/users/{id}/password"), "the log was captured");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret) && !line.contains("boom"));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
}

#[tokio::test]
async fn no_log_line_names_a_person_or_holds_a_token() {
    let house = Gallery::new().await;
    let [user_name, first, last, other, token, key] = PERSONAL;
    let caller = house.anyone().with("authorization", format!("Bearer {token}")).with("idempotency-key", key);
    let body = json!({"userName": user_name, "firstName": first, "lastName": last, "password": FIRST});
    let path = caller.post("/users", &body).await.expect(201).header("location").to_owned();
    caller.post("/users", &body).await.expect(201);
    house.anyone().post("/users", &body).await.expect(409);
    caller.get(&format!("/users?filter=firstName%20eq%20%22{first}%22")).await.expect(200);
    caller.get(&format!("/users?filter=firstName%20equals%20%22{first}%22&cursor={last}")).await.expect(400);
    caller.patch(&path, &json!({"lastName": other, first: last})).await.expect(422);
    caller.patch(&path, &json!({"lastName": other})).await.expect(200);
    caller.get(&format!("/{user_name}/{last}")).await.expect(404);
    caller.get(&format!("/users/{user_name}")).await.expect(404);
    caller.get(&format!("/problems/{user_name}")).await.expect(404);
    house.anyone().with("x-client-id", format!("{first} {last}")).get("/users").await.expect(400);
    house.anyone().with("traceparent", last).with("if-match", first).patch(&path, &json!({})).await.expect(400);
    let claim = json!({"userName": user_name, "password": WRONG});
    caller.post("/users/verify-password", &claim).await.expect(401);
    let asked = json!({"contentType": "image/png", "contentLength": 100});
    let upload = caller.post(&format!("{path}/avatar-uploads"), &asked).await.expect(201).json();
    let signature = upload["url"].as_str().unwrap().rsplit("X-Amz-Signature=").next().unwrap().to_owned();
    caller.delete(&path).await.expect(204);
    let log = logged();
    assert!(log.contains("verify_password") && log.contains("request_avatar_upload"), "the log was captured");
    // The last ones are what every other test of this process uses.
    for secret in PERSONAL.into_iter().chain([signature.as_str(), "Lovelace", "eyJ", "Bearer ey"]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
}

#[tokio::test]
async fn the_hash_is_in_its_own_item_and_in_no_index() {
    let house = House::new().await;
    house.anyone().with("idempotency-key", "k").post("/users", &new_user("ada")).await.expect(201);
    let hash = stored_hash(&house).await;
    for item in house.items().await {
        let is_credential = item["pk"].as_s().unwrap().starts_with("CRED#");
        assert_eq!(is_credential, format!("{item:?}").contains(&hash), "{item:?}");
    }
    for (index, _) in roster::store::table::INDEXES {
        for shard in 0..8 {
            let query = house.dynamodb.query().table_name(house.app.store.table()).index_name(index);
            let query = query
                .key_condition_expression("#shard = :s")
                .expression_attribute_names("#shard", "shard")
                .expression_attribute_values(":s", AttributeValue::N(shard.to_string()));
            let items = query.send().await.unwrap().items.unwrap_or_default();
            assert!(
                items
                    .iter()
                    .all(|item| !format!("{item:?}").contains("argon2")
                        && item["pk"].as_s().unwrap().starts_with("USER#")),
                "{items:?}"
            );
        }
    }
}

async fn stored_hash(house: &House) -> String {
    let items = house.items().await;
    items.iter().find_map(|item| item.get("hash")).unwrap().as_s().unwrap().clone()
}
