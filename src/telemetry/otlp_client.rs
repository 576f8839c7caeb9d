//! The HTTP client that spans are sent by: the one that everything else is sent by, which is linked in any case.

use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use rustls::RootCertStore;

use crate::http_client::{HttpClient as Sender, machine_roots};

/// Most bytes of an answer, which says no more than what was not taken.
const MAX_BYTES: usize = 64 * 1024;

/// A client of one collector.
#[derive(Debug)]
pub(super) struct Client {
    sender: Sender,
    patience: Duration,
}

impl Client {
    /// A client that trusts the machine's certificate authorities, where the endpoint has a certificate.
    pub(super) fn new(endpoint: &str, patience: Duration) -> Self {
        let roots = if endpoint.starts_with("https:") { machine_roots } else { RootCertStore::empty };
        Self { sender: Sender::new(roots, patience), patience }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = HttpRequest::try_from(request.map(SdkBody::from))?;
        let exchange = async {
            let answer = self.sender.send(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await?.to_bytes();
            Ok(Response::builder().status(status).body(body)?)
        };
        tokio::time::timeout(self.patience, exchange).await?
    }
}
