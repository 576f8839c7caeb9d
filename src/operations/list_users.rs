//! Reads a page of the list of users.

use crate::app::App;
use crate::domain::page::Query;
use crate::domain::{Action, Actor, User};
use crate::error::Error;
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
}

/// Reads the first page of a query, or the one that `cursor` points to. A page may be short and still have a next one: then
/// the filter let little pass of as much as one request may read.
pub async fn list_users(app: &App, actor: &Actor, query: &Query, cursor: Option<&str>) -> Result<Page, Error> {
    actor.permit(Action::ListUsers, None)?;
    let shards = app.store.list_shards();
    let place = cursor.map(|cursor| query.place(cursor, shards)).transpose()?;
    let listing = app.store.list_users(query, place.as_deref(), app.list_read_budget).await?;
    let cursors = listing.places.iter().map(|place| query.cursor(place, shards)).collect();
    let next_cursor = listing.place.map(|place| query.cursor(&place, shards));
    Ok(Page { users: listing.users, cursors, next_cursor, cost: listing.cost })
}
