//! PUT /users/{id}.

use serde_json::json;

use crate::harness::{House, new_user};

#[tokio::test]
async fn all_names_are_replaced_and_the_version_grows() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    house.clock.advance_seconds(1);
    let reply = house
        .anyone()
        .put(&path, &json!({"userName": "ada.byron", "firstName": "Augusta", "lastName": "Byron"}))
        .await
        .expect(200);
    let user = reply.json();
    assert_eq!(
        (reply.etag(), &user["userName"], &user["lastName"], &user["version"]),
        ("\"2\"", &json!("ada.byron"), &json!("Byron"), &json!(2))
    );
    assert_eq!(
        (&user["createdAt"], &user["updatedAt"]),
        (&json!("2026-11-22T07:00:00.000Z"), &json!("2026-11-22T07:00:01.000Z"))
    );
    assert_eq!(house.anyone().get(&path).await.json(), user);
}

#[tokio::test]
async fn a_replacement_is_whole_or_refused() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let reply = house
        .anyone()
        .put(&path, &json!({"firstName": "Augusta", "password": "x", "version": 3}))
        .await
        .problem(422, "validation");
    assert_eq!(
        reply.errors(),
        ["#/lastName required", "#/password unknown_member", "#/userName required", "#/version read_only"]
    );
    assert_eq!(house.anyone().get(&path).await.json()["version"], 1);
}

#[tokio::test]
async fn a_rename_frees_the_old_name_and_takes_the_new_one() {
    let house = House::new().await;
    let id = house.create("ada").await;
    let path = format!("/users/{id}");
    let names = |name: &str| json!({"userName": name, "firstName": "Ada", "lastName": "Lovelace"});
    house.create("eve").await;
    house.anyone().put(&path, &names("EVE")).await.problem(409, "name-taken");
    house.anyone().put(&path, &names("byron")).await.expect(200);
    let keys = house.keys().await;
    assert!(keys.contains(&"NAME#byron".to_owned()) && !keys.contains(&"NAME#ada".to_owned()), "{keys:?}");
    house.anyone().post("/users", &new_user("byron")).await.problem(409, "name-taken");
    house.anyone().post("/users", &new_user("ada")).await.expect(201);
}

#[tokio::test]
async fn a_name_may_change_its_case_under_its_own_guard() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let reply = house
        .anyone()
        .put(&path, &json!({"userName": "ADA", "firstName": "Ada", "lastName": "Lovelace"}))
        .await
        .expect(200);
    assert_eq!((&reply.json()["userName"], reply.etag()), (&json!("ADA"), "\"2\""));
    house.anyone().post("/users", &new_user("ada")).await.problem(409, "name-taken");
}

#[tokio::test]
async fn the_same_names_again_write_nothing() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let names = json!({"userName": "ada", "firstName": "Ada", "lastName": "Lovelace"});
    assert_eq!(house.anyone().put(&path, &names).await.expect(200).etag(), "\"1\"");
}

#[tokio::test]
async fn only_the_named_version_is_changed() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let names = |first: &str| json!({"userName": "ada", "firstName": first, "lastName": "Lovelace"});
    for stale in ["\"2\"", "W/\"1\"", "\"01\"", "\"\"", "\"abc\""] {
        house.anyone().with("if-match", stale).put(&path, &names("Eve")).await.problem(412, "version-conflict");
    }
    assert_eq!(
        house.anyone().with("if-match", "1").put(&path, &names("Eve")).await.problem(400, "malformed-request").errors(),
        ["If-Match invalid_etag"]
    );
    house.anyone().with("if-match", "\"9\", \"1\"").put(&path, &names("Eve")).await.expect(200);
    house.anyone().with("if-match", "*").put(&path, &names("Ada")).await.expect(200);
    house.anyone().with("if-match", "\"3.1f\"").put(&path, &names("Eva")).await.expect(200);
    house.anyone().with("if-match", "\"3\"").delete(&path).await.problem(412, "version-conflict");
    house.anyone().with("if-match", "\"4\"").delete(&path).await.expect(204);
    house.anyone().with("if-match", "*").put(&path, &names("Eve")).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_version_is_demanded_where_the_configuration_says_so() {
    let house = House::with(&[("ROSTER_REQUIRE_IF_MATCH", "true")]).await;
    let path = format!("/users/{}", house.create("ada").await);
    let names = json!({"userName": "ada", "firstName": "Eve", "lastName": "Lovelace"});
    house.anyone().put(&path, &names).await.problem(428, "precondition-required");
    house.anyone().patch(&path, &names).await.problem(428, "precondition-required");
    house.anyone().delete(&path).await.problem(428, "precondition-required");
    house.anyone().with("if-match", "\"1\"").put(&path, &names).await.expect(200);
}
