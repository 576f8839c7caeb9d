//! How the table is called: one strongly consistent read, one transaction, and patience where others are at the same item.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity, TransactWriteItem};

use super::Store;
use super::failure::{self, Cancelled};
use super::item::Item;
use super::keys::Key;
use crate::error::Error;
use crate::scope;

/// How often a write that met a transaction at the same item is tried.
const CONFLICT_ATTEMPTS: u32 = 5;

impl Store {
    /// Reads one item, strongly consistent.
    pub(super) async fn get_item(&self, context: &'static str, key: &Key) -> Result<Option<Item>, Error> {
        Ok(self.get_item_counted(context, key).await?.0)
    }

    /// Reads one item, strongly consistent, and tells the read capacity units that it took.
    pub(super) async fn get_item_counted(
        &self,
        context: &'static str,
        key: &Key,
    ) -> Result<(Option<Item>, f64), Error> {
        let call = self.client.get_item().table_name(&*self.table).key("pk", key.pk()).key("sk", key.sk());
        let call = call.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = call.send().await.map_err(|e| failure::failed(context, e))?;
        let capacity = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units).unwrap_or_default();
        Ok((answer.item, capacity))
    }

    /// Reads several items in one call, each strongly consistent, in the order of their keys.
    pub(super) async fn get_items<const N: usize>(
        &self,
        context: &'static str,
        wanted: [&Key; N],
    ) -> Result<[Option<Item>; N], Error> {
        let found = self.get_many(context, &wanted).await?;
        found.try_into().map_err(|_| Error::internal("as many items as keys were expected"))
    }

    /// Reads up to 100 items in one call, each strongly consistent, in the order of their keys. No key may stand twice.
    pub(super) async fn get_many(&self, context: &'static str, wanted: &[&Key]) -> Result<Vec<Option<Item>>, Error> {
        let key = |key: &Key| Item::from([("pk".to_owned(), key.pk()), ("sk".to_owned(), key.sk())]);
        let all = wanted.iter().map(|wanted| key(wanted)).collect();
        let keys = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(all)).build().map_err(built)?;
        let mut open = Some(HashMap::from([(self.table.to_string(), keys)]));
        let mut found = vec![None; wanted.len()];
        let mut attempt = 1;
        loop {
            let call = self.client.batch_get_item().set_request_items(open.take());
            let answer = call.send().await.map_err(|e| failure::failed(context, e))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let is_it = |key: &&Key| item.get("pk") == Some(&key.pk()) && item.get("sk") == Some(&key.sk());
                if let Some(place) = wanted.iter().position(is_it) {
                    found[place] = Some(item);
                }
            }
            open = answer.unprocessed_keys.filter(|keys| !keys.is_empty());
            if open.is_none() {
                return Ok(found);
            }
            if !self.waits_after_conflict(attempt).await {
                return Err(Error::Unavailable { reason: "DynamoDB is busy", retry_after_seconds: 1, source: None });
            }
            attempt += 1;
        }
    }

    /// Writes all or nothing; waits and tries again where another transaction is at the same items.
    /// The SDK adds a client request token to each call, so its own retries write once.
    pub(super) async fn transact(
        &self,
        context: &'static str,
        writes: Vec<TransactWriteItem>,
    ) -> Result<(), Cancelled> {
        let mut attempt = 1;
        loop {
            let call = self.client.transact_write_items().set_transact_items(Some(writes.clone()));
            let Err(error) = call.send().await else { return Ok(()) };
            match failure::cancelled(context, error) {
                Cancelled::Conflict(_) if self.waits_after_conflict(attempt).await => attempt += 1,
                other => return Err(other),
            }
        }
    }

    /// Sends a write of one item; waits and sends it again where a transaction is at that item.
    pub(super) async fn write_one<T, E: ProvideErrorMetadata, F>(
        &self,
        send: impl Fn() -> F,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut attempt = 1;
        loop {
            match send().await {
                Err(error) if failure::is_conflict(&error) && self.waits_after_conflict(attempt).await => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// Waits before another attempt: 10 to 20 ms at first, twice as long each time. False when enough were made, or the
    /// request's deadline would pass meanwhile.
    pub(super) async fn waits_after_conflict(&self, attempt: u32) -> bool {
        if attempt >= CONFLICT_ATTEMPTS {
            return false;
        }
        let mut random = [0];
        self.ids.fill(&mut random);
        // Jitter, so that writers who met once do not meet again in step.
        let least = Duration::from_millis(10 << (attempt - 1));
        scope::pause(least + least * u32::from(random[0]) / 256).await
    }
}

/// A request that the SDK would not build: our own mistake.
pub(super) fn built(error: BuildError) -> Error {
    Error::Internal { context: "building a write", source: Some(error.into()) }
}
