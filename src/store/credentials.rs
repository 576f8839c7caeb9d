//! Password hashes, apart from the profiles.

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};

use super::calls::built;
use super::failure::{self, Cancelled};
use super::item::{self, keyed, s};
use super::{Store, keys};
use crate::domain::{PasswordHash, Timestamp, UserId};
use crate::error::Error;

/// How a new hash replaces the old one.
#[derive(Clone, Copy)]
pub enum Expected<'a> {
    /// Only while this hash is the stored one.
    Hash(&'a PasswordHash),
    /// Whatever is stored.
    Anything,
}

impl Store {
    /// Reads a user's password hash.
    pub async fn get_credential(&self, id: UserId) -> Result<Option<PasswordHash>, Error> {
        let Some(item) = self.get_item("reading a credential", &keys::credential(id)).await? else { return Ok(None) };
        let hash = item::text(&item, "hash").ok_or_else(|| Error::internal("a credential item lacks its hash"))?;
        Ok(Some(PasswordHash::from_stored(hash.to_owned())))
    }

    /// Stores a new hash for a user who exists, and says whether `expected` held.
    pub async fn replace_credential(
        &self,
        id: UserId,
        expected: Expected<'_>,
        new: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, Error> {
        const USER: usize = 0;
        let user = keys::user(id);
        let user_exists = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", user.pk())
            .key("sk", user.sk())
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(built)?;
        let item = keyed(&keys::credential(id), [("hash", s(new.expose())), ("changedAt", s(now.to_string()))]);
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match expected {
            Expected::Anything => put,
            Expected::Hash(old) => put
                .condition_expression("#hash = :old")
                .expression_attribute_names("#hash", "hash")
                .expression_attribute_values(":old", s(old.expose())),
        };
        let writes = vec![
            TransactWriteItem::builder().condition_check(user_exists).build(),
            TransactWriteItem::builder().put(put.build().map_err(built)?).build(),
        ];
        match self.transact("replacing a credential", writes).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Conditions(reasons)) if failure::is_condition_failed(&reasons, USER) => Err(Error::NotFound),
            Err(Cancelled::Conditions(_)) => Ok(false),
            Err(Cancelled::Conflict(_)) => Err(Error::contended()),
            Err(Cancelled::Failed(error)) => Err(error),
        }
    }
}
