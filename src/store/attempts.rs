//! Wrong passwords, counted in the table so that they mean the same in all sandboxes.
//!
//! What is read is judged in [`crate::domain::attempts`], and written only where nothing has changed since it was read.

use std::fmt::Write as _;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::item::{self, Item, n};
use super::keys::{self, Key};
use super::{Store, failure};
use crate::domain::attempts::{Counting, History, Slot, Streak, Tally, WINDOW_SECONDS, Wait};
use crate::domain::{AttemptLimits, ClientId, PasswordHash, Timestamp, User, UserId, UserName};
use crate::error::Error;

/// The three items that count the tries of one caller at one name.
pub struct AttemptKeys {
    pair: Key,
    name: Key,
    caller: Key,
}

impl AttemptKeys {
    /// The items for a name, whether or not a user has it, and a caller.
    pub fn new(user_name: &UserName, caller: &ClientId) -> Self {
        Self {
            pair: keys::attempts_of_pair(user_name, caller),
            name: keys::attempts_of_name(user_name),
            caller: keys::attempts_of_caller(caller),
        }
    }
}

/// All that is needed to judge a password.
pub struct Login {
    /// The user of the id that was asked for.
    pub user: Option<User>,
    /// Its password hash.
    pub hash: Option<PasswordHash>,
    /// The tries so far.
    pub history: History,
}

impl Store {
    /// Reads user, credential and tries in one call.
    pub async fn get_login(&self, id: UserId, keys: &AttemptKeys) -> Result<Login, Error> {
        let (user, credential) = (keys::user(id), keys::credential(id));
        let wanted = [&user, &credential, &keys.pair, &keys.name, &keys.caller];
        let [user, hash, pair, name, caller] = self.get_items("reading a login", wanted).await?;
        Ok(Login {
            user: user.as_ref().map(item::to_user).transpose()?,
            hash: hash.as_ref().map(item::to_hash).transpose()?,
            history: history([pair, name, caller])?,
        })
    }

    /// Reads the tries so far.
    pub async fn get_attempts(&self, keys: &AttemptKeys) -> Result<History, Error> {
        history(self.get_items("reading tries", [&keys.pair, &keys.name, &keys.caller]).await?)
    }

    /// Counts a wrong password in the streak, and then in both tallies, where there is room for it. A caller who knows this
    /// name uses up neither tally.
    pub async fn count_failure(
        &self,
        keys: &AttemptKeys,
        history: &History,
        limits: &AttemptLimits,
        now: Timestamp,
    ) -> Result<Result<(), Wait>, Error> {
        let lengthened =
            self.change_streak(&keys.pair, history.pair, |seen| limits.lengthen(seen, now).map(Some)).await?;
        if lengthened.is_err() || history.pair.is_some_and(|streak| streak.is_known(now)) {
            return Ok(lengthened);
        }
        let (name, caller) = tokio::join!(
            self.count(&keys.name, &history.name, limits.per_name, now),
            self.count(&keys.caller, &history.caller, limits.per_caller, now),
        );
        Ok(name?.and(caller?))
    }

    /// Remembers a right password in place of the streak, which was seen as it is in `history`, if there still is room for a
    /// try: those that others have counted since were there first.
    pub async fn forgive(
        &self,
        keys: &AttemptKeys,
        history: &History,
        limits: &AttemptLimits,
        now: Timestamp,
    ) -> Result<Result<(), Wait>, Error> {
        self.change_streak(&keys.pair, history.pair, |seen| limits.forgive(seen, now)).await
    }

