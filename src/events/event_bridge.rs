//! Events to a bus of EventBridge, in order for each user.
//!
//! PutEvents takes up to ten entries and may take some of them only. So that no event of a user overtakes an earlier one that
//! was refused, no two events of one user go in one call, and nothing is sent after a call that failed for good.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::operation::put_events::PutEventsError;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::{CloudEvent, Untaken};
use crate::error::{Error, Source};
use crate::ids::Ids;
use crate::scope;

/// What one call may hold.
const MOST_ENTRIES: usize = 10;
const MOST_BYTES: usize = 256 * 1024;
/// What EventBridge counts for an entry's time.
const TIME_BYTES: usize = 14;
/// How often entries are sent that EventBridge refuses, and the least wait before the second time; it doubles.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// One bus. Cheap to clone.
#[derive(Clone)]
pub struct EventBridge {
    client: Client,
    bus: String,
    ids: Ids,
}

impl EventBridge {
    /// The bus with this name or ARN.
    pub fn new(client: Client, bus: String, ids: Ids) -> Self {
        Self { client, bus, ids }
    }

    /// Whether the bus is there.
    #[cfg(feature = "local")]
    pub(super) async fn inspect(&self) -> crate::aws::Asked<()> {
        crate::aws::asked(self.client.describe_event_bus().name(&self.bus).send().await).map(|_| ())
    }

    pub(super) async fn publish(&self, events: &[CloudEvent]) -> Result<(), Untaken> {
        let mut sent = 0;
        while sent < events.len() {
            let batch = &events[sent..sent + next_batch(&events[sent..])];
            self.put(batch).await.map_err(|Untaken { first, error }| Untaken { first: sent + first, error })?;
            sent += batch.len();
        }
        Ok(())
    }

    /// Sends one batch, and again what was refused of it.
    async fn put(&self, batch: &[CloudEvent]) -> Result<(), Untaken> {
        let mut open: Vec<usize> = (0..batch.len()).collect();
        let mut attempt = 1;
        loop {
            let entries = open.iter().map(|place| self.entry(&batch[*place])).collect();
            let call = self.client.put_events().set_entries(Some(entries));
            let answer = call.send().await.map_err(|error| Untaken { first: open[0], error: failed(error) })?;
            let results = answer.entries();
            if results.len() != open.len() {
                return Err(Untaken {
                    first: open[0],
                    error: Error::internal("EventBridge did not answer for each entry"),
                });
            }
            let refused: Vec<_> =
                open.iter().zip(results).filter(|(_, result)| result.error_code().is_some()).collect();
            let Some((first, result)) = refused.first() else { return Ok(()) };
            if attempt == ATTEMPTS || !self.wait(attempt).await {
                let code = result.error_code().unwrap_or_default();
                let why = format!("{code} for {} of {} events", refused.len(), batch.len());
                return Err(Untaken { first: **first, error: busy(why.into()) });
            }
            open = refused.iter().map(|(place, _)| **place).collect();
            attempt += 1;
        }
    }

    fn entry(&self, event: &CloudEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(&event.source)
            .detail_type(event.event_type)
            .detail(&event.json)
            .time(DateTime::from_millis(event.time.unix_millis()))
            .build()
    }

    /// False, at once, where the deadline would pass meanwhile.
    async fn wait(&self, attempt: u32) -> bool {
        let mut random = [0];
        self.ids.fill(&mut random);
        let least = PAUSE * 2_u32.pow(attempt - 1);
        scope::pause(least + least * u32::from(random[0]) / 256).await
    }
}

/// How many of the first events fit into one call: at least one.
fn next_batch(events: &[CloudEvent]) -> usize {
    let (mut users, mut bytes) = (HashSet::new(), 0);
    let most = events.iter().take(MOST_ENTRIES);
    let first = most.take_while(|event| {
        bytes += event.json.len() + event.source.len() + event.event_type.len() + TIME_BYTES;
        bytes <= MOST_BYTES && users.insert(event.subject.clone())
    });
    first.count().max(1)
}

fn busy(source: Source) -> Error {
    Error::Unavailable { reason: "EventBridge does not take events", retry_after_seconds: 1, source: Some(source) }
}

fn failed<R: std::fmt::Debug + Send + Sync + 'static>(
    error: aws_sdk_eventbridge::error::SdkError<PutEventsError, R>,
) -> Error {
    busy(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn event(subject: &str, bytes: usize) -> CloudEvent {
        CloudEvent::sample(subject, "x".repeat(bytes), Timestamp::EPOCH)
    }

    #[test]
    fn a_call_holds_ten_events_and_256_kib_and_each_user_once() {
        let many: Vec<_> = (0..25).map(|n| event(&n.to_string(), 10)).collect();
        assert_eq!(next_batch(&many), 10);
        assert_eq!(next_batch(&many[..3]), 3);
        let large: Vec<_> = (0..4).map(|n| event(&n.to_string(), 100_000)).collect();
        assert_eq!(next_batch(&large), 2);
        assert_eq!(next_batch(&[event("a", 300_000)]), 1);
        let same = ["a", "b", "a", "c"].map(|user| event(user, 10));
        assert_eq!(next_batch(&same), 2);
    }
}
