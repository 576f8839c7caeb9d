//! `roster user`: one user at a time, by the operations and the rules of the API.

mod answer;
mod secret;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Outcome;
use super::target::{Reached, Whole};
use crate::domain::{IfMatch, User, UserId, UserName};
use crate::doors::rest::view;
use crate::error::Error;
use crate::operations::{self, Wanted};
use answer::{Answer, Shown};
use secret::Secret;

pub(super) const HELP: &str = "\
A password is never an argument, which others could see: it is asked for twice on a terminal, or read from standard input.
Exit code: 0 done, 1 the table, the bucket or the terminal failed, 2 a mistake in the call, 3 refused by a rule (a taken name,
a weak password: all reasons are told), 4 no such user, 5 not confirmed. With --json, standard output holds one object in
each case but 2: the user, or `outcome` and `id`, or `outcome`, `problem`, `detail` and `errors`.

Examples:
  roster user get ada                                             in ./.roster, whether or not `roster serve` runs on it
  roster user create ada --first-name Ada --last-name Lovelace    asks for the password
  pass show ada | roster user set-password ada --password-stdin
  ROSTER_TABLE=users ROSTER_BUCKET=pictures roster user delete ada --yes --aws";

#[derive(Debug, Args)]
pub(super) struct Flags {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Show a user
    #[command(after_help = HELP)]
    Get(Named),
    /// Create a user
    #[command(after_help = HELP)]
    Create(Create),
    /// Delete a user with credential, name and pictures
    #[command(after_help = HELP)]
    Delete(Delete),
    /// Give a user another password, without the present one
    #[command(after_help = HELP)]
    SetPassword(SetPassword),
}

#[derive(Debug, Args)]
struct Named {
    /// The user's id or user name
    #[arg(value_name = "ID|NAME", value_parser = Who::parse)]
    who: Who,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Create {
    /// The user name
    #[arg(value_name = "NAME")]
    user_name: String,

    /// The first name
    #[arg(long, value_name = "NAME")]
    first_name: String,

    /// The last name
    #[arg(long, value_name = "NAME")]
    last_name: String,

    /// Read the password from standard input, without the line's end
    #[arg(long)]
    password_stdin: bool,

    /// Read a hash of the password from standard input, as other systems and exports have it
    #[arg(long, conflicts_with = "password_stdin")]
    password_hash_stdin: bool,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Delete {
    #[command(flatten)]
    named: Named,

    /// Do not ask; needed where there is no terminal
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
struct SetPassword {
    #[command(flatten)]
    named: Named,

    /// Read the password from standard input, without the line's end
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
struct Common {
    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    whole: Whole,
}

/// How a user is named at the command line. What looks like an id may be a user name too.
#[derive(Clone, Debug)]
struct Who(Vec<Wanted>);

impl Who {
    fn parse(text: &str) -> Result<Self, String> {
        let id = UserId::parse(text).map(Wanted::Id);
        let name = UserName::parse(text).map(Wanted::Name);
        if let (Err(_), Err(flaw)) = (&id, &name) {
            return Err(format!("neither an id nor a user name: {}", flaw.detail()));
        }
        Ok(Self(id.into_iter().chain(name).collect()))
    }

    async fn find(&self, Reached { app, actor, .. }: &Reached) -> Result<User, Error> {
        let found = operations::get_users(app, actor, &self.0).await?;
        found.into_iter().flatten().next().ok_or(Error::NotFound)
    }
}

impl Flags {
    pub(super) fn run(self) -> Outcome {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            match self.deed {
                Deed::Get(Named { who, common }) => {
                    common.answer(async |reached| who.find(reached).await.map(Shown::User)).await
                }
                Deed::Create(create) => create.run().await,
                Deed::Delete(delete) => delete.run().await,
                Deed::SetPassword(set) => set.run().await,
            }
        })
    }
}

impl Common {
    /// Reaches table and bucket, does the deed there and tells what came of it.
    async fn answer(&self, deed: impl AsyncFnOnce(&Reached) -> Result<Shown, Error>) -> Outcome {
        let answer = match self.whole.reach().await {
            Ok(reached) => Answer::of(&reached.app, deed(&reached).await),
            Err(error) => Answer::failed(error.to_string()),
        };
        answer.tell(self.json)
    }
}

impl Create {
    async fn run(self) -> Outcome {
        let Self { user_name, first_name, last_name, password_stdin, password_hash_stdin, common } = self;
        let Some(secret) = Secret::read(password_stdin || password_hash_stdin, "password")? else {
            return mistake("say --password-stdin or --password-hash-stdin where there is no terminal to ask at");
        };
        let member = if password_hash_stdin { "passwordHash" } else { "password" };
        let body =
            json!({"userName": user_name, "firstName": first_name, "lastName": last_name, member: secret.text()});
        let create = async |Reached { app, actor, .. }: &Reached| {
            let new = |policy: &_| view::new_user(body, Vec::new(), policy).map_err(Error::Invalid);
            operations::create_user(app, actor, new, None).await.map(Shown::User)
        };
        common.answer(create).await
    }
}

impl Delete {
    async fn run(self) -> Outcome {
        let Self { named: Named { who, common }, yes } = self;
        if !yes && !io::stdin().is_terminal() {
            return mistake("say --yes where there is no terminal to ask at");
        }
        let delete = async |reached: &Reached| {
            let user = who.find(reached).await?;
            if !yes && !is_confirmed(&user) {
                return Ok(Shown::Unconfirmed(user.id));
            }
            operations::delete_user(&reached.app, &reached.actor, user.id, &IfMatch::Absent).await?;
            Ok(Shown::Deleted(user.id))
        };
        common.answer(delete).await
    }
}

impl SetPassword {
    async fn run(self) -> Outcome {
        let Self { named: Named { who, common }, password_stdin } = self;
        let Some(secret) = Secret::read(password_stdin, "new password")? else {
            return mistake("say --password-stdin where there is no terminal to ask at");
        };
        let set = async |reached: &Reached| {
            let body = json!({"newPassword": secret.text()});
            let change = view::password_change(body, Vec::new()).map_err(Error::Invalid)?;
            let user = who.find(reached).await?;
            let Reached { app, actor, .. } = reached;
            operations::change_password(app, actor, user.id, None, change.new, &IfMatch::Absent).await?;
            Ok(Shown::PasswordSet(user.id))
        };
        common.answer(set).await
    }
}

fn is_confirmed(user: &User) -> bool {
    let profile = &user.profile;
    let (first, last) = (profile.first_name.as_str(), profile.last_name.as_str());
    let asked =
        write!(io::stderr(), "Delete {} ({first} {last}, {}) for good? [y/N] ", profile.user_name.shown(), user.id);
    let mut line = String::new();
    asked.is_ok()
        && io::stdin().read_line(&mut line).is_ok()
        && ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
}

/// A call that cannot be meant.
fn mistake(line: &str) -> Outcome {
    writeln!(io::stderr(), "roster: {line}")?;
    Ok(ExitCode::from(answer::MISTAKE))
}
