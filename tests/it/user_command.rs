//! `roster user` as a process: in a data folder, beside a running server, and at a terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use image::ImageFormat;
use serde_json::{Value, json};

use crate::harness::{HASH, PASSWORD, new_user, picture, put, wire};
use crate::local::{Server, roster as server};

const OTHER_PASSWORD: &str = "violet lanterns drift over Trieste";

/// `roster` on the folder's data, where no server is unless `addresses` tell of one.
fn roster(folder: &Path, addresses: [&str; 2], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    command.current_dir(folder).args(args);
    command.env("ROSTER_DYNAMODB_LISTEN", addresses[0]).env("ROSTER_S3_LISTEN", addresses[1]);
    for name in ["ROSTER_DATA", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3"] {
        command.env_remove(name);
    }
    command
}

const NOWHERE: [&str; 2] = ["127.0.0.1:9", "127.0.0.1:9"];

fn fed(mut command: Command, input: &str) -> Output {
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whoever refuses the call reads nothing.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

/// What the command says on either output, once its exit code is right and no password is in it.
#[track_caller]
fn told(output: &Output, code: i32) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat();
    assert_eq!(output.status.code(), Some(code), "{text}");
    for secret in [PASSWORD, OTHER_PASSWORD, HASH] {
        assert!(!text.contains(secret), "{text}");
    }
    text
}

#[track_caller]
fn user(folder: &Path, args: &[&str], input: &str, code: i32) -> String {
    told(&fed(roster(folder, NOWHERE, &[&["user"], args].concat()), input), code)
}

/// The one JSON object that it prints.
#[track_caller]
fn object(folder: &Path, args: &[&str], input: &str, code: i32) -> Value {
    let output = fed(roster(folder, NOWHERE, &[&["user"], args, &["--json"]].concat()), input);
    told(&output, code);
    assert!(output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

const ADA: [&str; 7] = ["create", "ada", "--first-name", "Ada", "--last-name", "Lovelace", "--password-stdin"];

#[track_caller]
fn hash(folder: &Path) -> String {
    let output = roster(folder, NOWHERE, &["export", "-", "--format", "ndjson", "--with-hashes"]).output().unwrap();
    let user: Value = serde_json::from_slice(&output.stdout).unwrap();
    user["passwordHash"].as_str().unwrap().to_owned()
}

#[test]
fn a_user_is_created_shown_changed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let ada = object(at, &ADA, &format!("{PASSWORD}\n"), 0);
    let id = ada["id"].as_str().unwrap();
    assert_eq!((&ada["userName"], &ada["version"], &ada["avatar"]), (&json!("ada"), &json!(1), &Value::Null));
    for who in ["ada", "ADA", "ａｄａ", id] {
        assert_eq!(object(at, &["get", who], "", 0), ada, "{who}");
    }
    let shown = user(at, &["get", "ada"], "", 0);
    assert!(shown.contains(&format!("id         {id}\nuserName   ada\nfirstName  Ada\n")), "{shown}");
    let before = hash(at);
    let set = object(at, &["set-password", "ada", "--password-stdin"], OTHER_PASSWORD, 0);
    assert_eq!(set, json!({"outcome": "passwordSet", "id": id}));
    assert_ne!(hash(at), before);
    assert_eq!(object(at, &["delete", id, "--yes"], "", 0), json!({"outcome": "deleted", "id": id}));
    assert_eq!(object(at, &["get", id], "", 4)["problem"], "not-found");
}

#[test]
fn a_name_that_looks_like_an_id_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let name = "01a2020d-f980-7917-98de-357e3da8cb43";
    let args = ["create", name, "--first-name", "Ada", "--last-name", "L", "--password-hash-stdin"];
    let created = object(folder.path(), &args, HASH, 0);
    assert_eq!(object(folder.path(), &["get", name], "", 0), created);
    assert_eq!(hash(folder.path()), HASH);
}

