//! Takes users out, all that a filter lets pass, in the list's order.

use futures_util::future::try_join_all;

use super::list_users;
use crate::app::App;
use crate::domain::page::Query;
use crate::domain::{Action, Actor, Limit, PasswordHash, User};
use crate::error::Error;

/// A user to take out, with its hash where that was asked for.
pub type Exported = (User, Option<PasswordHash>);

/// Gives one page after another to `write`, until it declines or the list ends; holds no more than a page.
pub async fn export_users<E: From<Error>>(
    app: &App,
    actor: &Actor,
    query: &Query,
    with_hashes: bool,
    mut write: impl FnMut(Vec<Exported>) -> Result<(), E>,
) -> Result<(), E> {
    if with_hashes {
        actor.permit(Action::SetCredential, None).map_err(Error::from)?;
    }
    let query = Query { limit: Limit::MAX, ..query.clone() };
    let mut cursor = None;
    loop {
        let page = list_users(app, actor, &query, cursor.as_deref()).await?;
        let users = if with_hashes {
            let reads = page.users.into_iter().map(async |user| {
                let hash = app.store.get_credential(user.id).await?;
                Ok::<_, Error>((user, hash))
            });
            try_join_all(reads).await?
        } else {
            page.users.into_iter().map(|user| (user, None)).collect()
        };
        write(users)?;
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}
