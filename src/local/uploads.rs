//! Hands the S3 engine's events to the handler that Lambda runs, one after the other, in this process.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::app::App;
use crate::doors::{chain, s3_events};

/// How often an event is tried, and how long is waited between: Lambda waits a minute and more, nobody at a laptop does.
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Works on events for as long as there is an engine.
pub(super) async fn process(app: App, mut events: UnboundedReceiver<Value>) {
    while let Some(event) = events.recv().await {
        for attempt in 1..=ATTEMPTS {
            let Err(error) = s3_events::handle(&app, event.clone()).await else { break };
            tracing::error!(error = chain(&error), attempt, "an upload could not be worked on");
            tokio::time::sleep(PAUSE).await;
        }
    }
    std::future::pending::<()>().await;
}
