//! The stream door: Lambda hands over records of the table's stream, in order, from one shard at a time.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::{Value, json};

use super::event::{self, About};
use crate::error::{Error, chain};
use crate::events::Bus;
use crate::operations::{self, Stopped};

/// What Lambda hands over.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// Works on every record, and answers where to begin next time if not all could be told: whoever has the stream comes again
/// with that record and all after it (`ReportBatchItemFailures`).
pub async fn handle(bus: &Bus, event: Value) -> Result<Value, Error> {
    answer(operations::publish_changes(bus, &read(event)?).await)
}

/// [`handle`] as it suits Lambda, with a deadline, and one line in the log when it is done.
///
/// Lambda gives a record up together with all that were handed over after it. So one that can never be told, and has others
/// behind it, fails the call: that has Lambda halve the batch (`BisectBatchOnFunctionError`), until it is given up alone.
pub async fn work_on(bus: &Bus, event: Value, about: &About) -> Result<Value, Error> {
    let work = async {
        let records = read(event)?;
        match operations::publish_changes(bus, &records).await {
            Err(Stopped { place: 0, error: error @ Error::Internal { .. }, .. }) if records.len() > 1 => Err(error),
            outcome => answer(outcome),
        }
    };
    event::work("publish_changes", about, work).await
}

fn read(event: Value) -> Result<Vec<Value>, Error> {
    let context = "reading an event";
    let event: Result<Event, _> = serde_json::from_value(event);
    event.map(|event| event.records).map_err(|e| Error::Internal { context, source: Some(e.into()) })
}

fn answer(outcome: Result<(), Stopped>) -> Result<Value, Error> {
    let failures = match outcome {
        Ok(()) => Vec::new(),
        // Without a place to go on from, all of it comes again.
        Err(Stopped { sequence, error, .. }) if sequence.is_empty() => return Err(error),
        Err(Stopped { sequence, error, .. }) => {
            tracing::error!(error = chain(&error), sequence, "changes could not be told");
            vec![json!({"itemIdentifier": sequence})]
        }
    };
    Ok(json!({"batchItemFailures": failures}))
}

/// Serves Lambda until it ends the sandbox.
pub async fn run(bus: Bus) -> Result<(), lambda_runtime::Error> {
    let (bus, is_cold) = (&bus, AtomicBool::new(true));
    let is_cold = &is_cold;
    let work = move |event: LambdaEvent<Value>| {
        let about = About::of(event.context, is_cold.swap(false, Ordering::Relaxed));
        answered(bus, event.payload, about)
    };
    lambda_runtime::run(lambda_runtime::service_fn(work)).await
}

/// One answer. The type is named because what the future holds is nested more deeply than the compiler looks.
fn answered(
    bus: &Bus,
    event: Value,
    about: About,
) -> Pin<Box<dyn Future<Output = Result<Value, lambda_runtime::Error>> + Send + '_>> {
    Box::pin(async move { work_on(bus, event, &about).await.map_err(lambda_runtime::Error::from) })
}
