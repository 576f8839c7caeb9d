//! Reads several users at once.

use std::collections::HashMap;

use crate::app::App;
use crate::domain::actor::Denied;
use crate::domain::{Action, Actor, User, UserId, UserName};
use crate::error::Error;

/// How a user is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By id.
    Id(UserId),
    /// By user name.
    Name(UserName),
}

/// Most users of one call to DynamoDB.
const MOST: usize = 100;

/// Reads users as they are now, in the order asked for: one call for the names and one for the users, per hundred. Who does not
/// exist, or whom the actor may not know, is `None`.
pub async fn get_users(app: &App, actor: &Actor, wanted: &[Wanted]) -> Result<Vec<Option<User>>, Error> {
    let mut names: Vec<&UserName> = Vec::new();
    for wanted in wanted {
        if let Wanted::Name(name) = wanted
            && names.iter().all(|known| known.key() != name.key())
        {
            names.push(name);
        }
    }
    let mut id_of: HashMap<&str, UserId> = HashMap::new();
    for names in names.chunks(MOST) {
        let found = app.store.find_user_ids(names).await?;
        id_of.extend(names.iter().zip(found).filter_map(|(name, id)| Some((name.key(), id?))));
    }
    let id = |wanted: &Wanted| match wanted {
        Wanted::Id(id) => *id,
        // Whoever may not know of others hears the same of a name that nobody has.
        Wanted::Name(name) => id_of.get(name.key()).copied().unwrap_or_else(UserId::nobody),
    };
    let mut ids = Vec::new();
    for wanted in wanted {
        match actor.permit(Action::GetUser, Some(id(wanted))) {
            Ok(()) => ids.push(id(wanted)),
            Err(Denied::Hidden) => {}
            Err(denied @ Denied::Forbidden) => return Err(denied.into()),
        }
    }
    ids.sort_unstable();
    ids.dedup();
    let mut users: HashMap<UserId, User> = HashMap::new();
    for ids in ids.chunks(MOST) {
        users.extend(app.store.get_users(ids).await?.into_iter().flatten().map(|user| (user.id, user)));
    }
    let user = |wanted| {
        let user = users.get(&id(wanted))?;
        // The name may have passed to someone else between the two reads.
        let is_another = matches!(wanted, Wanted::Name(name) if name.key() != user.profile.user_name.key());
        (!is_another).then(|| user.clone())
    };
    Ok(wanted.iter().map(user).collect())
}
