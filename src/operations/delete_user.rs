//! Deletes a user with everything that is the user's.

use super::{LOST_RACES, is_lost_race, step_back};
use crate::app::App;
use crate::domain::{Action, Actor, IfMatch, UserId};
use crate::error::Error;

/// Deletes user, name guard and credential in one transaction.
pub async fn delete_user(app: &App, actor: &Actor, id: UserId, if_match: &IfMatch) -> Result<(), Error> {
    actor.permit(Action::DeleteUser, Some(id))?;
    for race in 0..LOST_RACES {
        let user = app.store.get_user(id).await?.ok_or(Error::NotFound)?;
        if !if_match.admits(user.version) {
            return Err(Error::VersionConflict);
        }
        match app.store.delete_user(&user).await {
            Err(error) if is_lost_race(&error, if_match) => step_back(app, race).await,
            outcome => return outcome,
        }
    }
    Err(Error::contended())
}
