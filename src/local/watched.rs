//! The file engine, with a word to whoever wants to hear of finished uploads, as S3's event notifications give it.
//!
//! A PUT and a POST form both end in `put_object` here. Everything else is handed on as it comes.

use async_trait::async_trait;
use s3s::dto;
use s3s::{S3, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

/// What S3 would tell: an event of one record for each object created under `uploads/`.
pub type Events = UnboundedSender<Value>;

/// Files that tell of new ones.
pub(super) struct Watched {
    pub(super) files: FileSystem,
    pub(super) events: Option<Events>,
}

impl Watched {
    fn tell(&self, bucket: &str, key: &str) {
        let Some(events) = &self.events else { return };
        // The rule of template.yaml: what the handler itself writes makes no events.
        if key.starts_with("uploads/") {
            // Nobody listens any more when the server is about to end.
            let _ = events.send(created(bucket, key));
        }
    }
}

/// The event of one created object, without what nobody here reads.
pub fn created(bucket: &str, key: &str) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket}, "object": {"key": key}},
    }]})
}

macro_rules! watched {
    ($($operation:ident: $input:ident => $output:ident,)*) => {
        #[async_trait]
        impl S3 for Watched {
            async fn put_object(
                &self,
                request: S3Request<dto::PutObjectInput>,
            ) -> S3Result<S3Response<dto::PutObjectOutput>> {
                let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
                let answer = self.files.put_object(request).await?;
                self.tell(&bucket, &key);
                Ok(answer)
            }

            async fn complete_multipart_upload(
                &self,
                request: S3Request<dto::CompleteMultipartUploadInput>,
            ) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
                let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
                let answer = self.files.complete_multipart_upload(request).await?;
                self.tell(&bucket, &key);
                Ok(answer)
            }

            $(async fn $operation(&self, request: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                self.files.$operation(request).await
            })*
        }
    };
}

watched! {
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput,
    copy_object: CopyObjectInput => CopyObjectOutput,
    create_bucket: CreateBucketInput => CreateBucketOutput,
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
    delete_bucket: DeleteBucketInput => DeleteBucketOutput,
    delete_object: DeleteObjectInput => DeleteObjectOutput,
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput,
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
    get_object: GetObjectInput => GetObjectOutput,
    head_bucket: HeadBucketInput => HeadBucketOutput,
    head_object: HeadObjectInput => HeadObjectOutput,
    list_buckets: ListBucketsInput => ListBucketsOutput,
    list_objects: ListObjectsInput => ListObjectsOutput,
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output,
    list_parts: ListPartsInput => ListPartsOutput,
    upload_part: UploadPartInput => UploadPartOutput,
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput,
}
