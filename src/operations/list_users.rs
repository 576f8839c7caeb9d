//! Reads a page of the list of users.

use crate::app::App;
use crate::domain::page::Query;
use crate::domain::{Action, Actor, Flaw, User};
use crate::error::{Error, Violation, chain};
pub use crate::store::Cost;

/// A part of the list.
pub struct Page {
    /// Users in the order of the query.
    pub users: Vec<User>,
    /// A cursor for each of them: the rest of the list behind it.
    pub cursors: Vec<String>,
    /// Where the next page starts; nothing after the last one.
    pub next_cursor: Option<String>,
    /// What it took.
    pub cost: Cost,
    /// About how many users there are in all, some hours old; nothing where nobody asked, or it cannot be had now.
    pub count_estimate: Option<u64>,
}

/// Reads the first page of a query, or the one that `cursor` points to. A page may be short and still have a next one: then
/// the filter let little pass of as much as one request may read.
pub async fn list_users(app: &App, actor: &Actor, query: &Query, cursor: Option<&str>) -> Result<Page, Error> {
    actor.permit(Action::ListUsers, None)?;
    if query.wants_estimate && query.filter.is_some() {
        let flaw = Flaw::new("contradiction", "leave out count or filter: only the whole directory is estimated");
        return Err(Error::Invalid(vec![Violation::at_parameter("count", flaw)]));
    }
    let shards = app.store.list_shards();
    let place = cursor.map(|cursor| query.place(cursor, shards)).transpose()?;
    let listing = app.store.list_users(query, place.as_deref(), app.list_read_budget).await?;
    let cursors = listing.places.iter().map(|place| query.cursor(place, shards)).collect();
    let next_cursor = listing.place.map(|place| query.cursor(&place, shards));
    let count_estimate = if query.wants_estimate { estimate(app).await } else { None };
    Ok(Page { users: listing.users, cursors, next_cursor, cost: listing.cost, count_estimate })
}

/// The index's own statistics, which read no item. They are called less often than tables are read, and a page is worth more
/// than its count.
async fn estimate(app: &App) -> Option<u64> {
    let count = app.store.count_users().await;
    count.inspect_err(|error| tracing::warn!(error = chain(error), "the number of users was not estimated")).ok()
}
