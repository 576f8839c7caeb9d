//! Reads one user.

use crate::app::App;
use crate::domain::{Action, Actor, User, UserId};
use crate::error::Error;

/// Reads the user as it is now.
pub async fn get_user(app: &App, actor: &Actor, id: UserId) -> Result<User, Error> {
    actor.permit(Action::GetUser, Some(id))?;
    app.store.get_user(id).await?.ok_or(Error::NotFound)
}
