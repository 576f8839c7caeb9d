//! Serving HTTP/1.1 connections: limits on what a client may hold up, and an end that lets requests finish.
//!
//! A refused upload deserves an answer too. When a handler answers without having read the body (too large, no
//! such route), closing the connection at once would throw the answer away with the unread bytes, so the
//! rest is read and dropped, within bounds.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tower::{BoxError, Service, ServiceExt};

/// How long a client may take for the head of a request, and how long an unused connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// What is beyond these is refused without a body; below them, the service decides and can explain itself.
const MAX_HEADERS: usize = 400;
const MAX_HEAD_BYTES: usize = 1024 * 1024;
/// How much of an unread body is read and dropped, and for how long.
const DISCARD_BYTES: usize = 64 * 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait when connections cannot be accepted (as a rule: too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How many connections a listener has at once; more wait to be accepted. Half of the descriptors that a process
/// commonly has (1,024), so that slow clients leave enough for the engines and for calls to them.
const MAX_CONNECTIONS: usize = 512;

/// Serves `service` on `listener` until `stop` resolves, then gives requests in flight `grace` to finish.
pub(super) async fn serve<S, B>(listener: TcpListener, service: S, stop: impl Future<Output = ()>, grace: Duration)
where
    S: Service<Request<Upload>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let cut_off = serve_at_most(MAX_CONNECTIONS, listener, service, stop, grace).await;
    if cut_off > 0 {
        tracing::warn!(connections = cut_off, "requests in flight were cut off");
    }
}

/// Does the same with at most `most` connections at once, and returns how many were cut off in the end.
async fn serve_at_most<S, B>(
    most: usize,
    listener: TcpListener,
    service: S,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> usize
where
    S: Service<Request<Upload>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES);
    let service = Arc::new(service);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            _ = connections.join_next(), if connections.len() >= most => continue,
            accepted = listener.accept(), if connections.len() < most => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        let answer = service_fn(move |request: Request<Incoming>| S::clone(&service).oneshot(Upload::of(request)));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), answer));
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let finished = tokio::time::timeout(grace, graceful.shutdown()).await.is_ok();
    while connections.try_join_next().is_some() {}
    if finished { 0 } else { connections.len() }
}

/// A request body, of which the part that nobody read is read and dropped.
pub(super) struct Upload {
    body: Option<Incoming>,
    /// The client sends nothing before it is asked to; a refusal need not ask.
    waits: bool,
}

impl Upload {
    fn of(request: Request<Incoming>) -> Request<Self> {
        let waits = request.headers().contains_key(EXPECT);
        request.map(|body| Self { body: Some(body), waits })
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.waits = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.is_end_stream() || self.waits {
            return;
        }
        if let (Some(body), Ok(runtime)) = (self.body.take(), Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(DISCARD_TIMEOUT, discard(body)));
        }
    }
}

async fn discard(body: Incoming) {
    let mut body = Limited::new(body, DISCARD_BYTES);
    while let Some(Ok(_)) = body.frame().await {}
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use axum::Router;
    use axum::routing::{get, post};

    use super::*;
    use crate::local::engine::{Engine, GRACE};
    use crate::local::{listen, probe};

    fn serve_router() -> (Engine, String) {
        let slow = async || {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "done"
        };
        let router = Router::new().route("/refuse", post(async || "no, thanks")).route("/slow", get(slow));
        let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap();
        let engine =
            Engine::start("test", listener, |listener, stop| serve(listener, router, stop.told(), GRACE)).unwrap();
        let url = listen::url(engine.address());
        (engine, url)
    }

    #[test]
    fn an_upload_that_nobody_reads_is_answered() {
        let (_engine, url) = serve_router();
        let (status, answer) = probe::send("POST", &format!("{url}/refuse"), &[], &vec![b'x'; 20_000_000]);
        assert_eq!(status, 200);
        assert!(answer.ends_with("no, thanks"), "{answer}");
    }

    #[test]
    fn a_client_that_asks_first_need_not_send() {
        let (_engine, url) = serve_router();
        let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(GRACE)).unwrap();
        let head = "POST /refuse HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1000\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[test]
    fn requests_in_flight_finish_and_idle_connections_do_not_wait() {
        let (engine, url) = serve_router();
        let _idle = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        let request = std::thread::spawn(move || probe::send("GET", &format!("{url}/slow"), &[], b""));
        std::thread::sleep(Duration::from_millis(100));
        let stopping = std::time::Instant::now();
        drop(engine);
        let stopped = stopping.elapsed();
        assert!(request.join().unwrap().1.ends_with("done"));
        assert!(stopped < Duration::from_secs(1), "{stopped:?}");
    }

    #[tokio::test]
    async fn only_what_is_in_flight_counts_as_cut_off() {
        let listener = TcpListener::from_std(listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let never = Router::new().route("/", get(std::future::pending::<()>)).route("/now", get(async || "done"));
        let (stop, told) = tokio::sync::oneshot::channel::<()>();
        let told = async { drop(told.await) };
        let serving = Handle::current().spawn(serve_at_most(9, listener, never, told, Duration::from_millis(300)));
        let sent = tokio::task::spawn_blocking(move || {
            let connect = |head: &str| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(head.as_bytes()).unwrap();
                stream
            };
            let stuck = connect("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
            let idle: Vec<_> = (0..5).map(|_| connect("GET /now HTTP/1.1\r\nhost: x\r\n\r\n")).collect();
            std::thread::sleep(Duration::from_millis(100));
            (stuck, idle)
        });
        let _open = sent.await.unwrap();
        drop(stop);
        assert_eq!(serving.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_full_house_lets_the_next_one_wait() {
        let listener = TcpListener::from_std(listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap()).unwrap();
        let url = listen::url(listener.local_addr().unwrap());
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/now", get(async || "done"));
        let (stop, told) = tokio::sync::oneshot::channel::<()>();
        let told = async { drop(told.await) };
        let serving = Handle::current().spawn(serve_at_most(2, listener, router, told, Duration::from_millis(300)));
        let held = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut third = tokio::task::spawn_blocking(move || probe::send("GET", &format!("{url}/now"), &[], b""));
        assert!(tokio::time::timeout(Duration::from_millis(200), &mut third).await.is_err(), "it is answered");
        drop(held);
        assert_eq!(third.await.unwrap().0, 200);
        // A full house ends in time, too.
        let _held = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(stop);
        tokio::time::timeout(Duration::from_secs(2), serving).await.unwrap().unwrap();
    }
}
