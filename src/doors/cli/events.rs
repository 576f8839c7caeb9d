//! `roster events`: what changed in a server on this machine, and what changes.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::body::Body;
use clap::Args;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Outcome;
use super::serve::{API, address_or};
use crate::local::listen;

/// How long is waited before a lost connection is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the line may be silent: three heartbeats.
const SILENCE: Duration = Duration::from_secs(45);

/// How much of a refusal is shown.
const REFUSAL_BYTES: usize = 64 * 1024;

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "`--help` prints these lines as they are")]
pub(super) struct Flags {
    /// Wait for more, until Ctrl-C
    #[arg(long, short)]
    follow: bool,

    /// Only what came after the event with this id (of the server-sent event; the error output tells the last one)
    #[arg(long, value_name = "ID", default_value = "0")]
    after: String,

    /// The server [default: the address in ROSTER_LISTEN, or http://127.0.0.1:8000]
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Option<Uri>,

    /// A token with the scope users:admin, for a server with --auth jwt
    #[arg(long, env = "ROSTER_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Where the server of the same environment listens
    #[arg(hide = true, long, env = "ROSTER_LISTEN", default_value = API)]
    #[arg(value_parser = |text: &str| address_or(text, API))]
    listen: SocketAddr,
}

fn url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("{error}"))?;
    if url.scheme_str() == Some("http") { Ok(url) } else { Err("expected http://ADDRESS:PORT".to_owned()) }
}

/// Why the reading of one connection ended.
enum End {
    /// Everything that was there is printed.
    UpToDate,
    /// The server closed the connection, or fell silent.
    Lost(String),
    /// Whoever reads what we print has seen enough.
    Unread,
}

impl Flags {
    pub(super) fn run(mut self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                ended = self.print() => ended,
                _ = tokio::signal::ctrl_c() => Ok(()),
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    async fn print(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let mut was_there = false;
        loop {
            let end = match self.connect().await {
                Ok(body) => {
                    was_there = true;
                    self.read(body).await?
                }
                Err(Refused::Unreachable(reason)) if was_there => End::Lost(reason),
                Err(Refused::Unreachable(reason) | Refused::Answered(reason)) => return Err(reason.into()),
            };
            match end {
                End::UpToDate if !self.follow => return Ok(()),
                End::Unread => return Ok(()),
                End::UpToDate => {}
                End::Lost(reason) if !self.follow => return Err(reason.into()),
                End::Lost(reason) => {
                    writeln!(io::stderr(), "roster: {reason}; trying again after {}", self.after)?;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn connect(&self) -> Result<Incoming, Refused> {
        let base = self.url.as_ref().map_or_else(|| listen::url(self.listen), ToString::to_string);
        let target = format!("{}/events", base.trim_end_matches('/'));
        let mut request = Request::get(&target).header(header::ACCEPT, "text/event-stream");
        request = request.header("last-event-id", &self.after);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).map_err(|error| Refused::Answered(error.to_string()))?;
        let client = Client::builder(TokioExecutor::new()).build::<_, Body>(HttpConnector::new());
        let answer = client.request(request).await;
        let answer = answer
            .map_err(|error| Refused::Unreachable(format!("{target} does not answer: {}", super::plainly(&error))))?;
        if answer.status() == StatusCode::OK {
            return Ok(answer.into_body());
        }
        let status = answer.status();
        let body = Limited::new(answer.into_body(), REFUSAL_BYTES).collect().await;
        let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
        Err(Refused::Answered(format!("{target} answered {status}: {body}")))
    }

    /// Prints the events of one connection, a line of JSON each.
    async fn read(&mut self, mut body: Incoming) -> io::Result<End> {
        let (mut open, mut id) = (Vec::new(), None);
        loop {
            let frame = match tokio::time::timeout(SILENCE, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Ok(End::Lost("the server ended the stream".to_owned())),
                Ok(Some(Err(error))) => return Ok(End::Lost(super::plainly(&error))),
                Err(_) => return Ok(End::Lost("the server fell silent".to_owned())),
            };
            open.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            while let Some(end) = open.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = open.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                match self.line(line.trim_end(), &mut id) {
                    Ok(true) if !self.follow => return Ok(End::UpToDate),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(End::Unread),
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Takes one line of the stream, and says whether it is the end of what was there already. What has an id and no data yet
    /// has not been heard: it comes again if the line breaks here.
    fn line(&mut self, line: &str, id: &mut Option<String>) -> io::Result<bool> {
        if let Some(text) = line.strip_prefix("id: ") {
            *id = Some(text.to_owned());
        } else if let Some(event) = line.strip_prefix("data: ") {
            let mut output = io::stdout().lock();
            writeln!(output, "{event}")?;
            output.flush()?;
            self.after = id.take().unwrap_or_else(|| std::mem::take(&mut self.after));
        }
        Ok(line == ": up to date")
    }
}

/// Why there is no stream.
enum Refused {
    /// Nobody answers; it may come back.
    Unreachable(String),
    /// The answer is no.
    Answered(String),
}
