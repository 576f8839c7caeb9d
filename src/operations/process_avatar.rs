//! Makes an uploaded file a user's avatar, or says why not.
//!
//! Every step may be run again, and every run may end anywhere, and may meet another one for the same event, for a newer
//! upload, or a removal of the user. The picture is written first, the user is changed by one transaction with the upload, and
//! each run, a superfluous one too, ends by removing what nobody refers to.

use super::{LOST_RACES, step_back, tidy_avatar};
use crate::app::App;
use crate::avatars::{Staged, image};
use crate::domain::avatar::{self, AvatarKey, Rejection, Upload, UploadState};
use crate::error::Error;

/// Looks at the file that has arrived under `object`. The bucket's events are the actor here: nobody else can call this.
pub async fn process_avatar(app: &App, object: &str) -> Result<(), Error> {
    let Some((user, id)) = avatar::of_staging_object(object) else {
        tracing::warn!("an object that is no upload has arrived");
        return Ok(());
    };
    let upload = app.store.get_upload(user, id, app.clock.now()).await?;
    if let Some(upload) = upload.filter(|upload| upload.state == UploadState::Pending) {
        let rejection = match judge(app, &upload).await? {
            Some(Ok(picture)) => attach(app, &upload, &picture).await?,
            Some(Err(rejection)) => Some(rejection),
            None => None,
        };
        if let Some(rejection) = rejection {
            app.store.reject_upload(user, id, rejection).await?;
            tracing::info!(user_id = %user, upload_id = %id, reason = rejection.code(), "upload rejected");
        }
    }
    // A file that came again, or to a user who is gone, or to no upload at all, ends here too.
    tidy_avatar(app, user).await?;
    app.avatars.remove_upload(user, id).await
}

/// The picture in the file, or why there is none; nothing at all if the file is gone, and another run has been here.
async fn judge(app: &App, upload: &Upload) -> Result<Option<Result<image::Picture, Rejection>>, Error> {
    let file = upload.file.clone();
    match app.avatars.read_upload(upload.user, upload.id, file.content_length).await? {
        Staged::Absent => Ok(None),
        Staged::Refused(error) => {
            // The role may not list the bucket, and to such a role S3 refuses what is not there. If another run has finished
            // the upload, it has removed the file as well.
            let again = app.store.get_upload(upload.user, upload.id, app.clock.now()).await?;
            if again.is_some_and(|upload| upload.state == UploadState::Pending) { Err(error) } else { Ok(None) }
        }
        Staged::TooLong => Ok(Some(Err(Rejection::WrongLength))),
        Staged::File { bytes, content_type } => {
            image::judge(bytes, content_type, file, app.avatars.settings().max_pixels).await.map(Some)
        }
    }
}

/// Stores the picture and refers the user to it, unless something newer has come first.
async fn attach(app: &App, upload: &Upload, picture: &image::Picture) -> Result<Option<Rejection>, Error> {
    let key = AvatarKey::new(upload.user, upload.id, &picture.content_hash());
    app.avatars.write_picture(&key, &picture.sizes).await?;
    for race in 0..LOST_RACES {
        let Some(owner) = app.store.get_owner(upload.user).await? else { return Ok(Some(Rejection::Superseded)) };
        if owner.latest > Some(upload.id) {
            return Ok(Some(Rejection::Superseded));
        }
        match app.store.attach_avatar(&owner.user, &key, upload.id, app.clock.now()).await {
            Err(Error::VersionConflict) => step_back(app, race).await,
            Err(error) => return Err(error),
            Ok(true) => {
                tracing::info!(user_id = %upload.user, upload_id = %upload.id, "upload attached");
                return Ok(None);
            }
            // Another run for this event was quicker.
            Ok(false) => return Ok(None),
        }
    }
    Err(Error::contended())
}
