//! Requests: as many as a server takes, or so many a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// How many connections send requests at once, each one request at a time.
pub const CONNECTIONS: usize = 16;

static NEW: AtomicU64 = AtomicU64::new(0);

/// What is sent.
pub struct Request {
    method: &'static str,
    path: String,
    body: Bytes,
}

impl Request {
    pub fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), body: Bytes::new() }
    }
}

/// A user whom nobody has created.
pub fn new_user() -> Request {
    let number = NEW.fetch_add(1, Ordering::Relaxed);
    let user = json!({"userName": format!("user-{number}"), "firstName": "Ada", "lastName": "Lovelace", "passwordHash": crate::READY_HASH});
    Request { method: "POST", path: "/users".to_owned(), body: user.to_string().into() }
}

/// Creates users, and gives their ids.
pub async fn fill(address: &str, users: usize) -> Vec<String> {
    let mut connection = Connection::open(address).await;
    let mut ids = Vec::new();
    for _ in 0..users {
        let user: Value = serde_json::from_slice(&connection.ask(new_user()).await).unwrap();
        ids.push(user["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// Requests a second, as many as there can be.
pub async fn most(address: &str, make: &dyn Fn(usize) -> Request, time: Duration) -> f64 {
    let began = Instant::now();
    let work = (0..CONNECTIONS).map(async |place| {
        let mut connection = Connection::open(address).await;
        let mut count = 0;
        while began.elapsed() < time {
            connection.ask(make(place + count * CONNECTIONS)).await;
            count += 1;
        }
        count
    });
    let count: usize = join_all(work).await.into_iter().sum();
    count as f64 / began.elapsed().as_secs_f64()
}

/// How long each request took from the moment at which it was due, in milliseconds, sorted; `rate` of them are due a second.
pub async fn paced(address: &str, make: &dyn Fn(usize) -> Request, rate: f64, time: Duration) -> Vec<f64> {
    let began = Instant::now();
    let pause = Duration::from_secs_f64(1.0 / rate);
    let work = (0..CONNECTIONS).map(async |place| {
        let mut connection = Connection::open(address).await;
        let (mut times, mut number) = (Vec::new(), place);
        loop {
            let due = began + pause * u32::try_from(number).unwrap();
            if due > began + time {
                return times;
            }
            tokio::time::sleep_until(due.into()).await;
            // A timer is a millisecond late at times, which is not the server's doing; a connection that is busy is.
            let sent = Instant::now();
            let late = if connection.was_free_at > due { due } else { sent };
            connection.ask(make(number)).await;
            times.push(late.elapsed().as_secs_f64() * 1e3);
            number += CONNECTIONS;
        }
    });
    let mut times = join_all(work).await.concat();
    times.sort_by(f64::total_cmp);
    times
}

/// A thread that only sleeps, a millisecond at a time, for so long: how late it woke each time, in milliseconds, sorted. What
/// it is late, everything on this machine is.
pub fn lateness(time: Duration) -> std::thread::JoinHandle<Vec<f64>> {
    const NAP: Duration = Duration::from_millis(1);
    std::thread::spawn(move || {
        let began = Instant::now();
        let mut late = Vec::new();
        while began.elapsed() < time {
            let asleep = Instant::now();
            std::thread::sleep(NAP);
            late.push(asleep.elapsed().saturating_sub(NAP).as_secs_f64() * 1e3);
        }
        late.sort_by(f64::total_cmp);
        late
    })
}

pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
    let place = (sorted.len() as f64 * part) as usize;
    sorted[place.min(sorted.len() - 1)]
}

/// One connection that is kept.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    was_free_at: Instant,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        #[allow(clippy::disallowed_methods, reason = "a benchmark")]
        tokio::spawn(connection);
        Self { sender, was_free_at: Instant::now() }
    }

    async fn ask(&mut self, request: Request) -> Bytes {
        let request = http::Request::builder()
            .method(request.method)
            .uri(request.path)
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .body(Full::new(request.body))
            .unwrap();
        self.sender.ready().await.unwrap();
        let answer = self.sender.send_request(request).await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        self.was_free_at = Instant::now();
        body
    }
}
