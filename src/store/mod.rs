//! The directory's table: the only room that knows DynamoDB.
//!
//! One table, partition key `pk`, sort key `sk`, time to live on `expiresAt`:
//!
//! | item        | pk                    | sk            | holds                                                  |
//! |-------------|-----------------------|---------------|--------------------------------------------------------|
//! | user        | `USER#{id}`           | `USER`        | profile, version, times, avatars, list keys, write mark, count and time of password changes |
//! | name guard  | `NAME#{key}`          | `NAME`        | the id of the user who has the name                    |
//! | credential  | `CRED#{id}`           | `CRED`        | password hash, `changedAt`                             |
//! | attempts    | `LIMIT#ATTEMPT#...`   | `ATTEMPT`     | wrong passwords of late, `expiresAt`; see [`AttemptKeys`] |
//! | idempotency | `IDEM#{caller}#{hash}`| `IDEM`        | fingerprint, salt and cost, the created user, `expiresAt` |
//! | quota       | `LIMIT#QUOTA#{caller}#{policy}` | `QUOTA` | window, requests handed out in it, `expiresAt`    |
//! | upload      | `USER#{id}`           | `UPLOAD#{uploadId}` | announced file, state, reason, `expiresAt`       |
//! | meter       | `USER#{id}`           | `UPLOAD`      | how many uploads were ever asked for                   |
//!
//! Invariants: every write is one conditional write or one transaction; a user, its guard and its
//! credential come and go together; a hash is in no item but `CRED#`; nothing scans.
//! Point reads are strongly consistent: who has written reads what was written.

mod attempts;
mod calls;
mod credentials;
mod failure;
mod idempotency;
#[cfg(feature = "local")]
pub mod inspect;
mod item;
pub mod keys;
mod list;
mod quotas;
#[cfg(feature = "changes")]
pub mod stream;
pub mod table;
mod uploads;
mod users;

pub use attempts::AttemptKeys;
pub use credentials::Expected;
pub use idempotency::Receipt;
pub use list::{Cost, Listing};
pub use quotas::Leased;
pub use uploads::Owner;
pub use users::CreateFailure;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

use crate::ids::Ids;
use crate::late::Late;

/// The table and the client that reaches it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    client: Late<Client>,
    table: Arc<str>,
    list_shards: u32,
    ids: Ids,
}

impl Store {
    /// A store over one table, whose list indexes have `list_shards` partitions.
    pub fn new(client: impl Into<Late<Client>>, table: String, list_shards: u32, ids: Ids) -> Self {
        Self { client: client.into(), table: table.into(), list_shards, ids }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }
}
