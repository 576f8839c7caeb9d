//! An engine behind TLS, as AWS is, under a certificate authority of this run; what is asked of it is counted, capacity units as
//! far as the caller has them told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::header::HeaderName;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What the engines were asked since the last time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Calls to DynamoDB, and to EventBridge.
    pub calls: u32,
    /// Read capacity units.
    pub read: f64,
    /// Write capacity units.
    pub write: f64,
    /// Calls to S3.
    pub s3_calls: u32,
    /// Those of them that write or list, which cost most.
    pub s3_writes: u32,
    /// Those that read. The others remove, for nothing.
    pub s3_reads: u32,
}

/// What is asked of all engines of a world.
pub type Tally = Arc<Mutex<Asked>>;

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
}

impl Endpoint {
    /// Stands before `engine` until the process ends.
    pub async fn before(engine: SocketAddr, authority: &Authority, tally: &Tally) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (acceptor, tally) = (authority.acceptor(), Arc::clone(tally));
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
        Self { url }
    }
}

/// The operation, which DynamoDB's and EventBridge's calls name in a header.
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

type Stream = TokioIo<tokio_rustls::server::TlsStream<TcpStream>>;

async fn pass_on(stream: Stream, engine: SocketAddr, tally: &Mutex<Asked>) -> hyper::Result<()> {
    let upstream = TcpStream::connect(engine).await.unwrap();
    upstream.set_nodelay(true).unwrap();
    let (sender, connection) = client::handshake(TokioIo::new(upstream)).await?;
    tokio::spawn(connection);
    let sender = tokio::sync::Mutex::new(sender);
    let service = service_fn(|request: Request<Incoming>| async {
        let is_s3 = !request.headers().contains_key(TARGET);
        if is_s3 {
            count_s3(&mut tally.lock().unwrap(), request.method(), request.uri());
        }
        let mut sender = sender.lock().await;
        sender.ready().await?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        if !is_s3 {
            count(&mut tally.lock().unwrap(), &body);
        }
        Ok::<_, hyper::Error>(Response::from_parts(parts, Full::new(body)))
    });
    server::Builder::new().serve_connection(stream, service).await
}

fn count_s3(asked: &mut Asked, method: &Method, uri: &Uri) {
    asked.s3_calls += 1;
    let is_list = uri.query().is_some_and(|query| query.contains("list-type="));
    match *method {
        Method::GET | Method::HEAD if !is_list => asked.s3_reads += 1,
        Method::DELETE => {}
        _ => asked.s3_writes += 1,
    }
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
