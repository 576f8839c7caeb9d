//! The HTTP client that everything is sent by: calls to AWS, documents of issuers, spans.
//!
//! DynamoDB's and S3's clients share one, which trusts Amazon's authorities; EventBridge, the Parameter Store, issuers and
//! collectors have one each.
//! HTTP/1.1 alone, which is what DynamoDB and S3 speak, over TLS by ring, by hyper's pool of connections. The SDK's own
//! (`aws-smithy-http-client`) has HTTP/2 and proxies with it, and builds the TLS side anew for each SDK client and again at
//! the first call: docs/PERFORMANCE.md has what that costs.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector as TcpConnector, capture_connection};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tower::Service;

use crate::error::Source;
use crate::late::Late;

/// A client with connections of its own. Cheap to clone; a clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient(Late<Client<Patient, SdkBody>>);

impl HttpClient {
    /// A client that trusts servers under these authorities, and waits so long for a connection, name and TLS included. It is
    /// built, and `roots` called, when it is first asked for something.
    pub(crate) fn new(roots: impl FnOnce() -> RootCertStore + Send + 'static, connect_timeout: Duration) -> Self {
        Self(Late::new(move || {
            let mut tcp = TcpConnector::new();
            tcp.enforce_http(false);
            // Otherwise a request in two parts waits 40 ms for an acknowledgement.
            tcp.set_nodelay(true);
            let https = HttpsConnectorBuilder::new().with_tls_config(tls(roots())).https_or_http().enable_http1();
            let connector = Patient { https: https.wrap_connector(tcp), patience: connect_timeout };
            // Connections that nobody used for a while are closed by the timer.
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
        }))
    }

    /// A client for plain HTTP, which trusts nobody.
    #[cfg(test)]
    pub(crate) fn without_tls() -> Self {
        Self::new(RootCertStore::empty, Duration::from_secs(1))
    }

    /// Sends one request; the answer's body arrives as it is read.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        self.call(request).await
    }

    /// The same client, as the SDK wants to have it. What the SDK's settings say of connecting and reading is not heard: how
    /// long a connection is waited for is said above, and how long an answer, by each attempt's time.
    pub(crate) fn for_sdk(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }
}

/// Connects, and gives up after a while.
#[derive(Clone, Debug)]
struct Patient {
    https: HttpsConnector<TcpConnector>,
    patience: Duration,
}

impl Service<Uri> for Patient {
    type Response = <HttpsConnector<TcpConnector> as Service<Uri>>::Response;
    type Error = Source;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Source>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Source>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connection = tokio::time::timeout(self.patience, self.https.call(uri));
        Box::pin(async {
            connection.await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))?
        })
    }
}

fn tls(roots: RootCertStore) -> ClientConfig {
    #[expect(clippy::expect_used, reason = "ring has cipher suites for both versions")]
    let mut tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .expect("TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // There are two or three servers, and not 256.
    tls.resumption = Resumption::in_memory_sessions(8);
    tls
}

/// Adds the certificate authorities of a PEM file to `roots`, as far as they can be read; gives how many.
pub(crate) fn add_pem(roots: &mut RootCertStore, pem: &[u8]) -> usize {
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).flatten()).0
}

/// The certificate authorities that this machine trusts, or those that `SSL_CERT_FILE` names instead; reading them takes
/// milliseconds.
pub(crate) fn machine_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        tracing::warn!("this machine has no certificate authorities: no server elsewhere will be trusted");
    }
    roots
}

