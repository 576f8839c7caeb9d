//! Where changes are told: EventBridge on AWS, a feed in local mode. The only room that knows CloudEvents and EventBridge.

#[cfg(feature = "changes")]
mod cloud_event;
#[cfg(feature = "changes")]
mod event_bridge;
mod feed;

#[cfg(feature = "changes")]
pub use cloud_event::CloudEvent;
#[cfg(feature = "changes")]
pub use event_bridge::EventBridge;
pub use feed::{Entry, Feed, KEPT, Position, Reader};

#[cfg(feature = "changes")]
use crate::error::Error;

/// Takes events, in order.
#[cfg(feature = "changes")]
#[derive(Clone)]
pub struct Bus {
    /// The `source` of every event.
    pub source: String,
    /// Where they go.
    pub target: Target,
}

/// Where events go.
#[cfg(feature = "changes")]
#[derive(Clone)]
pub enum Target {
    /// A bus of EventBridge.
    EventBridge(EventBridge),
    /// Whoever listens to this process.
    Feed(Feed),
}

/// Events that were not all taken.
#[cfg(feature = "changes")]
pub struct Untaken {
    /// The first that was not; none after it of the same user was taken either.
    pub first: usize,
    /// Why.
    pub error: Error,
}

#[cfg(feature = "changes")]
impl Bus {
    /// Hands over events of one stream. Of one user, each is taken only after all before it.
    pub async fn publish(&self, events: &[CloudEvent]) -> Result<(), Untaken> {
        match &self.target {
            Target::EventBridge(bus) => bus.publish(events).await,
            Target::Feed(feed) => {
                feed.append(events.iter().map(CloudEvent::to_entry));
                Ok(())
            }
        }
    }

    /// Whether it is there to take them.
    #[cfg(feature = "local")]
    pub async fn inspect(&self) -> crate::aws::Asked<()> {
        match &self.target {
            Target::EventBridge(bus) => bus.inspect().await,
            Target::Feed(_) => crate::aws::Asked::Told(()),
        }
    }
}
