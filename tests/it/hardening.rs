//! What the door does for everyone: cross-origin rules, transport security, deadlines, nothing said that need not be.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request};
use futures_util::stream;
use tower::ServiceExt;

use crate::harness::{House, Reply};

const ORIGIN: &str = "https://app.example";

async fn preflight(house: &House, origin: &str) -> Reply {
    let caller = house.anyone().with("origin", origin).with("access-control-request-method", "PATCH");
    caller
        .with("access-control-request-headers", "authorization,if-match")
        .send(Method::OPTIONS, "/users", None, Vec::new())
        .await
}

#[tokio::test]
async fn pages_of_other_origins_are_kept_out_unless_configured() {
    let house = House::new().await;
    assert!(!preflight(&house, ORIGIN).await.expect(405).headers.contains_key("access-control-allow-origin"));
    let reply = house.anyone().with("origin", ORIGIN).get("/users").await.expect(200);
    assert!(!reply.headers.contains_key("access-control-allow-origin"));

    let house = House::with(&[("ROSTER_CORS_ORIGINS", "https://app.example, http://localhost:3000")]).await;
    let reply = preflight(&house, ORIGIN).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), ORIGIN);
    assert!(reply.header("access-control-allow-methods").contains("PATCH"));
    assert!(reply.header("access-control-allow-headers").contains("if-match"));
    assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    let reply = house.anyone().with("origin", ORIGIN).get("/users").await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), ORIGIN);
    assert!(reply.header("access-control-expose-headers").contains("etag"));
    assert!(reply.header("vary").to_ascii_lowercase().contains("origin"));
    // Problems can be read by the page, too.
    let reply = house.anyone().with("origin", ORIGIN).get("/users/x").await.expect(404);
    assert_eq!(reply.header("access-control-allow-origin"), ORIGIN);
    for stranger in ["https://app.example.evil.example", "null", "http://app.example"] {
        assert!(!preflight(&house, stranger).await.headers.contains_key("access-control-allow-origin"), "{stranger}");
    }
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let house = House::new().await;
    let id = house.create("ada").await;
    for path in [format!("/users/{id}"), "/users".to_owned(), "/nowhere".to_owned(), "/users/%3Cscript%3E".to_owned()] {
        let reply = house.anyone().get(&path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(reply.header("content-type").contains("json"), "nothing is HTML: {reply}");
        for banner in ["server", "x-powered-by", "via", "strict-transport-security"] {
            assert!(!reply.headers.contains_key(banner), "{reply}");
        }
    }
    let reply = house.anyone().with("x-forwarded-proto", "https").get("/users").await.expect(200);
    assert_eq!(reply.header("strict-transport-security"), "max-age=63072000");
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused() {
    let house = House::new().await;
    house.anyone().with("x-filler", "x".repeat(15 * 1024)).get("/users").await.expect(200);
    house.anyone().with("x-filler", "x".repeat(16 * 1024)).get("/users").await.problem(431, "headers-too-large");
    let caller = house.anyone().with("x-filler", "x".repeat(8 * 1024)).with("x-more", "x".repeat(8 * 1024));
    caller.get("/users").await.problem(431, "headers-too-large");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_504() {
    let house = House::with(&[("ROSTER_DEADLINE_SECONDS", "1")]).await;
    let endless = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/users").header("content-type", "application/json").body(endless).unwrap();
    let began = Instant::now();
    let response = house.router.clone().oneshot(request).await.unwrap();
    Reply::read("POST /users".to_owned(), response).await.problem(504, "timeout");
    assert!((Duration::from_millis(900)..Duration::from_secs(5)).contains(&began.elapsed()));
}
