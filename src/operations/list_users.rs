//! Reads the list of users.

use crate::app::App;
use crate::domain::{Action, Actor, User};
use crate::error::Error;

/// A part of the list.
pub struct Page {
    /// Users in the order of their creation.
    pub users: Vec<User>,
}

/// Reads the first page.
pub async fn list_users(app: &App, actor: &Actor, limit: usize) -> Result<Page, Error> {
    actor.permit(Action::ListUsers, None)?;
    let (users, _has_more) = app.store.first_users(limit).await?;
    Ok(Page { users })
}
