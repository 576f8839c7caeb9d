//! S3 at its worst: every fault against everything that needs it, through a real proxy. Nothing is answered late or as our own
//! fault, no picture is lost, doubled or left over, and all is well once the fault is gone.
//!
//! `cargo test --test it s3_faults -- --nocapture` prints the table of faults and outcomes.

use std::fmt::Write;
use std::time::{Duration, Instant};

use axum::http::{Method, Request, StatusCode};
use futures_util::stream::{self, StreamExt};
use roster::app::App;
use roster::config::Config;
use roster::doors::rest;
use roster::doors::s3_events::{self, About};
use roster::error::Error;
use serde_json::Value;
use tower::ServiceExt;

use crate::harness::faults::{Fault, Faults};
use crate::harness::{Gallery, Reply, in_time, picture, put, tell};

/// The deadline of every request and every event here: a dozen calls, some of them twice, on a machine that may be busy.
const DEADLINE: Duration = Duration::from_secs(10);
/// All attempts of one call.
const CALL: Duration = Duration::from_secs(2);
/// How long readiness waits for a dependency.
const READY: Duration = Duration::from_secs(1);

/// Everything that has to do with S3: a picture that is judged, shown, replaced, removed, or goes with its user, and readiness.
const DEEDS: [&str; 6] = ["judge", "replace", "show", "remove", "delete", "ready"];

/// What happens, to how many calls of each kind, and which failures may be told.
fn rows() -> Vec<(&'static str, Fault, Option<usize>, &'static [u16])> {
    let of_s3 = |status: u16, code| Fault::OfS3(StatusCode::from_u16(status).unwrap(), code);
    vec![
        ("late by 50 ms", Fault::Late(Duration::from_millis(50)), None, &[]),
        ("late by 5 s", Fault::Late(Duration::from_secs(5)), None, &[503, 504]),
        ("answer cut", Fault::Cut, None, &[503, 504]),
        ("answer lost, once", Fault::LostAnswer, Some(1), &[]),
        ("500", of_s3(500, "InternalError"), None, &[503]),
        ("502 without a word", Fault::Error(StatusCode::BAD_GATEWAY, Value::Null), None, &[503]),
        ("slow down, twice", of_s3(503, "SlowDown"), Some(2), &[]),
        ("slow down", of_s3(503, "SlowDown"), None, &[503]),
        ("silence, once", Fault::Silence, Some(1), &[]),
        ("silence", Fault::Silence, None, &[503, 504]),
        ("silence after acting", Fault::SilenceAfterActing, None, &[503, 504]),
        // An operator's to mend, and passes for nobody who waits: our own fault.
        ("access denied", of_s3(403, "AccessDenied"), None, &[500]),
    ]
}

/// How many rows are gone through at once: most of the time is waiting.
const AT_ONCE: usize = 3;

/// The application of a gallery, as it reaches its S3 through a proxy.
async fn through(faults: &Faults, gallery: &Gallery) -> App {
    let mut config = Config::for_local(&|name| match name {
        "AWS_ENDPOINT_URL_S3" => Some(faults.url.clone()),
        "ROSTER_BUCKET" => Some(gallery.app.avatars.bucket().to_owned()),
        "ROSTER_DEADLINE_SECONDS" => Some(DEADLINE.as_secs().to_string()),
        _ => None,
    })
    .unwrap();
    config.call_timeout = CALL;
    let mut app = gallery.app.clone();
    let elsewhere = App::new(&config).await.unwrap();
    (app.avatars, app.readiness, app.door) = (elsewhere.avatars, elsewhere.readiness, elsewhere.door);
    app
}

/// A file that has been sent and is to be judged.
struct Sent {
    asked: Value,
    event: Value,
}

async fn send(gallery: &Gallery, user: &str, colour: [u8; 3]) -> Sent {
    // Later than what was asked for before, by the gallery's own clock.
    gallery.clock.advance_seconds(1);
    let file = picture(image::ImageFormat::Png, 64, 64, colour);
    let asked = gallery.ask(user, "image/png", &file).await;
    assert_eq!(put(&asked, &file).status, 200);
    let event = gallery.event(&asked, user);
    Sent { asked, event }
}

