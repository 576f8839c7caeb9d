//! Brings users in, many at once, each in one transaction as a create does.
//!
//! A user's id is derived from the row it came from. Whoever finds the name taken looks at the holder's id: if it is the one
//! that this row makes, an earlier run brought the user in, and the row is done, unless the file is to have its way and says
//! something else by now. So an import that was cut short at any point is finished by running it again, without a list of what
//! is done, and a lost answer does no harm.

use std::cell::Cell;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::app::App;
use crate::domain::{Action, Actor, IfMatch, NewCredential, NewUser, PasswordHash, User, UserId};
use crate::error::Error;
use crate::operations::patch_user;
use crate::store::{CreateFailure, Expected};

/// How often a row is tried while the table is busy, with growing waits: about two minutes in all.
const ATTEMPTS: u32 = 12;

/// The longest of those waits.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// One user to bring in.
pub struct Row {
    /// Where it stands: part of what makes a row that row.
    pub line: u64,
    /// The user.
    pub new: NewUser,
}

/// What to do with a row whose user name somebody has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Leave the user as it is.
    Skip,
    /// Refuse the row, unless an earlier run of the same import brought the user in.
    Fail,
    /// Give the user the row's names and credential.
    Update,
}

/// How to import.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What to do with names that are taken.
    pub duplicates: Duplicates,
    /// Whether to look and not to write.
    pub dry_run: bool,
    /// Most users at once.
    pub concurrency: usize,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The user is new (in a dry run: would be).
    Created,
    /// An earlier run has brought the user in, as the row says where the file is to have its way.
    AlreadyThere,
    /// The user was there and has the row's names and credential now.
    Updated,
    /// The user was there and was left alone.
    Skipped,
}

/// What became of a row, and of which user.
pub type Outcome = Result<(Imported, UserId), Error>;

/// Imports rows as they come, as many at once as the table bears, until they or `stop` end; tells the outcome of each.
pub async fn import_users(
    app: &App,
    actor: &Actor,
    rows: impl Iterator<Item = Row>,
    settings: Settings,
    stop: impl Future<Output = ()>,
    mut told: impl FnMut(u64, Outcome),
) -> Result<(), Error> {
    for action in [Action::CreateUser, Action::SetCredential, Action::ChangeUser] {
        actor.permit(action, None)?;
    }
    let pace = Pace::new(settings.concurrency);
    let mut rows = rows.fuse();
    let mut running = FuturesUnordered::new();
    let mut stop = std::pin::pin!(stop);
    let mut is_stopped = false;
    loop {
        while !is_stopped && running.len() < pace.allowed() {
            let Some(row) = rows.next() else { break };
            running.push(patiently(app, actor, row, settings, &pace));
        }
        tokio::select! {
            biased;
            () = &mut stop, if !is_stopped => is_stopped = true,
            done = running.next() => match done {
                Some((line, outcome)) => told(line, outcome),
                None => return Ok(()),
            },
        }
    }
}

/// Imports one row, and waits where the table is busy.
async fn patiently(app: &App, actor: &Actor, row: Row, settings: Settings, pace: &Pace) -> (u64, Outcome) {
    let mut attempt = 0;
    loop {
        let outcome = import_user(app, actor, &row, settings).await;
        attempt += 1;
        if !matches!(outcome, Err(Error::Unavailable { .. } | Error::Timeout(_))) {
            pace.quicken();
            return (row.line, outcome);
        }
        pace.slow_down();
        if attempt == ATTEMPTS {
            return (row.line, outcome);
        }
        tokio::time::sleep(LONGEST_WAIT.min(Duration::from_millis(50 << attempt))).await;
    }
}

