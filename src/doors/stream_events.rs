//! The stream door: Lambda hands over records of the table's stream, in order, from one shard at a time.

use std::pin::Pin;

use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, chain};
use crate::events::Bus;
use crate::operations::{self, Stopped};

/// What Lambda hands over.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// Works on every record, and answers where to begin next time if not all could be told: Lambda comes again with that record
/// and all after it (`ReportBatchItemFailures`).
pub async fn handle(bus: &Bus, event: Value) -> Result<Value, Error> {
    let context = "reading an event";
    let Event { records } =
        serde_json::from_value(event).map_err(|e| Error::Internal { context, source: Some(e.into()) })?;
    let failures = match operations::publish_changes(bus, &records).await {
        Ok(()) => Vec::new(),
        // Without a place to go on from, all of it comes again.
        Err(Stopped { sequence, error }) if sequence.is_empty() => return Err(error),
        Err(Stopped { sequence, error }) => {
            tracing::error!(error = chain(&error), sequence, "changes could not be told");
            vec![json!({"itemIdentifier": sequence})]
        }
    };
    Ok(json!({"batchItemFailures": failures}))
}

/// Serves Lambda until it ends the sandbox.
pub async fn run(bus: Bus) -> Result<(), lambda_runtime::Error> {
    let bus = &bus;
    lambda_runtime::run(lambda_runtime::service_fn(move |event: LambdaEvent<Value>| answer(bus, event.payload))).await
}

/// One answer. The type is named because what the future holds is nested more deeply than the compiler looks.
fn answer(bus: &Bus, event: Value) -> Pin<Box<dyn Future<Output = Result<Value, lambda_runtime::Error>> + Send + '_>> {
    Box::pin(async move {
        let outcome = handle(bus, event).await;
        outcome.inspect_err(|error| tracing::error!(error = chain(error), "event")).map_err(lambda_runtime::Error::from)
    })
}
