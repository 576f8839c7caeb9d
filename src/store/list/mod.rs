//! Pages of users, at a cost that does not depend on how many users there are.
//!
//! Each list index is cut into shards by a hash of the id, so that no partition takes all writes. A page is therefore a merge:
//! every shard is asked for a little more than its fair part, all at once, and asked again only when it runs dry
//! ([`shard`]). A filter narrows what is read where an index can ([`plan`]) and is judged on what was read. A page
//! never reads more than its budget, or than two items of each shard: then it is a short page, and its place is how far every
//! shard has been looked at.

mod count;
mod plan;
mod shard;

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::{Store, keys};
use crate::domain::page::Query;
use crate::domain::{Filter, Sort, User, UserName};
use crate::error::Error;
use plan::{Plan, Range};
use shard::{Request, Shard};

/// A part of the list.
#[derive(Debug)]
pub struct Listing {
    /// Users in order.
    pub users: Vec<User>,
    /// The place of each of them.
    pub places: Vec<String>,
    /// Where the rest begins (it is not part of it), or nothing after the last page.
    pub place: Option<String>,
    /// What it took.
    pub cost: Cost,
}

/// What a page took.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// The index, or `guard` where point reads answered.
    pub index: &'static str,
    /// Calls to DynamoDB.
    pub calls: usize,
    /// Items read, matching or not.
    pub items: usize,
    /// Read capacity units, as DynamoDB counts them.
    pub capacity: f64,
    /// How long DynamoDB took.
    pub duration: Duration,
}

impl Store {
    /// How many shards each list index has.
    pub fn list_shards(&self) -> u32 {
        self.list_shards
    }

    /// Reads the page of `query` that begins behind `place`, reading `budget` items at most, or two of each shard where that
    /// is more.
    pub async fn list_users(&self, query: &Query, place: Option<&str>, budget: usize) -> Result<Listing, Error> {
        let started = Instant::now();
        let filter = query.filter.as_ref();
        let mut listing = match plan::plan(filter, query.sort) {
            Plan::Guard(name) => self.by_guard(&name, filter, place).await?,
            Plan::Index(sort, range) => {
                let range = match place {
                    Some(place) => range.behind(place, sort.is_descending),
                    None => range,
                };
                self.merged(sort, &range, filter, place, query.limit.get(), budget).await?
            }
        };
        listing.cost.duration = started.elapsed();
        Ok(listing)
    }

    /// The user who has this name, if there is one and the filter lets it pass.
    async fn by_guard(&self, name: &UserName, filter: Option<&Filter>, place: Option<&str>) -> Result<Listing, Error> {
        let mut cost = Cost { index: "guard", ..Cost::default() };
        let (mut users, mut places) = (Vec::new(), Vec::new());
        // One user fits on the first page: whatever has a place is behind it.
        if place.is_none() {
            let guard = self.read_counted(&keys::name_guard(name), &mut cost).await?;
            if let Some(id) = guard.as_ref().and_then(|guard| super::item::text(guard, "id")) {
                let id = crate::domain::UserId::parse(id).map_err(|_| Error::internal("a name guard has no id"))?;
                let item = self.read_counted(&keys::user(id), &mut cost).await?;
                users.extend(item.as_ref().map(super::item::to_user).transpose()?);
                users.retain(|user| filter.is_none_or(|filter| filter.matches(user)));
                places.extend(users.iter().map(|user| keys::bounded(user.profile.user_name.key()).to_owned()));
            }
        }
        Ok(Listing { users, places, place: None, cost })
    }

