//! What became of each row: a line of JSON per row in the report, counts at the end.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::super::files::Sink;
use super::rows::Fault;
use crate::error::{Error, Place, Violation};
use crate::operations::{Imported, Outcome};

/// Most refused rows that are also told on the terminal.
const TOLD: u64 = 20;

/// Counts and writes outcomes.
pub(super) struct Report {
    file: Option<Sink>,
    /// The first trouble with the report itself, or with the table.
    pub(super) trouble: Option<String>,
    pub(super) created: u64,
    pub(super) already_there: u64,
    pub(super) updated: u64,
    pub(super) skipped: u64,
    pub(super) refused: u64,
    /// Rows that the table did not take, for no fault of theirs.
    pub(super) failed: u64,
}

impl Report {
    pub(super) fn new(file: Option<Sink>) -> Self {
        Self { file, trouble: None, created: 0, already_there: 0, updated: 0, skipped: 0, refused: 0, failed: 0 }
    }

    pub(super) fn rows(&self) -> u64 {
        self.created + self.already_there + self.updated + self.skipped + self.refused + self.failed
    }

    /// Notes the outcome of a row that was a user. Gives a line for the terminal if there is something to tell.
    pub(super) fn outcome(&mut self, line: u64, outcome: Outcome) -> Option<String> {
        let (word, id) = match outcome {
            Ok((imported, id)) => {
                let (count, word) = match imported {
                    Imported::Created => (&mut self.created, "created"),
                    Imported::AlreadyThere => (&mut self.already_there, "alreadyThere"),
                    Imported::Updated => (&mut self.updated, "updated"),
                    Imported::Skipped => (&mut self.skipped, "skipped"),
                };
                *count += 1;
                (word, id)
            }
            Err(Error::NameTaken) => {
                let flaw = crate::domain::Flaw::new("name_taken", "another user has this name; see --duplicates");
                return self.refused(line, &[Fault { column: None, field: Some("userName".to_owned()), flaw }]);
            }
            Err(Error::Invalid(violations)) => {
                let faults: Vec<Fault> = violations.into_iter().map(to_fault).collect();
                return self.refused(line, &faults);
            }
            Err(error) => {
                self.failed += 1;
                let told = super::super::plainly(&error);
                self.write(&json!({"line": line, "outcome": "failed", "detail": told}));
                self.trouble.get_or_insert(told.clone());
                return (self.failed <= TOLD).then(|| format!("line {line}: {told}"));
            }
        };
        self.write(&json!({"line": line, "outcome": word, "id": id.to_string()}));
        None
    }

    /// Notes a row that cannot be a user.
    pub(super) fn refused(&mut self, line: u64, faults: &[Fault]) -> Option<String> {
        self.refused += 1;
        let errors = faults.iter().map(|fault| {
            let mut error = json!({"code": fault.flaw.code(), "detail": fault.flaw.detail()});
            if let Some(column) = fault.column {
                error["column"] = column.into();
            }
            if let Some(field) = &fault.field {
                error["field"] = field.as_str().into();
            }
            error
        });
        let errors: Vec<Value> = errors.collect();
        self.write(&json!({"line": line, "outcome": "refused", "errors": errors}));
        if self.refused > TOLD {
            return (self.refused == TOLD + 1).then(|| "more rows are refused; --report FILE tells all".to_owned());
        }
        let told = faults.iter().map(|fault| {
            let column = fault.column.map(|column| format!("column {column}, ")).unwrap_or_default();
            let field = fault.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
            format!("{column}{field}{}", fault.flaw.detail())
        });
        Some(format!("line {line}: {}", told.collect::<Vec<_>>().join("; ")))
    }

    fn write(&mut self, value: &Value) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = writeln!(file, "{value}") {
            self.trouble.get_or_insert(format!("the report cannot be written: {error}"));
            self.file = None;
        }
    }

    /// Ends the report's file.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), Sink::finish)
    }
}

fn to_fault(Violation { place, flaw }: Violation) -> Fault {
    let field = match place {
        Place::Pointer(pointer) => pointer.trim_start_matches('/').to_owned(),
        Place::Parameter(name) => name.into_owned(),
    };
    Fault { column: None, field: Some(field), flaw }
}
