//! Gets an issuer's documents: over HTTPS (plain HTTP from this machine alone), bounded in size and time, no redirects.

use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http::Uri;
use http_body_util::{BodyExt, Limited};

use crate::error::Source;
use crate::http_client::{self, HttpClient};

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

/// The client.
pub(super) struct Fetcher(HttpClient);

impl Fetcher {
    /// A client that trusts the machine's certificate authorities, and these (PEM).
    pub(super) fn new(extra_roots: Option<Vec<u8>>) -> Self {
        let roots = move || {
            let mut roots = http_client::machine_roots();
            if let Some(pem) = extra_roots {
                http_client::add_pem(&mut roots, &pem);
                // SSL_CERT_FILE, where these come from, takes the place of the machine's roots; here it adds to them.
                if let Some(machine) = BUNDLES.iter().find_map(|path| std::fs::read(path).ok()) {
                    http_client::add_pem(&mut roots, &machine);
                }
            }
            roots
        };
        Self(HttpClient::new(roots, TIMEOUT))
    }

    /// Gets one document.
    pub(super) async fn get(&self, url: &str) -> Result<Vec<u8>, Source> {
        if !is_allowed(url) {
            return Err("only https URLs are fetched, or http on this machine".into());
        }
        let mut request = HttpRequest::get(url)?;
        request.headers_mut().insert("accept", "application/json");
        let exchange = async {
            let response = self.0.send(request).await?;
            if response.status().as_u16() != 200 {
                return Err(format!("the issuer answered {}", response.status().as_u16()).into());
            }
            let body = Limited::new(response.into_body(), MAX_BYTES).collect().await?;
            Ok::<_, Source>(body.to_bytes().to_vec())
        };
        tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| Source::from("the issuer did not answer in time"))?
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