    /// Writes what `change` makes of a streak, if anything, in place of what it was made of. So a write that the SDK sends again,
    /// late, after a lost answer, undoes nothing. Each lost race has made the streak longer or ended it, so this ends.
    async fn change_streak(
        &self,
        key: &Key,
        mut seen: Option<Streak>,
        change: impl Fn(Option<Streak>) -> Result<Option<Streak>, Wait>,
    ) -> Result<Result<(), Wait>, Error> {
        loop {
            let next = match change(seen) {
                Ok(Some(next)) => next,
                Ok(None) => return Ok(Ok(())),
                Err(wait) => return Ok(Err(wait)),
            };
            let update = set_streak(self.update_attempts(key, next.last_failure.max(next.good_until)), next);
            let update = if_seen(update, seen);
            match attempted(update.send().await)? {
                Attempted::Written => return Ok(Ok(())),
                Attempted::Found(found) => seen = found.as_ref().map(to_streak).transpose()?,
            }
        }
    }

    /// Adds one to a tally. Within a slot this meets no condition but the limit, so that many callers can count at once;
    /// each lost race has begun another slot or reached the limit, so this ends.
    async fn count(&self, key: &Key, seen: &Tally, limit: u32, now: Timestamp) -> Result<Result<(), Wait>, Error> {
        let mut seen = seen.clone();
        loop {
            let update = match seen.count(limit, now) {
                Ok(Counting::Within(slot)) => self.count_within(key, &slot, limit),
                Ok(Counting::Anew { since, over }) => self.count_anew(key, &seen, since, &over, now),
                Err(wait) => return Ok(Err(wait)),
            };
            match attempted(update.send().await)? {
                Attempted::Written => return Ok(Ok(())),
                Attempted::Found(found) => seen = to_tally(found.as_ref())?,
            }
        }
    }

