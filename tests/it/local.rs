//! The local server as a process: what it prints, what it refuses, how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use roster::local::{DynamoDb, S3};

use crate::harness::new_user;

const FREE_PORTS: [&str; 6] =
    ["--listen", "127.0.0.1:0", "--dynamodb-listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0"];

/// `roster` on free ports, with `folder` to work in and to put temporary files in.
pub fn roster(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    command.current_dir(folder).env("TMPDIR", folder).env("ROSTER_LOG", "error").args(FREE_PORTS);
    command
}

/// A server that has told where it is.
pub struct Server {
    process: Child,
    pub banner: String,
    rest: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut rest = BufReader::new(process.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("Ctrl-C ends it.") {
            assert_ne!(rest.read_line(&mut banner).unwrap(), 0, "the server ended: {banner}");
        }
        Self { process, banner, rest }
    }

    /// The address in the line that begins with `name`.
    pub fn address(&self, name: &str) -> &str {
        let line = self.banner.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap()
    }

    /// A connection to the API on which the first `bytes` have been sent.
    pub fn connect(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address("API")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream
    }

    /// The whole answer to a GET.
    pub fn get(&self, path: &str) -> String {
        answer(self.connect(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")))
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
    }

    /// Waits for the end: exit code 0, and what was written to stderr.
    pub fn ended(mut self) -> String {
        let mut rest = String::new();
        self.rest.read_to_string(&mut rest).unwrap();
        let output = self.process.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{rest}{errors}");
        errors
    }
}

pub fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// The one line on stderr of a `roster` that could not do its work.
#[track_caller]
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("roster: "), "{errors}");
    errors
}

#[test]
fn the_printed_lines_work_when_pasted() {
    #[expect(clippy::print_stderr, reason = "nobody should take a skipped test for a passed one")]
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let server = Server::start(&mut roster(folder.path()));
        let (_, lines) = server.banner.split_once("Try it").unwrap();
        let lines: Vec<&str> = lines.lines().filter(|line| line.contains("curl")).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        let pasted = Command::new("sh").args(["-c", &lines.join("\n")]).output().unwrap();
        let answers = String::from_utf8(pasted.stdout).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
        assert!(answers.contains(r#""lastName":"King""#), "{answers}");
        server.terminate();
        server.ended();
    }
    assert!(folder.path().join(".roster/dynamodb.db").is_file());
}

#[test]
fn requests_in_flight_are_finished_and_nothing_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let body = new_user("ada").to_string();
    let (start, end) = body.split_at(10);
    let length = body.len();
    let head = format!(
        "POST /users HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}"
    );
    let mut request = server.connect(&format!("{head}\r\n\r\n{start}"));
    // The server has taken up the request when it has answered a later one.
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    server.terminate();
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(server.address("API")).is_err(), "it still listens");
    request.write_all(end.as_bytes()).unwrap();
    let created = answer(request);
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    assert_eq!(server.ended(), "");
    assert_eq!(files(folder.path()), 0);
}

#[test]
fn a_second_signal_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let _stuck = server.connect("POST /users HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n");
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    server.terminate();
    std::thread::sleep(Duration::from_millis(300));
    server.terminate();
    let waiting = Instant::now();
    server.ended();
    assert!(waiting.elapsed() < Duration::from_secs(5), "{:?}", waiting.elapsed());
    assert_eq!(files(folder.path()), 0);
}

#[test]
fn whatever_is_taken_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (position, flag) in [(1, "--listen"), (3, "--dynamodb-listen"), (5, "--s3-listen")] {
        let mut arguments = FREE_PORTS;
        arguments[position] = &address;
        let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
        let line = refusal(&command.current_dir(folder.path()).args(arguments).output().unwrap());
        assert!(line.contains(&format!("{address}: address already in use")), "{line}");
        assert!(line.ends_with(&format!("{flag}\n")), "{line}");
        assert_eq!(files(folder.path()), 0, "nothing is made before all ports are had");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    let line = refusal(&roster(folder.path()).args(["--data", "file/data"]).output().unwrap());
    assert!(line.contains("cannot write to file/data: not a directory"), "{line}");

    let server = Server::start(roster(folder.path()).args(["--data", "data"]));
    let line = refusal(&roster(folder.path()).args(["--data", "data"]).output().unwrap());
    assert!(line.contains("data is in use by another roster"), "{line}");
    server.terminate();
    server.ended();
}

#[test]
fn other_endpoints_replace_the_engines() {
    let folder = tempfile::tempdir().unwrap();
    let (dynamodb, s3) = (DynamoDb::in_memory().unwrap(), S3::temporary().unwrap());
    let mut command = roster(folder.path());
    command.env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url()).env("AWS_ENDPOINT_URL_S3", s3.url());
    let server = Server::start(command.arg("--create"));
    assert_eq!(server.address("DynamoDB"), dynamodb.address().to_string());
    assert_eq!(server.address("S3"), s3.address().to_string());
    let missing = server.get("/users/01a203b8-0da5-7e4c-bfb1-020048a5227e");
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
    server.terminate();
    server.ended();
    assert_eq!(files(folder.path()), 0);

    let silent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    command.env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{silent}"));
    let line = refusal(&command.output().unwrap());
    assert!(line.contains(&format!("cannot create table roster at http://{silent}")), "{line}");
}

