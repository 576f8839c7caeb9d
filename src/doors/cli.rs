//! The command line: `roster` and its commands.
//!
//! A command is a file in `cli/` with what can be said (`Flags`, if anything) and what is done (`run`), and a line
//! in `Command` and in its `run`.

mod calibrate;
mod doctor;
mod events;
mod export;
mod files;
mod generate;
mod health;
mod import;
mod openapi;
mod progress;
mod schema;
mod serve;
mod sweep;
mod target;
mod token;
mod user;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// What a command ends with: the error becomes one line on stderr, and exit code 1.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

const EXAMPLES: &str = "\
Examples:
  roster                             everything on 127.0.0.1, data in ./.roster
  roster --memory                    the same, and nothing is kept
  roster --listen 127.0.0.1:0        on a free port, which the start prints
  roster health                      exit code 0 when the server is alive
  AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:4566 AWS_ENDPOINT_URL_S3=http://127.0.0.1:4566 \\
  roster --create                    on LocalStack's DynamoDB and S3 instead of the embedded ones";

const IMPORT: &str = "\
An import that was stopped or crashed is finished by the same command: a row that is already in is not brought in twice.
Exit code: 0 every row is in, 1 the table or the file failed, 2 a mistake in the call, 3 some rows were refused, 130 stopped.

Examples:
  roster generate 1000 | roster import -            a thousand users into ./.roster
  roster import users.csv.zst --dry-run             what would become of each row
  roster import old.csv --map userName=login --duplicates update --report report.ndjson
  ROSTER_TABLE=users roster import users.ndjson --aws";

const EVENTS: &str = "\
The server keeps the latest 10,000 events. They are CloudEvents 1.0, as the function publishes them on AWS.

Examples:
  roster events                            what is kept
  roster events --follow | jq -r .type     all of it, and then what happens
  ROSTER_TOKEN=$(roster token --scope users:admin) roster events --follow";

const EXPORT: &str = "\
The columns are id, userName, firstName, lastName, version, createdAt, updatedAt, and passwordHash with --with-hashes.
Such a file with hashes is one that `roster import` takes: names and hashes go in as they are, while id, version and times are
the new directory's own. Pictures are objects of the bucket, stored under the user's id, and are not exported; which
users have one, `--filter 'avatar pr'` tells. Users who come or go meanwhile may or may not be in the file; all others are, once.

Examples:
  roster export users.csv.gz                              everybody, packed
  roster export --filter 'lastName sw \"love\"' --sort -createdAt
  roster export all.ndjson.zst --with-hashes              to be imported elsewhere
  ROSTER_TABLE=users roster export users.csv --aws";

