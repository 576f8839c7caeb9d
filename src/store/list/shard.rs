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

/// What all shards of a page are asked.
pub(super) struct Request<'a> {
    pub(super) index: &'static str,
    pub(super) sort_key: &'static str,
    pub(super) range: &'a Range,
    pub(super) place: Option<&'a str>,
    pub(super) is_descending: bool,
    pub(super) filter: Option<&'a Filter>,
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
    portion: usize,
}

/// What one call read.
pub(super) struct Read {
    pub(super) items: usize,
    pub(super) capacity: f64,
}

impl Shard {
    pub(super) fn new(number: u32, portion: usize) -> Self {
        Self { number, found: VecDeque::new(), seen: None, next: None, is_at_end: false, portion }
    }

    /// Whether only another call can tell what comes next.
    pub(super) fn is_dry(&self) -> bool {
        self.found.is_empty() && !self.is_at_end
    }

    /// The sort key of the next match.
    pub(super) fn key(&self) -> Option<&str> {
        self.found.front().map(|(key, _)| key.as_str())
    }

    /// Reads the next portion: at most `budget` items, and where all match no more than the page is `missing`.
    pub(super) async fn fill(
        &mut self,
        store: &Store,
        request: &Request<'_>,
        missing: usize,
        budget: usize,
    ) -> Result<Read, Error> {
        let portion = if request.filter.is_none() { self.portion.min(missing) } else { self.portion };
        let portion = portion.min(budget).clamp(1, MOST);
        let mut names = HashMap::from([("#shard".to_owned(), "shard".to_owned())]);
        let mut values = HashMap::from([(":shard".to_owned(), n(self.number))]);
        let condition = condition(request, &mut names, &mut values);
        let call = store
            .client
            .query()
            .table_name(&store.table)
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
        self.portion *= 2;
        for item in &items {
            let key = item::text(item, request.sort_key)
                .ok_or_else(|| Error::internal("a list index projects an item without its sort key"))?;
            self.seen = Some(key.to_owned());
            // A range with two ends includes both; the last user of the page before is not shown twice.
            if request.place == Some(key) {
                continue;
            }
            let user = item::to_user(item)?;
            if request.filter.is_none_or(|filter| filter.matches(&user)) {
                self.found.push_back((key.to_owned(), user));
            }
        }
        Ok(Read { items: items.len(), capacity })
    }
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
