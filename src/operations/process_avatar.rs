//! Makes an uploaded file a user's avatar, or says why not.
//!
//! Every step may be run again, and every run may meet another one for the same event, for a newer upload, or a
//! removal of the user. Whoever writes objects looks afterwards whether the user refers to them, and removes them if not;
//! no two uploads share an object, so nobody else's are ever touched.

use super::{LOST_RACES, step_back};
use crate::app::App;
use crate::avatars::{Staged, image};
use crate::domain::avatar::{self, AvatarKey, Rejection, Upload, UploadState};
use crate::error::Error;
use crate::store::Owner;

/// Looks at the file that has arrived under `object`. The bucket's events are the actor here: nobody else can call this.
pub async fn process_avatar(app: &App, object: &str) -> Result<(), Error> {
    let Some((user, id)) = avatar::of_staging_object(object) else {
        tracing::warn!("an object that is no upload has arrived");
        return Ok(());
    };
    let upload = app.store.get_upload(user, id, app.clock.now()).await?;
    if let Some(upload) = upload.filter(|upload| upload.state == UploadState::Pending) {
        let Some(outcome) = judge(app, &upload).await? else { return Ok(()) };
        let state = match outcome {
            Ok(picture) => attach(app, &upload, &picture).await?,
            Err(rejection) => UploadState::Rejected(rejection),
        };
        app.store.finish_upload(user, id, state).await?;
        let reason = if let UploadState::Rejected(reason) = state { Some(reason.code()) } else { None };
        tracing::info!(user_id = %user, upload_id = %id, state = state.as_str(), reason, "upload");
    }
    // A file that came again, or to a user who is gone, or to no upload at all, ends here too.
    app.avatars.remove_upload(user, id).await
}

/// The picture in the file, or why there is none; nothing at all if the file is gone, and another run has been here.
async fn judge(app: &App, upload: &Upload) -> Result<Option<Result<image::Picture, Rejection>>, Error> {
    let file = upload.file.clone();
    match app.avatars.read_upload(upload.user, upload.id, file.content_length).await? {
        Staged::Absent => Ok(None),
        Staged::TooLong => Ok(Some(Err(Rejection::WrongLength))),
        Staged::File { bytes, content_type } => {
            image::judge(bytes, content_type, file, app.avatars.settings().max_pixels).await.map(Some)
        }
    }
}

/// Stores the picture and refers the user to it, unless something newer has come first.
async fn attach(app: &App, upload: &Upload, picture: &image::Picture) -> Result<UploadState, Error> {
    let key = AvatarKey::new(upload.user, &picture.content_hash(upload));
    app.avatars.write_picture(&key, &picture.sizes).await?;
    for race in 0..LOST_RACES {
        let Some(owner) = app.store.get_owner(upload.user).await? else {
            app.avatars.remove_picture(&key).await?;
            return Ok(UploadState::Rejected(Rejection::Superseded));
        };
        match owner.latest.cmp(&Some(upload.id)) {
            // Another run for this event was quicker, or this is a second try after a crash.
            std::cmp::Ordering::Equal => {
                remove_former(app, &owner, &key).await?;
                return Ok(UploadState::Attached);
            }
            std::cmp::Ordering::Greater => {
                app.avatars.remove_picture(&key).await?;
                return Ok(UploadState::Rejected(Rejection::Superseded));
            }
            std::cmp::Ordering::Less => {}
        }
        match app.store.set_avatar(&owner.user, Some(&key), upload.id, app.clock.now()).await {
            Err(Error::VersionConflict) => {
                step_back(app, race).await;
                continue;
            }
            outcome => outcome?,
        }
        remove_former(app, &owner, &key).await?;
        return Ok(UploadState::Attached);
    }
    Err(Error::contended())
}

/// Removes what the user referred to before.
async fn remove_former(app: &App, owner: &Owner, now: &AvatarKey) -> Result<(), Error> {
    for key in owner.user.avatar.iter().chain(&owner.former).filter(|key| *key != now) {
        app.avatars.remove_picture(key).await?;
    }
    Ok(())
}
