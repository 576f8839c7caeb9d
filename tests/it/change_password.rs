//! PUT /users/{id}/password.

use axum::body::Body;
use axum::http::Request;
use roster::domain::{Actor, ClientId, IfMatch, Password, UserId, actor::Scope};
use roster::error::Error;
use roster::operations;
use serde_json::json;
use tower::ServiceExt;

use crate::harness::{House, PASSWORD};

const NEW: &str = "a better horse battery staple";

#[tokio::test]
async fn a_password_is_changed_by_giving_the_old_one() {
    let house = House::new().await;
    let path = format!("/users/{}/password", house.create("ada").await);
    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
    let reply = house.anyone().put(&path, &change("wrong horse", NEW)).await.problem(401, "invalid-credentials");
    assert!(reply.headers.contains_key("www-authenticate"));
    assert!(house.anyone().put(&path, &change(PASSWORD, NEW)).await.expect(204).body.is_empty());
    house.anyone().put(&path, &change(PASSWORD, NEW)).await.problem(401, "invalid-credentials");
    house.anyone().put(&path, &change(NEW, PASSWORD)).await.expect(204);
}

#[tokio::test]
async fn a_new_password_is_held_to_the_policy() {
    let house = House::new().await;
    let path = format!("/users/{}/password", house.create("ada").await);
    for (body, expected) in [
        (json!({}), &["#/newPassword required"][..]),
        (json!({"newPassword": "short"}), &["#/newPassword too_guessable", "#/newPassword too_short"]),
        (json!({"newPassword": "Ecalevol"}), &["#/newPassword like_name", "#/newPassword too_guessable"]),
        (json!({"newPassword": PASSWORD, "currentPassword": PASSWORD}), &["#/newPassword unchanged"]),
        (json!({"newPassword": NEW, "password": NEW}), &["#/password unknown_member"]),
    ] {
        let reply = house.anyone().put(&path, &body).await.problem(422, "validation");
        assert_eq!(reply.errors(), expected);
    }
    house
        .anyone()
        .put("/users/01980000-0000-7000-8000-000000000001/password", &json!({"newPassword": NEW}))
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn only_an_administrator_may_leave_the_old_one_out() {
    let house = House::new().await;
    let id = UserId::parse(&house.create("ada").await).unwrap();
    let new = || Password::parse(NEW).unwrap();
    let themselves = Actor::new(ClientId::anonymous(), Some(id), vec![]);
    let outcome = operations::change_password(&house.app, &themselves, id, None, new(), &IfMatch::Absent).await;
    assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    let someone_else = Actor::new(ClientId::anonymous(), None, vec![Scope::Read]);
    let outcome = operations::change_password(&house.app, &someone_else, id, None, new(), &IfMatch::Absent).await;
    assert!(matches!(outcome, Err(Error::Forbidden)), "{outcome:?}");
    let administrator = Actor::new(ClientId::anonymous(), None, vec![Scope::Admin]);
    operations::change_password(&house.app, &administrator, id, None, new(), &IfMatch::Absent).await.unwrap();
    let current = Some(Password::parse(NEW).unwrap());
    operations::change_password(
        &house.app,
        &themselves,
        id,
        current,
        Password::parse(PASSWORD).unwrap(),
        &IfMatch::Absent,
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn the_profile_keeps_its_version() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    house.anyone().put(&format!("{path}/password"), &json!({"newPassword": NEW})).await.expect(204);
    assert_eq!(house.anyone().get(&path).await.etag(), "\"1\"");
}

#[tokio::test]
async fn a_stale_version_is_refused_and_changes_nothing() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    let (passwords, change) = (format!("{path}/password"), json!({"currentPassword": PASSWORD, "newPassword": NEW}));
    house.anyone().with("if-match", "\"2\"").put(&passwords, &change).await.problem(412, "version-conflict");
    house.anyone().with("if-match", "2").put(&passwords, &change).await.problem(400, "malformed-request");
    house.anyone().with("if-match", "\"1\"").put(&passwords, &change).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_passes_meanwhile_is_refused_and_changes_nothing() {
    let house = House::new().await;
    let administrator = Actor::new(ClientId::anonymous(), None, vec![Scope::Admin]);
    for (name, if_match, is_changed) in
        [("ada", IfMatch::Versions(vec![1]), false), ("eve", IfMatch::Any, true), ("eva", IfMatch::Absent, true)]
    {
        let id = house.create(name).await;
        // The user is read; before the new hash is written, somebody changes a name.
        let (router, path) = (house.router.clone(), format!("/users/{id}"));
        let held = house.held_up_after(1, move || {
            let patch = Request::patch(path).header("content-type", "application/json");
            let patch = router.oneshot(patch.body(Body::from(json!({"firstName": "Eve"}).to_string())).unwrap());
            let reply = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(patch)).unwrap();
            assert_eq!(reply.status(), 200);
        });
        let (id, new) = (UserId::parse(&id).unwrap(), Password::parse(NEW).unwrap());
        let outcome = operations::change_password(&held, &administrator, id, None, new, &if_match).await;
        assert_eq!(outcome.is_ok(), is_changed, "{name}: {outcome:?}");
        assert!(is_changed || matches!(outcome, Err(Error::VersionConflict)), "{outcome:?}");
        let login = json!({"userName": name, "password": if is_changed { NEW } else { PASSWORD }});
        house.anyone().post("/users/verify-password", &login).await.expect(200);
    }
}

#[tokio::test]
async fn no_version_is_demanded_of_a_change_of_password() {
    let house = House::with(&[("ROSTER_REQUIRE_IF_MATCH", "true")]).await;
    let path = format!("/users/{}/password", house.create("ada").await);
    house.anyone().put(&path, &json!({"currentPassword": PASSWORD, "newPassword": NEW})).await.expect(204);
}
