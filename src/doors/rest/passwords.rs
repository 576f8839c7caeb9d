//! `/users/{id}/password`.

use axum::extract::State;
use axum::http::StatusCode;

use super::extract::{Id, JsonBody};
use super::problem::Problem;
use super::{openapi, view};
use crate::app::App;
use crate::domain::Actor;
use crate::error::Error;
use crate::operations;

/// Changes a password.
#[utoipa::path(put, path = "/users/{id}/password", operation_id = "change_password", tag = "passwords",
    params(openapi::UserPath),
    request_body(content = view::PasswordChangeSchema),
    responses(
        (status = 204, description = "Changed"),
        openapi::UserProblems, openapi::InputProblems, openapi::CommonProblems,
    ))]
pub async fn change_password(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    let change = view::password_change(body.value, body.violations).map_err(Error::Invalid)?;
    operations::change_password(&app, &actor, id, change.current, change.new).await?;
    Ok(StatusCode::NO_CONTENT)
}
