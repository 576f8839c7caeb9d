//! What came of a deed: lines for people or one object of JSON, and the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::super::{Outcome, plainly};
use crate::app::App;
use crate::domain::{User, UserId};
use crate::doors::rest::problem::Problem;
use crate::doors::rest::view;
use crate::error::{Error, Place, Violation};

/// Exit codes.
const FAILED: u8 = 1;
pub(super) const MISTAKE: u8 = 2;
const REFUSED: u8 = 3;
const NO_SUCH_USER: u8 = 4;
const UNCONFIRMED: u8 = 5;

/// The members of a user, as they are shown.
const MEMBERS: [&str; 8] = ["id", "userName", "firstName", "lastName", "avatar", "version", "createdAt", "updatedAt"];

/// What a deed gives.
pub(super) enum Shown {
    User(User),
    Deleted(UserId),
    PasswordSet(UserId),
    Unconfirmed(UserId),
}

/// What is told of it.
pub(super) struct Answer {
    code: u8,
    /// For people, line by line.
    lines: Vec<String>,
    /// For programs.
    object: Value,
}

impl Answer {
    pub(super) fn of(app: &App, outcome: Result<Shown, Error>) -> Self {
        let done = |code, outcome, id: UserId, words: &str| Self {
            code,
            lines: vec![format!("{id} {words}")],
            object: json!({"outcome": outcome, "id": id.to_string()}),
        };
        match outcome {
            Ok(Shown::User(user)) => {
                Self::of_user(serde_json::to_value(view::User::of(app, &user)).unwrap_or_default())
            }
            Ok(Shown::Deleted(id)) => done(0, "deleted", id, "is deleted"),
            Ok(Shown::PasswordSet(id)) => done(0, "passwordSet", id, "has the new password"),
            Ok(Shown::Unconfirmed(id)) => done(UNCONFIRMED, "unconfirmed", id, "is left as it was"),
            Err(error) => Self::of_error(error),
        }
    }

    /// Where nothing could be tried.
    pub(super) fn failed(detail: String) -> Self {
        let object = json!({"outcome": "failed", "problem": "unreachable", "detail": detail, "errors": []});
        Self { code: FAILED, lines: vec![detail], object }
    }

    fn of_user(user: Value) -> Self {
        let line = |name: &&str| match &user[*name] {
            Value::Null => None,
            Value::String(text) => Some(format!("{name:<10} {text}")),
            other => Some(format!("{name:<10} {other}")),
        };
        Self { code: 0, lines: MEMBERS.iter().filter_map(line).collect(), object: user }
    }

    fn of_error(error: Error) -> Self {
        let told = plainly(&error);
        let (code, outcome) = match &error {
            Error::NotFound => (NO_SUCH_USER, "notFound"),
            Error::Unavailable { .. } | Error::Timeout(_) | Error::Internal { .. } => (FAILED, "failed"),
            _ => (REFUSED, "refused"),
        };
        let told = if code == NO_SUCH_USER { "there is no such user".to_owned() } else { told };
        // The words of each flaw are those of the API.
        let problem = Problem::from(error);
        let errors: Vec<(&str, &Violation)> =
            problem.errors().iter().map(|violation| (field(&violation.place), violation)).collect();
        let lines = errors.iter().map(|(field, violation)| format!("{field}: {}", violation.flaw.detail()));
        let lines = if errors.is_empty() { vec![told.clone()] } else { lines.collect() };
        let errors = errors.iter().map(
            |(field, Violation { flaw, .. })| json!({"field": field, "code": flaw.code(), "detail": flaw.detail()}),
        );
        let errors: Vec<Value> = errors.collect();
        let object = json!({"outcome": outcome, "problem": problem.kind().slug, "detail": told, "errors": errors});
        Self { code, lines, object }
    }

    /// Prints it: what was asked for on standard output, what went wrong on standard error, and JSON always on the former.
    pub(super) fn tell(self, as_json: bool) -> Outcome {
        let Self { code, lines, object } = self;
        if as_json {
            writeln!(io::stdout(), "{object}")?;
        } else if code == 0 {
            lines.iter().try_for_each(|line| writeln!(io::stdout(), "{line}"))?;
        } else {
            lines.iter().try_for_each(|line| writeln!(io::stderr(), "roster: {line}"))?;
        }
        Ok(ExitCode::from(code))
    }
}

fn field(place: &Place) -> &str {
    match place {
        Place::Pointer(pointer) => pointer.trim_start_matches('/'),
        Place::Parameter(name) => name,
    }
}
