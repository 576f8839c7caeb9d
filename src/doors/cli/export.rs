//! `roster export`: users into a file.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Outcome;
use super::files::{self, Format, Sink};
use super::progress::Progress;
use super::target::Target;
use crate::domain::page::Query;
use crate::domain::{Filter, Sort};
use crate::operations::{self, Exported};

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Where to; .gz and .zst are packed; - is standard output
    #[arg(default_value = "-")]
    file: PathBuf,

    /// How to write [default: by the file's extension, else csv]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Only these users, as in GET /users, such as 'lastName sw "love"'
    #[arg(long, value_parser = filter)]
    filter: Option<Filter>,

    /// createdAt, userName or lastName, with - in front to reverse
    #[arg(long, value_parser = sort, allow_hyphen_values = true)]
    sort: Option<Sort>,

    /// Also the password hashes: keep the file as secret as the passwords
    #[arg(long)]
    with_hashes: bool,

    #[command(flatten)]
    target: Target,
}

fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|misread| format!("character {}: {}", misread.position, misread.flaw.detail()))
}

fn sort(text: &str) -> Result<Sort, String> {
    Sort::parse(text).map_err(|flaw| flaw.detail().to_owned())
}

/// Why an export ended.
enum End {
    Error(crate::error::Error),
    Io(io::Error),
}

impl From<crate::error::Error> for End {
    fn from(error: crate::error::Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Flags {
    pub(super) fn run(self) -> Outcome {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(self.export())
    }

    async fn export(self) -> Outcome {
        if self.with_hashes {
            writeln!(io::stderr(), "warning: the file will hold password hashes: keep it as secret as the passwords")?;
        }
        let reached = self.target.reach().await?;
        let format = Format::of(&self.file, self.format);
        let query = Query { filter: self.filter, sort: self.sort, ..Query::default() };
        let mut sink = files::create(&self.file).map_err(|error| format!("{}: {error}", self.file.display()))?;
        let mut progress = Progress::start("users", None);
        let mut users = 0;
        let written = async {
            if format == Format::Csv {
                header(&mut sink, self.with_hashes)?;
            }
            operations::export_users(&reached.app, &reached.actor, &query, self.with_hashes, |page| {
                users += page.len() as u64;
                progress.tell(users, users);
                Ok::<_, End>(write(&mut sink, format, self.with_hashes, &page)?)
            })
            .await
        };
        let written = written.await;
        let written = match written {
            Ok(()) => sink.finish().map_err(End::Io),
            failed => failed,
        };
        match written {
            Ok(()) => progress.finish(users, ""),
            // Whoever read it has seen enough.
            Err(End::Io(error)) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(End::Io(error)) => return Err(format!("{}: {error}", self.file.display()).into()),
            Err(End::Error(error)) => return Err(super::plainly(&error).into()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

const COLUMNS: [&str; 7] = ["id", "userName", "firstName", "lastName", "version", "createdAt", "updatedAt"];

fn header(sink: &mut Sink, with_hashes: bool) -> io::Result<()> {
    writeln!(sink, "{}{}", COLUMNS.join(","), if with_hashes { ",passwordHash" } else { "" })
}

fn write(sink: &mut Sink, format: Format, with_hashes: bool, page: &[Exported]) -> io::Result<()> {
    for (user, hash) in page {
        let cells = [
            user.id.to_string(),
            user.profile.user_name.shown().to_owned(),
            user.profile.first_name.as_str().to_owned(),
            user.profile.last_name.as_str().to_owned(),
            user.version.to_string(),
            user.created_at.to_string(),
            user.updated_at.to_string(),
        ];
        let hash = with_hashes.then(|| hash.as_ref().map(|hash| hash.expose().to_owned()).unwrap_or_default());
        if format == Format::Csv {
            let mut writer = csv::WriterBuilder::new().from_writer(&mut *sink);
            writer.write_record(cells.iter().chain(hash.iter()))?;
            writer.flush()?;
        } else {
            let mut object = json!({});
            for (name, cell) in COLUMNS.iter().zip(&cells) {
                object[*name] = if *name == "version" { user.version.into() } else { cell.as_str().into() };
            }
            if let Some(hash) = hash {
                object["passwordHash"] = hash.into();
            }
            writeln!(sink, "{object}")?;
        }
    }
    Ok(())
}
