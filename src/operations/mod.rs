//! What the service can do, one file each. The order inside is always: permit, decide, write once, return.

mod change_password;
mod create_user;
mod delete_user;
mod get_user;
mod list_users;
mod patch_user;
mod replace_user;

pub use change_password::change_password;
pub use create_user::create_user;
pub use delete_user::delete_user;
pub use get_user::get_user;
pub use list_users::{Page, list_users};
pub use patch_user::patch_user;
pub use replace_user::replace_user;

use crate::domain::Flaw;
use crate::error::{Error, Violation};

/// How often a change without a named version looks again after a lost race.
const LOST_RACES: usize = 8;

/// The answer to a change that lost every race.
fn too_many_writers() -> Error {
    Error::Unavailable { reason: "other writers are at the same user", retry_after_seconds: 1, source: None }
}

/// Every flaw of one member.
fn flaws_at(pointer: &str, flaws: Vec<Flaw>) -> Error {
    Error::Invalid(flaws.into_iter().map(|flaw| Violation::at_pointer(pointer, flaw)).collect())
}