    /// Merges the shards of an index.
    async fn merged(
        &self,
        sort: Sort,
        range: &Range,
        filter: Option<&Filter>,
        place: Option<&str>,
        limit: usize,
        budget: usize,
    ) -> Result<Listing, Error> {
        let (index, sort_key) = plan::index(sort.field);
        let is_descending = sort.is_descending;
        let request = Request { index, sort_key, range, place, is_descending, filter };
        let mut cost = Cost { index, ..Cost::default() };
        let mut page = Page { users: Vec::new(), places: Vec::new() };
        let mut shards = Vec::new();
        if !range.is_empty() {
            let portion = portion(limit, self.list_shards);
            shards.extend((0..self.list_shards).map(|number| Shard::new(number, portion)));
        }
        loop {
            let mut dry: Vec<&mut Shard> = shards.iter_mut().filter(|shard| shard.is_dry()).collect();
            if !dry.is_empty() {
                let left = budget.saturating_sub(cost.items);
                if cost.calls > 0 && left < dry.len() {
                    break;
                }
                let each = (left / dry.len()).max(1);
                let taken = page.users.len();
                let fills = dry.iter_mut().map(|shard| shard.fill(self, &request, taken, limit + 1 - taken, each));
                for read in try_join_all(fills).await? {
                    cost.calls += 1;
                    cost.items += read.items;
                    cost.capacity += read.capacity;
                }
                continue;
            }
            let Some(first) = first(&mut shards, is_descending) else {
                return Ok(Listing { users: page.users, places: page.places, place: None, cost });
            };
            if page.users.len() == limit {
                return Ok(page.full(cost));
            }
            page.take(first);
        }
        // The budget is used up: what lies within the part that every shard has been read to can be shown,
        // and the rest begins behind it.
        let ends = shards.iter().filter(|shard| !shard.is_at_end).filter_map(|shard| shard.seen.clone());
        let frontier = if is_descending { ends.max() } else { ends.min() };
        while let Some(first) = first(&mut shards, is_descending) {
            if first.key().zip(frontier.as_deref()).is_some_and(|(key, end)| is_before(end, key, is_descending)) {
                break;
            }
            if page.users.len() == limit {
                return Ok(page.full(cost));
            }
            page.take(first);
        }
        let place = frontier.or_else(|| page.places.last().cloned());
        Ok(Listing { users: page.users, places: page.places, place, cost })
    }

    async fn read_counted(&self, key: &keys::Key, cost: &mut Cost) -> Result<Option<super::item::Item>, Error> {
        let (item, capacity) = self.get_item_counted("reading a user by name", key).await?;
        cost.calls += 1;
        cost.items += usize::from(item.is_some());
        cost.capacity += capacity;
        Ok(item)
    }
}

/// What has been merged.
struct Page {
    users: Vec<User>,
    places: Vec<String>,
}

impl Page {
    fn take(&mut self, shard: &mut Shard) {
        if let Some((key, user)) = shard.found.pop_front() {
            self.users.push(user);
            self.places.push(key);
        }
    }

    /// The listing of a page with as many users as were asked for.
    fn full(self, cost: Cost) -> Listing {
        let place = self.places.last().cloned();
        Listing { users: self.users, places: self.places, place, cost }
    }
}

/// The shard whose next user comes first.
fn first(shards: &mut [Shard], is_descending: bool) -> Option<&mut Shard> {
    let order =
        |a: &&mut Shard, b: &&mut Shard| if is_descending { b.key().cmp(&a.key()) } else { a.key().cmp(&b.key()) };
    shards.iter_mut().filter(|shard| !shard.found.is_empty()).min_by(order)
}

fn is_before(a: &str, b: &str, is_descending: bool) -> bool {
    if is_descending { a > b } else { a < b }
}

/// How many users to ask of each shard at first: its fair part of a page, and half a standard deviation's threefold more,
/// so that about one page in seven has to ask again: 11 for 50 users on 8 shards.
fn portion(limit: usize, shards: u32) -> usize {
    let (mut root, wanted, shards) = (0, limit + 1, shards.max(1) as usize);
    if shards == 1 {
        return wanted;
    }
    // 1.5 * sqrt(wanted / shards), in whole numbers.
    while 4 * root * root * shards < 9 * wanted {
        root += 1;
    }
    wanted.div_ceil(shards) + root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_asked_for_a_little_more_than_its_part() {
        for (limit, shards, asked) in [(50, 8, 11), (100, 8, 19), (1, 8, 2), (50, 1, 51), (100, 64, 4)] {
            assert_eq!(portion(limit, shards), asked, "{limit} {shards}");
        }
    }
}
