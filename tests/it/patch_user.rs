//! PATCH /users/{id}: merge patch and JSON patch.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{House, new_user};

#[tokio::test]
async fn a_merge_patch_changes_what_it_names() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let reply = house.anyone().patch(&path, &json!({"lastName": " Byron "})).await.expect(200);
    assert_eq!(
        (&reply.json()["firstName"], &reply.json()["lastName"], reply.etag()),
        (&json!("Ada"), &json!("Byron"), "\"2\"")
    );
    let plain = house
        .anyone()
        .send(Method::PATCH, &path, Some("application/json; charset=utf-8"), br#"{"userName":"byron"}"#.to_vec())
        .await;
    assert_eq!(plain.expect(200).json()["userName"], "byron");
    house.anyone().post("/users", &new_user("ada")).await.expect(201);
}

#[tokio::test]
async fn an_empty_patch_or_the_same_values_write_nothing() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    for patch in [json!({}), json!({"firstName": "Ada"})] {
        assert_eq!(house.anyone().patch(&path, &patch).await.expect(200).etag(), "\"1\"");
    }
    assert_eq!(house.anyone().json_patch(&path, &json!([])).await.expect(200).etag(), "\"1\"");
}

#[tokio::test]
async fn a_merge_patch_is_refused_whole() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let patch = json!({"firstName": null, "lastName": "Byron", "userName": ["x"], "version": 1, "nick": "a"});
    let reply = house.anyone().patch(&path, &patch).await.problem(422, "validation");
    assert_eq!(
        reply.errors(),
        ["#/firstName required", "#/nick unknown_member", "#/userName wrong_type", "#/version read_only"]
    );
    for patch in [json!([]), json!("x"), json!(null), json!(3)] {
        assert_eq!(house.anyone().patch(&path, &patch).await.problem(422, "validation").errors(), ["# wrong_type"]);
    }
    assert_eq!(house.anyone().get(&path).await.etag(), "\"1\"");
}

#[tokio::test]
async fn a_json_patch_is_applied_in_order() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let patch = json!([
        {"op": "test", "path": "/version", "value": 1},
        {"op": "copy", "from": "/lastName", "path": "/firstName"},
        {"op": "replace", "path": "/lastName", "value": "Byron"},
        {"op": "add", "path": "/userName", "value": "byron"},
    ]);
    let user = house.anyone().json_patch(&path, &patch).await.expect(200).json();
    assert_eq!(
        (&user["firstName"], &user["lastName"], &user["userName"]),
        (&json!("Lovelace"), &json!("Byron"), &json!("byron"))
    );
}

#[tokio::test]
async fn a_json_patch_that_fails_says_where() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    // Each copy of a part into itself would double it.
    let mut bomb = vec![json!({"op": "add", "path": "/a", "value": ["x"]})];
    bomb.extend(vec![json!({"op": "copy", "from": "/a", "path": "/a/-"}); 60]);
    let bomb = Value::Array(bomb);
    let cases: [(Value, &[&str]); 14] = [
        (json!([{"op": "test", "path": "/firstName", "value": "Eve"}]), &["#/0/value test_failed"]),
        (json!([{"op": "replace", "path": "/nick", "value": "x"}]), &["#/0/path invalid_path"]),
        (json!([{"op": "add", "path": "/nick", "value": "x"}]), &["#/0/value unknown_member"]),
        (json!([{"op": "remove", "path": "/lastName"}]), &["#/0/path required"]),
        (json!([{"op": "move", "from": "/lastName", "path": "/firstName"}]), &["#/0/from required"]),
        (json!([{"op": "replace", "path": "/version", "value": 9}]), &["#/0/value read_only"]),
        (
            json!([{"op": "test", "path": "/version", "value": 1}, {"op": "add", "path": "/id", "value": 9}]),
            &["#/1/value read_only"],
        ),
        (json!([{"op": "replace", "path": "/firstName", "value": 7}]), &["#/0/value wrong_type"]),
        (json!([{"op": "replace", "path": "", "value": []}]), &["# wrong_type"]),
        (json!([{"op": "copy", "from": "", "path": "/firstName"}]), &["#/0/from invalid_path"]),
        (
            json!([{"op": "jump", "path": "/x"}, {"op": "add", "path": "x"}, 7]),
            &["#/0 invalid_operation", "#/1 invalid_operation", "#/2 invalid_operation"],
        ),
        (json!({"op": "add"}), &["# wrong_type"]),
        (json!([{"op": "add", "path": "/firstName/x", "value": 1}]), &["#/0/path invalid_path"]),
        (bomb, &["#/1/path invalid_path"]),
    ];
    for (patch, expected) in cases {
        let reply = house.anyone().json_patch(&path, &patch).await.problem(422, "validation");
        assert_eq!(reply.errors(), expected, "{patch}");
    }
    let many = Value::Array(vec![json!({"op": "test", "path": "/version", "value": 1}); 101]);
    assert_eq!(house.anyone().json_patch(&path, &many).await.problem(422, "validation").errors(), ["# too_long"]);
    assert_eq!(house.anyone().get(&path).await.etag(), "\"1\"");
}

#[tokio::test]
async fn other_media_types_are_refused_with_those_that_are_understood() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    for content_type in [None, Some("text/plain"), Some("application/xml"), Some("application/jsonp")] {
        let reply = house
            .anyone()
            .send(Method::PATCH, &path, content_type, b"{}".to_vec())
            .await
            .problem(415, "unsupported-media-type");
        assert!(reply.header("accept-patch").contains("application/merge-patch+json"), "{reply}");
        let reply = house
            .anyone()
            .send(Method::PUT, &path, content_type, b"{}".to_vec())
            .await
            .problem(415, "unsupported-media-type");
        assert_eq!(reply.header("accept"), "application/json");
    }
}
