//! Who sends requests, and what was answered.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::harness::{HASH, picture, put, tell};

/// A name that stands in no log line.
const FIRST_NAME: &str = "Quillon";

/// A user as the last answer told.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    user_name: String,
    first_name: String,
    version: u64,
    /// Whether a picture may have come after the last answer.
    may_have_picture: bool,
}

/// All that was answered.
#[derive(Default)]
pub struct Journal {
    /// By id; none if the user is deleted.
    users: Mutex<BTreeMap<String, Option<Known>>>,
    /// Every change that was acknowledged, in order per user: id and kind of event.
    changes: Mutex<Vec<(String, &'static str)>>,
    /// The ids of all requests that were answered.
    answered: Mutex<Vec<String>>,
    statuses: Mutex<BTreeMap<u16, usize>>,
    requests: AtomicUsize,
    slowest_micros: AtomicU64,
}

impl Journal {
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub fn slowest(&self) -> Duration {
        Duration::from_micros(self.slowest_micros.load(Ordering::Relaxed))
    }

    fn changed(&self, id: &str, kind: &'static str) {
        self.changes.lock().unwrap().push((id.to_owned(), kind));
    }

    /// Every user that was acknowledged is there as it was last told, nothing else is, and everything is whole.
    pub fn compare_with_table(&self, items: &[HashMap<String, AttributeValue>]) -> String {
        let text = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
        let of_kind = |prefix: &str| -> Vec<_> {
            items.iter().filter(|item| item["pk"].as_s().unwrap().starts_with(prefix)).collect()
        };
        let stored: BTreeMap<String, _> = of_kind("USER#")
            .into_iter()
            .filter(|item| item["sk"].as_s().unwrap() == "USER")
            .map(|item| (text(item, "pk").split_once('#').unwrap().1.to_owned(), item))
            .collect();
        let users = self.users.lock().unwrap();
        for (id, known) in users.iter() {
            let Some(known) = known else {
                assert!(!stored.contains_key(id), "{id} was deleted");
                continue;
            };
            let item = stored.get(id).unwrap_or_else(|| panic!("{id} {known:?} is lost"));
            let version: u64 = item["version"].as_n().unwrap().parse().unwrap();
            let found = (text(item, "userName"), text(item, "firstName"));
            assert_eq!(found, (known.user_name.clone(), known.first_name.clone()), "{id}");
            assert!(version == known.version || known.may_have_picture, "{id}: {version}, told {known:?}");
        }
        let alive = users.values().flatten().count();
        assert_eq!(stored.len(), alive, "nobody is there twice or unasked");
        let ids: BTreeSet<&String> = stored.keys().collect();
        let guards: Vec<String> = of_kind("NAME#").into_iter().map(|item| text(item, "id")).collect();
        assert_eq!((guards.len(), guards.iter().collect::<BTreeSet<_>>()), (ids.len(), ids.clone()), "one name each");
        assert_eq!(of_kind("CRED#").len(), ids.len(), "one credential each");
        let changes = self.changes.lock().unwrap();
        let mut by_kind = BTreeMap::new();
        changes.iter().for_each(|(_, kind)| *by_kind.entry(*kind).or_insert(0) += 1);
        format!(
            "{} users, {alive} alive, {} changes acknowledged, 0 lost: {by_kind:?}\nanswers: {:?}, slowest {:?}",
            users.len(),
            changes.len(),
            self.statuses.lock().unwrap(),
            self.slowest(),
        )
    }

