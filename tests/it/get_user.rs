//! GET and HEAD /users/{id}.

use serde_json::json;

use crate::harness::House;

#[tokio::test]
async fn a_user_is_read_by_id_in_either_case() {
    let house = House::new().await;
    let id = house.create("ada").await;
    for path in [format!("/users/{id}"), format!("/users/{}", id.to_uppercase())] {
        let reply = house.anyone().get(&path).await.expect(200);
        assert_eq!((reply.json()["id"].as_str(), reply.etag()), (Some(id.as_str()), "\"1\""));
    }
}

#[tokio::test]
async fn what_is_not_a_user_is_not_found() {
    let house = House::new().await;
    for path in [
        "/users/01980000-0000-7000-8000-000000000001",
        "/users/x",
        "/users/%FF",
        "/users/01980000000070008000000000000001",
        "/users/",
    ] {
        house.anyone().get(path).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_known_version_answers_304_without_a_body() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    for known in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let reply = house.anyone().with("if-none-match", known).get(&path).await.expect(304);
        assert_eq!((reply.body.len(), reply.etag()), (0, "\"1\""), "{known}");
    }
    house.anyone().with("if-none-match", "\"2\"").get(&path).await.expect(200);
    house.anyone().with("if-none-match", "1").get(&path).await.problem(400, "malformed-request");
    house.anyone().patch(&path, &json!({"firstName": "Eve"})).await.expect(200);
    house.anyone().with("if-none-match", "\"1\"").get(&path).await.expect(200);
}

#[tokio::test]
async fn head_answers_as_get_does_without_a_body() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let (get, head) = (house.anyone().get(&path).await.expect(200), house.anyone().head(&path).await.expect(200));
    assert_eq!(
        (head.body.len(), head.etag(), head.header("content-length")),
        (0, get.etag(), get.header("content-length"))
    );
    for path in ["/users", "/health/live", "/openapi.json", "/problems/validation"] {
        assert!(house.anyone().head(path).await.expect(200).body.is_empty(), "{path}");
    }
    let missing = house.anyone().head("/users/x").await.expect(404);
    assert_eq!((missing.body.len(), missing.header("content-type")), (0, "application/problem+json"));
}
