//! Counts the calls that the application makes to DynamoDB, retries included.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use roster::app::App;
use roster::ids::Ids;
use roster::store::Store;

/// How many calls were made.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<AtomicUsize>);

impl Calls {
    /// Starts to count the calls of an application on `client`.
    pub fn count(app: &mut App, client: &aws_sdk_dynamodb::Client) -> Self {
        let calls = Self::default();
        let config = client.config().to_builder().interceptor(calls.clone()).build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        app.store = Store::new(client, app.store.table().to_owned(), app.store.list_shards(), Ids::system());
        calls
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
