//! `roster health`: whether a server is alive, for containers that have no other client in them.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use clap::Args;
use http::Uri;

use super::serve::{API, address_or};
use crate::local::{listen, plain};

/// How long connecting, and each read and write, may take.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "`--help` prints these lines as they are")]
pub(super) struct Flags {
    /// Ask whether requests can be served, DynamoDB and S3 included: /health/ready instead of /health/live
    #[arg(long)]
    ready: bool,

    /// What to ask; without a path, /health/live or /health/ready [default: the address in ROSTER_LISTEN, or http://127.0.0.1:8000]
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Option<Uri>,

    /// Where the server of the same environment listens
    #[arg(hide = true, long, env = "ROSTER_LISTEN", default_value = API)]
    #[arg(value_parser = |text: &str| address_or(text, API))]
    listen: SocketAddr,
}

impl Flags {
    pub(super) fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let url = match self.url {
            Some(url) => url,
            None => listen::url(self.listen).parse()?,
        };
        match status(&url, if self.ready { "/health/ready" } else { "/health/live" }) {
            Ok(200) => Ok(()),
            Ok(status) => Err(format!("{url} answered {status}").into()),
            Err(error) => Err(format!("{url} does not answer: {}", plain(&error)).into()),
        }
    }
}

fn url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("{error}"))?;
    if url.scheme_str() == Some("http") { Ok(url) } else { Err("expected http://ADDRESS:PORT".to_owned()) }
}

/// Asks `url`, or `path` there if it has none, and returns the status.
fn status(url: &Uri, path: &str) -> io::Result<u16> {
    let usual = path;
    let (host, path) = (url.host().unwrap_or_default(), url.path());
    let path = if path == "/" { usual } else { path };
    let bare = host.trim_matches(['[', ']']);
    let mut stream = connect((bare, url.port_u16().unwrap_or(80)))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|digits| digits.parse().ok());
    status.ok_or_else(|| io::Error::other("not an HTTP answer"))
}

fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
    let mut last = io::Error::other("no such host");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with `answer`, and returns the outcome and the request's first line.
    fn ask(path: &str, ready: bool, answer: &'static str) -> (Result<(), Box<dyn std::error::Error>>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = format!("http://{}{path}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(&stream);
            reader.read_line(&mut line).unwrap();
            // The whole head, or else the end of the connection would cut the client off while it still asks.
            let mut rest = String::new();
            while reader.read_line(&mut rest).unwrap() > 2 {
                rest.clear();
            }
            stream.write_all(answer.as_bytes()).unwrap();
            line
        });
        let outcome = Flags { url: Some(url(&target).unwrap()), ready, listen: listen::FREE_LOOPBACK_PORT }.run();
        (outcome, server.join().unwrap())
    }

    #[test]
    fn only_200_is_alive() {
        for (path, answer, alive, asked) in [
            ("", "HTTP/1.1 200 OK\r\n\r\n", true, "/health/live"),
            ("/", "HTTP/1.0 200 OK\r\n\r\n", true, "/health/live"),
            ("/health/ready", "HTTP/1.1 503 Service Unavailable\r\n\r\n", false, "/health/ready"),
            ("", "HTTP/1.1 404 Not Found\r\n\r\n", false, "/health/live"),
            ("", "+OK POP3 ready\r\n", false, "/health/live"),
            ("", "", false, "/health/live"),
        ] {
            let (outcome, line) = ask(path, false, answer);
            assert_eq!(outcome.is_ok(), alive, "{path} {answer}: {outcome:?}");
            assert!(line.starts_with(&format!("GET {asked} HTTP/1.1")), "{line}");
        }
        let (outcome, line) = ask("", true, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
        assert!(outcome.is_err() && line.starts_with("GET /health/ready HTTP/1.1"), "{line}");
    }

    #[test]
    fn nobody_there_is_not_alive() {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let told = Flags { url: None, ready: false, listen }.run().unwrap_err().to_string();
        assert_eq!(told, format!("http://{listen}/ does not answer: connection refused"));
    }
}
