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
    let (_, left_over) = find_left_over(app, user).await?;
    app.avatars.remove_all(&left_over).await?;
    Ok(left_over.len())
}

/// What [`tidy_avatar`] removes, and whether there is such a user, or nothing that asks for one.
pub(super) async fn find_left_over(app: &App, user: UserId) -> Result<(bool, Vec<String>), Error> {
    let mut pictures: BTreeMap<AvatarKey, Vec<String>> = BTreeMap::new();
    for object in app.avatars.list_pictures(user).await? {
        pictures.entry(AvatarKey::of_object(&object)).or_default().push(object);
    }
    if pictures.is_empty() {
        return Ok((true, Vec::new()));
    }
    let owner = app.store.get_owner(user).await?;
    let is_user = owner.is_some();
    let (mut left_over, mut settled) = (Vec::new(), Vec::new());
    for (picture, objects) in pictures {
        match (&owner, picture.upload()) {
            (Some(owner), _) if owner.user.avatar.as_ref() == Some(&picture) => {}
            (Some(owner), Some(upload)) if Some(upload) > owner.latest => {
                let upload = app.store.get_upload(user, upload, app.clock.now()).await?;
                if upload.is_none_or(|upload| upload.state != UploadState::Pending) {
                    settled.push((picture, objects));
                }
            }
            _ => left_over.extend(objects),
        }
    }
    // What was settled may have been attached since the user was read, and then the user says so by now.
    if !settled.is_empty() {
        let owner = app.store.get_owner(user).await?;
        let shown = owner.as_ref().and_then(|owner| owner.user.avatar.as_ref());
        left_over
            .extend(settled.into_iter().filter(|(picture, _)| shown != Some(picture)).flat_map(|(_, objects)| objects));
    }
    Ok((is_user, left_over))
}
