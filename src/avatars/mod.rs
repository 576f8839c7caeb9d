//! The avatar bucket: the only room that knows S3.

use aws_sdk_s3::Client;

/// The bucket and the client that reaches it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Avatars {
    #[cfg_attr(not(feature = "local"), expect(dead_code, reason = "presigned uploads come next"))]
    client: Client,
    bucket: String,
}

impl Avatars {
    /// The avatars in one bucket.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }
}

#[cfg(feature = "local")]
impl Avatars {
    /// Creates the bucket if it is not there. On AWS the template does this.
    pub async fn create_bucket(&self) -> Result<(), crate::error::Error> {
        let Err(error) = self.client.create_bucket().bucket(&self.bucket).send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(e) if e.is_bucket_already_owned_by_you() || e.is_bucket_already_exists() => Ok(()),
            _ => Err(crate::error::Error::Internal { context: "creating the bucket", source: Some(error.into()) }),
        }
    }
}