    /// Every line is JSON, every request that was answered has one line, and nobody's name is there.
    pub fn compare_with_log(&self, log: &str) -> String {
        let (mut seen, mut faults) = (HashSet::new(), 0_u64);
        for line in log.lines() {
            assert!(!line.contains(FIRST_NAME) && !line.contains("soak-") && !line.contains("argon2"), "{line}");
            let parsed: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if parsed["message"] == "request" && parsed["route"].is_string() {
                assert!(seen.insert(parsed["requestId"].as_str().unwrap().to_owned()), "told twice: {line}");
                faults += parsed["faults"].as_u64().unwrap();
                assert!(parsed["_aws"]["CloudWatchMetrics"].is_array(), "{line}");
            }
        }
        let answered = self.answered.lock().unwrap();
        let missing = answered.iter().filter(|id| !seen.contains(*id)).count();
        assert_eq!(missing, 0, "every request that was answered has its line");
        assert_eq!(seen.len(), answered.len(), "and no line is of nothing");
        format!("{} lines, all JSON; {} of requests, one each; {faults} faults", log.lines().count(), seen.len())
    }

    /// Every acknowledged change is there as an event, once by its id, and in order per user; where events are published.
    pub fn compare_with_events(&self, events: Option<&[Value]>) {
        let Some(events) = events else {
            tell("change events: this build publishes none");
            return;
        };
        let mut ids = HashSet::new();
        let mut told: HashMap<String, Vec<String>> = HashMap::new();
        for event in events.iter().filter(|event| ids.insert(event["id"].to_string())) {
            let user = event["subject"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            told.entry(user).or_default().push(event["type"].as_str().unwrap().to_owned());
        }
        let mut expected: HashMap<String, Vec<String>> = HashMap::new();
        for (id, kind) in self.changes.lock().unwrap().iter() {
            expected.entry(id.clone()).or_default().push((*kind).to_owned());
        }
        for (id, kinds) in expected {
            let told = told.remove(&id).unwrap_or_default();
            let mut ends: Vec<_> = told.iter().map(|kind| kind.rsplit("user.").next().unwrap().to_owned()).collect();
            // A password that was set again after an answer that told nothing has been set twice, and a picture whose
            // state could not be learnt may have come all the same.
            let mut kinds = kinds;
            for list in [&mut ends, &mut kinds] {
                list.retain(|kind| kind != "avatar-changed");
                list.dedup_by(|a, b| a == b && a == "password-changed");
            }
            assert_eq!(ends, kinds, "events of {id}");
        }
        assert!(told.is_empty(), "events of users whom nobody created: {told:?}");
    }
}

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

/// Status, ETag and body.
type Answer = (u16, Value);

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
                600..680 => _ = self.send("GET", "/users?limit=20", None, &[]).await,
                680..830 => self.change(&id, "firstName").await,
                830..890 => self.change(&id, "userName").await,
                890..900 => self.set_password(&id).await,
                900..905 => self.set_picture(&id).await,
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

