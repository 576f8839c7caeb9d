//! Removes what uploads, removals and deletions leave behind in the bucket, however they ended.
//!
//! Whoever may have left something calls this last, and again when called again. It needs to know nothing about what was
//! interrupted: it looks at what is there, and an object that can be removed once can be removed for ever after.

use std::collections::BTreeMap;

use crate::app::App;
use crate::domain::UserId;
use crate::domain::avatar::{AvatarKey, UploadState};
use crate::error::Error;

/// Removes every picture of a user that the user does not refer to and will not come to refer to; tells how many objects
/// that were. A picture whose upload is still being worked on stays: its own run will see to it.
pub async fn tidy_avatar(app: &App, user: UserId) -> Result<usize, Error> {
    let mut pictures: BTreeMap<AvatarKey, Vec<String>> = BTreeMap::new();
    for object in app.avatars.list_pictures(user).await? {
        pictures.entry(AvatarKey::of_object(&object)).or_default().push(object);
    }
    if pictures.is_empty() {
        return Ok(0);
    }
    let mut left_over = Vec::new();
    let owner = app.store.get_owner(user).await?;
    for (picture, objects) in pictures {
        let is_of_use = match (&owner, picture.upload()) {
            (Some(owner), _) if owner.user.avatar.as_ref() == Some(&picture) => true,
            (Some(owner), Some(upload)) if Some(upload) > owner.latest => {
                let upload = app.store.get_upload(user, upload, app.clock.now()).await?;
                upload.is_some_and(|upload| upload.state == UploadState::Pending)
            }
            _ => false,
        };
        if !is_of_use {
            left_over.extend(objects);
        }
    }
    app.avatars.remove_all(&left_over).await?;
    Ok(left_over.len())
}
