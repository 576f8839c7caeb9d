//! Deletes a user with everything that is the user's.

use super::{LOST_RACES, is_lost_race, step_back};
use crate::app::App;
use crate::domain::{Action, Actor, IfMatch, UserId};
use crate::error::Error;
use crate::store::Owner;

/// Deletes user, name guard and credential in one transaction, then pictures, uploads and their files. The user is gone
/// with the transaction; a failure after it is logged and not answered, since repeating the call could not mend it.
pub async fn delete_user(app: &App, actor: &Actor, id: UserId, if_match: &IfMatch) -> Result<(), Error> {
    actor.permit(Action::DeleteUser, Some(id))?;
    for race in 0..LOST_RACES {
        let owner = app.store.get_owner(id).await?.ok_or(Error::NotFound)?;
        if !if_match.admits(owner.user.version) {
            return Err(Error::VersionConflict);
        }
        match app.store.delete_user(&owner.user).await {
            Err(error) if is_lost_race(&error, if_match) => step_back(app, race).await,
            Err(error) => return Err(error),
            Ok(()) => {
                if let Err(error) = forget_pictures(app, &owner).await {
                    tracing::error!(user_id = %id, %error, "objects of a deleted user are left over");
                }
                return Ok(());
            }
        }
    }
    Err(Error::contended())
}

async fn forget_pictures(app: &App, owner: &Owner) -> Result<(), Error> {
    for key in owner.user.avatar.iter().chain(&owner.former) {
        app.avatars.remove_picture(key).await?;
    }
    for upload in app.store.forget_uploads(owner.user.id).await? {
        app.avatars.remove_upload(owner.user.id, upload).await?;
    }
    Ok(())
}
