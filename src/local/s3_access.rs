//! What the S3 engine lets through to its files: signed requests, to buckets that exist, with keys that are safe as
//! paths.

use std::path::PathBuf;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, Uri};
use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{CopyObjectInput, CopySource, DeleteObjectsInput, PostObjectInput, UploadPartCopyInput};
use s3s::path::S3Path;
use s3s::{S3Request, S3Result, s3_error};

/// Lets in signed requests, all of whose `x-amz-` headers are signed too.
pub(super) struct Access {
    /// Each bucket is a folder in it.
    pub(super) root: PathBuf,
}

#[async_trait]
impl S3Access for Access {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        if request.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Signature is required"));
        }
        if unsigned_header(request.uri(), request.headers()).is_some() {
            return Err(s3_error!(AccessDenied, "There were headers present in the request which were not signed"));
        }
        let (bucket, key) = match request.s3_path() {
            S3Path::Root => return Ok(()),
            S3Path::Bucket { bucket } => (bucket, None),
            S3Path::Object { bucket, key } => (bucket, Some(key)),
        };
        if request.s3_op().name() != "CreateBucket" && !self.root.join(&**bucket).is_dir() {
            return Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"));
        }
        key.map_or(Ok(()), |key| check_key(key))
    }

    // The keys that are not in the path of the URL.

    async fn post_object(&self, request: &mut S3Request<PostObjectInput>) -> S3Result<()> {
        check_key(&request.input.key)
    }

    async fn copy_object(&self, request: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        check_source(&request.input.copy_source)
    }

    async fn upload_part_copy(&self, request: &mut S3Request<UploadPartCopyInput>) -> S3Result<()> {
        check_source(&request.input.copy_source)
    }

    async fn delete_objects(&self, request: &mut S3Request<DeleteObjectsInput>) -> S3Result<()> {
        request.input.delete.objects.iter().try_for_each(|object| check_key(&object.key))
    }
}

fn check_source(source: &CopySource) -> S3Result<()> {
    match source {
        CopySource::Bucket { key, .. } => check_key(key),
        _ => Ok(()),
    }
}

/// Refuses a key that, as a path, would name another file. A key may end in `/`, as a folder's does.
fn check_key(key: &str) -> S3Result<()> {
    let key = key.strip_suffix('/').unwrap_or(key);
    if key.contains(['\\', '\0']) || key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(s3_error!(InvalidArgument, "A key here has no empty segments, no . and no .., and no backslash"));
    }
    Ok(())
}

/// Returns an `x-amz-` header of a presigned request that its signature does not cover.
fn unsigned_header<'a>(uri: &Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut query = uri.query()?.split('&');
    let signed = query.find_map(|part| part.strip_prefix("X-Amz-SignedHeaders="))?;
    let signed = signed.replace("%3B", ";").replace("%3b", ";");
    let mut names = headers.keys().map(HeaderName::as_str);
    names.find(|name| name.starts_with("x-amz-") && !signed.split(';').any(|one| one == *name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_s3::presigning::PresigningConfig;
    use aws_sdk_s3::types::{Delete, ObjectIdentifier};

    use crate::local::S3;
    use crate::local::probe::{self, send};

    async fn presigned_put(engine: &S3, bucket: &str, key: &str) -> String {
        let expiry = PresigningConfig::expires_in(Duration::from_secs(300)).unwrap();
        let put = probe::s3(&engine.url()).put_object().bucket(bucket).key(key).presigned(expiry).await.unwrap();
        put.uri().to_owned()
    }

    #[tokio::test]
    async fn a_key_stays_in_its_bucket() {
        let engine = S3::temporary().unwrap();
        let client = probe::s3(&engine.url());
        for bucket in ["pictures", "others"] {
            client.create_bucket().bucket(bucket).send().await.unwrap();
        }
        client.put_object().bucket("pictures").key("a").body(b"data".to_vec().into()).send().await.unwrap();
        for key in ["..", "../others/b", "../../b", "a/../../others/b", "./b", "a//b", "/etc/b", "a/..", "b\\c"] {
            let (status, answer) = send("PUT", &presigned_put(&engine, "pictures", key).await, &[], b"data");
            assert_eq!(status, 400, "{key}: {answer}");
            assert!(answer.contains("<Code>InvalidArgument</Code>"), "{key}: {answer}");
            let copied = client.copy_object().bucket("others").key("c").copy_source(format!("pictures/{key}")).send();
            assert!(copied.await.is_err(), "{key}");
            let one = ObjectIdentifier::builder().key(key).build().unwrap();
            let all = Delete::builder().objects(one).build().unwrap();
            assert!(client.delete_objects().bucket("others").delete(all).send().await.is_err(), "{key}");
        }
        for key in ["a..b", "...", "x/.hidden", "folder/"] {
            let (status, answer) = send("PUT", &presigned_put(&engine, "pictures", key).await, &[], b"");
            assert_eq!(status, 200, "{key}: {answer}");
        }
        assert!(client.list_objects_v2().bucket("others").send().await.unwrap().contents().is_empty());
    }

    #[tokio::test]
    async fn a_bucket_that_is_not_there_is_not_made() {
        let engine = S3::temporary().unwrap();
        for _ in 0..2 {
            let (status, answer) = send("PUT", &presigned_put(&engine, "nobucket", "k").await, &[], b"data");
            assert_eq!(status, 404, "{answer}");
            assert!(answer.contains("<Code>NoSuchBucket</Code>"), "{answer}");
        }
        assert!(probe::s3(&engine.url()).head_bucket().bucket("nobucket").send().await.is_err());
    }
}
