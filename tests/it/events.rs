//! `GET /events` and `roster events`: what changed in a local server, for whoever listens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use http_body_util::BodyExt;
use roster::events::{Bus, Feed, Target};
use roster::local::changes;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{House, new_user};
use crate::local::{Server, answer, roster};

/// A house whose changes are told to a feed, as in local mode.
struct Local {
    house: House,
    router: Router,
    feed: Feed,
}

impl Local {
    async fn new() -> Self {
        let mut house = House::new().await;
        let feed = Feed::new(Duration::from_millis(300));
        house.app.feed = Some(feed.clone());
        house.router = roster::doors::rest::router(house.app.clone());
        let bus = Bus { source: "/roster/test".to_owned(), target: Target::Feed(feed.clone()) };
        tokio::spawn(changes::follow(house.stream(), bus));
        Self { router: house.router.clone(), house, feed }
    }

    async fn listen(&self, last: Option<&str>) -> Listener {
        let mut request = Request::get("/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Listener { response, text: String::new() }
    }
}

struct Listener {
    response: Response,
    text: String,
}

impl Listener {
    /// Reads until the text is there, and gives all that came until then.
    async fn until(&mut self, text: &str) -> String {
        let reading = async {
            while !self.text.contains(text) {
                let frame = self.response.frame().await.expect("more of the stream").unwrap();
                self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap_or_else(|_| panic!("no {text}"));
        std::mem::take(&mut self.text)
    }
}

/// Ids of the stream, and types, of the events in some text.
fn told(text: &str) -> Vec<(String, String)> {
    let blocks = text.split("\n\n").filter(|block| block.starts_with("id: "));
    let parts = blocks.map(|block| {
        let mut lines = block.lines();
        let id = lines.next().unwrap().strip_prefix("id: ").unwrap().to_owned();
        let kind = lines.next().unwrap().strip_prefix("event: ").unwrap().to_owned();
        let event: Value = serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!((event["type"].as_str(), lines.next()), (Some(kind.as_str()), None), "{block}");
        (id, kind)
    });
    parts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_what_happens_and_resumes_where_it_was() {
    let local = Local::new().await;
    let id = local.house.create("ada").await;
    let mut first = local.listen(Some("0")).await;
    first.until("user.created").await;
    let mut live = local.listen(None).await;
    assert_eq!(told(&live.until(": up to date").await), []);
    local.house.anyone().patch(&format!("/users/{id}"), &json!({"userName": "eve"})).await.expect(200);
    let heard = told(&live.until("user.renamed").await);
    assert_eq!(heard.len(), 1);
    drop(live);
    local.house.anyone().delete(&format!("/users/{id}")).await.expect(204);
    first.until("user.deleted").await;
    let mut resumed = local.listen(Some(&heard[0].0)).await;
    let rest = told(&resumed.until(": up to date").await);
    assert_eq!(rest.iter().map(|(_, kind)| kind.as_str()).collect::<Vec<_>>(), ["user.deleted"]);
    resumed.until(": heartbeat").await;
    local.feed.close();
    assert!(resumed.response.frame().await.is_none(), "a closed feed ends its listeners");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_from_an_engine_in_memory_that_is_gone_lets_all_of_the_next_one_through() {
    let local = Local::new().await;
    local.house.create("ada").await;
    let last = told(&local.listen(Some("0")).await.until("user.created").await).remove(0).0;
    drop(local);
    let local = Local::new().await;
    local.house.create("eve").await;
    local.listen(Some(&last)).await.until("user.created").await;
}

#[tokio::test]
async fn a_place_that_is_none_is_refused_and_without_a_feed_there_is_nothing() {
    let local = Local::new().await;
    for wrong in ["x", "-1", "1 2", ""] {
        let reply = local.house.anyone().with("last-event-id", wrong).get("/events").await;
        reply.problem(400, "malformed-request");
    }
    House::new().await.anyone().get("/events").await.problem(404, "not-found");
}

#[test]
fn the_command_prints_what_changed_and_goes_on_listening() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let url = format!("http://{}", server.address("API"));
    let create = |name: &str| {
        let body = new_user(name).to_string();
        let head = "POST /users HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
        let created = answer(server.connect(&format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())));
        assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    };
    create("ada");
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
        command.args(["events", "--url", &url]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut follower = command().arg("--follow").spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["data"]["user"]["userName"], "ada");
    create("eve");
    let eve = next();
    assert_eq!((&eve["data"]["user"]["userName"], &eve["type"]), (&json!("eve"), &json!("user.created")));
    assert_eq!(eve["source"], "/roster/roster");
    let output = command().output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
    assert!(output.status.success());

    let ending = Instant::now();
    server.terminate();
    server.ended();
    assert!(ending.elapsed() < Duration::from_secs(5), "a listener holds nothing up: {:?}", ending.elapsed());
    std::thread::sleep(Duration::from_millis(200));
    follower.kill().unwrap();
    let mut errors = String::new();
    follower.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    follower.wait().unwrap();
    assert!(errors.contains("trying again after"), "{errors}");
}

#[test]
fn changes_outlive_the_server_that_saw_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = || Server::start(roster(folder.path()).arg("--data").arg(&data));
    let import = folder.path().join("users.ndjson");
    let users = ["ada", "eve"].map(|name| format!("{}\n", new_user(name))).concat();
    std::fs::write(&import, users).unwrap();
    let imported =
        Command::new(env!("CARGO_BIN_EXE_roster")).arg("import").arg(&import).arg("--data").arg(&data).output();
    let imported = imported.unwrap();
    assert!(imported.status.success(), "{imported:?}");
    for _ in 0..2 {
        let server = start();
        let url = format!("http://{}", server.address("API"));
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let output = Command::new(env!("CARGO_BIN_EXE_roster")).args(["events", "--url", &url]).output().unwrap();
            let count = String::from_utf8(output.stdout).unwrap().matches("user.created").count();
            if count == 2 {
                break;
            }
            assert!(Instant::now() < deadline, "{count} of 2 events");
        }
        server.terminate();
        server.ended();
    }
}

#[test]
fn an_event_that_breaks_off_is_asked_for_again() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    command.args(["events", "--follow", "--url", &format!("http://{}", server.local_addr().unwrap())]);
    let mut follower = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    // Each time the connection ends with the text.
    let answer = |text: &str| {
        let mut connection = server.accept().unwrap().0;
        let head: Vec<String> =
            BufReader::new(&connection).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        write!(connection, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{text}")
            .unwrap();
        head.iter().find_map(|line| line.strip_prefix("last-event-id: ")).unwrap().to_owned()
    };
    assert_eq!(answer("id: 1\nevent: a\ndata: {\"one\":1}\n\nid: 2\nevent: b\nda"), "0");
    assert_eq!(answer("id: 2\nevent: b\ndata: {\"two\":2}\n"), "1", "the second was not heard");
    assert_eq!(answer(""), "2");
    assert_eq!([lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()], [r#"{"one":1}"#, r#"{"two":2}"#]);
    follower.kill().unwrap();
    follower.wait().unwrap();
}
