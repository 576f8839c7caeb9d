//! `/users/{id}/password`, `/users/verify-password`, `/password-policy`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::extract::{Id, JsonBody};
use super::problem::Problem;
use super::users::shown;
use super::{etag, openapi, view};
use crate::app::App;
use crate::domain::Actor;
use crate::error::Error;
use crate::operations;

/// Changes a password.
///
/// The user's version stays as it is, so `If-Match` may be left out, whatever the deployment demands of other changes.
#[utoipa::path(put, path = "/users/{id}/password", operation_id = "change_password", tag = "passwords",
    params(openapi::UserPath, openapi::IfMatch),
    request_body(content = view::PasswordChangeSchema),
    responses(
        (status = 204, description = "Changed"),
        (status = 412, description = "version-conflict", body = openapi::Problem, content_type = "application/problem+json"),
        openapi::UserProblems, openapi::InputProblems, openapi::CommonProblems,
    ))]
pub async fn change_password(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    let if_match = etag::if_match(&headers)?;
    let change = view::password_change(body.value, body.violations).map_err(Error::Invalid)?;
    operations::change_password(&app, &actor, id, change.current, change.new, &if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says whether a password is a user's, and gives the user if it is.
///
/// An unknown name, a wrong password and a user without a password are one answer. After ten wrong passwords the same
/// caller waits for each further try at the same name, first a minute, at last a quarter of an hour.
#[utoipa::path(post, path = "/users/verify-password", operation_id = "verify_password", tag = "passwords",
    request_body(content = view::PasswordClaimSchema),
    responses(
        (status = 200, description = "The password is this user's", body = view::User, headers(("ETag" = String))),
        openapi::InputProblems, openapi::CommonProblems,
    ))]
pub async fn verify_password(State(app): State<App>, actor: Actor, body: JsonBody) -> Result<Response, Problem> {
    let claim = view::password_claim(body.value, body.violations).map_err(Error::Invalid)?;
    Ok(shown(&app, &operations::verify_password(&app, &actor, &claim.user_name, &claim.password).await?))
}

/// Tells the rules for new passwords, so that a form can show them.
#[utoipa::path(get, path = "/password-policy", operation_id = "get_password_policy", tag = "passwords", security(()),
    responses((status = 200, description = "The rules", body = view::PasswordPolicy), openapi::StrayProblems))]
pub async fn get_password_policy(State(app): State<App>) -> Json<view::PasswordPolicy> {
    Json(operations::get_password_policy(&app).into())
}
