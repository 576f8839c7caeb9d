//! The avatar bucket: the only room that knows S3.
//!
//! | object                                                  | what                                    | how long              |
//! |---------------------------------------------------------|-----------------------------------------|-----------------------|
//! | `uploads/{userId}/{uploadId}`                           | a file as uploaded, until it is judged  | a day at most         |
//! | `avatars/{userId}/{uploadId}/{contentHash}/{size}.webp` | the picture in one size, never changed  | while the user has it |
//!
//! - `presign` and `post_policy` let a client upload one file, and read one picture, without a call to anyone.
//! - `objects` reads, writes and removes; [`image`] judges a file and makes the sizes (feature `images`).

mod failure;
#[cfg(feature = "images")]
pub mod image;
#[cfg(feature = "local")]
pub mod inspect;
mod objects;
mod post_policy;
pub mod presign;

use std::sync::Arc;

use aws_sdk_s3::Client;

#[cfg(feature = "images")]
pub use objects::Staged;
use presign::Signer;

use crate::config::AvatarSettings;
use crate::domain::Timestamp;
use crate::domain::avatar::{AvatarKey, Size, UPLOAD_SECONDS, Upload, UploadMethod};
use crate::late::Late;

/// The bucket, the client that reaches it, and what signs for it. Cheap to clone.
#[derive(Clone)]
pub struct Avatars {
    client: Late<Client>,
    bucket: Arc<str>,
    signer: Arc<Signer>,
    settings: Arc<AvatarSettings>,
}

/// How a client is to send its file.
pub struct Instructions {
    /// Where to.
    pub url: String,
    /// Headers of a PUT, or fields of a POST form.
    pub fields: Vec<(&'static str, String)>,
}

impl Avatars {
    /// The avatars in one bucket.
    pub fn new(client: impl Into<Late<Client>>, bucket: String, signer: Signer, settings: AvatarSettings) -> Self {
        Self { client: client.into(), bucket: bucket.into(), signer: Arc::new(signer), settings: Arc::new(settings) }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What is set about avatars.
    pub fn settings(&self) -> &AvatarSettings {
        &self.settings
    }

    /// The slot of time in which every link to the same picture is the same.
    pub fn link_slot(&self, now: Timestamp) -> u64 {
        now.unix_seconds().unsigned_abs() / self.settings.link_seconds.unsigned_abs().max(1)
    }

    /// A link to one size of a picture, which works at least until the next slot has passed.
    pub fn link(&self, key: &AvatarKey, size: Size, now: Timestamp) -> String {
        let seconds = self.settings.link_seconds;
        let start = now.unix_seconds() - now.unix_seconds() % seconds.max(1);
        self.signer.presign("GET", &key.object(size), &[], Timestamp::from_unix_millis(start * 1000), 2 * seconds)
    }

    /// For how many seconds more the same link will be given.
    pub fn link_seconds_left(&self, now: Timestamp) -> i64 {
        self.settings.link_seconds - now.unix_seconds() % self.settings.link_seconds.max(1)
    }

    /// How to send the file of an upload.
    pub fn instructions(&self, upload: &Upload, method: UploadMethod, now: Timestamp) -> Instructions {
        match method {
            UploadMethod::Post => Instructions {
                url: self.signer.bucket_url().to_owned(),
                fields: post_policy::fields(&self.signer, &self.bucket, upload, now),
            },
            UploadMethod::Put => {
                let mut headers = vec![
                    ("content-length", upload.file.content_length.to_string()),
                    ("content-type", upload.file.content_type.as_str().to_owned()),
                ];
                headers.extend(upload.file.checksum.iter().map(|sum| ("x-amz-checksum-sha256", sum.to_string())));
                let url = self.signer.presign("PUT", &upload.object(), &headers, now, UPLOAD_SECONDS);
                // Every client sets the length by itself, and a browser lets no page set it.
                Instructions { url, fields: headers.split_off(1) }
            }
        }
    }
}

#[cfg(feature = "local")]
impl Avatars {
    /// Creates the bucket if it is not there. On AWS the template does this.
    pub async fn create_bucket(&self) -> Result<(), crate::error::Error> {
        let Err(error) = self.client.create_bucket().bucket(&*self.bucket).send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(e) if e.is_bucket_already_owned_by_you() || e.is_bucket_already_exists() => Ok(()),
            _ => Err(crate::error::Error::Internal { context: "creating the bucket", source: Some(error.into()) }),
        }
    }
}
