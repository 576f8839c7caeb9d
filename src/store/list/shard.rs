//! One shard of a list index, read in portions.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::plan::Range;
use crate::domain::{Filter, User};
use crate::error::Error;
use crate::store::item::{self, Item, n, s};
use crate::store::{Store, failure};

/// Most items asked for at once.
const MOST: usize = 250;

/// See [`Shard::again`].
const BEFORE: usize = 3;

/// What all shards of a page are asked.
pub(super) struct Request<'a> {
    pub(super) index: &'static str,
    pub(super) sort_key: &'static str,
    pub(super) range: &'a Range,
    pub(super) place: Option<&'a str>,
    pub(super) is_descending: bool,
    pub(super) filter: Option<&'a Filter>,
}

impl Request<'_> {
    /// Whether the item at the place is read once more: a range with two ends includes both.
    fn includes_place(&self) -> bool {
        self.place.is_some() && self.range.low.is_some() && self.range.high.is_some()
    }
}

/// How far one shard has been read.
pub(super) struct Shard {
    number: u32,
    /// Matches that are not on the page yet, with their sort keys.
    pub(super) found: VecDeque<(String, User)>,
    /// The sort key of the last item read, matching or not.
    pub(super) seen: Option<String>,
    /// Where DynamoDB goes on.
    next: Option<Item>,
    /// Whether there is nothing left to read.
    pub(super) is_at_end: bool,
    /// How many items were asked for last.
    portion: usize,
    /// Items read, and matches among them.
    read: usize,
    matched: usize,
}

/// What one call read.
pub(super) struct Read {
    pub(super) items: usize,
    pub(super) capacity: f64,
}

impl Shard {
    pub(super) fn new(number: u32, portion: usize) -> Self {
        Self { number, found: VecDeque::new(), seen: None, next: None, is_at_end: false, portion, read: 0, matched: 0 }
    }

    /// Whether only another call can tell what comes next.
    pub(super) fn is_dry(&self) -> bool {
        self.found.is_empty() && !self.is_at_end
    }

    /// The sort key of the next match.
    pub(super) fn key(&self) -> Option<&str> {
        self.found.front().map(|(key, _)| key.as_str())
    }

    /// Reads the next portion, at most `budget` items; `taken` users are on the page and `missing` are not.
    pub(super) async fn fill(
        &mut self,
        store: &Store,
        request: &Request<'_>,
        taken: usize,
        missing: usize,
        budget: usize,
    ) -> Result<Read, Error> {
        let portion = if self.read == 0 {
            self.portion.min(missing)
        } else {
            self.again(taken, missing, store.list_shards as usize)
        };
        // Where the first item may be the one at the place, the next cursor moves only if another is read.
        let least = if self.read == 0 && request.includes_place() { 2 } else { 1 };
        let portion = portion.min(budget).clamp(least, MOST);
        let mut names = HashMap::from([("#shard".to_owned(), "shard".to_owned())]);
        let mut values = HashMap::from([(":shard".to_owned(), n(self.number))]);
        let condition = condition(request, &mut names, &mut values);
        let call = store
            .client
            .query()
            .table_name(&*store.table)
            .index_name(request.index)
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(!request.is_descending)
            .set_exclusive_start_key(self.next.take())
            .limit(i32::try_from(portion).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = call.send().await.map_err(|e| failure::failed("listing users", e))?;
        let capacity = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units).unwrap_or_default();
        let items = answer.items.unwrap_or_default();
        self.next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        self.is_at_end = self.next.is_none();
        self.portion = portion;
        self.read += items.len();
        for item in &items {
            let key = item::text(item, request.sort_key)
                .ok_or_else(|| Error::internal("a list index projects an item without its sort key"))?;
            self.seen = Some(key.to_owned());
            // The last user of the page before is not shown twice.
            if request.place == Some(key) {
                continue;
            }
            let user = item::to_user(item)?;
            if request.filter.is_none_or(|filter| filter.matches(&user)) {
                self.matched += 1;
                self.found.push_back((key.to_owned(), user));
            }
        }
        Ok(Read { items: items.len(), capacity })
    }
}

impl Shard {
    /// How many items to ask for once more of a shard that ran dry: its part of what is missing, judged by its part of what was
    /// taken, and its matches among what it read tell how many items that takes. Where few match never more
    /// than twice as many as before.
    fn again(&self, taken: usize, missing: usize, shards: usize) -> usize {
        if self.matched == 0 {
            return self.portion * 2;
        }
        // All that a dry shard gave was taken. It ran dry for giving more than others, mostly by chance: so each is
        // counted as if it had given a few before.
        let (given, taken) = (self.matched + BEFORE, taken.max(self.matched) + BEFORE * shards);
        let users = likely(missing * given, taken).min(missing);
        let items = (users * self.read).div_ceil(self.matched);
        if self.matched == self.read { items } else { items.min(self.portion * 2) }
    }
}

