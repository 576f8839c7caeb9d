//! Tells the world what the table's stream tells us.

use serde_json::Value;

use crate::error::Error;
use crate::events::{Bus, CloudEvent, Untaken};
use crate::store::stream;

/// Where the telling stopped, and why.
#[derive(Debug)]
pub struct Stopped {
    /// The place in the stream of the first record whose changes were not all told; nothing after it of the same user was.
    pub sequence: String,
    /// Why.
    pub error: Error,
}

/// Publishes the changes in some records of one shard, in their order. The stream is the actor here: nobody else can call this.
/// Records up to one that cannot be read are told; whoever comes again with the rest tells it under the same ids.
pub async fn publish_changes(bus: &Bus, records: &[Value]) -> Result<(), Stopped> {
    let (mut events, mut sequences, mut outcome) = (Vec::new(), Vec::new(), Ok(()));
    for record in records {
        match stream::read(record) {
            Ok(record) => {
                for change in &record.changes {
                    events.push(CloudEvent::of(change, &bus.source, &record.sequence));
                    sequences.push(record.sequence.clone());
                }
            }
            Err(error) => {
                outcome = Err(Stopped { sequence: stream::sequence(record).to_owned(), error });
                break;
            }
        }
    }
    if let Err(Untaken { first, error }) = bus.publish(&events).await {
        return Err(Stopped { sequence: sequences.swap_remove(first), error });
    }
    tracing::info!(records = records.len(), events = events.len(), "changes");
    outcome
}
