//! Quotas: what callers are told, and that many servers together keep to them.

#![allow(clippy::print_stderr, reason = "figures for people")]

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use futures_util::future::join_all;
use roster::app::App;
use roster::config::Config;
use roster::domain::ClientId;
use roster::doors::rest::router;
use roster::error::Error;
use roster::store::Store;
use tower::ServiceExt;

use crate::harness::House;

const MISSING: &str = "/users/01980000-0000-7000-8000-000000000001";

async fn house(quotas: &str) -> House {
    House::with(&[("ROSTER_QUOTAS", quotas)]).await
}

#[tokio::test]
async fn a_caller_is_told_how_it_stands_and_when_to_come_back() {
    let house = house(r#"{"default": {"quota": 3, "window": 60}}"#).await;
    house.clock.advance_seconds(18);
    for left in [2, 1, 0] {
        let reply = house.billing_service().get(MISSING).await.problem(404, "not-found");
        assert_eq!(reply.header("ratelimit-policy"), "\"caller\";q=3;w=60");
        assert_eq!(reply.header("ratelimit"), format!("\"caller\";r={left};t=42"));
    }
    let reply = house.billing_service().get(MISSING).await.problem(429, "quota-exceeded");
    assert_eq!(reply.header("retry-after"), "42");
    assert_eq!(reply.header("ratelimit"), "\"caller\";r=0;t=42");
    // Other callers, and nobody in particular, have quotas of their own.
    house.anyone().with("x-client-id", "reports").get(MISSING).await.expect(404);
    house.anyone().get(MISSING).await.expect(404);
    house.clock.advance_seconds(42);
    house.billing_service().get(MISSING).await.expect(404);
    let mut keys = house.keys().await;
    keys.retain(|key| key.starts_with("LIMIT#QUOTA#"));
    assert_eq!(keys, ["LIMIT#QUOTA#anonymous#caller", "LIMIT#QUOTA#billing#caller", "LIMIT#QUOTA#reports#caller"]);
}

#[tokio::test]
async fn open_routes_count_nowhere() {
    let house = house(r#"{"default": {"quota": 1, "window": 60}}"#).await;
    for path in ["/health/live", "/openapi.json", "/problems/validation"] {
        for _ in 0..3 {
            let reply = house.billing_service().get(path).await.expect(200);
            assert!(!reply.headers.contains_key("ratelimit"), "{reply}");
        }
    }
    house.billing_service().get(MISSING).await.expect(404);
    house.billing_service().get("/health/live").await.expect(200);
    house.billing_service().head(MISSING).await.expect(429);
}

#[tokio::test]
async fn policies_count_what_they_name_for_whom_they_name() {
    let house = house(
        r#"{"default": [{"quota": 5, "window": 60, "operations": "reads"},
                        {"quota": 2, "window": 3600, "operations": ["get_user"], "name": "gets"}],
            "batch": []}"#,
    )
    .await;
    let reply = house.anyone().get(MISSING).await.expect(404);
    assert_eq!(reply.header("ratelimit-policy"), "\"reads\";q=5;w=60, \"gets\";q=2;w=3600");
    house.anyone().get(MISSING).await.expect(404);
    house.anyone().get(MISSING).await.problem(429, "quota-exceeded");
    house.anyone().get("/users").await.expect(200);
    assert!(
        !house.anyone().delete(MISSING).await.expect(404).headers.contains_key("ratelimit"),
        "no policy counts writes"
    );
    let batch = house.anyone().with("x-client-id", "batch");
    for _ in 0..9 {
        assert!(!batch.get(MISSING).await.expect(404).headers.contains_key("ratelimit"));
    }
}

