//! An engine behind TLS, as AWS is, under a certificate authority of this run; it counts calls and capacity units.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as client;
use hyper::header::{CONTENT_LENGTH, HeaderName};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What an engine was asked since the last time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub calls: u32,
    /// Read capacity units.
    pub read: f64,
    /// Write capacity units.
    pub write: f64,
}

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// What `SSL_CERT_FILE` names.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// An engine's address behind TLS.
pub struct Endpoint {
    pub url: String,
    asked: Arc<Mutex<Asked>>,
}

impl Endpoint {
    /// Stands before `engine` until the process ends.
    pub async fn before(engine: SocketAddr, authority: &Authority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let asked = Arc::<Mutex<Asked>>::default();
        let (acceptor, tally) = (authority.acceptor(), Arc::clone(&asked));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (acceptor, tally) = (acceptor.clone(), Arc::clone(&tally));
                tokio::spawn(async move {
                    // A sandbox that is put away leaves its connections as they are.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _is_closed = pass_on(TokioIo::new(stream), engine, &tally).await.is_ok();
                    }
                });
            }
        });
        Self { url, asked }
    }

    /// What was asked since the last call of this.
    pub fn asked(&self) -> Asked {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

type Stream = TokioIo<tokio_rustls::server::TlsStream<TcpStream>>;

async fn pass_on(stream: Stream, engine: SocketAddr, tally: &Mutex<Asked>) -> hyper::Result<()> {
    let upstream = TcpStream::connect(engine).await.unwrap();
    upstream.set_nodelay(true).unwrap();
    let (sender, connection) = client::handshake(TokioIo::new(upstream)).await?;
    tokio::spawn(connection);
    let sender = tokio::sync::Mutex::new(sender);
    let service = service_fn(|request: Request<Incoming>| async {
        let request = with_capacity_asked_for(request).await?;
        let mut sender = sender.lock().await;
        sender.ready().await?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        count(&mut tally.lock().unwrap(), &body);
        Ok::<_, hyper::Error>(Response::from_parts(parts, Full::new(body)))
    });
    server::Builder::new().serve_connection(stream, service).await
}

/// The same request, with the question what it costs.
async fn with_capacity_asked_for(request: Request<Incoming>) -> hyper::Result<Request<Full<Bytes>>> {
    let (mut parts, body) = request.into_parts();
    let mut body = body.collect().await?.to_bytes();
    if parts.headers.contains_key(HeaderName::from_static("x-amz-target"))
        && let Ok(mut call) = serde_json::from_slice::<Value>(&body)
    {
        call["ReturnConsumedCapacity"] = "INDEXES".into();
        body = call.to_string().into();
        parts.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    Ok(Request::from_parts(parts, Full::new(body)))
}

fn count(asked: &mut Asked, answer: &[u8]) {
    asked.calls += 1;
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let is_write = answer.get("Items").is_none() && answer.get("Item").is_none() && answer.get("Responses").is_none();
    let consumed = &answer["ConsumedCapacity"];
    let tables: Vec<&Value> = consumed.as_array().map_or_else(|| vec![consumed], |tables| tables.iter().collect());
    let units: f64 = tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum();
    if is_write { asked.write += units } else { asked.read += units }
}
