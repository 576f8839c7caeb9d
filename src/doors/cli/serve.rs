//! `roster serve`: what can be chosen.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use crate::local::issuer::ISSUER_FOLDER;
use crate::local::serve;

/// Where the API listens unless told otherwise. An empty variable tells nothing, here as everywhere.
pub(super) const API: &str = "127.0.0.1:8000";
pub(super) const DYNAMODB: &str = "127.0.0.1:8001";
pub(super) const S3: &str = "127.0.0.1:8002";
const DATA: &str = ".roster";

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "`--help` prints these lines as they are")]
pub(super) struct Flags {
    /// Where the API listens; port 0 takes a free one
    #[arg(long, env = "ROSTER_LISTEN", value_name = "ADDRESS:PORT", default_value = API)]
    #[arg(value_parser = |text: &str| address_or(text, API), help_heading = "Addresses")]
    listen: SocketAddr,

    /// Where the embedded DynamoDB listens (unused with AWS_ENDPOINT_URL_DYNAMODB)
    #[arg(long, env = "ROSTER_DYNAMODB_LISTEN", value_name = "ADDRESS:PORT", default_value = DYNAMODB)]
    #[arg(value_parser = |text: &str| address_or(text, DYNAMODB), help_heading = "Addresses")]
    dynamodb_listen: SocketAddr,

    /// Where the embedded S3 listens (unused with AWS_ENDPOINT_URL_S3)
    #[arg(long, env = "ROSTER_S3_LISTEN", value_name = "ADDRESS:PORT", default_value = S3)]
    #[arg(value_parser = |text: &str| address_or(text, S3), help_heading = "Addresses")]
    s3_listen: SocketAddr,

    /// Who may call: anyone (open), or whoever has a token (jwt) of ROSTER_JWT_ISSUER or, without one, of `roster token`;
    /// in place of ROSTER_AUTH
    #[arg(long, value_name = "MODE", value_parser = ["open", "jwt"], help_heading = "Callers")]
    auth: Option<String>,

    /// The folder that keeps users and pictures, made if missing
    #[arg(long, env = "ROSTER_DATA", value_name = "FOLDER", default_value = DATA)]
    #[arg(value_parser = folder(), help_heading = "Data")]
    data: PathBuf,

    /// Keep nothing: everything is gone when the server ends
    #[arg(long, env = "ROSTER_MEMORY", value_parser = switch, help_heading = "Data")]
    memory: bool,

    /// Create the table and the bucket also at endpoints given by AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_S3
    #[arg(long, env = "ROSTER_CREATE", value_parser = switch, help_heading = "Data")]
    create: bool,
}

impl Flags {
    pub(super) fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let Self { listen, dynamodb_listen, s3_listen, data, memory, create, auth } = self;
        let issuer = data.join(ISSUER_FOLDER);
        let data = (!memory).then_some(data);
        Ok(serve::run(&serve::Options { listen, dynamodb_listen, s3_listen, auth, issuer, data, create })?)
    }
}

/// Returns whether `matches` keep nothing, and name a folder to keep it in all the same. A folder in the environment is a
/// habit; one on the command line is meant.
pub(super) fn contradicts_itself(matches: &ArgMatches) -> bool {
    let is_given = matches!(matches.value_source("data"), Some(ValueSource::CommandLine));
    is_given && matches.get_flag("memory")
}

/// Reads `ADDRESS:PORT`, where the address may be a name such as `localhost`; `default` stands in for nothing.
pub(super) fn address_or(text: &str, default: &str) -> Result<SocketAddr, String> {
    let text = if text.trim().is_empty() { default } else { text };
    let found: Vec<SocketAddr> = text.to_socket_addrs().into_iter().flatten().collect();
    // Of a name with both kinds of address, IPv4 is what the printed URLs and most clients use.
    let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
    address.copied().ok_or_else(|| "expected ADDRESS:PORT, such as 127.0.0.1:8000".to_owned())
}

fn folder() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(|text| if text.is_empty() { DATA.into() } else { text.into() })
}

/// Reads yes or no; nothing is no.
fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "false" | "no" | "off" | "0" => Ok(false),
        "true" | "yes" | "on" | "1" => Ok(true),
        _ => Err("expected true or false".to_owned()),
    }
}
