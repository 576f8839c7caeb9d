//! Changes a password.

use super::flaws_at;
use super::prove_password::prove;
use crate::app::App;
use crate::domain::{Action, Actor, Flaw, IfMatch, Password, UserId};
use crate::error::Error;
use crate::store::{AttemptKeys, Expected};

/// How often a change that lost a race against another one looks again.
const ATTEMPTS: usize = 3;

/// Sets a new password, which leaves the profile's version as it is. Whoever may not set credentials gives the current one; if it is given it must be right.
pub async fn change_password(
    app: &App,
    actor: &Actor,
    id: UserId,
    current: Option<Password>,
    new: Password,
    if_match: &IfMatch,
) -> Result<(), Error> {
    actor.permit(Action::ChangePassword, Some(id))?;
    if current.is_none() && actor.permit(Action::SetCredential, Some(id)).is_err() {
        return Err(Error::invalid_member("/currentPassword", Flaw::new("required", "give the current password")));
    }
    let queued = app.hasher.queue()?;
    let user = app.store.get_user(id).await?.ok_or(Error::NotFound)?;
    if !if_match.admits(user.version) {
        return Err(Error::VersionConflict);
    }
    if current.as_ref().is_some_and(|current| current.is_same(&new)) {
        return Err(Error::invalid_member(
            "/newPassword",
            Flaw::new("unchanged", "choose another password than the current one"),
        ));
    }
    let new = app.password_policy.accept_for(new, &user.profile).map_err(|flaws| flaws_at("/newPassword", flaws))?;
    for _ in 0..ATTEMPTS {
        let stored = match &current {
            None => None,
            // Wrong guesses count here as they do in verify_password.
            Some(current) => {
                let keys = AttemptKeys::new(&user.profile.user_name, actor.client());
                let login = app.store.get_login(id, &keys).await?;
                prove(app, &queued, &keys, &login.history, current, login.hash.as_ref()).await?;
                login.hash
            }
        };
        let hash = queued.hash(new.as_bytes(), app.hasher.salt()).await?;
        let expected = stored.as_ref().map_or(Expected::Anything, Expected::Hash);
        let version = if_match.pinned(user.version);
        if app.store.replace_credential(id, version, expected, &hash, app.clock.now()).await? {
            return Ok(());
        }
    }
    Err(Error::contended())
}