/// The part `over / under` and two standard deviations more, in whole numbers.
fn likely(over: usize, under: usize) -> usize {
    let mut root = 0;
    // 2 * sqrt(over / under)
    while root * root * under < 4 * over {
        root += 1;
    }
    over.div_ceil(under) + root
}

/// The key condition: DynamoDB takes one comparison of the sort key.
fn condition(
    request: &Request<'_>,
    names: &mut HashMap<String, String>,
    values: &mut HashMap<String, AttributeValue>,
) -> &'static str {
    let Range { low, high } = request.range;
    if low.is_some() || high.is_some() {
        names.insert("#key".to_owned(), request.sort_key.to_owned());
    }
    values.extend(low.as_ref().map(|low| (":low".to_owned(), s(low))));
    values.extend(high.as_ref().map(|high| (":high".to_owned(), s(high))));
    let is_place = |end: &str| request.place == Some(end);
    match (low, high) {
        (None, None) => "#shard = :shard",
        (Some(low), None) if is_place(low) => "#shard = :shard AND #key > :low",
        (Some(_), None) => "#shard = :shard AND #key >= :low",
        (None, Some(high)) if is_place(high) => "#shard = :shard AND #key < :high",
        (None, Some(_)) => "#shard = :shard AND #key <= :high",
        (Some(_), Some(_)) => "#shard = :shard AND #key BETWEEN :low AND :high",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Timestamp;
    use crate::ids::Ids;
    use crate::store::keys;

    /// Merges a page of `limit` from shards that hold the users of `order` in turn, and tells how many calls and items it takes.
    fn page(order: &[usize], count: u32, limit: usize, first: usize) -> (usize, usize) {
        let mut shards: Vec<Shard> = (0..count).map(|number| Shard::new(number, first)).collect();
        let mut held: Vec<usize> =
            (0..shards.len()).map(|n| order.iter().filter(|shard| **shard == n).count()).collect();
        let mut in_hand = vec![0; shards.len()];
        let (mut calls, mut items, mut taken) = (0, 0, 0);
        loop {
            for (n, shard) in shards.iter_mut().enumerate() {
                if in_hand[n] > 0 || shard.is_at_end {
                    continue;
                }
                let missing = limit + 1 - taken;
                shard.portion =
                    if shard.read == 0 { first.min(missing) } else { shard.again(taken, missing, count as usize) }
                        .max(1);
                let read = shard.portion.min(held[n]);
                shard.is_at_end = read < shard.portion;
                (shard.read, shard.matched) = (shard.read + read, shard.matched + read);
                (calls, items, held[n], in_hand[n]) = (calls + 1, items + read, held[n] - read, read);
            }
            // A shard that turned out to be empty is at its end; the others have someone.
            if taken == limit || taken == order.len() {
                return (calls, items);
            }
            in_hand[order[taken]] -= 1;
            taken += 1;
        }
    }

    #[test]
    fn pages_of_evenly_spread_users_read_about_the_same_number_of_items() {
        let ids = Ids::seeded(3);
        let mut figures: Vec<(usize, usize)> = Vec::new();
        for _ in 0..1_000 {
            let order: Vec<usize> =
                (0..200).map(|_| keys::shard(ids.user_id(Timestamp::from_unix_millis(0)), 8) as usize).collect();
            figures.push(page(&order, 8, 50, 11));
        }
        let calls: usize = figures.iter().map(|(calls, _)| calls).sum();
        let many = figures.iter().filter(|(_, items)| *items * 10 > 8 * 11 * 11).count();
        assert!(calls < 8_500, "{calls} calls for 1,000 pages");
        assert!(many <= 30, "{many} of 1,000 pages read a tenth more items than 8 times 11");
    }

    proptest! {
        /// However unevenly the users of a page lie, few calls come on top of one for each shard.
        #[test]
        fn uneven_shards_cost_few_further_calls(
            weights in proptest::collection::vec(0_u32..20, 8),
            draws in proptest::collection::vec(any::<prop::sample::Index>(), 300),
            runs in 1_usize..40,
        ) {
            let pool: Vec<usize> = weights.iter().enumerate().flat_map(|(n, weight)| vec![n; *weight as usize + usize::from(n == 0)]).collect();
            let order: Vec<usize> = (0..300).map(|n| pool[draws[n / runs].index(pool.len())]).collect();
            for (limit, first) in [(50, 11), (100, 19), (10, 4)] {
                let (calls, _) = page(&order, 8, limit, first);
                prop_assert!(calls <= 8 + 6, "{calls} calls for {limit}");
            }
        }

        /// Few match: a shard is asked for no more than twice as many as before.
        #[test]
        fn a_thin_shard_is_asked_for_at_most_twice_as_many(read in 1_usize..500, part in 0.0..1.0_f64, portion in 1_usize..200, taken in 0_usize..50) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small numbers")]
            let matched = (read as f64 * part) as usize;
            let shard = Shard { portion, read, matched, ..Shard::new(0, portion) };
            prop_assert!((1..=2 * portion).contains(&shard.again(taken, 51 - taken, 8)));
        }
    }
}
