//! `roster openapi`: the document, as `GET /openapi.json` serves it.

use std::io::{self, ErrorKind, Write};

use crate::doors::rest::openapi;

/// Prints the document.
pub(super) fn run() -> Result<(), Box<dyn std::error::Error>> {
    match writeln!(io::stdout(), "{}", openapi::document_json().trim_end()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