    fn count_within(&self, key: &Key, slot: &Slot, limit: u32) -> UpdateItemFluentBuilder {
        self.update_attempts(key, slot.last_failure)
            .update_expression(
                "SET failures = failures + :one, slots.#slot.failures = slots.#slot.failures + :one, \
                 slots.#slot.lastFailure = :last, expiresAt = :expiresAt",
            )
            .condition_expression("since = :since AND failures < :limit")
            .expression_attribute_names("#slot", slot_name(slot.since))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":last", n(slot.last_failure.unix_millis()))
            .expression_attribute_values(":since", n(slot.since.unix_millis()))
            .expression_attribute_values(":limit", n(limit))
    }

    fn count_anew(
        &self,
        key: &Key,
        seen: &Tally,
        since: Timestamp,
        over: &[Slot],
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        let slot =
            AttributeValue::M([("failures".to_owned(), n(1)), ("lastFailure".to_owned(), n(now.unix_millis()))].into());
        let update = self.update_attempts(key, now).expression_attribute_values(":since", n(since.unix_millis()));
        let Some(last) = seen.slots.last() else {
            return update
                .update_expression("SET failures = :one, since = :since, slots = :slots, expiresAt = :expiresAt")
                .condition_expression("attribute_not_exists(pk)")
                .expression_attribute_values(":one", n(1))
                .expression_attribute_values(":slots", AttributeValue::M([(slot_name(since), slot)].into()));
        };
        let forgotten: i64 = over.iter().map(|slot| i64::from(slot.failures)).sum();
        let mut expression =
            "SET failures = failures + :more, since = :since, slots.#slot = :slot, expiresAt = :expiresAt".to_owned();
        let mut update = update
            .condition_expression("since = :seen AND failures = :seenFailures")
            .expression_attribute_names("#slot", slot_name(since))
            .expression_attribute_values(":slot", slot)
            .expression_attribute_values(":more", n(1 - forgotten))
            .expression_attribute_values(":seen", n(last.since.unix_millis()))
            .expression_attribute_values(":seenFailures", n(seen.failures()));
        for (index, slot) in over.iter().enumerate() {
            expression.push_str(if index == 0 { " REMOVE " } else { ", " });
            let _ = write!(expression, "slots.#over{index}");
            update = update.expression_attribute_names(format!("#over{index}"), slot_name(slot.since));
        }
        update.update_expression(expression)
    }

    fn update_attempts(&self, key: &Key, last: Timestamp) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .expression_attribute_values(":expiresAt", n(expires_at(last)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

fn set_streak(update: UpdateItemFluentBuilder, streak: Streak) -> UpdateItemFluentBuilder {
    update
        .update_expression("SET failures = :failures, lastFailure = :last, goodUntil = :good, expiresAt = :expiresAt")
        .expression_attribute_values(":failures", n(streak.failures))
        .expression_attribute_values(":last", n(streak.last_failure.unix_millis()))
        .expression_attribute_values(":good", n(streak.good_until.unix_millis()))
}

/// The condition that nothing has been counted since a streak was seen.
fn if_seen(update: UpdateItemFluentBuilder, seen: Option<Streak>) -> UpdateItemFluentBuilder {
    let Some(seen) = seen else { return update.condition_expression("attribute_not_exists(pk)") };
    update
        .condition_expression("failures = :seen AND lastFailure = :seenLast AND goodUntil = :seenGood")
        .expression_attribute_values(":seen", n(seen.failures))
        .expression_attribute_values(":seenLast", n(seen.last_failure.unix_millis()))
        .expression_attribute_values(":seenGood", n(seen.good_until.unix_millis()))
}

type Sdk<T, E> = Result<T, aws_sdk_dynamodb::error::SdkError<E>>;

/// How a conditional write went.
enum Attempted {
    Written,
    /// This was there instead of what had been seen.
    Found(Option<Item>),
}

/// Sorts out a conditional write.
fn attempted<T>(outcome: Sdk<T, UpdateItemError>) -> Result<Attempted, Error> {
    let Err(error) = outcome else { return Ok(Attempted::Written) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(e)) => {
            Ok(Attempted::Found(e.item().filter(|item| !item.is_empty()).cloned()))
        }
        _ => Err(failure::failed("counting a try", error)),
    }
}

fn history([pair, name, caller]: [Option<Item>; 3]) -> Result<History, Error> {
    Ok(History {
        pair: pair.as_ref().map(to_streak).transpose()?,
        name: to_tally(name.as_ref())?,
        caller: to_tally(caller.as_ref())?,
    })
}

fn to_streak(item: &Item) -> Result<Streak, Error> {
    let streak = || {
        Some(Streak {
            failures: item::number(item, "failures")?,
            last_failure: moment(item, "lastFailure")?,
            good_until: moment(item, "goodUntil")?,
        })
    };
    streak().ok_or_else(|| Error::internal("a streak of tries lacks an attribute"))
}

fn to_tally(item: Option<&Item>) -> Result<Tally, Error> {
    let Some(item) = item else { return Ok(Tally::default()) };
    let slot = |(since, slot): (&String, &AttributeValue)| {
        let slot = slot.as_m().ok()?;
        Some(Slot {
            since: Timestamp::from_unix_millis(since.parse().ok()?),
            failures: item::number(slot, "failures")?,
            last_failure: moment(slot, "lastFailure")?,
        })
    };
    let tally = || {
        let mut slots = item.get("slots")?.as_m().ok()?.iter().map(slot).collect::<Option<Vec<Slot>>>()?;
        slots.sort_by_key(|slot| slot.since);
        let tally = Tally { slots };
        // What is conditioned on is what is judged, or counting would never end.
        let is_whole = item::number(item, "failures") == Some(tally.failures())
            && moment(item, "since") == tally.slots.last().map(|slot| slot.since);
        is_whole.then_some(tally)
    };
    tally().ok_or_else(|| Error::internal("a tally of tries lacks an attribute, or its sum is wrong"))
}

/// What a slot is called in its item.
fn slot_name(since: Timestamp) -> String {
    since.unix_millis().to_string()
}

fn moment(item: &Item, name: &str) -> Option<Timestamp> {
    item::number(item, name).map(Timestamp::from_unix_millis)
}

/// When nothing in an item counts any more.
fn expires_at(last: Timestamp) -> i64 {
    last.plus_seconds(WINDOW_SECONDS).unix_seconds() + 1
}
