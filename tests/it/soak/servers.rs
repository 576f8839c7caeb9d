//! The processes: a server under test, and one whose engines it uses.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use roster::config::Config;
use serde_json::{Value, json};

use super::follower::{Follower, Told};
use crate::harness::{HASH, wire};

/// How long the server under test may take for an answer.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// Starts `roster serve` and waits until it has told its address.
fn start(command: &mut Command) -> (Child, String) {
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let api = loop {
        let line = lines.next().expect("the server tells its address").unwrap();
        if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) {
            break url.to_owned();
        }
    };
    std::thread::spawn(move || lines.for_each(drop));
    (process, api)
}

/// The engines, with data in a folder, at addresses that stay the same.
pub struct Engines {
    process: Child,
    ports: [SocketAddr; 3],
    folder: PathBuf,
}

impl Engines {
    pub fn start(folder: &Path) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [free(), free(), free()].map(|listener| listener.local_addr().unwrap());
        Self::start_at(ports, folder.to_owned())
    }

    fn start_at(ports: [SocketAddr; 3], folder: PathBuf) -> Self {
        let [api, dynamodb, s3] = ports.map(|port| port.to_string());
        let mut command = roster();
        command.args(["serve", "--listen", &api, "--dynamodb-listen", &dynamodb, "--s3-listen", &s3, "--data"]);
        let (process, _) = start(command.arg(folder.join("data")).env("ROSTER_LOG", "error"));
        Self { process, ports, folder }
    }

    /// Ends them by kill -9, and starts them again on the same data.
    pub fn kill_and_restart(mut self) -> Self {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let (ports, folder) = (self.ports, std::mem::take(&mut self.folder));
        Self::start_at(ports, folder)
    }

    pub fn dynamodb(&self) -> SocketAddr {
        self.ports[1]
    }

    pub fn api_url(&self) -> String {
        format!("http://{}", self.ports[0])
    }

    pub fn s3_url(&self) -> String {
        format!("http://{}", self.ports[2])
    }

    /// Every item in the table.
    pub async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let endpoint = format!("http://{}", self.dynamodb());
        let lookup = |name: &str| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| endpoint.clone());
        let config = Config::for_local(&lookup).unwrap();
        let client = roster::aws::clients(&config).await.unwrap().dynamodb;
        let items = client.scan().table_name(&config.table).into_paginator().items().send();
        items.collect::<Result<Vec<_>, _>>().await.unwrap()
    }

    /// Every change event that `follower` has heard, and after those what is kept now, which was read anew after each restart.
    pub fn events(&self, follower: Follower) -> Vec<Told> {
        // Comes after everything else, so that nothing is missed and nothing is waited for in vain.
        let last = json!({"userName": "last", "firstName": "L", "lastName": "L", "passwordHash": HASH}).to_string();
        let headers = [("content-type", "application/json")];
        let created = wire::send("POST", &format!("{}/users", self.api_url()), &headers, last.as_bytes());
        let created: Value = serde_json::from_slice(&created.body).unwrap();
        let last = created["id"].as_str().unwrap_or_else(|| panic!("{created}"));
        let mut events = follower.until(last);
        events.extend(Follower::start(roster(), &self.api_url()).until(last));
        events
    }
}

/// The command `roster`: the one built with these tests, or another build of it, say an optimised one.
pub fn roster() -> Command {
    let elsewhere = std::env::var("ROSTER_SOAK_BINARY").ok();
    Command::new(elsewhere.as_deref().unwrap_or(env!("CARGO_BIN_EXE_roster")))
}

impl Drop for Engines {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server under test.
pub struct Server {
    process: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    pub fn start(dynamodb: &str, s3: &str, folder: &Path) -> Self {
        let log = folder.join("log.ndjson");
        let mut command = roster();
        command.args(["serve", "--listen", "127.0.0.1:0", "--memory"]).stderr(File::create(&log).unwrap());
        command.env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb).env("AWS_ENDPOINT_URL_S3", s3);
        command.env("ROSTER_LOG_FORMAT", "json").env("ROSTER_METRICS", "Roster");
        command.env("ROSTER_DEADLINE_SECONDS", DEADLINE.as_secs().to_string());
        let (process, url) = start(&mut command);
        Self { process, url, log }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Memory in KiB and open descriptors, where the system tells.
    pub fn usage(&self) -> (u64, usize) {
        let of = |file: &str| format!("/proc/{}/{file}", self.process.id());
        let status = std::fs::read_to_string(of("status")).unwrap_or_default();
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
        (rss.unwrap_or(0), std::fs::read_dir(of("fd")).map_or(0, Iterator::count))
    }

    /// Ends it, and gives what it has logged.
    pub fn stop(mut self) -> impl BufRead {
        self.end();
        BufReader::new(File::open(&self.log).unwrap())
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