/// What twenty servers on one table admit of one caller's requests, and what it costs.
#[tokio::test]
async fn twenty_servers_on_one_table_keep_one_callers_quota_together() {
    const SERVERS: usize = 20;
    const QUOTA: u64 = 1200;
    const WINDOWS: u64 = 3;
    let house = house(&format!(r#"{{"default": {{"quota": {QUOTA}, "window": 60}}}}"#)).await;
    // The engine deletes what has expired by the real clock, so this one must not be behind it.
    house.clock.advance_seconds(100 * 365 * 86_400);
    let servers = servers(&house, SERVERS, QUOTA).await;
    // Five times the quota, spread over servers and seconds; and a caller within its own, of which nothing is refused.
    let per_second = usize::try_from(5 * QUOTA / 60).unwrap();
    let mut admitted = vec![0_u64; usize::try_from(WINDOWS).unwrap()];
    let (mut cheap, mut cheap_writes) = (0_u64, 0_u64);
    let writes = || servers.iter().map(|(app, _)| app.quotas.writes()).sum::<u64>();
    let began = Instant::now();
    for window in &mut admitted {
        for second in 0..60 {
            let at_first = writes();
            let greedy = (0..per_second).map(|i| admit(&servers[(i * 7 + second) % SERVERS], "greedy"));
            let outcomes = join_all(greedy).await;
            *window += outcomes.iter().filter(|admitted| **admitted).count() as u64;
            if outcomes.iter().all(|admitted| *admitted) {
                cheap += outcomes.len() as u64;
                cheap_writes += writes() - at_first;
            }
            let modest = join_all((0..4).map(|i| admit(&servers[(i + second) % SERVERS], "modest"))).await;
            assert!(modest.iter().all(|admitted| *admitted), "another caller is not affected");
            house.clock.advance_seconds(1);
        }
    }
    let requests = WINDOWS * 60 * (u64::try_from(per_second).unwrap() + 4);
    let (total, writes) = (admitted.iter().sum::<u64>() + WINDOWS * 60 * 4, writes());
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let each = writes as f64 / total as f64;
    eprintln!(
        "admitted {admitted:?} of {QUOTA} a window; {requests} requests, {total} admitted, {writes} writes: {each:.3} each \
         ({cheap_writes} writes for {cheap} while all were admitted); {:?}",
        began.elapsed()
    );
    // On a machine that is busy enough the table may be out of reach for a moment, and reads go on without a count.
    let unchecked = servers.iter().map(|(app, _)| app.quotas.unchecked()).sum::<u64>();
    let bound = QUOTA + unchecked;
    assert!(unchecked < QUOTA / 10, "{unchecked} of {total} were not counted");
    assert!(
        admitted.iter().all(|count| (QUOTA * 9 / 10..=bound).contains(count)),
        "{admitted:?}, {unchecked} not counted"
    );
    assert!(each < 0.2, "{each}");
    let counted =
        house.items().await.into_iter().find(|item| item["pk"].as_s().unwrap() == "LIMIT#QUOTA#greedy#caller");
    let taken: u64 = counted.unwrap()["taken"].as_n().unwrap().parse().unwrap();
    assert!((QUOTA * 9 / 10..=QUOTA).contains(&taken), "the table never hands out more: {taken}");
}

/// Steady traffic at four fifths of the quota.
#[tokio::test]
async fn steady_traffic_costs_less_than_a_write_for_five_requests() {
    let house = house(r#"{"default": {"quota": 3000, "window": 60}}"#).await;
    house.clock.advance_seconds(100 * 365 * 86_400);
    let servers = servers(&house, 20, 3000).await;
    let writes = || servers.iter().map(|(app, _)| app.quotas.writes()).sum::<u64>();
    let mut at_first = 0;
    for second in 0..120 {
        if second == 60 {
            at_first = writes();
        }
        let all = join_all((0..40).map(|i| admit(&servers[i % 20], "steady"))).await;
        assert!(all.iter().all(|admitted| *admitted));
        house.clock.advance_seconds(1);
    }
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let each = (writes() - at_first) as f64 / 2400.0;
    eprintln!("steady: 40 requests a second over 20 servers, {each:.3} writes for each");
    assert!(each < 0.2, "{each}");
}

/// Servers that share nothing but the table and, for the test's sake, the clock.
async fn servers(house: &House, count: usize, quota: u64) -> Vec<(App, Router)> {
    let lookup = |name: &str| match name {
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(house.endpoint.clone()),
        "ROSTER_TABLE" => Some(house.app.store.table().to_owned()),
        "ROSTER_QUOTAS" => Some(format!(r#"{{"default": {{"quota": {quota}, "window": 60}}}}"#)),
        _ => None,
    };
    let config = Config::for_local(&lookup).unwrap();
    join_all((0..count).map(|_| App::with(&config, house.clock.clone(), roster::ids::Ids::seeded(2))))
        .await
        .into_iter()
        .map(|app| app.map(|app| (app.clone(), router(app))).unwrap())
        .collect()
}

/// Sends one request through a server's router; says whether it was admitted.
async fn admit((_, router): &(App, Router), client: &str) -> bool {
    let request = Request::builder().uri(MISSING).header("x-client-id", client).body(Body::empty()).unwrap();
    let status = router.clone().oneshot(request).await.unwrap().status();
    assert!(status == 404 || status == 429, "{status}");
    status == 404
}

#[tokio::test]
async fn without_the_table_reads_go_on_and_guessing_passwords_does_not() {
    let house = house(r#"{"default": {"quota": 100, "window": 60}}"#).await;
    // A port that was just free.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lookup = |name: &str| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| format!("http://{silent}"));
    let config = Config::for_local(&lookup).unwrap();
    let nowhere = Store::new(
        roster::aws::clients(&config).await.unwrap().dynamodb,
        "roster".to_owned(),
        1,
        roster::ids::Ids::seeded(3),
    );
    let (app, caller) = (&house.app, ClientId::parse("billing").unwrap());
    let ask = async |operation, is_read| app.quotas.admit(&nowhere, &app.clock, &caller, operation, is_read).await.1;
    assert!(ask("get_user", true).await.is_ok());
    assert!(ask("create_user", false).await.is_ok());
    assert_eq!(app.quotas.unchecked(), 2, "what was not counted is counted");
    assert!(matches!(ask("verify_password", false).await, Err(Error::Unavailable { .. })));
    // Back again.
    house.clock.advance_seconds(2);
    let (standings, outcome) = app.quotas.admit(&app.store, &app.clock, &caller, "verify_password", false).await;
    assert!(outcome.is_ok());
    assert_eq!(standings[0].remaining, 99);
    let log = crate::harness::logged();
    assert!(log.contains("a request was admitted without counting it"), "and logged");
}
