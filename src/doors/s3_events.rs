//! The S3 door: an object has been created under `uploads/`. S3 tells a queue, and Lambda hands over its messages; S3's own
//! notification is understood as well, as it comes where a bucket calls a function directly.

use std::pin::Pin;

use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::{Value, json};

use super::event;
pub use super::event::About;
use crate::app::App;
use crate::error::{Error, chain};
use crate::operations;

/// What Lambda may hand over. A test event of S3 has no records.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records", default)]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    /// A message of the queue, whose body is a notification.
    Message {
        #[serde(rename = "messageId")]
        id: String,
        body: String,
    },
    /// A notification's record.
    Created { s3: Entity },
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    /// Escaped as in a query; our own keys have nothing to escape, and others are not ours.
    key: String,
}

/// [`handle`] with a deadline, and one line in the log when it is done.
pub async fn work_on(app: &App, event: Value, about: &About) -> Result<Value, Error> {
    event::work("process_avatar", about, handle(app, event)).await
}

/// Works on every record, and answers which messages failed: the queue keeps those. Where a bare notification fails, the whole
/// event fails, after its other records are done. Either way it comes again, and what was done is not done twice.
pub async fn handle(app: &App, event: Value) -> Result<Value, Error> {
    let mut failed = Vec::new();
    let mut outcome = Ok(());
    for record in read(event)?.records {
        match record {
            Record::Created { s3 } => outcome = outcome.and(created(app, s3).await),
            Record::Message { id, body } => {
                if let Err(error) = message(app, &body).await {
                    tracing::error!(error = chain(&error), message_id = id, "message");
                    failed.push(json!({"itemIdentifier": id}));
                }
            }
        }
    }
    outcome.map(|()| json!({"batchItemFailures": failed}))
}

async fn message(app: &App, body: &str) -> Result<(), Error> {
    for record in read(serde_json::from_str(body).unwrap_or_default())?.records {
        if let Record::Created { s3 } = record {
            created(app, s3).await?;
        }
    }
    Ok(())
}

async fn created(app: &App, Entity { bucket, object }: Entity) -> Result<(), Error> {
    if bucket.name == app.avatars.bucket() {
        return operations::process_avatar(app, &object.key).await;
    }
    tracing::warn!("an event of another bucket has arrived");
    Ok(())
}

fn read(event: Value) -> Result<Event, Error> {
    serde_json::from_value(event).map_err(|e| Error::Internal { context: "reading an event", source: Some(e.into()) })
}

/// Serves Lambda until it ends the sandbox.
pub async fn run(app: App) -> Result<(), lambda_runtime::Error> {
    let app = &app;
    lambda_runtime::run(lambda_runtime::service_fn(move |event: LambdaEvent<Value>| answer(app, event))).await
}

/// One answer. The type is named because what the future holds is nested more deeply than the compiler looks.
fn answer(
    app: &App,
    event: LambdaEvent<Value>,
) -> Pin<Box<dyn Future<Output = Result<Value, lambda_runtime::Error>> + Send + '_>> {
    let LambdaEvent { payload, context, .. } = event;
    let about = About::of(context, app.is_cold_start());
    Box::pin(async move { work_on(app, payload, &about).await.map_err(lambda_runtime::Error::from) })
}
