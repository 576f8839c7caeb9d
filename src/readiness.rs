//! Whether DynamoDB and S3 answer this process: asked rarely, by one request at a time, and for a second at most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::avatars::Avatars;
use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::error::{Error, chain};
use crate::store::Store;

/// How long a dependency may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an answer is good, in milliseconds.
const KEPT_MILLIS: i64 = 5000;

/// How both dependencies are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The table.
    pub dynamodb: Dependency,
    /// The bucket.
    pub s3: Dependency,
}

/// How one dependency is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dependency {
    /// Whether it answered well.
    pub is_ready: bool,
    /// How long that took, in milliseconds.
    pub latency_ms: f64,
}

impl Standing {
    /// Whether both are ready.
    pub fn is_ready(&self) -> bool {
        self.dynamodb.is_ready && self.s3.is_ready
    }
}

/// The last answer, and the turn to get the next one. Cheap to clone.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<(Timestamp, Standing)>>>);

impl Readiness {
    /// How both are, as of the last five seconds. Whoever comes while another asks waits for that answer.
    pub async fn now(&self, store: &Store, avatars: &Avatars, clock: &Clock) -> Standing {
        let mut last = self.0.lock().await;
        let is_fresh = |at: &Timestamp| (0..KEPT_MILLIS).contains(&(clock.now().unix_millis() - at.unix_millis()));
        if let Some((_, standing)) = last.filter(|(at, _)| is_fresh(at)) {
            return standing;
        }
        let (dynamodb, s3) = tokio::join!(Box::pin(ask("DynamoDB", store.ping())), Box::pin(ask("S3", avatars.ping())));
        let standing = Standing { dynamodb, s3 };
        *last = Some((clock.now(), standing));
        standing
    }
}

async fn ask(name: &str, ping: impl Future<Output = Result<(), Error>>) -> Dependency {
    let began = Instant::now();
    let outcome = tokio::time::timeout(PATIENCE, ping).await;
    let error = match &outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(chain(error)),
        Err(_) => Some("it did not answer within a second".to_owned()),
    };
    if let Some(error) = &error {
        tracing::warn!(dependency = name, error, "a dependency is not ready");
    }
    Dependency { is_ready: error.is_none(), latency_ms: began.elapsed().as_secs_f64() * 1000.0 }
}
