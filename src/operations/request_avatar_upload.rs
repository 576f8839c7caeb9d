//! Gives a client a place to upload one picture to.

use crate::app::App;
use crate::avatars::Instructions;
use crate::domain::avatar::{Announced, Upload, UploadMethod};
use crate::domain::{Action, Actor, Flaw, UserId};
use crate::error::Error;

/// An upload and how to send its file.
pub struct RequestedUpload {
    /// The upload.
    pub upload: Upload,
    /// How to send the file.
    pub instructions: Instructions,
}

/// Notes the upload, and signs for exactly the announced file. The signature is worth nothing before the note is written: what
/// arrives without one is thrown away.
pub async fn request_avatar_upload(
    app: &App,
    actor: &Actor,
    id: UserId,
    file: Announced,
    method: UploadMethod,
) -> Result<RequestedUpload, Error> {
    actor.permit(Action::RequestAvatarUpload, Some(id))?;
    let settings = app.avatars.settings();
    if file.content_length > settings.max_bytes {
        let detail = format!("make the file smaller: at most {} bytes are taken", settings.max_bytes);
        return Err(Error::invalid_member("/contentLength", Flaw::new("too_large", detail)));
    }
    let now = app.clock.now();
    let upload = Upload::new(app.ids.upload_id(now), id, file, now);
    app.store.add_upload(&upload, settings.max_pending, now).await?;
    let instructions = app.avatars.instructions(&upload, method, now);
    Ok(RequestedUpload { upload, instructions })
}