#[test]
fn each_refusal_has_its_exit_code_and_every_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let bad = ["create", "a da", "--first-name", "", "--last-name", "L", "--password-stdin"];
    let refused = object(at, &bad, "1234", 3);
    let errors = refused["errors"].as_array().unwrap().iter();
    let errors: Vec<String> =
        errors.map(|e| format!("{} {}", e["field"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
    assert_eq!(
        errors,
        [
            "userName invalid_characters",
            "firstName required",
            "password too_short",
            "password all_digits",
            "password too_guessable"
        ]
    );
    assert_eq!((&refused["outcome"], &refused["problem"]), (&json!("refused"), &json!("validation")));
    let lines = user(at, &bad, "1234", 3);
    assert_eq!(lines.lines().filter(|line| line.starts_with("roster: ")).count(), errors.len(), "{lines}");

    user(at, &ADA, PASSWORD, 0);
    assert!(user(at, &ADA, PASSWORD, 3).contains("userName: choose another user name"));
    assert!(user(at, &["set-password", "ada", "--password-stdin"], "lovelace", 3).contains("newPassword: "));
    assert!(user(at, &["set-password", "bob", "--password-stdin"], OTHER_PASSWORD, 4).contains("no such user"));
    user(at, &["delete", "bob", "--yes"], "", 4);
    let unfit = ["create", "bob", "--first-name", "B", "--last-name", "B", "--password-hash-stdin"];
    assert!(user(at, &unfit, "5f4dcc3b5aa765d61d8327deb882cf99", 3).contains("passwordHash: "));

    // Where nobody can be asked, the call must say it.
    assert!(user(at, &["delete", "ada"], "y\n", 2).contains("--yes"));
    assert!(user(at, &ADA[..6], PASSWORD, 2).contains("--password-stdin"));
    assert!(user(at, &["set-password", "ada"], PASSWORD, 2).contains("--password-stdin"));
    user(at, &["get", "a b"], "", 2);
    user(at, &["get"], "", 2);
    let mut elsewhere = roster(at, NOWHERE, &["user", "get", "ada", "--json"]);
    let output = fed(
        std::mem::replace(elsewhere.env("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"), Command::new("true")),
        "",
    );
    assert!(told(&output, 1).contains(r#""outcome":"failed""#));
    assert_eq!(object(at, &["get", "ada"], "", 0)["version"], 1, "nothing of all this changed anyone");
}

#[test]
fn beside_a_running_server_it_works_on_that_server() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let running = Server::start(&mut server(at));
    let addresses = [running.address("DynamoDB"), running.address("S3")];
    let run = |args: &[&str], input: &str| {
        let output = fed(roster(at, addresses, &[&["user"], args, &["--json"]].concat()), input);
        told(&output, 0);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let post = |path: &str, body: &Value| {
        let url = format!("http://{}{path}", running.address("API"));
        let answer = wire::send("POST", &url, &[("content-type", "application/json")], body.to_string().as_bytes());
        (answer.status, serde_json::from_slice::<Value>(&answer.body).unwrap_or_default())
    };
    let verified =
        |name: &str, password: &str| post("/users/verify-password", &json!({"userName": name, "password": password})).0;
    run(&ADA, PASSWORD);
    assert_eq!(verified("ada", PASSWORD), 200);
    run(&["set-password", "ada", "--password-stdin"], OTHER_PASSWORD);
    assert_eq!((verified("ada", PASSWORD), verified("ada", OTHER_PASSWORD)), (401, 200));

    // Two users with a picture: one is deleted beside the server, one when it has ended.
    let file = picture(ImageFormat::Png, 8, 8, [200, 30, 30]);
    let objects = || walk(&at.join(".roster/s3/roster-avatars"));
    let (_, bea) = post("/users", &new_user("bea"));
    for id in [run(&["get", "ada"], "")["id"].as_str().unwrap(), bea["id"].as_str().unwrap()] {
        let (status, asked) = post(
            &format!("/users/{id}/avatar-uploads"),
            &json!({"contentType": "image/png", "contentLength": file.len()}),
        );
        assert_eq!(status, 201, "{asked}");
        assert_eq!(put(&asked, &file).status, 200);
        let link = (0..200).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            run(&["get", id], "")["avatar"].as_str().map(str::to_owned)
        });
        assert_eq!(wire::send("GET", &link.expect("a picture within ten seconds"), &[], b"").status, 200);
    }
    assert!(objects() > 0);
    run(&["delete", "ada", "--yes"], "");
    assert_eq!(verified("ada", OTHER_PASSWORD), 401);
    let of_bea = objects();
    assert!(of_bea > 0);
    running.terminate();
    running.ended();
    user(at, &["delete", "bea", "--yes"], "", 0);
    assert_eq!(objects(), 0, "pictures go with their users");
}

/// How many pictures are in a folder, at any depth.
fn walk(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { walk(&path) } else { usize::from(path.extension() == Some("webp".as_ref())) })
        .sum()
}

/// The command at a terminal, which `script` makes; each of `answers` is typed once the text before it has been shown.
#[cfg(target_os = "linux")]
fn typed(folder: &Path, args: &str, answers: &[(&str, &str)], code: i32) -> String {
    let line = format!("{} user {args}", env!("CARGO_BIN_EXE_roster"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(folder);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keys, mut screen) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
    let mut shown = String::new();
    let mut read = |until: Option<&str>| {
        let from = shown.len();
        while until.is_none_or(|text| !shown[from..].contains(text)) {
            let mut some = [0; 256];
            match screen.read(&mut some).unwrap() {
                0 => break,
                n => shown += &String::from_utf8_lossy(&some[..n]),
            }
        }
    };
    for (question, answer) in answers {
        read(Some(question));
        // The prompt is written before the echo is off, and what is typed in between is thrown away.
        std::thread::sleep(std::time::Duration::from_millis(300));
        writeln!(keys, "{answer}").unwrap();
    }
    read(None);
    assert_eq!(process.wait().unwrap().code(), Some(code), "{shown}");
    shown
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_it_asks_and_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let create = "create ada --first-name Ada --last-name Lovelace";
    let (first, again) = ("password (not shown):", "The same again:");
    let shown = typed(at, create, &[(first, PASSWORD), (again, "other"), (first, PASSWORD), (again, PASSWORD)], 0);
    assert!(shown.contains("The two differ") && shown.contains("userName   ada"), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    let before = hash(at);
    typed(at, "set-password ada", &[(first, OTHER_PASSWORD), (again, OTHER_PASSWORD)], 0);
    assert_ne!(hash(at), before);
    let question = "Delete ada (Ada Lovelace, ";
    assert!(typed(at, "delete ada", &[(question, "")], 5).contains("left as it was"));
    user(at, &["get", "ada"], "", 0);
    typed(at, "delete ada", &[(question, "y")], 0);
    user(at, &["get", "ada"], "", 4);
}
