//! What the service can do, one file each. The order inside is always: permit, decide, write once, return.

mod admit_request;
mod change_password;
mod create_user;
mod delete_avatar;
mod delete_user;
#[cfg(feature = "local")]
pub mod diagnose;
#[cfg(feature = "local")]
mod export_users;
mod get_avatar;
mod get_avatar_upload;
mod get_password_policy;
mod get_user;
#[cfg(feature = "graphql")]
mod get_users;
mod health_ready;
#[cfg(feature = "local")]
mod import_users;
mod list_users;
mod patch_user;
#[cfg(feature = "images")]
mod process_avatar;
mod prove_password;
#[cfg(feature = "changes")]
mod publish_changes;
mod replace_user;
mod request_avatar_upload;
#[cfg(feature = "local")]
mod sweep_avatars;
mod tidy_avatar;
mod verify_password;
mod watch_changes;

pub use admit_request::admit_request;
pub use change_password::change_password;
pub use create_user::create_user;
pub use delete_avatar::delete_avatar;
pub use delete_user::delete_user;
#[cfg(feature = "local")]
pub use diagnose::{Finding, Verdict, diagnose};
#[cfg(feature = "local")]
pub use export_users::{Exported, export_users};
pub use get_avatar::{Link, get_avatar};
pub use get_avatar_upload::get_avatar_upload;
pub use get_password_policy::get_password_policy;
pub use get_user::get_user;
#[cfg(feature = "graphql")]
pub use get_users::{Wanted, get_users};
pub use health_ready::health_ready;
#[cfg(feature = "local")]
pub use import_users::{Duplicates, Imported, Outcome, Row, Settings, import_users};
pub use list_users::{Cost, Page, list_users};
pub use patch_user::patch_user;
#[cfg(feature = "images")]
pub use process_avatar::process_avatar;
#[cfg(feature = "changes")]
pub use publish_changes::{Stopped, publish_changes};
pub use replace_user::replace_user;
pub use request_avatar_upload::{RequestedUpload, request_avatar_upload};
#[cfg(feature = "local")]
pub use sweep_avatars::{Sweep, Swept, sweep_avatars};
pub use tidy_avatar::tidy_avatar;
pub use verify_password::verify_password;
pub use watch_changes::watch_changes;

use std::time::Duration;

use crate::app::App;
use crate::domain::{Flaw, IfMatch};
use crate::error::{Error, Violation};
use crate::scope;

/// How often a change without a named version looks again after a lost race.
const LOST_RACES: u32 = 16;

/// Waits before looking again after the `n`th lost race: up to 4 ms at first, up to 128 ms later, at random, so that many
/// writers of one user do not meet in step for ever. Near the deadline it does not wait: the next call tells that time is up.
async fn step_back(app: &App, n: u32) {
    let mut random = [0];
    app.ids.fill(&mut random);
    scope::pause(Duration::from_millis(4 << n.min(5)) * u32::from(random[0]) / 256).await;
}

/// Whether a change that lost a race may look again: only where the caller named no version.
fn is_lost_race(error: &Error, if_match: &IfMatch) -> bool {
    matches!(error, Error::VersionConflict) && if_match.may_retry()
}

/// Every flaw of one member.
fn flaws_at(pointer: &str, flaws: Vec<Flaw>) -> Error {
    Error::Invalid(flaws.into_iter().map(|flaw| Violation::at_pointer(pointer, flaw)).collect())
}
