//! Gives a link to a user's picture.

use crate::app::App;
use crate::domain::avatar::Size;
use crate::domain::{Action, Actor, UserId};
use crate::error::Error;

/// A link, and for how many seconds the same one will be given.
pub struct Link {
    /// Presigned.
    pub url: String,
    /// At least one.
    pub fresh_seconds: i64,
}

/// Links to one size; a user without a picture has none to be found.
pub async fn get_avatar(app: &App, actor: &Actor, id: UserId, size: Size) -> Result<Link, Error> {
    actor.permit(Action::GetAvatar, Some(id))?;
    let user = app.store.get_user(id).await?.ok_or(Error::NotFound)?;
    let avatar = user.avatar.ok_or(Error::NotFound)?;
    let now = app.clock.now();
    Ok(Link { url: app.avatars.link(&avatar, size, now), fresh_seconds: app.avatars.link_seconds_left(now) })
}
