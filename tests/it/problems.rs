//! Problems from every layer, and the pages that explain them.

use axum::http::Method;
use axum::routing::get;
use roster::doors::rest::problem::KINDS;

use crate::harness::House;

#[tokio::test]
async fn the_router_answers_problems_too() {
    let house = House::new().await;
    let reply = house.anyone().get("/nothing/here?x=1").await.problem(404, "not-found");
    assert_eq!(reply.json()["instance"], "/nothing/here");
    let reply = house.anyone().delete("/users").await.problem(405, "method-not-allowed");
    let mut allowed: Vec<_> = reply.header("allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    let reply =
        house.anyone().send(Method::OPTIONS, "/users/x", None, Vec::new()).await.problem(405, "method-not-allowed");
    assert!(reply.header("allow").contains("PATCH"));
}

#[tokio::test]
async fn too_large_a_body_is_refused() {
    let house = House::new().await;
    let body = format!(r#"{{"userName":"{}"}}"#, "a".repeat(10 * 1024 * 1024));
    house
        .anyone()
        .send(Method::POST, "/users", Some("application/json"), body.into_bytes())
        .await
        .problem(413, "too-large");
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own() {
    let house = House::new().await;
    let (a, b) =
        (house.anyone().get("/health/live").await.expect(200), house.anyone().get("/health/live").await.expect(200));
    assert_ne!(a.header("x-request-id"), b.header("x-request-id"));
    assert_eq!(a.json(), serde_json::json!({"status": "ok"}));
}

#[tokio::test]
async fn every_kind_of_problem_explains_itself() {
    let house = House::new().await;
    for kind in KINDS {
        let page = house.anyone().get(&format!("/problems/{}", kind.slug)).await.expect(200).json();
        assert_eq!(page["type"], format!("/problems/{}", kind.slug));
        assert_eq!(page["status"], kind.status.as_u16());
        assert!(page["mend"].as_str().is_some_and(|mend| mend.len() > 20), "{page}");
    }
    house.anyone().get("/problems/nonsense").await.problem(404, "not-found");
    house.anyone().get("/problems/%ff").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_house_goes_on() {
    async fn panics() -> &'static str {
        panic!("boom: hunter2")
    }
    let mut house = House::new().await;
    let routes = axum::Router::new().route("/boom", get(panics));
    house.router = roster::doors::rest::around(routes, house.app.clone()).with_state(house.app.clone());
    for _ in 0..2 {
        let reply = house.anyone().get("/boom").await.problem(500, "internal");
        assert!(!String::from_utf8_lossy(&reply.body).contains("hunter2"));
    }
}
