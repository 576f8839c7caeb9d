//! Tells the world what the table's stream tells us.

use serde_json::Value;

use crate::error::Error;
use crate::events::{Bus, CloudEvent, Untaken};
use crate::scope;
use crate::store::stream;

/// Where the telling stopped, and why.
#[derive(Debug)]
pub struct Stopped {
    /// The first record whose changes were not all told, counted from 0; nothing after it of the same user was told either.
    pub place: usize,
    /// Its place in the stream.
    pub sequence: String,
    /// Why.
    pub error: Error,
}

/// Publishes the changes in some records of one shard, in their order. The stream is the actor here: nobody else can call this.
/// Records up to one that cannot be read are told; whoever comes again with the rest tells it under the same ids.
pub async fn publish_changes(bus: &Bus, records: &[Value]) -> Result<(), Stopped> {
    let stopped =
        |place: usize, error| Stopped { place, sequence: stream::sequence(&records[place]).to_owned(), error };
    let (mut events, mut places, mut outcome) = (Vec::new(), Vec::new(), Ok(()));
    for (place, record) in records.iter().enumerate() {
        match stream::read(record) {
            Ok(record) => {
                for change in &record.changes {
                    events.push(CloudEvent::of(change, &bus.source, &record.sequence));
                    places.push(place);
                }
            }
            Err(error) => {
                outcome = Err(stopped(place, error));
                break;
            }
        }
    }
    scope::note(|scope| scope.records.add(records.len()));
    let published = bus.publish(&events).await;
    let told = published.as_ref().err().map_or(events.len(), |untaken| untaken.first);
    scope::note(|scope| scope.events.add(told));
    published.map_err(|Untaken { first, error }| stopped(places[first], error))?;
    outcome
}
