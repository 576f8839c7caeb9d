//! What spans cost a request: the same read through the router without them and with them, in turns.
//!
//! `cargo bench --profile server --bench traces`. The engine and the collector, which takes all and answers nothing, are on this machine;
//! of docs/TRACES.md the figures.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use roster::app::App;
use roster::config::{Config, Traces};
use roster::doors::rest;
use roster::local::DynamoDb;
use roster::telemetry::otel;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use tracing_subscriber::layer::SubscriberExt;

const ROUNDS: usize = 60;
const READS: u32 = 50;

/// A collector on a thread of its own.
fn collector() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let router = Router::new().fallback(async || StatusCode::OK);
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
        });
    });
    endpoint
}

async fn read(router: &Router, path: &str) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    black_box(response.into_body().collect().await.unwrap().to_bytes());
}

/// The mean of one round, in microseconds.
fn round(runtime: &Runtime, router: &Router, path: &str) -> f64 {
    let began = Instant::now();
    runtime.block_on(async {
        for _ in 0..READS {
            read(router, path).await;
        }
    });
    began.elapsed().as_secs_f64() * 1e6 / f64::from(READS)
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

#[expect(clippy::print_stdout, reason = "a benchmark tells its figures")]
fn main() {
    let engine = DynamoDb::in_memory().unwrap();
    let endpoint = engine.url();
    let config = Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| endpoint.clone())).unwrap();
    // As in a function: one thread, so that the subscriber of this thread is that of every request.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let router = runtime.block_on(async {
        let app = App::new(&config).await.unwrap();
        app.store.create_table().await.unwrap();
        rest::router(app)
    });
    let traces = Traces { endpoint: collector(), service: "roster".to_owned() };
    let spans = tracing::Dispatch::new(tracing_subscriber::registry().with(otel::layer(&traces).unwrap()));
    let none = tracing::Dispatch::new(tracing_subscriber::registry());
    std::thread::sleep(Duration::from_millis(100));
    // Nothing but the layers and the log: asks nobody. And one call to the table.
    for (name, path) in [("no call", "/health/live"), ("one call", "/users/00000000-0000-7000-8000-000000000000")] {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for n in 0..ROUNDS {
            let one = tracing::dispatcher::with_default(&none, || round(&runtime, &router, path));
            let other = tracing::dispatcher::with_default(&spans, || round(&runtime, &router, path));
            // The first rounds open connections.
            if n > 5 {
                without.push(one);
                with.push(other);
            }
        }
        let (without, with) = (median(without), median(with));
        println!("{name}: {without:.0} us without spans, {with:.0} us with them, {:.0} us more", with - without);
    }
}
