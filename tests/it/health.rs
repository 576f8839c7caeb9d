//! Whether the process lives, and whether it can serve: per dependency, in bounded time, and seldom asked.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::faults::{Fault, Faults};
use crate::harness::{Gallery, House, Reply, in_time};

#[tokio::test]
async fn a_process_that_has_both_is_ready() {
    let gallery = Gallery::new().await;
    let reply = gallery.anyone().get("/health/ready").await.expect(200);
    let body = reply.json();
    assert_eq!((&body["status"], &body["dependencies"]["dynamodb"]["status"]), (&json!("ok"), &json!("ok")));
    assert_eq!(body["dependencies"]["s3"]["status"], "ok");
    assert!(body["dependencies"]["s3"]["latencyMs"].as_f64() > Some(0.0), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_asks_for_all_and_the_answer_is_kept_for_five_seconds() {
    let faults = Faults::start().await;
    let gallery = Gallery::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    faults.calls();
    faults.next("GetItem", [Fault::Late(Duration::from_millis(100))]);
    let anyone = gallery.anyone();
    for reply in join_all((0..50).map(|_| anyone.get("/health/ready"))).await {
        reply.expect(200);
    }
    assert_eq!(faults.calls(), ["GetItem"], "single flight");
    gallery.clock.advance_seconds(4);
    gallery.anyone().get("/health/ready").await.expect(200);
    assert!(faults.calls().is_empty(), "kept");
    gallery.clock.advance_seconds(1);
    faults.weather(Some(Box::new(|_| Some(Fault::Silence))));
    let began = Instant::now();
    let reply = gallery.anyone().get("/health/ready").await.problem(503, "unavailable");
    assert!((Duration::from_millis(900)..Duration::from_secs(3)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(reply.header("retry-after"), "5");
    let body = reply.json();
    let status = |name: &str| body["dependencies"][name]["status"].as_str().unwrap().to_owned();
    assert_eq!((status("dynamodb"), status("s3")), ("failing".to_owned(), "ok".to_owned()));
    // Alive all the same; and ready as soon as it is asked anew.
    gallery.anyone().get("/health/live").await.expect(200);
    faults.weather(None);
    gallery.clock.advance_seconds(5);
    gallery.anyone().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn a_missing_bucket_and_a_missing_table_are_told_apart() {
    let gallery = Gallery::new().await;
    gallery.s3.delete_bucket().bucket(gallery.app.avatars.bucket()).send().await.unwrap();
    let body = gallery.anyone().get("/health/ready").await.problem(503, "unavailable").json();
    let status = |body: &Value, name: &str| body["dependencies"][name]["status"].as_str().unwrap().to_owned();
    assert_eq!((status(&body, "dynamodb"), status(&body, "s3")), ("ok".to_owned(), "failing".to_owned()));
    assert!(!body.to_string().contains(gallery.app.avatars.bucket()), "no internals: {body}");

    let house = House::with(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")]).await;
    house.dynamodb.delete_table().table_name(house.app.store.table()).send().await.unwrap();
    let body = house.anyone().get("/health/ready").await.problem(503, "unavailable").json();
    assert_eq!((status(&body, "dynamodb"), status(&body, "s3")), ("failing".to_owned(), "failing".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_answers_within_its_second_whatever_is_dead() {
    // Sockets that are open and that nobody reads, and an address where nobody is.
    let deaf = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (dynamodb, s3) = (deaf(), deaf());
    let url = |listener: &std::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let house = House::new().await;
    for (label, dynamodb, s3) in [
        ("half-open DynamoDB", url(&dynamodb), "http://127.0.0.1:1".to_owned()),
        ("half-open S3", house.endpoint.clone(), url(&s3)),
        ("both half-open", url(&dynamodb), url(&s3)),
        ("no such names", "http://roster.invalid:1".to_owned(), "http://roster.invalid:1".to_owned()),
    ] {
        let lookup = |name: &str| match name {
            "AWS_ENDPOINT_URL_DYNAMODB" => Some(dynamodb.clone()),
            "AWS_ENDPOINT_URL_S3" => Some(s3.clone()),
            "ROSTER_TABLE" => Some(house.app.store.table().to_owned()),
            _ => None,
        };
        let app = roster::app::App::new(&roster::config::Config::for_local(&lookup).unwrap()).await.unwrap();
        let router = roster::doors::rest::router(app);
        let ask = || async {
            let request = http::Request::get("/health/ready").body(axum::body::Body::empty()).unwrap();
            Reply::read("GET /health/ready".to_owned(), router.clone().oneshot(request).await.unwrap()).await
        };
        // Two at once: who waits for another's answer waits no longer.
        let both = futures_util::future::join(ask(), ask());
        let ((one, other), _) = in_time(label, Duration::from_secs(1), both).await;
        let body = one.problem(503, "unavailable").json();
        other.problem(503, "unavailable");
        let is_up = |name: &str| body["dependencies"][name]["status"] == "ok";
        assert_eq!((is_up("dynamodb"), is_up("s3")), (dynamodb == house.endpoint, false), "{label}: {body}");
    }
}
