//! Who sends requests, and writes down what was answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::journal::{Asked, FIRST_NAME, Journal};
use crate::harness::{HASH, picture, put};

/// One who sends requests one after the other, to users of its own.
pub struct Worker {
    number: usize,
    url: String,
    journal: Arc<Journal>,
    client: Client<HttpConnector, Full<Bytes>>,
    mine: Vec<String>,
    made: usize,
    dice: u64,
}

/// An answer that says what is, and how often was asked for it.
struct Answer {
    status: u16,
    body: Value,
    times: usize,
}

impl Worker {
    pub fn new(number: usize, url: String, journal: Arc<Journal>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { number, url, journal, client, mine: Vec::new(), made: 0, dice: 0x1234_5678 + number as u64 * 7919 }
    }

    pub async fn work(mut self, until: Instant) {
        while Instant::now() < until {
            let throw = self.throw(1000);
            if self.mine.len() < 3 || throw < 180 {
                self.create().await;
                continue;
            }
            let place = usize::try_from(self.throw(self.mine.len() as u64)).unwrap();
            let id = self.mine[place].clone();
            match throw {
                180..600 => _ = self.read(&id).await,
                600..680 => _ = self.insist("GET", "/users?limit=20", None, &[]).await,
                680..830 => self.change(&id, "firstName").await,
                830..890 => self.change(&id, "userName").await,
                890..900 => self.set_password(&id).await,
                900..908 => self.change_picture(&id).await,
                _ => {
                    self.delete(&id).await;
                    self.mine.swap_remove(place);
                }
            }
        }
    }

