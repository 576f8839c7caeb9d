//! What happens before every call of an application to DynamoDB and S3, retries included.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use roster::app::App;
use roster::avatars::Avatars;
use roster::avatars::presign::{Signer, SigningKeys};
use roster::ids::Ids;
use roster::store::Store;

use super::House;

/// What is done before a call, which is not made if that fails.
#[derive(Clone)]
pub struct Before(Arc<dyn Fn() -> Result<(), BoxError> + Send + Sync>);

impl Before {
    pub fn new(act: impl Fn() -> Result<(), BoxError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(act))
    }

    /// A store like the application's, whose calls come after this.
    pub fn store(&self, app: &App, client: &aws_sdk_dynamodb::Client) -> Store {
        let client =
            aws_sdk_dynamodb::Client::from_conf(client.config().to_builder().interceptor(self.clone()).build());
        Store::new(client, app.store.table().to_owned(), app.store.list_shards(), Ids::system())
    }
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Before")
    }
}

impl Intercept for Before {
    fn name(&self) -> &'static str {
        "before"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        (self.0)()
    }
}

impl House {
    /// The application of this house as another process runs it that is cut off before its call number `calls`, counted
    /// from 0. To the engines this is a process that was killed between two calls.
    pub fn cut_after(&self, calls: usize) -> App {
        let left = AtomicUsize::new(calls);
        self.elsewhere(Before::new(move || {
            let left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            left.map(|_| ()).map_err(|_| "cut off".into())
        }))
    }

    /// The application of this house as another process runs it that is held up before its call number `calls`, counted from
    /// 0, until `meanwhile` is done.
    pub fn held_up_after(&self, calls: usize, meanwhile: impl FnOnce() + Send + 'static) -> App {
        let (made, meanwhile) = (AtomicUsize::new(0), Mutex::new(Some(meanwhile)));
        self.elsewhere(Before::new(move || {
            if made.fetch_add(1, Ordering::SeqCst) == calls
                && let Some(meanwhile) = meanwhile.lock().unwrap().take()
            {
                meanwhile();
            }
            Ok(())
        }))
    }

    /// The application with clients of its own. Its links are not signed.
    fn elsewhere(&self, before: Before) -> App {
        let mut app = self.app.clone();
        app.store = before.store(&app, &self.dynamodb);
        let s3 = aws_sdk_s3::Client::from_conf(self.s3.config().to_builder().interceptor(before).build());
        let bucket = app.avatars.bucket().to_owned();
        let keys = SigningKeys { access_key: String::new(), secret_key: String::new().into(), session_token: None };
        let signer = Signer::new(keys, "us-east-1", &bucket, None);
        app.avatars = Avatars::new(s3, bucket, signer, app.avatars.settings().clone());
        app
    }
}