#[test]
fn health_is_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let mut health = Command::new(env!("CARGO_BIN_EXE_roster"));
    health.arg("health").env("ROSTER_LISTEN", server.address("API"));
    let alive = health.output().unwrap();
    assert_eq!(alive.status.code(), Some(0), "{alive:?}");
    server.terminate();
    server.ended();
    assert!(refusal(&health.output().unwrap()).contains("does not answer: connection refused"));
}

#[test]
fn a_mistake_in_the_environment_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = roster(folder.path());
    let line = refusal(&command.env("ROSTER_AUTH", "none").env("ROSTER_LOG_FORMAT", "xml").output().unwrap());
    assert!(line.contains("ROSTER_AUTH") && line.contains("ROSTER_LOG_FORMAT"), "{line}");
}

#[test]
fn only_names_of_this_machine_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let live = |host: &str| {
        answer(server.connect(&format!("GET /health/live HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")))
    };
    for host in [server.address("API"), "localhost:8000", "[::1]"] {
        assert!(live(host).starts_with("HTTP/1.1 200"), "{host}");
    }
    let refused = live("page.example:8000");
    assert!(refused.starts_with("HTTP/1.1 421"), "{refused}");
    assert!(refused.contains("content-type: application/problem+json"), "{refused}");
    assert!(refused.contains("this server answers to localhost and 127.0.0.1"), "{refused}");
    server.terminate();
    server.ended();
}

#[test]
fn the_start_says_that_nobody_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let line = "  sign-in   none: whoever can reach it may do everything (ROSTER_AUTH=open)\n";
    assert!(server.banner.contains(line), "{}", server.banner);
    server.terminate();
    server.ended();
}

#[test]
fn it_is_open_to_other_machines_only_when_that_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    let flags = ["--memory", "--listen", "0.0.0.0:0", "--dynamodb-listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0"];
    let output = command.current_dir(folder.path()).env_remove("ROSTER_AUTH").args(flags).output().unwrap();
    let line = refusal(&output);
    assert!(line.contains("ROSTER_AUTH=open") && line.contains("--auth jwt"), "{line}");
}

#[test]
fn what_is_missing_elsewhere_is_told_in_one_line_without_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let (dynamodb, s3) = (DynamoDb::in_memory().unwrap(), S3::temporary().unwrap());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf = deaf.local_addr().map(|address| (address, deaf)).unwrap();
    for (endpoint, told) in [
        (dynamodb.address(), "has no table roster"),
        (silent, "is not reached: "),
        (deaf.0, "did not answer within 2 s when asked for table roster"),
    ] {
        let mut command = roster(folder.path());
        command.env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://ada:plum@{endpoint}"));
        let server = Server::start(command.env("AWS_ENDPOINT_URL_S3", s3.url()));
        assert!(server.banner.contains(&format!("http://***@{endpoint} ")), "{}", server.banner);
        assert!(!server.banner.contains("plum@"), "{}", server.banner);
        assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
        std::thread::sleep(Duration::from_millis(2500));
        server.terminate();
        let line = server.ended();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.starts_with(&format!("roster: warning: http://***@{endpoint} {told}")), "{line}");
        assert!(line.contains("has no bucket roster-avatars"), "{line}");
    }
}

#[test]
fn empty_variables_count_as_unset_and_odd_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    command.current_dir(folder.path()).env("ROSTER_DATA", "").env("ROSTER_MEMORY", "").env("ROSTER_CREATE", "");
    let server = Server::start(command.env("ROSTER_LOG", "error").args(FREE_PORTS));
    server.terminate();
    server.ended();
    assert!(folder.path().join(".roster/dynamodb.db").is_file());

    let mut health = Command::new(env!("CARGO_BIN_EXE_roster"));
    let told = health.args(["health", "--url", "http://127.0.0.1:1"]).env("ROSTER_LISTEN", "").output().unwrap();
    assert_eq!(told.status.code(), Some(1), "{told:?}");

    let other = tempfile::tempdir().unwrap();
    for (name, value, told) in [
        ("ROSTER_MEMORY", "maybe", "expected true or false"),
        ("ROSTER_CREATE", "2", "expected true or false"),
        ("ROSTER_MEMORY", "true", "choose one"),
    ] {
        let mut command = roster(other.path());
        let output = command.env(name, value).args(["--data", "kept"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{name}={value}: {output:?}");
        assert_eq!(files(other.path()), 0);
    }
}
