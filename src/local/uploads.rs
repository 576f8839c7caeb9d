//! Hands the S3 engine's events to the handler that Lambda runs, one after the other, in this process.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::watched;
use crate::app::App;
use crate::doors::s3_events::{self, About};
use crate::error::chain;

/// How often an event is tried, and how long is waited between: Lambda waits a minute and more, nobody at a laptop does.
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Works on events for as long as there is an engine, and first on the files whose events ended with an earlier process, if
/// the engine is ours.
pub(super) async fn process(app: App, is_embedded: bool, mut events: UnboundedReceiver<Value>) {
    if is_embedded {
        match app.avatars.list_files().await {
            Ok(files) => {
                for file in files {
                    work(&app, watched::created(app.avatars.bucket(), &file)).await;
                }
            }
            Err(error) => tracing::error!(error = chain(&error), "earlier uploads cannot be listed"),
        }
    }
    while let Some(event) = events.recv().await {
        work(&app, event).await;
    }
    std::future::pending::<()>().await;
}

async fn work(app: &App, event: Value) {
    for attempt in 1..=ATTEMPTS {
        let about = About { request_id: app.ids.request_id(app.clock.now()), ..About::default() };
        if s3_events::work_on(app, event.clone(), &about).await.is_ok() {
            break;
        }
        tracing::debug!(attempt, "an upload could not be worked on");
        tokio::time::sleep(PAUSE).await;
    }
}
