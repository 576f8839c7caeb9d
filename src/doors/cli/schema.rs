//! `roster schema`: the GraphQL schema, as it is committed in `schema.graphql`.

use std::io::{self, ErrorKind, Write};

use crate::doors::graphql;

/// Prints the schema.
pub(super) fn run() -> Result<(), Box<dyn std::error::Error>> {
    match writeln!(io::stdout(), "{}", graphql::sdl().trim_end()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
