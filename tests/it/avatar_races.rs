//! Uploads, removals and deletions that meet: one picture or none, and no object that no user refers to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use futures_util::future::join_all;
use image::ImageFormat;
use roster::clock::Clock;
use roster::doors::s3_events;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{Gallery, picture, put};

const RED: [u8; 3] = [200, 30, 30];
const BLUE: [u8; 3] = [30, 30, 200];

/// Two uploads that have arrived, and their events: red, then blue.
async fn two_uploads(gallery: &Gallery, user: &str) -> ([Value; 2], [Value; 2]) {
    let (red, blue) = (picture(ImageFormat::Png, 64, 64, RED), picture(ImageFormat::Png, 64, 64, BLUE));
    let first = gallery.ask(user, "image/png", &red).await;
    gallery.clock.advance_seconds(1);
    let second = gallery.ask(user, "image/png", &blue).await;
    assert_eq!(put(&first, &red).status, 200);
    let first_event = gallery.waiting().await.remove(0);
    assert_eq!(put(&second, &blue).status, 200);
    let second_event = gallery.waiting().await.pop().unwrap();
    ([first, second], [first_event, second_event])
}

#[tokio::test]
async fn the_newest_upload_wins_in_either_order() {
    for newest_first in [false, true] {
        let gallery = Gallery::new().await;
        let ada = gallery.create("ada").await;
        let ([first, second], mut events) = two_uploads(&gallery, &ada).await;
        if newest_first {
            events.reverse();
        }
        for event in events {
            s3_events::handle(&gallery.app, event).await.unwrap();
        }
        gallery.is_near(&ada, BLUE).await;
        assert_eq!(gallery.state(&ada, &second).await, "attached");
        let older = if newest_first { "superseded" } else { "attached" };
        assert_eq!(gallery.state(&ada, &first).await, older);
        gallery.is_tidy(&[&ada]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_at_once_and_five_times_over_end_in_the_newest() {
    for _ in 0..3 {
        let gallery = Gallery::new().await;
        let ada = gallery.create("ada").await;
        let (_, [first, second]) = two_uploads(&gallery, &ada).await;
        let events = (0..5).flat_map(|_| [first.clone(), second.clone()]);
        let outcomes = join_all(events.map(|event| s3_events::handle(&gallery.app, event))).await;
        // A run that met too many others says so, and Lambda sends its event again.
        if outcomes.iter().any(Result::is_err) {
            for event in [first, second] {
                s3_events::handle(&gallery.app, event).await.unwrap();
            }
        }
        gallery.is_near(&ada, BLUE).await;
        gallery.is_tidy(&[&ada]).await;
    }
}

/// A run is held up before each of its calls, while another goes through from end to end: of the other upload or of the same,
/// at the first time or after a run that died with its four sizes written.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_that_is_held_up_anywhere_spoils_nothing() {
    let gallery = Gallery::new().await;
    for (held, passing, died) in [(0, &[1][..], Some(6)), (1, &[0], Some(6)), (1, &[1], None), (0, &[0, 1], None)] {
        for calls in 0.. {
            let user = gallery.create(&format!("ada{held}{}{}-{calls}", passing.len(), passing[0])).await;
            let ([first, _], events) = two_uploads(&gallery, &user).await;
            if let Some(died) = died {
                s3_events::handle(&gallery.cut_after(died), events[passing[0]].clone()).await.unwrap_err();
            }
            let (here, is_done) = (gallery.app.clone(), Arc::new(AtomicBool::new(false)));
            let meanwhile: Vec<Value> = passing.iter().map(|upload| events[*upload].clone()).collect();
            let told = Arc::clone(&is_done);
            let app = gallery.held_up_after(calls, move || {
                let run = async {
                    for event in meanwhile {
                        s3_events::handle(&here, event).await.unwrap();
                    }
                };
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(run));
                told.store(true, Ordering::SeqCst);
            });
            // A run that met another may say so, and Lambda sends its event again: as it may in any case.
            let _met = s3_events::handle(&app, events[held].clone()).await;
            for event in events {
                s3_events::handle(&gallery.app, event).await.unwrap();
            }
            gallery.is_near(&user, BLUE).await;
            gallery.is_tidy(&[&user]).await;
            if passing.len() == 2 && is_done.load(Ordering::SeqCst) {
                assert_eq!(gallery.state(&user, &first).await, "attached", "held up before call {calls}");
            }
            if *passing == [held] {
                let version = &gallery.anyone().get(&format!("/users/{user}")).await.json()["version"];
                assert_eq!(*version, json!(2), "attached once, held up before call {calls}");
            }
            gallery.anyone().delete(&format!("/users/{user}")).await.expect(204);
            if !is_done.load(Ordering::SeqCst) {
                assert!(calls > 6, "the run made {calls} calls");
                break;
            }
        }
    }
}

/// A user with a first picture, whose judging was held up before its call number `calls` until `request` was answered, and came
/// again after that; nothing if it makes fewer calls.
async fn interrupted(gallery: &Gallery, calls: usize, request: fn(&str) -> http::Request<Body>) -> Option<String> {
    let user = gallery.create(&format!("ada{calls}")).await;
    let file = picture(ImageFormat::Png, 64, 64, BLUE);
    let asked = gallery.ask(&user, "image/png", &file).await;
    assert_eq!(put(&asked, &file).status, 200);
    gallery.clock.advance_seconds(1);
    let event = gallery.event(&asked, &user);
    let (router, request, is_done) = (gallery.router.clone(), request(&user), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&is_done);
    let app = gallery.held_up_after(calls, move || {
        let answer = async { router.oneshot(request).await.unwrap().status() };
        let status = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(answer));
        assert!(status.is_success(), "{status}");
        told.store(true, Ordering::SeqCst);
    });
    let _met = s3_events::handle(&app, event.clone()).await;
    s3_events::handle(&gallery.app, event).await.unwrap();
    assert!(is_done.load(Ordering::SeqCst) || calls > 6, "the run made {calls} calls");
    is_done.load(Ordering::SeqCst).then_some(user)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_removal_wins_wherever_a_run_is_held_up() {
    let gallery = Gallery::new().await;
    // Of a user without a picture, it changes no version.
    let removal = |user: &str| http::Request::delete(format!("/users/{user}/avatar")).body(Body::empty()).unwrap();
    for calls in 0.. {
        let Some(user) = interrupted(&gallery, calls, removal).await else { return };
        let shown = gallery.anyone().get(&format!("/users/{user}")).await.json();
        assert_eq!(shown["avatar"], Value::Null, "held up before call {calls}");
        gallery.is_tidy(&[&user]).await;
        gallery.anyone().delete(&format!("/users/{user}")).await.expect(204);
    }
}

/// A removal, asked for before an upload, is held up before each of its calls while a later one goes through.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_removal_that_comes_late_leaves_the_upload_to_a_later_one() {
    let gallery = Gallery::new().await;
    let file = picture(ImageFormat::Png, 64, 64, BLUE);
    for calls in 0.. {
        let user = gallery.create(&format!("ada{calls}")).await;
        let early = gallery.clock.now();
        gallery.clock.advance_seconds(1);
        let asked = gallery.ask(&user, "image/png", &file).await;
        assert_eq!(put(&asked, &file).status, 200);
        gallery.clock.advance_seconds(1);
        let removal = || {
            let request = http::Request::delete(format!("/users/{user}/avatar")).header("if-match", "\"1\"");
            request.body(Body::empty()).unwrap()
        };
        let (router, later, is_done) = (gallery.router.clone(), removal(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&is_done);
        let mut app = gallery.held_up_after(calls, move || {
            let answer = async { router.oneshot(later).await.unwrap().status() };
            let status = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(answer));
            assert_eq!(status, 204);
            told.store(true, Ordering::SeqCst);
        });
        app.clock = Clock::settable(early);
        let status = roster::doors::router(app).oneshot(removal()).await.unwrap().status();
        // Neither changes the version that both name.
        assert_eq!(status, 204, "held up before call {calls}");
        if !is_done.load(Ordering::SeqCst) {
            assert!(calls > 2, "the removal made {calls} calls");
            return;
        }
        gallery.deliver().await;
        assert_eq!(gallery.state(&user, &asked).await, "superseded", "held up before call {calls}");
        gallery.is_tidy(&[&user]).await;
        gallery.anyone().delete(&format!("/users/{user}")).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_of_the_user_counts_wherever_a_run_is_held_up() {
    let gallery = Gallery::new().await;
    let change = |user: &str| {
        let request = http::Request::patch(format!("/users/{user}")).header("content-type", "application/json");
        request.body(Body::from(r#"{"firstName":"Augusta"}"#)).unwrap()
    };
    for calls in 0.. {
        let Some(user) = interrupted(&gallery, calls, change).await else { return };
        let shown = gallery.anyone().get(&format!("/users/{user}")).await.json();
        assert_eq!((&shown["version"], &shown["firstName"]), (&json!(3), &json!("Augusta")), "before call {calls}");
        gallery.is_near(&user, BLUE).await;
        gallery.anyone().delete(&format!("/users/{user}")).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_user_deleted_meanwhile_leaves_nothing() {
    for delay in [0, 5, 20, 60, 120, 240] {
        let gallery = Gallery::new().await;
        let (ada, eve) = (gallery.create("ada").await, gallery.create("eve").await);
        let (_, [first, second]) = two_uploads(&gallery, &ada).await;
        assert_eq!(gallery.upload(&eve, "image/png", &picture(ImageFormat::Png, 64, 64, RED)).await, "attached");
        let delete = async {
            tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
            gallery.anyone().delete(&format!("/users/{ada}")).await.expect(204)
        };
        let work = join_all([first, second].map(|event| s3_events::handle(&gallery.app, event)));
        let (outcomes, _) = tokio::join!(work, delete);
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        gallery.anyone().get(&format!("/users/{ada}")).await.problem(404, "not-found");
        gallery.is_tidy(&[&eve]).await;
        assert!(gallery.keys().await.iter().all(|key| !key.contains(&ada)), "after {delay} ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_removal_outranks_uploads_that_were_asked_for_before() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let (_, [first, second]) = two_uploads(&gallery, &ada).await;
    s3_events::handle(&gallery.app, first).await.unwrap();
    gallery.clock.advance_seconds(1);
    gallery.anyone().delete(&format!("/users/{ada}/avatar")).await.expect(204);
    s3_events::handle(&gallery.app, second).await.unwrap();
    assert_eq!(gallery.anyone().get(&format!("/users/{ada}")).await.json()["avatar"], Value::Null);
    gallery.is_tidy(&[&ada]).await;
    gallery.clock.advance_seconds(1);
    assert_eq!(gallery.upload(&ada, "image/png", &picture(ImageFormat::Png, 64, 64, BLUE)).await, "attached");
    gallery.is_near(&ada, BLUE).await;
}

#[tokio::test]
async fn a_removal_outranks_the_first_upload_too() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 64, 64, BLUE);
    let asked = gallery.ask(&ada, "image/png", &file).await;
    put(&asked, &file);
    gallery.clock.advance_seconds(1);
    gallery.anyone().delete(&format!("/users/{ada}/avatar")).await.expect(204);
    gallery.deliver().await;
    assert_eq!(gallery.state(&ada, &asked).await, "superseded");
    assert_eq!(
        gallery.anyone().get(&format!("/users/{ada}")).await.json()["version"],
        1,
        "nothing to be seen has changed"
    );
    gallery.is_tidy(&[&ada]).await;
}

#[tokio::test]
async fn events_of_others_are_left_alone() {
    let gallery = Gallery::new().await;
    let bucket = gallery.app.avatars.bucket().to_owned();
    for (bucket, key) in [(&bucket[..], "uploads/x/y"), (&bucket, "avatars/x"), ("other", "uploads/x/y")] {
        let event = roster::local::watched::created(bucket, key);
        s3_events::handle(&gallery.app, event).await.unwrap();
    }
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 64, 64, BLUE);
    let asked = gallery.ask(&ada, "image/png", &file).await;
    put(&asked, &file);
    let key = format!("uploads/{ada}/{}", asked["uploadId"].as_str().unwrap());
    s3_events::handle(&gallery.app, roster::local::watched::created("other", &key)).await.unwrap();
    assert_eq!((gallery.state(&ada, &asked).await, gallery.objects().await), ("pending".to_owned(), vec![key]));
    let test = serde_json::json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket});
    s3_events::handle(&gallery.app, test).await.unwrap();
    s3_events::handle(&gallery.app, Value::Null).await.unwrap_err();
}

#[tokio::test]
async fn every_event_in_the_folder_is_understood() {
    let gallery = Gallery::new().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("events/s3");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let ada = gallery.create(path.file_stem().unwrap().to_str().unwrap()).await;
        let file = picture(ImageFormat::Png, 64, 64, BLUE);
        let asked = gallery.ask(&ada, "image/png", &file).await;
        put(&asked, &file);
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("roster-avatars", gallery.app.avatars.bucket());
        let text = text.replace("01980000-0000-7000-8000-000000000001", &ada);
        let text = text.replace("01980000-0000-7000-8000-00000000000a", asked["uploadId"].as_str().unwrap());
        let answer = s3_events::handle(&gallery.app, serde_json::from_str(&text).unwrap()).await.unwrap();
        let (state, failed) = match path.file_stem().unwrap().to_str().unwrap() {
            "test_event" => ("pending", 0),
            "queued_twice_and_malformed" => ("attached", 1),
            _ => ("attached", 0),
        };
        assert_eq!(gallery.state(&ada, &asked).await, state, "{}", path.display());
        let failures = answer["batchItemFailures"].as_array().unwrap();
        assert_eq!(failures.len(), failed, "{answer}");
        assert!(failures.iter().all(|f| f["itemIdentifier"] == "059f36b4-87a3-44ab-83d2-661975000003"), "{answer}");
        seen += 1;
    }
    assert_eq!(seen, 4);
}
