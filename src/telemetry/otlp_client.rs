//! The HTTP client that spans are sent by: the one that everything else is sent by, which is linked in any case.

use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

use crate::error::Source;

/// Most bytes of an answer, which says no more than what was not taken.
const MAX_BYTES: usize = 64 * 1024;

/// A client of one collector.
#[derive(Debug)]
pub(super) struct Client {
    connector: Connector,
    patience: Duration,
}

impl Client {
    /// A client that trusts the machine's certificate authorities, where the endpoint has a certificate.
    pub(super) fn new(endpoint: &str, patience: Duration) -> Result<Self, Source> {
        let connector = if endpoint.starts_with("https:") {
            let trust = TrustStore::empty().with_native_roots(true);
            let tls = TlsContext::builder().with_trust_store(trust).build()?;
            Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build()
        } else {
            Connector::builder().build_http()
        };
        Ok(Self { connector, patience })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = HttpRequest::try_from(request.map(SdkBody::from))?;
        let exchange = async {
            let answer = self.connector.call(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await?.to_bytes();
            Ok(Response::builder().status(status).body(body)?)
        };
        tokio::time::timeout(self.patience, exchange).await?
    }
}
