//! Creates a user with a unique name and a credential, once per idempotency key.

use sha2::{Digest, Sha256};

use crate::app::App;
use crate::domain::{
    Action, Actor, IdempotencyKey, NewCredential, NewUser, PasswordHash, PasswordPolicy, Profile, User,
};
use crate::error::Error;
use crate::hashing::{Make, Salt};
use crate::hex;
use crate::store::{CreateFailure, Receipt, keys};

/// Creates the user that `read` makes of the caller's words and the rules for passwords, which nobody hears of who may not
/// create one. A repeated call with the same key and input answers what the first one did.
pub async fn create_user(
    app: &App,
    actor: &Actor,
    read: impl FnOnce(&PasswordPolicy) -> Result<NewUser, Error>,
    key: Option<IdempotencyKey>,
) -> Result<User, Error> {
    actor.permit(Action::CreateUser, None)?;
    let new = read(&app.password_policy)?;
    if let NewCredential::Hash(hash) = &new.credential {
        actor.permit(Action::SetCredential, None)?;
        app.hasher.afford(hash).map_err(|flaw| Error::invalid_member("/passwordHash", flaw))?;
    }
    let now = app.clock.now();
    let user = User::new(app.ids.user_id(now), new.profile, now);
    let (salt, make) = (app.hasher.salt(), app.hasher.make());
    let hash = hash(app, &new.credential, make.clone(), salt).await?;
    let receipt =
        Receipt { fingerprint: fingerprint(&user.profile, &hash), salt, make: Some(make), user: user.clone() };
    let key = key.map(|key| keys::idempotency(actor.client(), &key));
    let receipt = key.as_ref().map(|key| (key, &receipt));
    match app.store.create_user(&user, &hash, receipt, now).await {
        Ok(()) => Ok(user),
        Err(CreateFailure::Seen(receipt)) => replay(app, &user.profile, &new.credential, *receipt).await,
        Err(CreateFailure::Failed(error)) => Err(error),
    }
}

/// The first answer again, if this is the same request, told by hashing the password as it was hashed then.
async fn replay(app: &App, profile: &Profile, credential: &NewCredential, receipt: Receipt) -> Result<User, Error> {
    let make = receipt.make.unwrap_or_else(|| app.hasher.make());
    let hash = hash(app, credential, make, receipt.salt).await?;
    if fingerprint(profile, &hash) == receipt.fingerprint { Ok(receipt.user) } else { Err(Error::IdempotencyKeyReused) }
}

async fn hash(app: &App, credential: &NewCredential, make: Make, salt: Salt) -> Result<PasswordHash, Error> {
    match credential {
        NewCredential::Password(password) => app.hasher.hash_as(make, password.as_bytes(), salt).await,
        NewCredential::Hash(hash) => Ok(hash.clone()),
    }
}

/// What makes two create requests the same: names and password hash, each with its length before it.
fn fingerprint(profile: &Profile, hash: &PasswordHash) -> String {
    let mut digest = Sha256::new();
    for part in [profile.user_name.shown(), profile.first_name.as_str(), profile.last_name.as_str(), hash.expose()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex::lower(&digest.finalize())
}
