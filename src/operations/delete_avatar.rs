//! Removes a user's picture.

use super::{LOST_RACES, step_back, tidy_avatar};
use crate::app::App;
use crate::domain::{Action, Actor, IfMatch, UserId};
use crate::error::Error;

/// Removes the picture in every size. Uploads that were asked for before lose against the removal, whether or not there was a
/// picture. Where there is none, what an interrupted removal left over is removed.
pub async fn delete_avatar(app: &App, actor: &Actor, id: UserId, if_match: &IfMatch) -> Result<(), Error> {
    actor.permit(Action::DeleteAvatar, Some(id))?;
    for race in 0..LOST_RACES {
        let owner = app.store.get_owner(id).await?.ok_or(Error::NotFound)?;
        if !if_match.admits(owner.user.version) {
            return Err(Error::VersionConflict);
        }
        let now = app.clock.now();
        // A clock that lags behind the last writer's must not let an older upload win.
        let removal = app.ids.upload_id(now);
        let removal = removal.max(owner.latest.unwrap_or(removal));
        let outcome = if owner.user.avatar.is_some() {
            app.store.remove_avatar(&owner.user, removal, now).await
        } else if app.store.has_unfinished_uploads(id).await? {
            app.store.outrank_uploads(&owner.user, removal).await
        } else {
            Ok(())
        };
        match outcome {
            // Something came in between, perhaps at the same version: a version that the caller named is judged anew.
            Err(Error::VersionConflict) => step_back(app, race).await,
            Err(error) => return Err(error),
            Ok(()) => {
                if owner.latest.is_some() {
                    tidy_avatar(app, id).await?;
                }
                return Ok(());
            }
        }
    }
    Err(Error::contended())
}