/// An error with all that lies beneath it, in one line.
fn plainly(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Roster, a user directory: REST over DynamoDB and S3
///
/// Without a command it serves: the API, a DynamoDB-compatible and an S3-compatible engine, in one process.
#[derive(Debug, Parser)]
#[command(name = "roster", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Flags,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::doc_markdown, reason = "`--help` prints these lines as they are")]
enum Command {
    /// Run the API with DynamoDB and S3 on this machine (what `roster` alone does)
    #[command(after_help = EXAMPLES)]
    Serve(serve::Flags),
    /// Ask a running server whether it is alive: exit code 0 if it is
    Health(health::Flags),
    /// Measure argon2id on this machine and print parameters and the Lambda memory they ask for
    Calibrate(calibrate::Flags),
    /// Look for all that is wrong with configuration, table, bucket and rights, and tell how to mend it
    #[command(after_help = doctor::HELP)]
    Doctor(doctor::Flags),
    /// Bring users in from a CSV or NDJSON file
    #[command(after_help = IMPORT)]
    Import(import::Flags),
    /// Print what changed in a running server, an event in JSON a line
    #[command(after_help = EVENTS)]
    Events(events::Flags),
    /// Write users to a CSV or NDJSON file
    #[command(after_help = EXPORT)]
    Export(export::Flags),
    /// Make up users for demonstrations and load
    Generate(generate::Flags),
    /// Remove pictures that no user refers to, such as those of users whose deletion was interrupted
    SweepAvatars(sweep::Flags),
    /// Print the OpenAPI document
    Openapi,
    /// Print the GraphQL schema
    Schema,
    /// Print a token for a server on this machine that runs with --auth jwt
    Token(token::Flags),
    /// Show, create or delete a user, or set a password
    #[command(after_help = user::HELP)]
    User(user::Flags),
}

impl Command {
    fn run(self) -> Outcome {
        match self {
            Self::Serve(flags) => flags.run().map(|()| ExitCode::SUCCESS),
            Self::Health(flags) => flags.run().map(|()| ExitCode::SUCCESS),
            Self::Doctor(flags) => flags.run(),
            Self::Import(flags) => flags.run(),
            Self::Events(flags) => flags.run(),
            Self::Export(flags) => flags.run(),
            Self::Generate(flags) => flags.run(),
            Self::Calibrate(flags) => flags.run().map(|()| ExitCode::SUCCESS),
            Self::SweepAvatars(flags) => flags.run().map(|()| ExitCode::SUCCESS),
            Self::Token(flags) => flags.run().map(|()| ExitCode::SUCCESS),
            Self::User(flags) => flags.run(),
            Self::Openapi => openapi::run().map(|()| ExitCode::SUCCESS),
            Self::Schema => schema::run().map(|()| ExitCode::SUCCESS),
        }
    }
}

/// Runs the command that the process was called with. A mistake in the call ends the process with exit code 2.
#[must_use]
pub fn main() -> ExitCode {
    let cli = parse(std::env::args_os()).unwrap_or_else(|mistake| mistake.exit());
    match cli.command.unwrap_or(Command::Serve(cli.serve)).run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "roster: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads a command line, and what no single word of it can get wrong.
fn parse(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words)?;
    let serve = match matches.subcommand() {
        None => Some(&matches),
        Some(("serve", matches)) => Some(matches),
        Some(_) => None,
    };
    if serve.is_some_and(serve::contradicts_itself) {
        let line = "--memory keeps nothing and --data names a folder to keep it in: choose one";
        return Err(command.error(ErrorKind::ArgumentConflict, line));
    }
    Cli::from_arg_matches(&matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve_flags(line: &str) -> Result<serve::Flags, clap::Error> {
        let cli = parse(line.split(' '))?;
        match cli.command {
            None => Ok(cli.serve),
            Some(Command::Serve(flags)) => Ok(flags),
            Some(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definitions_agree_with_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_what_roster_alone_does() {
        let line = "--listen 127.0.0.1:1 --memory";
        let (alone, named) = (serve_flags(&format!("roster {line}")), serve_flags(&format!("roster serve {line}")));
        assert_eq!(format!("{:?}", alone.unwrap()), format!("{:?}", named.unwrap()));
    }

    #[test]
    fn a_mistake_is_told_with_exit_code_2() {
        for (line, told) in [
            ("roster --lisen 127.0.0.1:1", "'--lisen'"),
            ("roster serve --listen 8000", "ADDRESS:PORT"),
            ("roster --listen 127.0.0.1:99999", "ADDRESS:PORT"),
            ("roster fly", "'fly'"),
            ("roster --memory health", "health"),
            ("roster --memory --data x", "choose one"),
            ("roster serve --data x --memory", "choose one"),
            ("roster health --url ftp://127.0.0.1", "http://"),
        ] {
            let mistake = parse(line.split(' ')).unwrap_err();
            assert_eq!(mistake.exit_code(), 2, "{line}");
            assert!(mistake.to_string().contains(told), "{line}: {mistake}");
        }
    }

    #[test]
    fn help_fits_a_terminal() {
        for name in [
            "roster",
            "serve",
            "health",
            "calibrate",
            "doctor",
            "import",
            "export",
            "generate",
            "sweep-avatars",
            "openapi",
            "schema",
            "token",
            "events",
            "user",
        ] {
            let mut command = Cli::command();
            let command = if name == "roster" { &mut command } else { command.find_subcommand_mut(name).unwrap() };
            let help = command.clone().term_width(100).render_long_help().to_string();
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        }
    }
}
