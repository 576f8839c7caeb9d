//! `roster token`: a token for a server on this machine that runs with `--auth jwt`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::clock::Clock;
use crate::domain::{ClientId, Scope, UserId};
use crate::local::issuer::{Grant, ISSUER_FOLDER, Issuer};

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// The id of the user whom the token speaks for, who may then read and change itself
    #[arg(long, value_name = "ID", value_parser = subject)]
    sub: Option<String>,

    /// What it may do to anyone: users:read, users:write, users:delete, users:verify, users:admin
    #[arg(long, value_name = "SCOPES", value_parser = scope)]
    scope: Option<String>,

    /// The service that calls, whose quotas count
    #[arg(long, value_name = "NAME", value_parser = client)]
    client: Option<String>,

    /// How long it is good for, such as 30s, 15m, 1h or 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = seconds)]
    expires: i64,

    /// The data folder of the server
    #[arg(long, env = "ROSTER_DATA", value_name = "FOLDER", default_value = ".roster")]
    data: PathBuf,
}

impl Flags {
    pub(super) fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let Self { sub, scope, client, expires, data } = self;
        let grant = Grant { subject: sub, scope, client, expires_in: expires };
        let token = Issuer::open(&data.join(ISSUER_FOLDER))?.token(&grant, Clock::system().now())?;
        Ok(writeln!(io::stdout(), "{token}")?)
    }
}

fn subject(text: &str) -> Result<String, String> {
    UserId::parse(text).map(|_| text.to_owned()).map_err(|_| "expected the id of a user".to_owned())
}

fn client(text: &str) -> Result<String, String> {
    ClientId::parse(text).map(|_| text.to_owned()).map_err(|flaw| flaw.detail().to_owned())
}

fn scope(text: &str) -> Result<String, String> {
    match text.split_whitespace().find(|word| Scope::parse(word).is_none()) {
        None => Ok(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Some(word) => Err(format!("there is no scope {word}; there are {}", Scope::ALL.map(Scope::name).join(", "))),
    }
}

fn seconds(text: &str) -> Result<i64, String> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<u32>().ok());
    match number.map(|number| i64::from(number) * unit) {
        Some(seconds @ 1..=31_536_000) => Ok(seconds),
        _ => Err("expected a time such as 30s, 15m, 1h or 7d, a year at most".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_scopes_and_names_are_checked() {
        assert_eq!(
            (seconds("30s"), seconds("15m"), seconds("1h"), seconds("7d")),
            (Ok(30), Ok(900), Ok(3600), Ok(604_800))
        );
        for text in ["", "s", "1", "-1s", "0s", "1.5h", "400d", "1y", "1µ"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(scope(" users:read  users:admin "), Ok("users:read users:admin".to_owned()));
        assert!(scope("users:fly").unwrap_err().contains("users:fly"));
        assert!(subject("ada").is_err() && client("a b").is_err());
    }
}
