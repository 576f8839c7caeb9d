//! `roster serve`: what can be chosen.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::Outcome;
use crate::local::serve;

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "`--help` prints these lines as they are")]
pub(super) struct Flags {
    /// Where the API listens; port 0 takes a free one
    #[arg(long, env = "ROSTER_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    #[arg(value_parser = address, help_heading = "Addresses")]
    listen: SocketAddr,

    /// Where the embedded DynamoDB listens (unused with AWS_ENDPOINT_URL_DYNAMODB)
    #[arg(long, env = "ROSTER_DYNAMODB_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8001")]
    #[arg(value_parser = address, help_heading = "Addresses")]
    dynamodb_listen: SocketAddr,

    /// Where the embedded S3 listens (unused with AWS_ENDPOINT_URL_S3)
    #[arg(long, env = "ROSTER_S3_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8002")]
    #[arg(value_parser = address, help_heading = "Addresses")]
    s3_listen: SocketAddr,

    /// The folder that keeps users and pictures, made if missing
    #[arg(long, env = "ROSTER_DATA", value_name = "FOLDER", default_value = ".roster", help_heading = "Data")]
    data: PathBuf,

    /// Keep nothing: everything is gone when the server ends
    #[arg(long, env = "ROSTER_MEMORY", value_parser = FalseyValueParser::new(), help_heading = "Data")]
    memory: bool,

    /// Create the table and the bucket also at endpoints given by AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_S3
    #[arg(long, env = "ROSTER_CREATE", value_parser = FalseyValueParser::new(), help_heading = "Data")]
    create: bool,
}

impl Flags {
    pub(super) fn run(self) -> Outcome {
        let Self { listen, dynamodb_listen, s3_listen, data, memory, create } = self;
        let data = (!memory).then_some(data);
        Ok(serve::run(&serve::Options { listen, dynamodb_listen, s3_listen, data, create })?)
    }
}

/// Reads `ADDRESS:PORT`, where the address may be a name such as `localhost`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let found: Vec<SocketAddr> = text.to_socket_addrs().into_iter().flatten().collect();
    // Of a name with both kinds of address, IPv4 is what the printed URLs and most clients use.
    let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
    address.copied().ok_or_else(|| "expected ADDRESS:PORT, such as 127.0.0.1:8000".to_owned())
}
