//! Replaces a user's names.

use crate::app::App;
use crate::domain::{Actor, IfMatch, Profile, User, UserId};
use crate::error::Error;
use crate::operations::patch_user;

/// Sets all three names; a user who already has them is left as it is.
pub async fn replace_user(
    app: &App,
    actor: &Actor,
    id: UserId,
    profile: Profile,
    if_match: &IfMatch,
) -> Result<User, Error> {
    patch_user(app, actor, id, if_match, |_| Ok(profile.clone())).await
}
