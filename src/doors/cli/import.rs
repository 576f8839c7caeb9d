//! `roster import`: users from a file.

mod columns;
mod report;
mod rows;

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};

use super::Outcome;
use super::files::{self, Format};
use super::progress::Progress;
use super::target::Target;
use crate::operations::{self, Duplicates, Settings};
use report::Report;
use rows::Rows;

/// Exit codes: some rows were refused; the import was stopped.
const SOME_REFUSED: u8 = 3;
const STOPPED: u8 = 130;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// Leave the user as it is
    Skip,
    /// Refuse the row
    Fail,
    /// Give the user the row's names and password
    Update,
}

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// CSV with a header, or one JSON object per line; .gz and .zst are unpacked; - is standard input
    file: PathBuf,

    /// What the file holds [default: by its extension, else csv]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// The column (or JSON member) that holds a field: userName, firstName, lastName, password, passwordHash
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = pair)]
    map: Vec<(String, String)>,

    /// Leave out columns (or JSON members) that are not known
    #[arg(long)]
    ignore_unknown: bool,

    /// What to do with a user name that another user has
    #[arg(long, value_enum, default_value = "fail")]
    duplicates: Policy,

    /// Check every row, and which names are taken, but write nothing
    #[arg(long)]
    dry_run: bool,

    /// Most users at once; a busy table slows it down by itself
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    /// Write what became of each row, one JSON object per line
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    #[command(flatten)]
    target: Target,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, column) = text.split_once('=').ok_or("expected FIELD=COLUMN, such as userName=login")?;
    Ok((field.to_owned(), column.to_owned()))
}

impl Flags {
    pub(super) fn run(self) -> Outcome {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(self.import())
    }

    async fn import(self) -> Outcome {
        let source = files::open(&self.file).map_err(|error| format!("{}: {error}", self.file.display()))?;
        let reached = self.target.reach().await?;
        let (app, actor) = (&reached.app, &reached.actor);
        let format = Format::of(&self.file, self.format);
        let rows = Rows::of(source.reader, format, &self.map, self.ignore_unknown, app.password_policy.clone());
        let mut rows = rows.map_err(|error| format!("{}: {error}", self.file.display()))?;
        let create = |path: &PathBuf| files::create(path).map_err(|error| format!("{}: {error}", path.display()));
        let report = self.report.as_ref().map(create).transpose()?;
        let state = RefCell::new((Report::new(report), Progress::start("rows", source.total)));
        let read_error = RefCell::new(None);
        let is_stopped = AtomicBool::new(false);
        let tell = |(report, progress): &mut (Report, Progress), line: Option<String>| {
            if let Some(line) = line {
                progress.line(&line);
            }
            progress.tell(report.rows(), source.bytes.load(Ordering::Relaxed));
        };
        let good = std::iter::from_fn(|| {
            loop {
                match rows.read()? {
                    Ok(rows::ReadRow { row: Ok(row), .. }) => return Some(row),
                    Ok(rows::ReadRow { line, row: Err(faults) }) => {
                        let state = &mut *state.borrow_mut();
                        let told = state.0.refused(line, &faults);
                        tell(state, told);
                    }
                    Err(error) => {
                        *read_error.borrow_mut() = Some(error);
                        return None;
                    }
                }
            }
        });
        let settings = Settings {
            duplicates: match self.duplicates {
                Policy::Skip => Duplicates::Skip,
                Policy::Fail => Duplicates::Fail,
                Policy::Update => Duplicates::Update,
            },
            dry_run: self.dry_run,
            concurrency: usize::from(self.concurrency),
        };
        let stop = async {
            let _ = tokio::signal::ctrl_c().await;
            is_stopped.store(true, Ordering::Relaxed);
        };
        operations::import_users(app, actor, good, settings, stop, |line, outcome| {
            let state = &mut *state.borrow_mut();
            let told = state.0.outcome(line, outcome);
            tell(state, told);
        })
        .await?;
        let (mut report, progress) = state.into_inner();
        report.finish()?;
        progress.finish(report.rows(), &summary(&report, self.dry_run));
        if let Some(error) = read_error.into_inner() {
            return Err(format!("{}: {error}", self.file.display()).into());
        }
        if is_stopped.load(Ordering::Relaxed) {
            progress.line("Stopped: run the same command again to go on.");
            return Ok(ExitCode::from(STOPPED));
        }
        match report.trouble {
            Some(trouble) => Err(format!("{trouble}; run the same command again to finish").into()),
            None if report.refused > 0 => Ok(ExitCode::from(SOME_REFUSED)),
            None => Ok(ExitCode::SUCCESS),
        }
    }
}

fn summary(report: &Report, dry_run: bool) -> String {
    let Report { created, already_there, updated, skipped, refused, failed, .. } = report;
    let dry = if dry_run { " (dry run: nothing was written)" } else { "" };
    format!(
        ": {created} created, {already_there} already there, {updated} updated, {skipped} skipped, {refused} refused, {failed} failed{dry}"
    )
}
