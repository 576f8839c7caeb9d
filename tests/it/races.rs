//! Many writers at once: one winner, nothing lost, nothing left over.

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use crate::harness::{House, Persona, Reply, new_user};

/// Sends the same kind of request `count` times at once.
async fn at_once<F: Future<Output = Reply>>(count: usize, request: impl Fn(usize) -> F) -> Vec<Reply> {
    futures_util::future::join_all((0..count).map(request)).await
}

fn by_status(replies: &[Reply]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for reply in replies {
        *counts.entry(reply.status.as_u16()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_creates_of_a_name_wins() {
    let house = House::new().await;
    let replies = at_once(64, |_| async { house.anyone().post("/users", &new_user("ada")).await }).await;
    assert_eq!(by_status(&replies), BTreeMap::from([(201, 1), (409, 63)]));
    assert!(
        replies
            .into_iter()
            .filter(|reply| reply.status == 409)
            .all(|reply| reply.problem(409, "name-taken").json()["status"] == 409)
    );
    assert_eq!(house.keys().await.len(), 3, "one user, one guard, one credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_200_patches_of_a_version_wins() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let patch = |n: usize| {
        let (house, path) = (&house, &path);
        async move { house.anyone().with("if-match", "\"1\"").patch(path, &json!({"firstName": format!("Ada {n}")})).await }
    };
    assert_eq!(by_status(&at_once(200, patch).await), BTreeMap::from([(200, 1), (412, 199)]));
    assert_eq!(house.anyone().get(&path).await.etag(), "\"2\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_equal_patches_of_a_version_wins() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let replies = at_once(50, |_| async {
        house.anyone().with("if-match", "\"1\"").patch(&path, &json!({"firstName": "Eve"})).await
    })
    .await;
    assert_eq!(by_status(&replies), BTreeMap::from([(200, 1), (412, 49)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_without_a_version_lose_nothing() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let patch = |n: usize| {
        let (house, path) = (&house, &path);
        let body = if n.is_multiple_of(2) { json!({"firstName": "Augusta"}) } else { json!({"lastName": "Byron"}) };
        async move { house.anyone().patch(path, &body).await }
    };
    assert_eq!(by_status(&at_once(6, patch).await), BTreeMap::from([(200, 6)]));
    let user = house.anyone().get(&path).await.json();
    assert_eq!(
        (&user["firstName"], &user["lastName"], &user["version"]),
        (&json!("Augusta"), &json!("Byron"), &json!(3))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_blind_writers_all_get_their_turn() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let patch = |n: usize| {
        let (house, path) = (&house, &path);
        async move { house.anyone().patch(path, &json!({"firstName": format!("Ada {n}")})).await }
    };
    assert_eq!(by_status(&at_once(32, patch).await), BTreeMap::from([(200, 32)]));
    assert_eq!(house.anyone().get(&path).await.etag(), "\"33\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_equal_requests_with_one_key_make_one_user() {
    // Each of them hashes twice, and nobody is to be told that too many do.
    let cheap = [("ROSTER_ARGON2_MEMORY_KIB", "7168"), ("ROSTER_ARGON2_PASSES", "1")];
    let house = House::with(&cheap).await;
    let caller = || -> Persona<'_> { house.anyone().with("idempotency-key", "k") };
    let replies = at_once(50, |_| async { caller().post("/users", &new_user("ada")).await }).await;
    assert_eq!(by_status(&replies), BTreeMap::from([(201, 50)]));
    let distinct: HashSet<_> =
        replies.iter().map(|reply| (&reply.body, reply.etag(), reply.header("location"))).collect();
    assert_eq!(distinct.len(), 1);
    assert_eq!(house.keys().await.len(), 4, "user, guard, credential, receipt");
    caller().post("/users", &new_user("eve")).await.problem(422, "idempotency-key-reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_renames_to_a_name_wins() {
    let house = House::new().await;
    let mut paths = Vec::new();
    for n in 0..12 {
        paths.push(format!("/users/{}", house.create(&format!("user{n}")).await));
    }
    let replies = at_once(12, |n| {
        let (house, paths) = (&house, &paths);
        async move { house.anyone().patch(&paths[n], &json!({"userName": "ada"})).await }
    })
    .await;
    assert_eq!(by_status(&replies), BTreeMap::from([(200, 1), (409, 11)]));
    assert_eq!(house.keys().await.len(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_among_changes_leaves_nothing_or_everything() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    at_once(20, |n| {
        let (house, path) = (&house, &path);
        async move {
            match n % 4 {
                0 => house.anyone().delete(path).await,
                1 => house.anyone().patch(path, &json!({"userName": format!("ada{n}")})).await,
                2 => {
                    house
                        .anyone()
                        .put(&format!("{path}/password"), &json!({"newPassword": "a better horse battery staple"}))
                        .await
                }
                _ => house.anyone().patch(path, &json!({"firstName": format!("Ada {n}")})).await,
            }
        }
    })
    .await;
    house.anyone().get(&path).await.problem(404, "not-found");
    assert_eq!(house.keys().await, Vec::<String>::new());
}
