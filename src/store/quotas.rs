//! What has been handed out to callers: one item for each caller and policy, changed by conditional writes alone.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::item::{n, number};
use super::{Store, failure, keys};
use crate::domain::limit::{Count, Policy, Step};
use crate::domain::{ClientId, Timestamp};
use crate::error::Error;

/// How often a lease that lost a race is tried.
const ATTEMPTS: u64 = 16;
/// How long a count is kept after its window, in seconds.
const KEPT_FOR: i64 = 3600;

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leased {
    /// So many; none when there is nothing to be had now.
    pub granted: u64,
    /// The window, and what is gone of it with these.
    pub count: Count,
    /// What it cost: writes, failed conditions included.
    pub writes: u64,
}

impl Store {
    /// Takes up to `asked` from a caller's quota. As a rule that is one write; two when a window begins or runs out.
    pub async fn lease(&self, client: &ClientId, policy: &Policy, asked: u64, now: Timestamp) -> Result<Leased, Error> {
        let mut seen = None;
        for writes in 1..=ATTEMPTS {
            match policy.step(asked, seen, now) {
                Step::Closed(count) => return Ok(Leased { granted: 0, count, writes: writes - 1 }),
                Step::Add { window, granted, limit } => match self.add(client, policy, window, granted, limit).await? {
                    Ok(taken) => return Ok(Leased { granted, count: Count { window, taken }, writes }),
                    Err(found) => seen = Some(found),
                },
                Step::Begin { window, granted } => {
                    let count = Count { window, taken: granted };
                    match self.begin(client, policy, seen.flatten(), count).await? {
                        Ok(()) => return Ok(Leased { granted, count, writes }),
                        Err(found) => seen = Some(found),
                    }
                }
            }
        }
        Err(Error::Unavailable {
            reason: "other sandboxes are at the same quota",
            retry_after_seconds: 1,
            source: None,
        })
    }

    /// Adds to the count; the inner error is what was there instead.
    async fn add(
        &self,
        client: &ClientId,
        policy: &Policy,
        window: i64,
        granted: u64,
        limit: u64,
    ) -> Result<Result<u64, Option<Count>>, Error> {
        let key = keys::quota(client, policy.name());
        let call = self
            .client
            .update_item()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression("ADD #taken :granted")
            .condition_expression("#window = :window AND #taken <= :limit")
            .expression_attribute_names("#taken", "taken")
            .expression_attribute_names("#window", "window")
            .expression_attribute_values(":granted", n(granted))
            .expression_attribute_values(":window", n(window))
            .expression_attribute_values(":limit", n(limit))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call.send().await {
            Ok(answer) => {
                let taken = answer.attributes.as_ref().and_then(|item| number(item, "taken"));
                Ok(Ok(taken.ok_or_else(|| Error::internal("a quota item lacks its count"))?))
            }
            Err(error) => lost("leasing from a quota", error).map(Err),
        }
    }

    /// Begins a window in place of `before`; the inner error is what was there instead.
    async fn begin(
        &self,
        client: &ClientId,
        policy: &Policy,
        before: Option<Count>,
        count: Count,
    ) -> Result<Result<(), Option<Count>>, Error> {
        let key = keys::quota(client, policy.name());
        let expires_at = policy.end(count.window).plus_seconds(KEPT_FOR).unix_seconds();
        let call = self
            .client
            .update_item()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression("SET #window = :window, #taken = :taken, expiresAt = :expiresAt")
            .expression_attribute_names("#taken", "taken")
            .expression_attribute_names("#window", "window")
            .expression_attribute_values(":window", n(count.window))
            .expression_attribute_values(":taken", n(count.taken))
            .expression_attribute_values(":expiresAt", n(expires_at))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let call = match before {
            None => call.condition_expression("attribute_not_exists(pk)"),
            Some(before) => {
                call.condition_expression("#window = :before").expression_attribute_values(":before", n(before.window))
            }
        };
        match call.send().await {
            Ok(_) => Ok(Ok(())),
            Err(error) => lost("beginning a quota's window", error).map(Err),
        }
    }
}

/// What a failed condition found; any other failure is one.
fn lost(
    context: &'static str,
    error: aws_sdk_dynamodb::error::SdkError<UpdateItemError>,
) -> Result<Option<Count>, Error> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            let Some(item) = failed.item() else { return Ok(None) };
            let count =
                number(item, "window").zip(number(item, "taken")).map(|(window, taken)| Count { window, taken });
            count.map(Some).ok_or_else(|| Error::internal("a quota item lacks an attribute"))
        }
        _ => Err(failure::failed(context, error)),
    }
}
