//! The `roster` command: everything on one machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    roster::doors::cli::main()
}
