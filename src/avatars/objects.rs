//! The objects of the bucket: files to be judged, and pictures to be shown.

use aws_sdk_s3::error::ProvideErrorMetadata;
#[cfg(feature = "images")]
use aws_sdk_s3::operation::get_object::GetObjectError;

use futures_util::future::try_join_all;

use super::{Avatars, failure};
use crate::domain::UserId;
#[cfg(feature = "images")]
use crate::domain::avatar::Size;
use crate::domain::avatar::{AvatarKey, UploadId, staging_object};
use crate::error::Error;

/// What everyone may keep for good: another picture has another name.
#[cfg(feature = "images")]
const IMMUTABLE: &str = "private, max-age=31536000, immutable";

/// Where nobody has pictures, to ask the bucket for.
const NOBODYS: &str = "avatars/health";

/// An uploaded file.
#[cfg(feature = "images")]
pub enum Staged {
    /// Nothing is there: not yet, or no longer.
    Absent,
    /// The role may not read it; or, where the role may not list the bucket either, nothing is there.
    Refused(Error),
    /// More bytes than were announced, which are not read.
    TooLong,
    /// The file.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// The type it was sent as.
        content_type: Option<String>,
    },
}

impl Avatars {
    /// Reads an uploaded file of at most so many bytes.
    #[cfg(feature = "images")]
    pub async fn read_upload(&self, user: UserId, upload: UploadId, most_bytes: u64) -> Result<Staged, Error> {
        let call = self.client.get_object().bucket(&*self.bucket).key(staging_object(user, upload));
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                return Ok(Staged::Absent);
            }
            Err(error) => {
                let is_refused = error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("AccessDenied");
                let error = failure::failed("reading an upload", error);
                return if is_refused { Ok(Staged::Refused(error)) } else { Err(error) };
            }
        };
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
        if length.is_none_or(|length| length > most_bytes) {
            return Ok(Staged::TooLong);
        }
        let content_type = answer.content_type().map(str::to_owned);
        let bytes = answer.body.collect().await.map_err(|error| Error::Unavailable {
            reason: "an upload could not be read to its end",
            retry_after_seconds: 1,
            source: Some(error.into()),
        })?;
        Ok(Staged::File { bytes: bytes.to_vec(), content_type })
    }

    /// Asks the bucket for pictures of nobody, which every role may list. A role that may not is refused, and that is an answer
    /// all the same. (GetObject would be cheaper, and brings the tables that `remove_all` does without.)
    pub async fn ping(&self) -> Result<(), Error> {
        let call = self.client.list_objects_v2().bucket(&*self.bucket).prefix(NOBODYS).max_keys(1);
        let Err(error) = call.send().await else { return Ok(()) };
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some("AccessDenied") => Ok(()),
            _ => Err(failure::failed("asking the bucket", error)),
        }
    }

    /// Removes an uploaded file, if it is there.
    pub async fn remove_upload(&self, user: UserId, upload: UploadId) -> Result<(), Error> {
        self.remove(staging_object(user, upload)).await
    }

    /// Writes every size of a picture.
    #[cfg(feature = "images")]
    pub async fn write_picture(&self, key: &AvatarKey, sizes: &[(Size, Vec<u8>)]) -> Result<(), Error> {
        for (size, bytes) in sizes {
            let call = self.client.put_object().bucket(&*self.bucket).key(key.object(*size));
            let call = call.content_type("image/webp").cache_control(IMMUTABLE);
            let call = call.body(bytes.clone().into());
            call.send().await.map_err(|e| failure::failed("writing a picture", e))?;
        }
        Ok(())
    }

    /// The names of all objects that hold pictures of a user, referred to or not.
    pub async fn list_pictures(&self, user: UserId) -> Result<Vec<String>, Error> {
        self.list(AvatarKey::folder(user)).await
    }

    /// The names of all files that wait to be judged.
    #[cfg(feature = "local")]
    pub async fn list_files(&self) -> Result<Vec<String>, Error> {
        self.list("uploads/".to_owned()).await
    }

    async fn list(&self, prefix: String) -> Result<Vec<String>, Error> {
        let call = self.client.list_objects_v2().bucket(&*self.bucket).prefix(prefix);
        let mut pages = call.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::failed("listing objects", error))?;
            names.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(names)
    }

    /// Some of those who have pictures, whether or not they are still users, and where to go on; nowhere at the end.
    #[cfg(feature = "local")]
    pub async fn list_owners(&self, start: Option<String>) -> Result<(Vec<UserId>, Option<String>), Error> {
        let call = self.client.list_objects_v2().bucket(&*self.bucket).prefix("avatars/").delimiter("/");
        let page = call.set_continuation_token(start).send().await;
        let page = page.map_err(|error| failure::failed("listing the owners of pictures", error))?;
        let folders = page.common_prefixes.unwrap_or_default().into_iter().filter_map(|folder| folder.prefix);
        let owner = |folder: String| UserId::parse(folder.strip_prefix("avatars/")?.strip_suffix('/')?).ok();
        Ok((folders.filter_map(owner).collect(), page.next_continuation_token))
    }

    /// Removes objects, those that are there. One by one, four at a time: DeleteObjects would bring tables of every checksum
    /// that S3 knows into the function, a tenth of its size, for pictures of four objects.
    pub async fn remove_all(&self, objects: &[String]) -> Result<(), Error> {
        /// Each has a connection of its own.
        const AT_ONCE: usize = 4;
        for some in objects.chunks(AT_ONCE) {
            try_join_all(some.iter().map(|object| self.remove(object.clone()))).await?;
        }
        Ok(())
    }

    async fn remove(&self, object: String) -> Result<(), Error> {
        match self.client.delete_object().bucket(&*self.bucket).key(object).send().await {
            Ok(_) => Ok(()),
            // S3 says yes to removing what is not there; some engines say this.
            Err(error) if error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("NoSuchKey") => Ok(()),
            Err(error) => Err(failure::failed("removing an object", error)),
        }
    }
}
