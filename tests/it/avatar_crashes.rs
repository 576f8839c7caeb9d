//! A process that dies between any two of its calls: whoever comes next leaves no object that no user refers to.

use image::ImageFormat;
use roster::app::App;
use roster::domain::Actor;
use roster::domain::ClientId;
use roster::doors::{rest, s3_events};
use roster::operations::{Sweep, Swept, sweep_avatars};
use serde_json::Value;
use tower::ServiceExt;

use crate::harness::{Gallery, picture, put};

const RED: [u8; 3] = [200, 30, 30];
const BLUE: [u8; 3] = [30, 30, 200];
const GREEN: [u8; 3] = [30, 200, 30];

fn png(colour: [u8; 3]) -> Vec<u8> {
    picture(ImageFormat::Png, 64, 64, colour)
}

/// Sends a file that has been asked for now, and gives its event.
async fn sent(gallery: &Gallery, user: &str, file: &[u8]) -> (Value, Value) {
    gallery.clock.advance_seconds(1);
    let asked = gallery.ask(user, "image/png", file).await;
    assert_eq!(put(&asked, file).status, 200);
    let event = gallery.event(&asked, user);
    gallery.waiting().await;
    (asked, event)
}

/// A user with a red picture, and a blue one that has arrived.
async fn about_to_change(gallery: &Gallery, name: &str) -> (String, Value, Value) {
    let user = gallery.create(name).await;
    assert_eq!(gallery.upload(&user, "image/png", &png(RED)).await, "attached");
    let (asked, event) = sent(gallery, &user, &png(BLUE)).await;
    (user, asked, event)
}