    /// A number below `sides` (xorshift).
    fn throw(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % sides
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(body))).unwrap();
        let began = Instant::now();
        let answer = self.client.request(request).await.expect("the server under test always answers");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let status = parts.status.as_u16();
        self.journal.answer(parts.headers["x-request-id"].to_str().unwrap(), status, began.elapsed());
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Sends until the answer says what is; 503 and 504 say that it may be either way.
    async fn insist(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        for times in 1.. {
            let (status, body) = self.send(method, path, body, headers).await;
            assert!(status < 500 || matches!(status, 503 | 504), "{method} {path}: {status} {body}");
            if status < 500 {
                return Answer { status, body, times };
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        unreachable!()
    }

    /// The user, who is as was last told.
    async fn read(&self, id: &str) -> Value {
        let Answer { status, body: user, .. } = self.insist("GET", &format!("/users/{id}"), None, &[]).await;
        assert_eq!(status, 200, "{user}");
        let (known, may_be_newer) = self.journal.known(id);
        assert_eq!((&user["userName"], &user["firstName"]), (&json!(known.user_name), &json!(known.first_name)));
        assert!(user["version"] == known.version || may_be_newer, "{user}, told {known:?}");
        user
    }

    /// The version of a user that nobody but this worker can have changed.
    fn certain(&self, id: &str, version: &Value) -> Option<u64> {
        let (_, may_be_newer) = self.journal.known(id);
        (!may_be_newer).then(|| version.as_u64().unwrap())
    }

    async fn create(&mut self) {
        self.made += 1;
        let name = format!("soak-{}-{}", self.number, self.made);
        let body = json!({"userName": name, "firstName": FIRST_NAME, "lastName": "Oak", "passwordHash": HASH});
        let Answer { status, body: user, .. } =
            self.insist("POST", "/users", Some(&body), &[("idempotency-key", &name)]).await;
        assert_eq!(status, 201, "{user}");
        let id = user["id"].as_str().unwrap().to_owned();
        self.journal.note(&user);
        self.journal.changed(&id, Asked { kind: "created", name: Some(name), version: Some(1), most: 1 });
        self.mine.push(id);
    }

    /// Changes a name under If-Match. 412 after an answer that told nothing is our own change, or that of a picture.
    async fn change(&mut self, id: &str, member: &'static str) {
        let before = self.read(id).await;
        self.journal.note(&before);
        self.made += 1;
        let (kind, value) = match member {
            "userName" => ("renamed", format!("soak-{}-{}", self.number, self.made)),
            _ => ("updated", format!("{FIRST_NAME} {}", self.made)),
        };
        let tag = format!("\"{}\"", before["version"]);
        let path = format!("/users/{id}");
        let body = json!({member: value});
        let Answer { status, body: mut user, .. } =
            self.insist("PATCH", &path, Some(&body), &[("if-match", &tag)]).await;
        let mut version = user["version"].as_u64();
        if status == 412 {
            user = self.insist("GET", &path, None, &[]).await.body;
            version = self.certain(id, &user["version"]);
        } else {
            assert_eq!(status, 200, "{user}");
        }
        self.journal.note(&user);
        let (_, may_be_newer) = self.journal.known(id);
        if user[member] == value {
            self.journal.changed(id, Asked { kind, name: Some(value), version, most: 1 });
        } else {
            assert!(status == 412 && may_be_newer && user[member] == before[member], "{value} is lost: {user}");
        }
    }

    async fn set_password(&self, id: &str) {
        let body = json!({"newPassword": "another horse battery staple"});
        let path = format!("/users/{id}/password");
        let Answer { status, body, times } = self.insist("PUT", &path, Some(&body), &[]).await;
        assert_eq!(status, 204, "{body}");
        self.journal.changed(id, Asked { kind: "password-changed", name: None, version: None, most: times });
    }

    /// Takes the picture away if there is one for certain, and else sends one.
    async fn change_picture(&self, id: &str) {
        let (known, may_be_newer) = self.journal.known(id);
        let is_changed = if known.has_picture && !may_be_newer {
            let gone = self.insist("DELETE", &format!("/users/{id}/avatar"), None, &[]).await;
            assert_eq!(gone.status, 204, "{}", gone.body);
            true
        } else {
            self.send_picture(id).await
        };
        let user = self.insist("GET", &format!("/users/{id}"), None, &[]).await.body;
        self.journal.note(&user);
        if is_changed {
            let version = self.certain(id, &user["version"]);
            self.journal.changed(id, Asked { kind: "avatar-changed", name: None, version, most: 1 });
        }
    }

    /// The engines judge the picture; if they are killed meanwhile they do it later, and it is not waited for.
    async fn send_picture(&self, id: &str) -> bool {
        let file = picture(image::ImageFormat::Png, 64, 64, [9, 99, 199]);
        let body = json!({"contentType": "image/png", "contentLength": file.len()});
        let path = format!("/users/{id}/avatar-uploads");
        let Answer { status, body: asked, .. } = self.insist("POST", &path, Some(&body), &[]).await;
        if status == 429 {
            return false;
        }
        assert_eq!(status, 201, "{asked}");
        self.journal.picture_is_sent(id);
        let sent = tokio::task::spawn_blocking({
            let asked = asked.clone();
            move || std::panic::catch_unwind(|| put(&asked, &file).status)
        });
        if !matches!(sent.await.unwrap(), Ok(200)) {
            return false;
        }
        let state = format!("{path}/{}", asked["uploadId"].as_str().unwrap());
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let upload = self.insist("GET", &state, None, &[]).await.body;
            if upload["state"] != "pending" {
                assert_eq!(upload["state"], "attached", "{upload}");
                self.journal.picture_is_settled(id);
                return true;
            }
        }
        false
    }

    async fn delete(&self, id: &str) {
        let (known, may_be_newer) = self.journal.known(id);
        let Answer { status, body, .. } = self.insist("DELETE", &format!("/users/{id}"), None, &[]).await;
        assert!(matches!(status, 204 | 404), "{body}");
        let version = (!may_be_newer).then_some(known.version);
        self.journal.gone(id);
        self.journal.changed(id, Asked { kind: "deleted", name: None, version, most: 1 });
    }
}
