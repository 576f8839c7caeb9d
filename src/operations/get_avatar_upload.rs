//! Tells what became of an upload.

use crate::app::App;
use crate::domain::avatar::{Upload, UploadId};
use crate::domain::{Action, Actor, UserId};
use crate::error::Error;

/// Reads the upload, for a day after it was asked for.
pub async fn get_avatar_upload(app: &App, actor: &Actor, id: UserId, upload: UploadId) -> Result<Upload, Error> {
    actor.permit(Action::GetAvatarUpload, Some(id))?;
    app.store.get_upload(id, upload, app.clock.now()).await?.ok_or(Error::NotFound)
}
