//! Tells about how many users there are.

use crate::app::App;
use crate::domain::{Action, Actor};
use crate::error::Error;

/// Estimates the number of users from the index's own statistics, which are some hours old. Reads no item.
pub async fn count_users(app: &App, actor: &Actor) -> Result<u64, Error> {
    actor.permit(Action::ListUsers, None)?;
    app.store.count_users().await
}