    async fn send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
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
        let journal = &self.journal;
        let took = u64::try_from(began.elapsed().as_micros()).unwrap();
        journal.slowest_micros.fetch_max(took, Ordering::Relaxed);
        journal.requests.fetch_add(1, Ordering::Relaxed);
        journal.answered.lock().unwrap().push(parts.headers["x-request-id"].to_str().unwrap().to_owned());
        *journal.statuses.lock().unwrap().entry(parts.status.as_u16()).or_default() += 1;
        (parts.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Sends until the answer says what is; 503 and 504 say that it may be either way.
    async fn insist(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        loop {
            let (status, answer) = self.send(method, path, body, headers).await;
            assert!(status < 500 || matches!(status, 503 | 504), "{method} {path}: {status} {answer}");
            if status < 500 {
                return (status, answer);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn read(&self, id: &str) -> Answer {
        let (status, user) = self.insist("GET", &format!("/users/{id}"), None, &[]).await;
        let known = self.journal.users.lock().unwrap()[id].clone().unwrap();
        assert_eq!(status, 200, "{user}");
        assert_eq!((&user["userName"], &user["firstName"]), (&json!(known.user_name), &json!(known.first_name)));
        assert!(user["version"] == known.version || known.may_have_picture, "{user}, told {known:?}");
        (status, user)
    }

    fn note(&self, user: &Value) {
        let id = user["id"].as_str().unwrap().to_owned();
        let text = |name: &str| user[name].as_str().unwrap().to_owned();
        let mut users = self.journal.users.lock().unwrap();
        let may_have_picture = users.get(&id).is_some_and(|known| known.as_ref().unwrap().may_have_picture);
        let (user_name, first_name) = (text("userName"), text("firstName"));
        let known = Known { user_name, first_name, version: user["version"].as_u64().unwrap(), may_have_picture };
        users.insert(id, Some(known));
    }

    async fn create(&mut self) {
        self.made += 1;
        let name = format!("soak-{}-{}", self.number, self.made);
        let body = json!({"userName": name, "firstName": FIRST_NAME, "lastName": "Oak", "passwordHash": HASH});
        let (status, user) = self.insist("POST", "/users", Some(&body), &[("idempotency-key", &name)]).await;
        assert_eq!(status, 201, "{user}");
        let id = user["id"].as_str().unwrap().to_owned();
        self.note(&user);
        self.journal.changed(&id, "created");
        self.mine.push(id);
    }

    /// Changes a name under If-Match. 412 after an answer that told nothing is our own change, as nobody else is here.
    async fn change(&mut self, id: &str, member: &'static str) {
        let (_, before) = self.read(id).await;
        self.note(&before);
        self.made += 1;
        let value = match member {
            "userName" => format!("soak-{}-{}", self.number, self.made),
            _ => format!("{FIRST_NAME} {}", self.made),
        };
        let tag = format!("\"{}\"", before["version"]);
        let body = json!({member: value});
        let (status, mut user) =
            self.insist("PATCH", &format!("/users/{id}"), Some(&body), &[("if-match", &tag)]).await;
        if status == 412 {
            user = self.insist("GET", &format!("/users/{id}"), None, &[]).await.1;
        } else {
            assert_eq!(status, 200, "{user}");
        }
        let may_have_picture = self.journal.users.lock().unwrap()[id].as_ref().unwrap().may_have_picture;
        if may_have_picture && user[member] != value {
            return self.note(&user);
        }
        assert_eq!(user[member], value, "{user}");
        self.note(&user);
        self.journal.changed(id, if member == "userName" { "renamed" } else { "updated" });
    }

    async fn set_password(&self, id: &str) {
        let body = json!({"newPassword": "another horse battery staple"});
        let (status, answer) = self.insist("PUT", &format!("/users/{id}/password"), Some(&body), &[]).await;
        assert_eq!(status, 204, "{answer}");
        self.journal.changed(id, "password-changed");
    }

    /// The engines judge the picture; if they are killed meanwhile they never do, and it is not told.
    async fn set_picture(&self, id: &str) {
        let file = picture(image::ImageFormat::Png, 64, 64, [9, 99, 199]);
        let body = json!({"contentType": "image/png", "contentLength": file.len()});
        let path = format!("/users/{id}/avatar-uploads");
        let (status, asked) = self.insist("POST", &path, Some(&body), &[]).await;
        if status == 429 {
            return;
        }
        assert_eq!(status, 201, "{asked}");
        self.journal.users.lock().unwrap().get_mut(id).unwrap().as_mut().unwrap().may_have_picture = true;
        let sent = tokio::task::spawn_blocking({
            let asked = asked.clone();
            move || std::panic::catch_unwind(|| put(&asked, &file).status)
        });
        if !matches!(sent.await.unwrap(), Ok(200)) {
            return;
        }
        let state = format!("{path}/{}", asked["uploadId"].as_str().unwrap());
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let (_, upload) = self.insist("GET", &state, None, &[]).await;
            if upload["state"] != "pending" {
                assert_eq!(upload["state"], "attached", "{upload}");
                self.journal.changed(id, "avatar-changed");
                break;
            }
        }
        let (_, user) = self.insist("GET", &format!("/users/{id}"), None, &[]).await;
        self.note(&user);
    }

    async fn delete(&self, id: &str) {
        let (status, answer) = self.insist("DELETE", &format!("/users/{id}"), None, &[]).await;
        assert!(matches!(status, 204 | 404), "{answer}");
        self.journal.users.lock().unwrap().insert(id.to_owned(), None);
        self.journal.changed(id, "deleted");
    }
}
