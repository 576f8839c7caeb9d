//! `/users` and `/users/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Id, Idempotency, JsonBody, Precondition};
use super::layers::Mounted;
use super::problem::Problem;
use super::{etag, openapi, patch, view};
use crate::app::App;
use crate::domain::{Actor, User};
use crate::error::Error;
use crate::operations;

/// Creates a user.
#[utoipa::path(post, path = "/users", operation_id = "create_user", tag = "users",
    params(openapi::IdempotencyKey),
    request_body(content = view::NewUserSchema),
    responses(
        (status = 201, description = "Created", body = view::User, headers(("Location" = String), ("ETag" = String))),
        openapi::InputProblems, openapi::NameTaken, openapi::CommonProblems,
    ))]
pub async fn create_user(
    State(app): State<App>,
    actor: Actor,
    Idempotency(key): Idempotency,
    mounted: Mounted,
    body: JsonBody,
) -> Result<Response, Problem> {
    let new = |policy: &_| view::new_user(body.value, body.violations, policy).map_err(Error::Invalid);
    let user = operations::create_user(&app, &actor, new, key).await?;
    let location = mounted.path(&format!("/users/{}", user.id));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], shown(&app, &user)).into_response())
}

/// Reads one user.
#[utoipa::path(get, path = "/users/{id}", operation_id = "get_user", tag = "users",
    params(openapi::UserPath, openapi::IfNoneMatch),
    responses(
        (status = 200, description = "The user", body = view::User, headers(("ETag" = String))),
        (status = 304, description = "The user still has the ETag in If-None-Match"),
        openapi::UserProblems, openapi::CommonProblems,
    ))]
pub async fn get_user(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let user = operations::get_user(&app, &actor, id).await?;
    let tag = etag::of_shown(&app, &user);
    if etag::is_known(&headers, &tag)? {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag::header_value(&tag))]).into_response());
    }
    Ok(shown(&app, &user))
}

/// Replaces a user's names.
#[utoipa::path(put, path = "/users/{id}", operation_id = "replace_user", tag = "users",
    params(openapi::UserPath, openapi::IfMatch),
    request_body(content = view::ProfileSchema),
    responses(
        (status = 200, description = "The user as it is now", body = view::User, headers(("ETag" = String))),
        openapi::UserProblems, openapi::InputProblems, openapi::NameTaken, openapi::VersionProblems, openapi::CommonProblems,
    ))]
pub async fn replace_user(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    Precondition(if_match): Precondition,
    body: JsonBody,
) -> Result<Response, Problem> {
    let profile = view::profile(body.value, body.violations).map_err(Error::Invalid)?;
    Ok(shown(&app, &operations::replace_user(&app, &actor, id, profile, &if_match).await?))
}

/// Changes some of a user's names.
#[utoipa::path(patch, path = "/users/{id}", operation_id = "patch_user", tag = "users",
    params(openapi::UserPath, openapi::IfMatch),
    request_body(description = "A merge patch (RFC 7396, also as plain JSON) or a JSON patch (RFC 6902)", content(
        (view::ProfilePatchSchema = "application/merge-patch+json"),
        (view::ProfilePatchSchema = "application/json"),
        (Vec<openapi::PatchOperation> = "application/json-patch+json"),
    )),
    responses(
        (status = 200, description = "The user as it is now", body = view::User, headers(("ETag" = String))),
        openapi::UserProblems, openapi::InputProblems, openapi::NameTaken, openapi::VersionProblems, openapi::CommonProblems,
    ))]
pub async fn patch_user(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    Precondition(if_match): Precondition,
    body: JsonBody,
) -> Result<Response, Problem> {
    let patch = patch::read(body)?;
    Ok(shown(&app, &operations::patch_user(&app, &actor, id, &if_match, |user| patch.apply(&app, user)).await?))
}

/// Deletes a user with credential, name and avatar.
#[utoipa::path(delete, path = "/users/{id}", operation_id = "delete_user", tag = "users",
    params(openapi::UserPath, openapi::IfMatch),
    responses(
        (status = 204, description = "Deleted"),
        openapi::UserProblems, openapi::VersionProblems, openapi::CommonProblems,
    ))]
pub async fn delete_user(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    operations::delete_user(&app, &actor, id, &if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A user with its tag.
pub(super) fn shown(app: &App, user: &User) -> Response {
    let tag = etag::header_value(&etag::of_shown(app, user));
    ([(header::ETAG, tag)], Json(view::User::of(app, user))).into_response()
}
