//! An application that dies: it makes so many calls to DynamoDB and S3, and not one more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use roster::app::App;
use roster::avatars::Avatars;
use roster::avatars::presign::{Signer, SigningKeys};
use roster::ids::Ids;
use roster::store::Store;

use super::House;

/// How many calls are left.
#[derive(Clone, Debug)]
struct Cut(Arc<AtomicUsize>);

impl House {
    /// The application of this house as another process runs it that is cut off before its call number `calls`, counted
    /// from 0. To the engines this is a process that was killed between two calls. Its links are not signed.
    pub fn cut_after(&self, calls: usize) -> App {
        let cut = Cut(Arc::new(AtomicUsize::new(calls)));
        let mut app = self.app.clone();
        let dynamodb = self.dynamodb.config().to_builder().interceptor(cut.clone()).build();
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb);
        app.store = Store::new(dynamodb, app.store.table().to_owned(), app.store.list_shards(), Ids::system());
        let s3 = aws_sdk_s3::Client::from_conf(self.s3.config().to_builder().interceptor(cut).build());
        let bucket = app.avatars.bucket().to_owned();
        let keys = SigningKeys { access_key: String::new(), secret_key: String::new().into(), session_token: None };
        let signer = Signer::new(keys, "us-east-1", &bucket, None);
        app.avatars = Avatars::new(s3, bucket, signer, app.avatars.settings().clone());
        app
    }
}

impl Intercept for Cut {
    fn name(&self) -> &'static str {
        "cut"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| "cut off".into())
    }
}
