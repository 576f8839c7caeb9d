//! `roster openapi`: the document, as `GET /openapi.json` serves it.

use std::io::{self, ErrorKind, Write};

use clap::Args;

use super::Outcome;
use crate::doors::rest::openapi;

#[derive(Debug, Args)]
pub(super) struct Flags {}

impl Flags {
    pub(super) fn run(self) -> Outcome {
        match writeln!(io::stdout(), "{}", openapi::document_json().trim_end()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }
}
