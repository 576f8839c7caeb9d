//! Whether a password is right, told to those alone who have not been wrong too often.

use crate::app::App;
use crate::domain::attempts::History;
use crate::domain::attempts::Wait;
use crate::domain::{Password, PasswordHash};
use crate::error::Error;
use crate::hashing::Queued;
use crate::store::AttemptKeys;

/// Proves a password against a hash, or against none with the same work; the outcome is counted before it is told.
///
/// `history` is what was remembered before the work. A right password with a clean history costs one more read and no
/// write, any other one more read and one write; see [`crate::domain::attempts`] for why these make parallel tries
/// worth no more than tries in a row.
pub(super) async fn prove(
    app: &App,
    queued: &Queued<'_>,
    keys: &AttemptKeys,
    history: &History,
    password: &Password,
    hash: Option<&PasswordHash>,
) -> Result<(), Error> {
    let limits = &app.attempt_limits;
    limits.admit(history, app.clock.now()).map_err(too_many)?;
    if !queued.verify(password.as_bytes(), hash).await? {
        let counted = Box::pin(app.store.count_failure(keys, history, limits, app.clock.now())).await?;
        return Err(counted.map_or_else(too_many, |()| Error::InvalidCredentials));
    }
    let history = app.store.get_attempts(keys).await?;
    let now = app.clock.now();
    limits.admit(&history, now).map_err(too_many)?;
    app.store.forgive(keys, &history, limits, now).await?.map_err(too_many)
}

fn too_many(Wait(retry_after_seconds): Wait) -> Error {
    Error::TooManyAttempts { retry_after_seconds }
}
