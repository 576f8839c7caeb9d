//! Says whether a password is a user's.

use super::prove_password::prove;
use crate::app::App;
use crate::domain::{Action, Actor, Password, PasswordHash, User, UserId, UserName};
use crate::error::{Error, chain};
use crate::hashing::Queued;
use crate::store::AttemptKeys;

/// Gives the user if name and password belong together. An unknown name, a wrong password and a user without a
/// credential are one error after the same work. A hash in an old form is written anew.
pub async fn verify_password(
    app: &App,
    actor: &Actor,
    user_name: &UserName,
    password: &Password,
) -> Result<User, Error> {
    actor.permit(Action::VerifyPassword, None)?;
    let queued = app.hasher.queue()?;
    let keys = AttemptKeys::new(user_name, actor.client());
    let id = app.store.find_user_id(user_name).await?.unwrap_or_else(UserId::nobody);
    let login = app.store.get_login(id, &keys).await?;
    // The name may have passed to someone else between the two reads.
    let user = login.user.filter(|user| user.profile.user_name.key() == user_name.key());
    let hash = login.hash.filter(|_| user.is_some());
    prove(app, &queued, &keys, &login.history, password, hash.as_ref()).await?;
    let (Some(user), Some(hash)) = (user, hash) else {
        return Err(Error::internal("a password was proved against no hash"));
    };
    upgrade(app, &queued, user.id, password, &hash).await;
    Ok(user)
}

/// Writes the hash in today's form. Whoever proved the password is not held up by a failure: the next login upgrades.
async fn upgrade(app: &App, queued: &Queued<'_>, id: UserId, password: &Password, old: &PasswordHash) {
    if app.hasher.is_current(old) {
        return;
    }
    let outcome = async {
        let new = queued.hash(password.as_bytes(), app.hasher.salt()).await?;
        app.store.upgrade_credential(id, old, &new).await
    };
    if let Err(error) = outcome.await {
        tracing::warn!(error = chain(&error), user_id = %id, "a password hash was not upgraded");
    }
}
