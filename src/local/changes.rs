//! Hands the embedded engine's stream to the handler that Lambda runs, in this process; the feed takes what it tells.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::stream::{Batch, Stream};
use crate::doors::stream_events;
use crate::events::Bus;

/// How long an empty stream is left alone.
const PAUSE: Duration = Duration::from_millis(100);

/// How long is waited after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often a record is tried that cannot be told; then it is left out, as the function leaves it to a queue.
const ATTEMPTS: u32 = 3;

/// Tells of changes for as long as the process runs.
pub async fn follow(mut stream: Stream, bus: Bus) {
    let mut failure = (String::new(), 0);
    loop {
        // Otherwise the runtime is ending.
        let Ok((at, outcome)) = spawn_blocking(move || read(stream)).await else { return std::future::pending().await };
        stream = at;
        let pause = match outcome {
            Ok(Batch { records, next }) if records.is_empty() => {
                stream.move_on(next);
                PAUSE
            }
            Ok(batch) => match tell(&mut stream, &bus, batch, &mut failure).await {
                Ok(()) => continue,
                Err(error) => complain(&error),
            },
            Err(error) => complain(&error),
        };
        tokio::time::sleep(pause).await;
    }
}

fn read(mut stream: Stream) -> (Stream, Result<Batch, String>) {
    let batch = stream.read();
    (stream, batch)
}

fn complain(error: &str) -> Duration {
    tracing::error!(error, "the stream of changes could not be followed");
    AFTER_FAILURE
}

/// Hands over one batch, and moves as the answer says.
async fn tell(stream: &mut Stream, bus: &Bus, batch: Batch, failure: &mut (String, u32)) -> Result<(), String> {
    let answer = stream_events::handle(bus, json!({"Records": batch.records})).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let Some(sequence) = answer["batchItemFailures"][0]["itemIdentifier"].as_str() else {
        stream.move_on(batch.next);
        return Ok(());
    };
    let attempt = if failure.0 == sequence { failure.1 + 1 } else { 1 };
    *failure = (sequence.to_owned(), attempt);
    stream.move_to(sequence, attempt >= ATTEMPTS)?;
    let is_left_out = if attempt >= ATTEMPTS { ", and is left out" } else { "" };
    Err(format!("the change at {} could not be told{is_left_out}", Value::from(sequence)))
}
