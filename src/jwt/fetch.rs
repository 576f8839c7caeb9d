//! Gets an issuer's documents: over HTTPS (plain HTTP from this machine alone), bounded in size and time, no redirects.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http::Uri;
use http_body_util::{BodyExt, Limited};

use crate::error::Source;

/// Most bytes of a document.
const MAX_BYTES: usize = 128 * 1024;
/// How long one document may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Where machines keep the certificate authorities that they trust: Amazon Linux, Debian, macOS and Alpine.
const BUNDLES: [&str; 3] =
    ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"];

/// Whether documents may be fetched from here.
pub(crate) fn is_allowed(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let is_loopback =
        host == "localhost" || host == "[::1]" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_loopback,
        _ => false,
    }
}

/// The client; built at the first use, for trust roots take milliseconds to read.
pub(super) struct Fetcher {
    extra_roots: Option<Vec<u8>>,
    connector: OnceLock<Connector>,
}

impl Fetcher {
    /// A client that trusts the machine's certificate authorities, and these (PEM).
    pub(super) fn new(extra_roots: Option<Vec<u8>>) -> Self {
        Self { extra_roots, connector: OnceLock::new() }
    }

    /// Gets one document.
    pub(super) async fn get(&self, url: &str) -> Result<Vec<u8>, Source> {
        if !is_allowed(url) {
            return Err("only https URLs are fetched, or http on this machine".into());
        }
        let mut request = HttpRequest::get(url)?;
        request.headers_mut().insert("accept", "application/json");
        let connector = if let Some(connector) = self.connector.get() {
            connector
        } else {
            let built = self.connect()?;
            self.connector.get_or_init(|| built)
        };
        let exchange = async {
            let response = connector.call(request).await?;
            if response.status().as_u16() != 200 {
                return Err(format!("the issuer answered {}", response.status().as_u16()).into());
            }
            let body = Limited::new(response.into_body(), MAX_BYTES).collect().await?;
            Ok::<_, Source>(body.to_bytes().to_vec())
        };
        tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| Source::from("the issuer did not answer in time"))?
    }

    fn connect(&self) -> Result<Connector, Source> {
        let mut trust = TrustStore::empty().with_native_roots(true);
        if let Some(pem) = &self.extra_roots {
            trust.add_pem_certificate(pem.clone());
            // SSL_CERT_FILE, where these come from, takes the place of the native roots in the library; here it adds to them.
            if let Some(machine) = BUNDLES.iter().find_map(|path| std::fs::read(path).ok()) {
                trust.add_pem_certificate(machine);
            }
        }
        let tls = TlsContext::builder().with_trust_store(trust).build()?;
        Ok(Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_over_tls_or_from_this_machine() {
        for (url, allowed) in [
            ("https://issuer.example/keys", true),
            ("http://127.0.0.1:8000/keys", true),
            ("http://localhost/keys", true),
            ("http://[::1]:1/keys", true),
            ("http://issuer.example/keys", false),
            ("http://127.0.0.1.issuer.example/keys", false),
            ("http://localhost@issuer.example/keys", false),
            ("file:///etc/passwd", false),
            ("/etc/passwd", false),
            ("https:", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(url), allowed, "{url}");
        }
    }
}
