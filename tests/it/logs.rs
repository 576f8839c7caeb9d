//! One line for each request: what is in it, what is not, and what CloudWatch makes of it.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use lambda_http::RequestExt;
use roster::clock::Clock;
use roster::doors::event::About;
use roster::doors::trace::XRay;
use roster::doors::{lambda, s3_events, stream_events};
use roster::ids::Ids;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::bridge::Bridge;
use crate::harness::faults::{Fault, Faults, error};
use crate::harness::{Gallery, House, PASSWORD, Reply, lines_of, logged, new_user, picture, put};

/// A house whose request ids no other test has.
async fn house(variables: &[(&str, &str)]) -> House {
    let mut house = House::with(variables).await;
    house.app.ids = Ids::system();
    house.router = roster::doors::rest::router(house.app.clone());
    house
}

/// The one line of the request that was answered so, checked as CloudWatch would.
fn line(reply: &Reply) -> Value {
    let id = reply.header("x-request-id");
    let lines: Vec<Value> = lines_of(id).into_iter().filter(|line| line["message"] == "request").collect();
    assert_eq!(lines.len(), 1, "exactly one line of {reply}");
    check_metrics(&lines[0]);
    lines[0].clone()
}

/// The rules of the embedded metric format, by hand.
#[track_caller]
fn check_metrics(line: &Value) {
    let aws = &line["_aws"];
    assert!(aws["Timestamp"].as_i64().unwrap() > 1_700_000_000_000, "milliseconds since 1970");
    assert_eq!(aws.as_object().unwrap().len(), 2);
    assert!(line.to_string().len() < 256 * 1024);
    let mut names = Vec::new();
    for directive in aws["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive.as_object().unwrap().len(), 3);
        let namespace = directive["Namespace"].as_str().unwrap();
        assert!((1..=1024).contains(&namespace.len()));
        for set in directive["Dimensions"].as_array().unwrap() {
            assert!(set.as_array().unwrap().len() <= 30);
            for dimension in set.as_array().unwrap() {
                let value = line[dimension.as_str().unwrap()].as_str().expect("a dimension is a text of the line");
                assert!((1..=1024).contains(&value.len()));
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number(), "{name} is a number of the line: {line}");
            assert!(["Milliseconds", "Count"].contains(&metric["Unit"].as_str().unwrap()));
            names.push(name.to_owned());
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "a metric is told once");
}

fn metrics(line: &Value) -> Vec<String> {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    let all = directives.iter().flat_map(|directive| directive["Metrics"].as_array().unwrap());
    all.map(|metric| metric["Name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_leaves_one_line_that_says_what_it_was_and_what_it_cost() {
    let house = house(&[]).await;
    let reply = house.billing_service().post("/users", &new_user("ada")).await.expect(201);
    let created = line(&reply);
    for (name, value) in [
        ("operation", json!("create_user")),
        ("method", json!("POST")),
        ("route", json!("/users")),
        ("status", json!(201)),
        ("caller", json!("billing")),
        ("coldStart", json!(true)),
        ("dynamodbCalls", json!(1)),
        ("s3Calls", json!(0)),
        ("retries", json!(0)),
        ("level", json!("INFO")),
        ("faults", json!(0)),
    ] {
        assert_eq!(created[name], value, "{name} in {created}");
    }
    assert!(created.get("errorKind").is_none() && created.get("cause").is_none());
    assert!(created["duration_ms"].as_f64() >= created["hash_ms"].as_f64() && created["hash_ms"].as_f64() > Some(1.0));
    // Three items written in a transaction, each of which counts twice.
    assert!(created["writeUnits"].as_f64() >= Some(6.0), "{created}");
    assert_eq!(metrics(&created), ["duration_ms", "faults", "hash_ms", "hashQueue_ms"]);

    let path = reply.header("location").to_owned();
    let read = line(&house.anyone().get(&path).await.expect(200));
    assert_eq!((&read["operation"], &read["route"]), (&json!("get_user"), &json!("/users/{id}")));
    assert_eq!((&read["caller"], &read["coldStart"]), (&json!("anonymous"), &json!(false)));
    assert_eq!((&read["readUnits"], &read["hash_ms"]), (&json!(1.0), &json!(0.0)), "{read}");
    assert!(!read.to_string().contains(path.strip_prefix("/users/").unwrap()), "the path is not in it");
    assert_eq!(metrics(&read), ["duration_ms", "faults"]);

    let taken = line(&house.anyone().post("/users", &new_user("ada")).await.expect(409));
    assert_eq!((&taken["errorKind"], &taken["errors"], &taken["faults"]), (&json!("name-taken"), &json!(1), &json!(0)));
    assert_eq!(metrics(&taken), ["duration_ms", "faults", "hash_ms", "hashQueue_ms", "errors"]);
}

#[tokio::test]
async fn every_answer_has_its_line() {
    let house = house(&[]).await;
    let path = format!("/users/{}", house.create("ada").await);
    let anyone = house.anyone();
    for (reply, operation, route) in [
        (anyone.head(&path).await, "get_user", "/users/{id}"),
        (anyone.get("/users?limit=0").await, "list_users", "/users"),
        (anyone.post("/health/live", &json!({})).await, "none", "/health/live"),
        (anyone.get("/health/live").await, "health_live", "/health/live"),
        (anyone.get("/password-policy").await, "get_password_policy", "/password-policy"),
        (anyone.get("/openapi.json").await, "get_openapi", "/openapi.json"),
        (anyone.get("/problems/validation").await, "get_problem", "/problems/{slug}"),
        (anyone.get("/ada/lovelace").await, "none", "none"),
        (anyone.send("BREW".parse().unwrap(), "/users", None, Vec::new()).await, "none", "/users"),
        (anyone.get(&format!("/users/{}", "x".repeat(20_000))).await, "get_user", "/users/{id}"),
        (anyone.delete(&path).await, "delete_user", "/users/{id}"),
    ] {
        let line = line(&reply);
        assert_eq!((&line["operation"], &line["route"]), (&json!(operation), &json!(route)), "{line}");
        assert_eq!(line["status"], reply.status.as_u16());
        assert_eq!(line.get("errorKind").is_some(), reply.status.as_u16() >= 400, "{line}");
        assert!(!line.to_string().contains("BREW"));
    }
}

#[tokio::test]
async fn retries_and_throttles_are_counted() {
    let faults = Faults::start().await;
    let house = house(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    let path = format!("/users/{}", house.create("ada").await);
    let throttled = || Fault::Error(StatusCode::BAD_REQUEST, error("ThrottlingException"));
    faults.next("GetItem", [throttled(), throttled()]);
    let read = line(&house.anyone().get(&path).await.expect(200));
    assert_eq!((&read["dynamodbCalls"], &read["retries"], &read["throttles"]), (&json!(3), &json!(2), &json!(2)));
    assert!(metrics(&read).contains(&"throttles".to_owned()));
    faults.next("GetItem", (0..3).map(|_| throttled()));
    let failed = line(&house.anyone().get(&path).await.expect(503));
    assert_eq!((&failed["level"], &failed["errorKind"]), (&json!("WARN"), &json!("unavailable")));
    assert_eq!((&failed["throttles"], &failed["faults"]), (&json!(3), &json!(1)));
    let cause = failed["cause"].as_str().unwrap();
    assert!(cause.starts_with("DynamoDB is busy: ") && cause.contains("as the test asked"), "the chain: {cause}");
    assert_eq!(lines_of(failed["requestId"].as_str().unwrap()).len(), 1, "a failure is told once");
}

#[tokio::test]
async fn a_refused_quota_is_a_metric() {
    let quota = r#"{"default": {"quota": 1, "window": 60}}"#;
    let house = house(&[("ROSTER_QUOTAS", quota)]).await;
    house.anyone().get("/users").await.expect(200);
    let refused = line(&house.anyone().get("/users").await.expect(429));
    assert_eq!((&refused["quotaRefusals"], &refused["operation"]), (&json!(1), &json!("list_users")));
    assert!(metrics(&refused).contains(&"quotaRefusals".to_owned()));
}

#[tokio::test]
async fn a_panic_is_an_answer_and_a_line() {
    async fn boom() -> String {
        panic!("{PASSWORD} was sliced");
    }
    let house = house(&[]).await;
    let routes = Router::new().route("/boom", get(boom));
    let router = roster::doors::rest::around(routes, house.app.clone()).with_state(house.app.clone());
    for _ in 0..2 {
        let request = Request::get("/boom").body(Body::empty()).unwrap();
        let reply = Reply::read("GET /boom".to_owned(), router.clone().oneshot(request).await.unwrap()).await;
        let reply = reply.problem(500, "internal");
        let line = line(&reply);
        assert_eq!((&line["level"], &line["cause"]), (&json!("ERROR"), &json!("a handler panicked")));
        assert!(!reply.to_string().contains("sliced") && !line.to_string().contains("sliced"));
    }
    house.anyone().get("/users").await.expect(200);
}

#[tokio::test]
async fn a_trace_goes_on_in_answers_and_in_the_log() {
    let house = house(&[]).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let reply = house.anyone().with("traceparent", parent).get("/users").await.expect(200);
    let answer = reply.header("traceparent").to_owned();
    assert!(answer.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && answer.ends_with("-01"), "{answer}");
    assert_ne!(answer, parent);
    assert_eq!(line(&reply)["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let reply = house.anyone().with("traceparent", "nonsense").get("/users").await.expect(200);
    let id = line(&reply)["traceId"].as_str().unwrap().to_owned();
    assert!(reply.header("traceparent").contains(&id) && id.len() == 32, "one of our own");
}

#[tokio::test]
async fn lambda_says_how_long_and_in_which_trace() {
    let faults = Faults::start().await;
    let house = house(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    faults.weather(Some(Box::new(|_| Some(Fault::Silence))));
    let event = include_str!("../../events/http-api/list_users.json");
    let request: lambda_http::request::LambdaRequest = serde_json::from_str(event).unwrap();
    let mut context = lambda_runtime::Context::default();
    context.request_id = format!("invocation-{}", Ids::system().write_mark());
    context.xray_trace_id =
        Some("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".to_owned());
    let now = u64::try_from(Clock::system().now().unix_millis()).unwrap();
    context.deadline = now + 1500;
    let request = Request::from(request).with_lambda_context(context.clone());
    let began = Instant::now();
    let response = lambda::service(house.router.clone()).oneshot(request).await.unwrap();
    let reply = Reply::read("GET /users".to_owned(), response).await.problem(504, "timeout");
    // Half a second is left to Lambda itself.
    assert!(
        (Duration::from_millis(800)..Duration::from_millis(1450)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
    let line = line(&reply);
    assert_eq!((&line["requestId"], &line["errorKind"]), (&json!(context.request_id), &json!("timeout")));
    assert_eq!(line["traceId"], "5759e988bd862e3fe1be46a994272793");
    assert_eq!(line["xrayTraceId"], "1-5759e988-bd862e3fe1be46a994272793");
    assert!(line["cause"].as_str().unwrap().contains("timeout"), "which call it was: {line}");
}

#[tokio::test]
async fn an_upload_that_is_judged_leaves_one_line() {
    let gallery = Gallery::new().await;
    let user = gallery.create("ada").await;
    let file = picture(image::ImageFormat::Png, 8, 8, [1, 2, 3]);
    let asked = gallery.ask(&user, "image/png", &file).await;
    assert_eq!(put(&asked, &file).status, 200);
    let event = gallery.waiting().await.remove(0);
    let about = About { request_id: format!("event-{}", Ids::system().write_mark()), ..About::default() };
    s3_events::work_on(&gallery.app, event, &about).await.unwrap();
    let lines = lines_of(&about.request_id);
    assert_eq!(lines.len(), 1);
    check_metrics(&lines[0]);
    assert_eq!((&lines[0]["operation"], &lines[0]["message"]), (&json!("process_avatar"), &json!("request")));
    assert!(lines[0]["s3Calls"].as_u64() >= Some(6) && lines[0]["dynamodbCalls"].as_u64() >= Some(3), "{}", lines[0]);
    assert!(lines[0].get("status").is_none());
}

#[tokio::test]
async fn changes_that_are_told_leave_one_line() {
    let house = house(&[]).await;
    house.create("ada").await;
    let about = |is_cold_start| About {
        request_id: format!("event-{}", Ids::system().write_mark()),
        xray: Some(XRay("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned())),
        is_cold_start,
        ..About::default()
    };
    let bridge = Bridge::new().await;
    let (told, untold) = (about(true), about(false));
    let event = json!({"Records": house.records()});
    stream_events::work_on(&bridge.bus, event.clone(), &told).await.unwrap();
    let lines = lines_of(&told.request_id);
    assert_eq!(lines.len(), 1);
    check_metrics(&lines[0]);
    for (name, value) in [
        ("operation", json!("publish_changes")),
        ("level", json!("INFO")),
        ("records", json!(1)),
        ("events", json!(1)),
        ("busCalls", json!(1)),
        ("coldStart", json!(true)),
        ("traceId", json!("5759e988bd862e3fe1be46a994272793")),
        ("xrayTraceId", json!("1-5759e988-bd862e3fe1be46a994272793")),
    ] {
        assert_eq!(lines[0][name], value, "{name} in {}", lines[0]);
    }

    bridge.refuse(|_, _| true);
    stream_events::work_on(&bridge.bus, event, &untold).await.unwrap();
    let lines = lines_of(&untold.request_id);
    assert_eq!(lines.len(), 1);
    check_metrics(&lines[0]);
    assert_eq!((&lines[0]["errorKind"], &lines[0]["level"]), (&json!("item-failed"), &json!("WARN")));
    assert_eq!((&lines[0]["busCalls"], &lines[0]["retries"], &lines[0]["faults"]), (&json!(4), &json!(3), &json!(1)));
    assert!(lines[0].get("events").is_none(), "{}", lines[0]);
}

#[tokio::test]
async fn every_line_of_the_log_is_json() {
    let house = house(&[]).await;
    house.create("ada").await;
    house.anyone().get("/users/%07%00").await;
    for line in logged().lines() {
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(parsed["timestamp"].is_string() && parsed["level"].is_string(), "{line}");
    }
}
