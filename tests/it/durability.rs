//! What was acknowledged is there after a crash.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use roster::config::Config;
use serde_json::Value;

use crate::harness::new_user;

/// A server process on a data folder, with free ports.
struct Server {
    process: Child,
    api: String,
    dynamodb: String,
}

impl Server {
    fn start(data: &std::path::Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_roster"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--dynamodb-listen",
                "127.0.0.1:0",
                "--s3-listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data)
            .env("ROSTER_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut address = |of: &str| loop {
            let line = lines.next().expect("the server tells its addresses").unwrap();
            if let Some(url) =
                line.trim_start().strip_prefix(of).and_then(|rest| rest.trim_start().strip_prefix("http://"))
            {
                return url.split(' ').next().unwrap().to_owned();
            }
        };
        let (api, dynamodb) = (address("API"), address("DynamoDB"));
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, api, dynamodb }
    }

    /// One request on a connection of its own; nothing if the server died under it.
    fn send(&self, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect(&self.api).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// How many users are created before the server is killed.
const ROUND: usize = 25;

#[test]
fn kill_9_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = Mutex::new(Vec::new());
    for round in 0..3 {
        let server = Server::start(folder.path());
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (server, acknowledged) = (&server, &acknowledged);
                scope.spawn(move || {
                    for n in 0.. {
                        match server.send(
                            "POST",
                            "/users",
                            &new_user(&format!("user-{round}-{writer}-{n}")).to_string(),
                        ) {
                            Some((201, user)) => acknowledged.lock().unwrap().push(user),
                            Some((status, body)) => panic!("{status} {body}"),
                            None => return,
                        }
                    }
                });
            }
            // In the middle of the stream, however slow this machine is.
            while acknowledged.lock().unwrap().len() < (round + 1) * ROUND {
                std::thread::sleep(Duration::from_millis(5));
            }
            let id = server.process.id().to_string();
            assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
        });
        server.kill();
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    let server = Server::start(folder.path());
    for user in &acknowledged {
        let path = format!("/users/{}", user["id"].as_str().unwrap());
        assert_eq!(server.send("GET", &path, ""), Some((200, user.clone())));
    }
    let keys = keys(&server.dynamodb);
    let ids = |prefix: &str| -> BTreeSet<String> {
        keys.iter().filter(|(pk, _)| pk.starts_with(prefix)).map(|(_, id)| id.clone()).collect()
    };
    let users = ids("USER#");
    assert!(users.len() >= acknowledged.len());
    assert_eq!(users, ids("NAME#"), "guards and users are the same");
    assert_eq!(users, ids("CRED#"), "credentials and users are the same");
    server.kill();
}

/// Every partition key in the table with the user id that it belongs to.
fn keys(dynamodb: &str) -> Vec<(String, String)> {
    let endpoint = format!("http://{dynamodb}");
    let config = Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| endpoint.clone())).unwrap();
    let read = async {
        let client = roster::aws::clients(&config).await.unwrap().dynamodb;
        client
            .scan()
            .table_name(&config.table)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .unwrap()
    };
    let items = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(read);
    let text = |value: &AttributeValue| value.as_s().unwrap().clone();
    let id_of = |pk: &str| pk.split_once('#').unwrap().1.to_owned();
    items
        .iter()
        .map(|item| (text(&item["pk"]), item.get("id").map_or_else(|| id_of(&text(&item["pk"])), text)))
        .collect()
}