/// Sends a DELETE to a process that dies after so many calls.
async fn delete(app: App, path: &str) -> u16 {
    let request = http::Request::delete(path).body(axum::body::Body::empty()).unwrap();
    rest::router(app).oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_run_that_died_anywhere_is_finished_when_its_event_comes_again() {
    let gallery = Gallery::new().await;
    let mut users = Vec::new();
    for calls in 0.. {
        let (user, asked, event) = about_to_change(&gallery, &format!("ada{calls}")).await;
        let died = s3_events::handle(&gallery.cut_after(calls), event.clone()).await.is_err();
        s3_events::handle(&gallery.app, event).await.unwrap();
        assert_eq!(gallery.state(&user, &asked).await, "attached", "after {calls} calls");
        gallery.is_near(&user, BLUE).await;
        assert_eq!(gallery.anyone().get(&format!("/users/{user}")).await.json()["version"], 3, "after {calls} calls");
        users.push(user);
        gallery.is_tidy(&users).await;
        if !died {
            // Upload, file, four sizes, owner, transaction, list, owner, four removals, removal of the file.
            assert_eq!(calls, 15, "every call was the last once");
            return;
        }
    }
}

#[tokio::test]
async fn a_newer_upload_after_the_death_leaves_nothing_of_the_older_ones() {
    let gallery = Gallery::new().await;
    let mut users = Vec::new();
    for calls in 0..15 {
        let (user, _, event) = about_to_change(&gallery, &format!("ada{calls}")).await;
        s3_events::handle(&gallery.cut_after(calls), event.clone()).await.unwrap_err();
        let (_, newer) = sent(&gallery, &user, &png(GREEN)).await;
        s3_events::handle(&gallery.app, newer).await.unwrap();
        gallery.is_near(&user, GREEN).await;
        users.push(user.clone());
        let files = |keys: Vec<String>| keys.into_iter().filter(|key| key.starts_with("uploads/")).collect::<Vec<_>>();
        let waiting = files(gallery.objects().await);
        assert!(waiting.len() <= 1, "{waiting:?}");
        if waiting.is_empty() || calls >= 8 {
            // The older upload is finished, so the newer one has seen to everything but the file.
            gallery.forget(&waiting).await;
            gallery.is_tidy(&users).await;
        }
        s3_events::handle(&gallery.app, event).await.unwrap();
        gallery.is_near(&user, GREEN).await;
        gallery.is_tidy(&users).await;
    }
}

#[tokio::test]
async fn a_user_deleted_after_the_death_takes_everything_along() {
    let gallery = Gallery::new().await;
    for calls in 0..15 {
        let (user, _, event) = about_to_change(&gallery, &format!("ada{calls}")).await;
        s3_events::handle(&gallery.cut_after(calls), event.clone()).await.unwrap_err();
        gallery.anyone().delete(&format!("/users/{user}")).await.expect(204);
        assert_eq!((gallery.objects().await, gallery.keys().await), (vec![], vec![]), "after {calls} calls");
        s3_events::handle(&gallery.app, event).await.unwrap();
        assert_eq!((gallery.objects().await, gallery.keys().await), (vec![], vec![]), "after {calls} calls");
    }
}

#[tokio::test]
async fn a_run_that_died_while_the_user_was_deleted_is_finished_by_its_event() {
    let gallery = Gallery::new().await;
    // The sizes are written one by one; the user goes before, the process dies after each of them.
    for calls in 2..8 {
        let (user, _, event) = about_to_change(&gallery, &format!("ada{calls}")).await;
        s3_events::handle(&gallery.cut_after(calls), event.clone()).await.unwrap_err();
        let written: Vec<String> = gallery.objects().await;
        gallery.anyone().delete(&format!("/users/{user}")).await.expect(204);
        // What a process that was frozen meanwhile writes when it goes on, before it dies.
        for object in &written {
            gallery.leave(object, b"late").await;
        }
        s3_events::handle(&gallery.app, event).await.unwrap();
        assert_eq!(gallery.objects().await, Vec::<String>::new(), "after {calls} calls");
    }
}

#[tokio::test]
async fn another_file_in_place_of_the_one_that_was_being_attached_leaves_nothing_of_it() {
    let gallery = Gallery::new().await;
    for calls in 2..8 {
        let (user, asked, event) = about_to_change(&gallery, &format!("ada{calls}")).await;
        s3_events::handle(&gallery.cut_after(calls), event.clone()).await.unwrap_err();
        let mut broken = png(BLUE);
        let middle = broken.len() / 2;
        broken[middle] ^= 0xff;
        assert_eq!(put(&asked, &broken).status, 200, "the URL is good for another try");
        for _ in 0..2 {
            s3_events::handle(&gallery.app, event.clone()).await.unwrap();
        }
        assert_eq!(gallery.state(&user, &asked).await, "unreadable");
        gallery.is_near(&user, RED).await;
        gallery.is_tidy(&[&user]).await;
        gallery.anyone().delete(&format!("/users/{user}")).await.expect(204);
    }
}

#[tokio::test]
async fn a_deletion_that_died_anywhere_is_finished_when_repeated() {
    let gallery = Gallery::new().await;
    for calls in 0.. {
        let (user, _, _) = about_to_change(&gallery, &format!("ada{calls}")).await;
        let path = format!("/users/{user}");
        let status = delete(gallery.cut_after(calls), &path).await;
        if status == 204 {
            // Owner, transaction, uploads, list, owner, four pictures, two files, two uploads and their count.
            assert_eq!(calls, 14, "every call was the last once");
            gallery.anyone().delete(&path).await.problem(404, "not-found");
            assert_eq!((gallery.objects().await, gallery.keys().await), (vec![], vec![]));
            return;
        }
        assert!(status >= 500, "after {calls} calls: {status}");
        gallery.anyone().delete(&path).await.expect(204);
        assert_eq!((gallery.objects().await, gallery.keys().await), (vec![], vec![]), "after {calls} calls");
        gallery.anyone().delete(&path).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_removal_that_died_anywhere_is_finished_when_repeated_or_by_the_next_upload() {
    let gallery = Gallery::new().await;
    let mut users = Vec::new();
    for calls in 0.. {
        let repeated = gallery.create(&format!("ada{calls}")).await;
        let replaced = gallery.create(&format!("eve{calls}")).await;
        let mut status = 0;
        for user in [&repeated, &replaced] {
            assert_eq!(gallery.upload(user, "image/png", &png(RED)).await, "attached");
            gallery.clock.advance_seconds(1);
            status = delete(gallery.cut_after(calls), &format!("/users/{user}/avatar")).await;
        }
        gallery.anyone().delete(&format!("/users/{repeated}/avatar")).await.expect(204);
        gallery.clock.advance_seconds(1);
        assert_eq!(gallery.upload(&replaced, "image/png", &png(BLUE)).await, "attached");
        users.extend([repeated, replaced]);
        gallery.is_tidy(&users).await;
        if status == 204 {
            assert_eq!(calls, 8, "owner, change, list, owner, four removals");
            return;
        }
    }
}

#[tokio::test]
async fn a_sweep_finds_what_nobody_came_back_for() {
    let gallery = Gallery::new().await;
    let actor = Actor::all_powerful(ClientId::anonymous());
    let eve = gallery.create("eve").await;
    assert_eq!(gallery.upload(&eve, "image/png", &png(RED)).await, "attached");
    // A deletion that died right after the user was gone, and an upload whose event was given up after the sizes.
    let (ada, _, _) = about_to_change(&gallery, "ada").await;
    assert!(delete(gallery.cut_after(2), &format!("/users/{ada}")).await >= 500);
    let (bob, _, event) = about_to_change(&gallery, "bob").await;
    s3_events::handle(&gallery.cut_after(6), event).await.unwrap_err();

    let objects = gallery.objects().await;
    let mut told = Vec::new();
    let looked = sweep_avatars(&gallery.app, &actor, Sweep::Look, |swept| told.push(swept)).await.unwrap();
    assert_eq!(gallery.objects().await, objects, "who only looks removes nothing");
    let swept = sweep_avatars(&gallery.app, &actor, Sweep::Remove, |swept| told.push(swept)).await.unwrap();
    let all = Swept { owners: 3, unknown: 1, objects: 4 };
    assert_eq!(swept, all, "ada's picture; bob's upload may still be worked on");
    assert_eq!((looked, told), (swept, vec![looked, swept]));
    // The upload is remembered for a day after its end, and its event comes no more.
    gallery.clock.advance_seconds(25 * 3600);
    let swept = sweep_avatars(&gallery.app, &actor, Sweep::Remove, |_| {}).await.unwrap();
    assert_eq!(swept, Swept { owners: 2, unknown: 0, objects: 4 });
    let files: Vec<_> = gallery.objects().await.into_iter().filter(|key| key.starts_with("uploads/")).collect();
    assert_eq!(files.len(), 2, "which the bucket's own rule removes");
    gallery.forget(&files).await;
    gallery.is_tidy(&[eve, bob]).await;
    assert_eq!(sweep_avatars(&gallery.app, &actor, Sweep::Remove, |_| {}).await.unwrap().objects, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_with_the_wrong_table_removes_nothing_unless_told_to() {
    let (gallery, other) = (Gallery::new().await, Gallery::new().await);
    let eve = gallery.create("eve").await;
    assert_eq!(gallery.upload(&eve, "image/png", &png(RED)).await, "attached");
    let objects = gallery.objects().await;
    let sweep = |flags: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_roster"));
        command.arg("sweep-avatars").args(flags).env("AWS_ENDPOINT_URL_DYNAMODB", &other.endpoint);
        command.env("AWS_ENDPOINT_URL_S3", &gallery.s3_endpoint).env("ROSTER_TABLE", other.app.store.table());
        let output = command.env("ROSTER_BUCKET", gallery.app.avatars.bucket()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = sweep(&[]);
    assert!(code == Some(1) && told.contains("1 of 1 owners") && told.contains("add --yes"), "{told}");
    let (code, told) = sweep(&["--dry-run", "--yes"]);
    assert!(code == Some(0) && told.contains("4 objects to be removed"), "{told}");
    assert_eq!(gallery.objects().await, objects);
    let (code, told) = sweep(&["--yes"]);
    assert!(code == Some(0) && told.contains("4 objects removed"), "{told}");
    assert!(gallery.objects().await.is_empty());
}
