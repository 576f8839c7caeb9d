//! Deletes a user with everything that is the user's.

use super::{LOST_RACES, is_lost_race, step_back, tidy_avatar};
use crate::app::App;
use crate::domain::avatar::staging_object;
use crate::domain::{Action, Actor, IfMatch, UserId};
use crate::error::Error;

/// Deletes user, name guard and credential in one transaction, then pictures, uploads and their files. The user is gone with
/// the transaction. What fails after it is answered as a failure, and a repeated call finishes it: that there were uploads is
/// forgotten last of all.
pub async fn delete_user(app: &App, actor: &Actor, id: UserId, if_match: &IfMatch) -> Result<(), Error> {
    actor.permit(Action::DeleteUser, Some(id))?;
    for race in 0..LOST_RACES {
        let Some(owner) = app.store.get_owner(id).await? else {
            return if forget_pictures(app, id).await? { Ok(()) } else { Err(Error::NotFound) };
        };
        if !if_match.admits(owner.user.version) {
            return Err(Error::VersionConflict);
        }
        match app.store.delete_user(&owner.user).await {
            Err(error) if is_lost_race(&error, if_match) => step_back(app, race).await,
            Err(error) => return Err(error),
            Ok(()) => {
                // Why is told by the request's own line.
                forget_pictures(app, id).await.inspect_err(|_| {
                    tracing::error!(user_id = %id, "objects of a deleted user are left over");
                })?;
                return Ok(());
            }
        }
    }
    Err(Error::contended())
}

/// Removes what a user who is gone has left; false where nothing was.
async fn forget_pictures(app: &App, user: UserId) -> Result<bool, Error> {
    let Some(uploads) = app.store.list_uploads(user).await? else { return Ok(false) };
    tidy_avatar(app, user).await?;
    let files: Vec<String> = uploads.iter().map(|upload| staging_object(user, *upload)).collect();
    app.avatars.remove_all(&files).await?;
    app.store.forget_uploads(user, &uploads).await?;
    Ok(true)
}