/// Does it, and gives the status; that of an event is the one that a request would have.
async fn act(app: &App, deed: &str, user: &str, sent: Option<&Sent>) -> u16 {
    if let Some(Sent { event, .. }) = sent {
        let about = About { deadline: Some(Instant::now() + app.door.deadline), ..About::default() };
        return match s3_events::work_on(app, event.clone(), &about).await {
            Ok(_) => 200,
            Err(Error::Unavailable { .. }) => 503,
            Err(Error::Timeout(_)) => 504,
            Err(_) => 500,
        };
    }
    let (method, path) = match deed {
        "show" => (Method::GET, format!("/users/{user}/avatar")),
        "remove" => (Method::DELETE, format!("/users/{user}/avatar")),
        "delete" => (Method::DELETE, format!("/users/{user}")),
        _ => (Method::GET, "/health/ready".to_owned()),
    };
    let request = Request::builder().method(method).uri(&path).body(axum::body::Body::empty()).unwrap();
    let reply = Reply::read(path, rest::router(app.clone()).oneshot(request).await.unwrap()).await;
    if matches!(reply.status.as_u16(), 503 | 504) {
        assert!(reply.headers.contains_key("retry-after"), "{reply}");
    }
    reply.status.as_u16()
}

/// Goes through one row, and gives it as text.
async fn row(name: &str, fault: Fault, times: Option<usize>, failures: &[u16]) -> String {
    let gallery = Gallery::new().await;
    let faults = Faults::before(gallery.s3_address()).await;
    let app = through(&faults, &gallery).await;
    // The same clients, when time is not what is asked about.
    let mut patient = app.clone();
    patient.door = gallery.app.door.clone();
    let (mut text, mut slowest, mut again) = (format!("{name:24}"), Duration::ZERO, 0);
    for deed in DEEDS {
        let label = format!("{name}, {deed}");
        let user = gallery.create(deed).await;
        if deed != "judge" {
            assert_eq!(
                gallery.upload(&user, "image/png", &picture(image::ImageFormat::Png, 64, 64, [200, 30, 30])).await,
                "attached"
            );
        }
        let sent = match deed {
            "judge" | "replace" => Some(send(&gallery, &user, [30, 30, 200]).await),
            _ => None,
        };
        faults.befall(fault.clone(), times);
        let limit = if deed == "ready" { READY } else { DEADLINE };
        let (status, took) = in_time(&label, limit, Box::pin(act(&app, deed, &user, sent.as_ref()))).await;
        // To readiness a refusal is an answer, since a role need not be allowed to list; links are signed and ask nobody.
        let may_fail = if deed == "ready" { &[503][..] } else { failures };
        assert!(status < 400 || (deed != "show" && may_fail.contains(&status)), "{label}: {status}");
        slowest = slowest.max(took);
        write!(text, "{status:>9}").unwrap();

        faults.weather(None);
        if status >= 500 && deed != "ready" {
            again += 1;
            let status = act(&patient, deed, &user, sent.as_ref()).await;
            // An acknowledgement that is late tells of a deletion as of nobody.
            assert!(status < 400 || (deed == "delete" && status == 404), "{label}, again: {status}");
        }
        check(&gallery, deed, &user, sent.as_ref(), &label).await;
    }
    write!(text, "{:>13}{again:>14}", slowest.as_millis()).unwrap();
    text
}

/// It has been done once, and nothing is left over.
async fn check(gallery: &Gallery, deed: &str, user: &str, sent: Option<&Sent>, label: &str) {
    let path = format!("/users/{user}");
    match deed {
        "judge" | "replace" => {
            assert_eq!(gallery.state(user, &sent.unwrap().asked).await, "attached", "{label}");
            gallery.is_near(user, [30, 30, 200]).await;
        }
        "remove" => _ = gallery.anyone().get(&format!("{path}/avatar")).await.expect(404),
        "delete" => {
            gallery.anyone().get(&path).await.expect(404);
            assert!(gallery.objects().await.iter().all(|object| !object.contains(user)), "{label}");
            return;
        }
        _ => {}
    }
    let version = if matches!(deed, "replace" | "remove") { 3 } else { 2 };
    assert_eq!(gallery.anyone().get(&path).await.expect(200).json()["version"], version, "{label}: changed once");
    let objects = gallery.objects().await.into_iter().filter(|object| object.contains(user)).count();
    assert_eq!(objects, if deed == "remove" { 0 } else { 4 }, "{label}: one picture in each size");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_s3_loses_a_picture_or_leaves_one_over() {
    let mut table = format!("{:24}", "fault of S3");
    for deed in DEEDS {
        write!(table, "{deed:>9}").unwrap();
    }
    table += "   slowest ms   asked again";
    let rows = rows().into_iter().map(|(name, fault, times, failures)| row(name, fault, times, failures));
    let mut rows = stream::iter(rows).buffered(AT_ONCE);
    while let Some(row) = rows.next().await {
        write!(table, "\n{row}").unwrap();
    }
    tell(&table);
}
