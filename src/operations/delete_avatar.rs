//! Removes a user's picture.

use super::{LOST_RACES, is_lost_race, step_back};
use crate::app::App;
use crate::domain::{Action, Actor, IfMatch, UserId};
use crate::error::Error;

/// Removes the picture in every size. Uploads that were asked for before lose against the removal. Where there is no picture, what
/// an interrupted removal left over is removed.
pub async fn delete_avatar(app: &App, actor: &Actor, id: UserId, if_match: &IfMatch) -> Result<(), Error> {
    actor.permit(Action::DeleteAvatar, Some(id))?;
    for race in 0..LOST_RACES {
        let owner = app.store.get_owner(id).await?.ok_or(Error::NotFound)?;
        if !if_match.admits(owner.user.version) {
            return Err(Error::VersionConflict);
        }
        if owner.user.avatar.is_some() {
            let now = app.clock.now();
            // A clock that lags behind the last writer's must not let an older upload win.
            let removal = app.ids.upload_id(now).max(owner.latest.unwrap_or(app.ids.upload_id(now)));
            match app.store.set_avatar(&owner.user, None, removal, now).await {
                Err(error) if is_lost_race(&error, if_match) => {
                    step_back(app, race).await;
                    continue;
                }
                outcome => outcome?,
            }
        }
        for key in owner.user.avatar.iter().chain(&owner.former) {
            app.avatars.remove_picture(key).await?;
        }
        return Ok(());
    }
    Err(Error::contended())
}
