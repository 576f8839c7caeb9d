//! The embedded S3: the service `s3s` over plain files (`s3s-fs`), for presigned uploads and downloads.
//!
//! It knows one key pair, [`LOCAL_CREDENTIALS`], and verifies every signature. Two things that S3 does
//! and the service does not are added here: browsers of any origin are let in (CORS), and a presigned
//! request with an `x-amz-` header that was not signed is refused (`s3_access`).
//!
//! Limits of the files below: a key of more than 160 characters or so fails, and `a` excludes `a/b`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use s3s::HttpError;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tower::util::MapErr;
use tower::{BoxError, Layer};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use super::engine::{Engine, GRACE};
use super::s3_access::Access;
use super::watched::{Events, Watched};
use super::{Trouble, connections, listen};
use crate::config::LOCAL_CREDENTIALS;

/// Where the objects are kept.
#[derive(Debug, Clone)]
pub enum Storage {
    /// In a folder of the system's temporary folder, removed with the engine.
    Temporary,
    /// In this folder, which exists; each bucket is a folder in it.
    Folder(PathBuf),
}

/// A running S3 engine, which stops when dropped (that takes some milliseconds of the caller's thread).
pub struct S3 {
    // Dropped in this order: nothing writes any more when the folder goes.
    engine: Engine,
    _temporary: Option<TempDir>,
}

impl S3 {
    /// Starts the engine on `listener`; it tells `events` of each finished upload.
    pub fn start(listener: TcpListener, storage: &Storage, events: Option<Events>) -> Result<Self, Trouble> {
        let trouble = Trouble::start("the S3 engine");
        let (temporary, root) = match storage {
            Storage::Temporary => {
                let folder = tempfile::Builder::new().prefix("roster-s3-").tempdir().map_err(&trouble)?;
                let root = folder.path().to_owned();
                (Some(folder), root)
            }
            Storage::Folder(folder) => (None, folder.clone()),
        };
        let files = FileSystem::new(&root).map_err(|error| trouble(io::Error::other(format!("{error:?}"))))?;
        let files = Watched { files, events };
        let service = cors().layer(MapErr::new(service(files, root), BoxError::from as fn(HttpError) -> BoxError));
        Engine::start("s3", listener, |listener, stop| connections::serve(listener, service, stop.told(), GRACE))
            .map(|engine| Self { engine, _temporary: temporary })
            .map_err(trouble)
    }

    /// Starts an empty engine in a temporary folder, on a free port of the loopback address.
    pub fn temporary() -> Result<Self, Trouble> {
        Self::temporary_with(None)
    }

    /// The same, telling `events` of each finished upload.
    pub fn temporary_with(events: Option<Events>) -> Result<Self, Trouble> {
        Self::start(listen::bind(listen::FREE_LOOPBACK_PORT, "--s3-listen")?, &Storage::Temporary, events)
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.engine.address()
    }

    /// Returns the endpoint URL for clients on this machine.
    pub fn url(&self) -> String {
        listen::url(self.address())
    }

    /// Stops the engine, once the requests in flight are answered.
    pub fn stop(self) {}
}

/// Answers as S3 from `files`.
fn service(files: impl s3s::S3, root: PathBuf) -> S3Service {
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(LOCAL_CREDENTIALS.access_key, LOCAL_CREDENTIALS.secret_key));
    service.set_access(Access { root });
    service.build()
}

/// Lets in the pages of every origin, as the bucket's CORS rules do.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
        .max_age(Duration::from_mins(50))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::presigning::PresigningConfig;

    use super::*;
    use crate::local::probe::{self, send};

    async fn presigned_put(engine: &S3) -> String {
        let client = probe::s3(&engine.url());
        client.create_bucket().bucket("pictures").send().await.unwrap();
        let expiry = PresigningConfig::expires_in(Duration::from_secs(300)).unwrap();
        let put = client.put_object().bucket("pictures").key("a/b.png").content_type("image/png").content_length(4);
        put.presigned(expiry).await.unwrap().uri().to_owned()
    }

    #[tokio::test]
    async fn a_presigned_upload_arrives() {
        let engine = S3::temporary().unwrap();
        let url = presigned_put(&engine).await;
        let (status, answer) =
            send("PUT", &url, &[("content-type", "image/png"), ("origin", "http://page.example")], b"data");
        assert_eq!(status, 200, "{answer}");
        assert!(answer.to_lowercase().contains("access-control-allow-origin: *"), "{answer}");
        let object = probe::s3(&engine.url()).get_object().bucket("pictures").key("a/b.png").send().await.unwrap();
        assert_eq!(object.content_type(), Some("image/png"));
        assert_eq!(object.body.collect().await.unwrap().into_bytes(), "data");
    }

    #[tokio::test]
    async fn whatever_was_not_signed_is_refused() {
        let engine = S3::temporary().unwrap();
        let url = presigned_put(&engine).await;
        let signed = ("content-type", "image/png");
        let (start, signature) = url.split_once("X-Amz-Signature=").unwrap();
        let otherwise_signed = format!("{start}X-Amz-Signature={}", signature.replace('a', "b").replace('0', "1"));
        for (what, url, headers, body) in [
            ("an extra header", &url, vec![signed, ("x-amz-meta-role", "admin")], "data"),
            ("an extra checksum", &url, vec![signed, ("X-Amz-Checksum-Crc32", "AAAAAA==")], "data"),
            ("another type", &url, vec![("content-type", "text/html")], "data"),
            ("another length", &url, vec![signed], "more data"),
            ("another key", &url.replace("b.png", "c.png"), vec![signed], "data"),
            ("another signature", &otherwise_signed, vec![signed], "data"),
            ("no signature", &format!("{}/pictures/a/b.png", engine.url()), vec![signed], "data"),
        ] {
            let (status, answer) = send("PUT", url, &headers, body.as_bytes());
            assert_eq!(status, 403, "{what}: {answer}");
            assert!(answer.contains("<Code>"), "{what}: {answer}");
        }
        let objects = probe::s3(&engine.url()).list_objects_v2().bucket("pictures").send().await.unwrap();
        assert!(objects.contents().is_empty(), "{objects:?}");
    }

    #[test]
    fn a_browser_may_ask_first() {
        let engine = S3::temporary().unwrap();
        let asked = [
            ("origin", "http://page.example"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "content-type,x-amz-checksum-sha256"),
        ];
        let (status, answer) = send("OPTIONS", &format!("{}/pictures/a/b.png", engine.url()), &asked, b"");
        assert_eq!(status, 200, "{answer}");
        let answer = answer.to_lowercase();
        for header in ["origin: *", "headers: content-type,x-amz-checksum-sha256", "methods: get,head,put"] {
            assert!(answer.contains(&format!("access-control-allow-{header}")), "{header} in {answer}");
        }
    }

    #[test]
    #[expect(clippy::used_underscore_binding, reason = "it is there to be dropped, and here to be seen gone")]
    fn a_temporary_folder_goes_with_its_engine() {
        let engine = S3::temporary().unwrap();
        let folder = engine._temporary.as_ref().unwrap().path().to_owned();
        assert!(folder.is_dir());
        engine.stop();
        assert!(!folder.exists());
    }
}