impl HttpConnector for HttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let connection = capture_connection(&mut request);
        // By this the SDK has a connection closed on which an answer failed or did not come.
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || poisonable(&connection));
        }
        let answer = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await.map_err(failure)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn poisonable(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    connection.connection_metadata().as_ref()?;
    let connection = connection.clone();
    let poison = move || {
        if let Some(connected) = connection.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
}

/// What went wrong, in the SDK's classes, which decide whether it tries again.
fn failure(error: ClientError) -> ConnectorError {
    let hyper = find::<hyper::Error>(&error);
    let is_user = hyper.is_some_and(hyper::Error::is_user);
    let io = find::<io::Error>(&error);
    let is_timeout =
        hyper.is_some_and(hyper::Error::is_timeout) || io.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut);
    let is_cut = hyper.is_some_and(|error| error.is_closed() || error.is_canceled());
    // The server closed the connection while, or just before, the request was sent.
    let is_incomplete = hyper.is_some_and(hyper::Error::is_incomplete_message);
    let is_io = error.is_connect() || is_cut || io.is_some();
    let error = Box::new(error);
    if is_timeout {
        ConnectorError::timeout(error)
    } else if is_user {
        ConnectorError::user(error)
    } else if is_incomplete {
        ConnectorError::other(error, Some(ErrorKind::TransientError))
    } else if is_io {
        ConnectorError::io(error)
    } else {
        ConnectorError::other(error, None)
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// What a server does with the connections that it takes, one after the other, each after it has read a request.
    async fn server(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serving = async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                converse(&mut stream, answer).await;
            }
        };
        tokio::runtime::Handle::current().spawn(serving);
        url
    }

    async fn converse(stream: &mut TcpStream, answer: &str) {
        let mut request = [0; 4096];
        // One connection is kept for as many requests as the client sends by it.
        while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
            stream.write_all(answer.as_bytes()).await.unwrap();
            if !answer.ends_with("ok") {
                return;
            }
        }
    }

    async fn ask(client: &HttpClient, url: &str) -> Result<String, ConnectorError> {
        let response = client.send(HttpRequest::get(url).unwrap()).await?;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    #[tokio::test]
    async fn a_connection_is_kept_and_shared_by_clones() {
        // It takes one connection only.
        let url = server(&[OK]).await;
        let client = HttpClient::without_tls();
        assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        assert_eq!(ask(&client.clone(), &url).await.unwrap(), "ok");
    }

    #[tokio::test]
    async fn a_poisoned_connection_is_not_used_again() {
        let url = server(&[OK, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nnew"]).await;
        let client = HttpClient::without_tls();
        let capture = CaptureSmithyConnection::new();
        let mut request = HttpRequest::get(&url).unwrap();
        request.add_extension(capture.clone());
        let answer = client.send(request).await.unwrap();
        answer.into_body().collect().await.unwrap();
        capture.get().unwrap().poison();
        assert_eq!(ask(&client, &url).await.unwrap(), "new");
    }

    #[tokio::test]
    async fn failures_are_of_the_classes_by_which_the_sdk_decides() {
        let client = HttpClient::without_tls();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let refused = ask(&client, &format!("http://{free}/")).await.unwrap_err();
        assert!(refused.is_io(), "{refused:?}");
        let hung_up = ask(&client, &server(&[""]).await).await.unwrap_err();
        assert_eq!(hung_up.as_other(), Some(ErrorKind::TransientError), "{hung_up:?}");
        let nonsense = ask(&client, &server(&["SSH-2.0-OpenSSH_9.2\r\n"]).await).await.unwrap_err();
        assert!(nonsense.is_other() && nonsense.as_other().is_none(), "{nonsense:?}");
        // It does not speak TLS.
        let plain = server(&["SSH-2.0-OpenSSH_9.2\r\n"]).await.replace("http:", "https:");
        let plain = ask(&client, &plain).await.unwrap_err();
        assert!(plain.is_io(), "{plain:?}");
    }

    #[tokio::test]
    async fn a_connection_is_waited_for_so_long() {
        let client = HttpClient::new(RootCertStore::empty, Duration::from_millis(50));
        // It is connected to, and never says a word of TLS.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", silent.local_addr().unwrap());
        let error = tokio::time::timeout(Duration::from_secs(20), ask(&client, &url)).await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
    }

    #[test]
    fn what_cannot_be_read_of_a_bundle_is_left_out() {
        let mut roots = RootCertStore::empty();
        let pem = include_str!("amazon_roots.pem");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(add_pem(&mut roots, format!("{broken}{pem}").as_bytes()), 6);
        assert_eq!(roots.len(), 6);
    }
}
