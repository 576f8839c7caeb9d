//! An issuer behind TLS, with a certificate authority of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A certificate authority that nobody knows yet.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a server's certificate says.
pub struct Certificate {
    pub name: &'static str,
    pub until_year: i32,
}

impl Authority {
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// A PEM file, as `SSL_CERT_FILE` names one.
    pub fn file(&self) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.0.pem()).unwrap();
        file
    }

    /// Starts a server that gives `answer`, head and all, to every request, and says on which port; ends with the process.
    pub fn serve(&self, certificate: &Certificate, answer: String) -> u16 {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![certificate.name.to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(certificate.until_year, 1, 1);
        let signed = parameters.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(signed.der().to_vec())],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
                let mut line = String::new();
                // A client that does not trust the certificate ends here.
                if BufReader::new(&mut stream).read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                    let _ = stream.write_all(answer.as_bytes());
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }
        });
        port
    }
}

/// A whole answer of a server.
pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