async fn import_user(app: &App, actor: &Actor, row: &Row, settings: Settings) -> Outcome {
    if let NewCredential::Hash(hash) = &row.new.credential {
        app.hasher.afford(hash).map_err(|flaw| Error::invalid_member("/passwordHash", flaw))?;
    }
    let now = app.clock.now();
    let profile = &row.new.profile;
    let id = app.ids.user_id_of(now, &format!("import\0{}\0{}", row.line, profile.user_name.key()));
    // Hashing costs more than looking first.
    if settings.dry_run || matches!(row.new.credential, NewCredential::Password(_)) {
        if let Some(holder) = app.store.find_user_id(&profile.user_name).await? {
            return taken(app, actor, row, id, holder, settings).await;
        }
        if settings.dry_run {
            return Ok((Imported::Created, id));
        }
    }
    let user = User::new(id, profile.clone(), now);
    match app.store.create_user(&user, &hash(app, row).await?, None, now).await {
        Ok(()) => Ok((Imported::Created, id)),
        Err(CreateFailure::Failed(Error::NameTaken)) => match app.store.find_user_id(&profile.user_name).await? {
            Some(holder) => taken(app, actor, row, id, holder, settings).await,
            // Gone meanwhile: another try will tell.
            None => Err(Error::Unavailable { reason: "the name is in motion", retry_after_seconds: 1, source: None }),
        },
        Err(CreateFailure::Failed(error)) => Err(error),
        Err(CreateFailure::Seen(_)) => Err(Error::internal("a create without a receipt found one")),
    }
}

/// The name is taken by `holder`; `id` is what this row would have made. Where the row is to have its way, what it says is
/// compared with what is there, whoever brought it: an earlier run may have been stopped between names and credential.
async fn taken(app: &App, actor: &Actor, row: &Row, id: UserId, holder: UserId, settings: Settings) -> Outcome {
    let is_own = holder.has_origin_of(id);
    match settings.duplicates {
        Duplicates::Skip | Duplicates::Fail if is_own => Ok((Imported::AlreadyThere, holder)),
        Duplicates::Skip => Ok((Imported::Skipped, holder)),
        Duplicates::Fail => Err(Error::NameTaken),
        Duplicates::Update => {
            let user = app.store.get_user(holder).await?.ok_or(Error::NotFound)?;
            if is_own && user.profile == row.new.profile && has_credential(app, row, holder).await? {
                return Ok((Imported::AlreadyThere, holder));
            }
            if !settings.dry_run {
                patch_user(app, actor, holder, &IfMatch::Absent, |_| Ok(row.new.profile.clone())).await?;
                let hash = hash(app, row).await?;
                app.store.replace_credential(holder, None, Expected::Anything, &hash, app.clock.now()).await?;
            }
            Ok((Imported::Updated, holder))
        }
    }
}

/// Whether the user's credential is the row's.
async fn has_credential(app: &App, row: &Row, holder: UserId) -> Result<bool, Error> {
    let stored = app.store.get_credential(holder).await?;
    match &row.new.credential {
        NewCredential::Password(password) => match app.hasher.verify(password.as_bytes(), stored.as_ref()).await {
            // Such as one with a pepper that is not known here.
            Err(Error::Internal { .. }) => Ok(false),
            outcome => outcome,
        },
        NewCredential::Hash(hash) => Ok(stored.is_some_and(|stored| stored.expose() == hash.expose())),
    }
}

async fn hash(app: &App, row: &Row) -> Result<PasswordHash, Error> {
    match &row.new.credential {
        NewCredential::Password(password) => app.hasher.hash(password.as_bytes(), app.hasher.salt()).await,
        NewCredential::Hash(hash) => Ok(hash.clone()),
    }
}

/// How many rows may be under way: half as many after a sign of a busy table, and one more after as many successes as there
/// are rows under way.
struct Pace {
    allowed: Cell<f64>,
    most: f64,
}

impl Pace {
    fn new(most: usize) -> Self {
        let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
        Self { allowed: Cell::new(most), most }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and a given number")]
    fn allowed(&self) -> usize {
        self.allowed.get() as usize
    }

    fn quicken(&self) {
        self.allowed.set((self.allowed.get() + 1.0 / self.allowed.get()).min(self.most));
    }

    fn slow_down(&self) {
        self.allowed.set((self.allowed.get() / 2.0).max(1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_table_halves_the_pace_and_successes_bring_it_back() {
        let pace = Pace::new(32);
        pace.slow_down();
        pace.slow_down();
        assert_eq!(pace.allowed(), 8);
        (0..8).for_each(|_| pace.quicken());
        assert_eq!(pace.allowed(), 8);
        (0..2).for_each(|_| pace.quicken());
        assert_eq!(pace.allowed(), 9);
        (0..1000).for_each(|_| pace.quicken());
        assert_eq!(pace.allowed(), 32);
        (0..20).for_each(|_| pace.slow_down());
        assert_eq!(pace.allowed(), 1);
    }
}
