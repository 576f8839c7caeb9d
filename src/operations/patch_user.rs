//! Changes a user's names from what they are to what the caller makes of them.

use super::{LOST_RACES, is_lost_race, step_back};
use crate::app::App;
use crate::domain::{Action, Actor, IfMatch, Profile, User, UserId};
use crate::error::Error;

/// Applies `change` to the user as it is now. Where nothing changes nothing is written. Without a named version a lost race
/// is run again on the newer user, so no writer's fields are lost.
pub async fn patch_user(
    app: &App,
    actor: &Actor,
    id: UserId,
    if_match: &IfMatch,
    change: impl Fn(&User) -> Result<Profile, Error>,
) -> Result<User, Error> {
    actor.permit(Action::ChangeUser, Some(id))?;
    let mark = app.ids.write_mark();
    for race in 0..LOST_RACES {
        let before = app.store.get_user(id).await?.ok_or(Error::NotFound)?;
        if !if_match.admits(before.version) {
            return Err(Error::VersionConflict);
        }
        let profile = change(&before)?;
        if profile == before.profile {
            return Ok(before);
        }
        let after = before.changed(profile, app.clock.now());
        match app.store.update_user(&before, &after, &mark).await {
            Ok(()) => return Ok(after),
            Err(error) if is_lost_race(&error, if_match) => step_back(app, race).await,
            Err(error) => return Err(error),
        }
    }
    Err(Error::contended())
}
