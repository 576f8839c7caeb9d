//! What can keep the local server from starting, each with the one line that tells how to mend it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Mistakes;

/// A reason why the local server or one of its engines did not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's fields are the gaps in its line")]
pub enum Trouble {
    /// The environment holds mistakes.
    #[error(transparent)]
    Config(#[from] Mistakes),
    /// The address cannot be listened on; `flag` is the option that chooses another.
    #[error("cannot listen on {address}: {}; {}choose another with {flag}", plain(.error), other_program(.error))]
    Listen { address: SocketAddr, flag: &'static str, error: io::Error },
    /// Other machines could reach a server on which nobody signs in, and nobody said that this is meant.
    #[error(
        "other machines could reach this server, and nobody signs in; say ROSTER_AUTH=open if that is meant, or use --auth jwt"
    )]
    Exposed,
    /// The data folder, or something in it, cannot be made, read or written.
    #[error("cannot write to {}: {}; choose another folder with --data, or --memory", .path.display(), plain(.error))]
    Data { path: PathBuf, error: io::Error },
    /// Another process holds the data folder.
    #[error("{} is in use by another roster; stop it, or choose another folder with --data", .path.display())]
    InUse { path: PathBuf },
    /// The database file cannot be opened.
    #[error("cannot open the database {}: {reason}; choose another folder with --data", .path.display())]
    Database { path: PathBuf, reason: String },
    /// A part of the server cannot be started.
    #[error("cannot start {part}: {reason}")]
    Start { part: &'static str, reason: String },
    /// The table or the bucket cannot be created.
    #[error("cannot create {what} at {endpoint}: {reason}")]
    Create { what: String, endpoint: String, reason: String },
}

impl Trouble {
    /// Names the part that cannot be started, and why.
    pub(super) fn start(part: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| Self::Start { part, reason: plain(&error) }
    }
}

fn other_program(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::AddrInUse { "stop the other program or " } else { "" }
}

/// Says what went wrong without error numbers.
pub(crate) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut letters = text.chars();
            letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_one_line_that_says_what_to_do() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8000));
        let listen = |error| Trouble::Listen { address, flag: "--listen", error: io::Error::from_raw_os_error(error) };
        let data = Trouble::Data { path: "/x".into(), error: io::Error::from_raw_os_error(30) };
        for (trouble, line) in [
            (
                listen(98),
                "cannot listen on 127.0.0.1:8000: address already in use; stop the other program or choose another \
                 with --listen",
            ),
            (listen(13), "cannot listen on 127.0.0.1:8000: permission denied; choose another with --listen"),
            (data, "cannot write to /x: read-only file system; choose another folder with --data, or --memory"),
        ] {
            assert_eq!(trouble.to_string(), line);
        }
    }
}
