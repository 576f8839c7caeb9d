//! What a user directory knows without knowing anyone: no HTTP, no AWS, no serde, no clock.
//!
//! Every type here has private fields and a `parse` that refuses what is wrong, so a value that
//! exists is a value that is right. A refusal is a [`Flaw`]: a stable code and a sentence.

pub mod actor;
pub mod attempts;
pub mod avatar;
pub mod change;
pub mod filter;
pub mod flaw;
pub mod idempotency;
pub mod limit;
pub mod page;
pub mod password;
pub mod person_name;
pub mod precondition;
pub mod time;
pub mod user;
pub mod user_name;

pub use actor::{Action, Actor, ClientId, Scope};
pub use attempts::AttemptLimits;
pub use change::Change;
pub use filter::Filter;
pub use flaw::Flaw;
pub use idempotency::IdempotencyKey;
pub use page::{Limit, Sort, SortField};
pub use password::{AcceptedPassword, NewCredential, Password, PasswordHash, PasswordPolicy};
pub use person_name::PersonName;
pub use precondition::IfMatch;
pub use time::Timestamp;
pub use user::{NewUser, Profile, User, UserId};
pub use user_name::UserName;
