//! Password hashes, apart from the profiles.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::calls::built;
use super::failure::{self, Cancelled};
use super::item::{self, keyed, n, s};
use super::users::version_conflict;
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
        self.get_item("reading a credential", &keys::credential(id)).await?.as_ref().map(item::to_hash).transpose()
    }

    /// Writes a password's hash in today's form, once: only while `old` is stored. Its age stays what it was.
    pub async fn upgrade_credential(&self, id: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool, Error> {
        let key = keys::credential(id);
        let call = self
            .client
            .update_item()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression("SET #hash = :new")
            .condition_expression("#hash = :old")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":old", s(old.expose()))
            .expression_attribute_values(":new", s(new.expose()));
        match self.write_one(|| call.clone().send()).await {
            Ok(_) => Ok(true),
            Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(e) => Err(failure::failed("upgrading a credential", e)),
        }
    }

    /// Stores a new hash for a user who exists, and is at `version` if one is named; says whether `expected` held. The user item
    /// counts the change, so that the table's stream tells of it in the user's own order, and nobody who listens has to be
    /// shown a credential.
    pub async fn replace_credential(
        &self,
        id: UserId,
        version: Option<u64>,
        expected: Expected<'_>,
        new: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, Error> {
        const USER: usize = 0;
        let user = keys::user(id);
        let counted = Update::builder()
            .table_name(&*self.table)
            .key("pk", user.pk())
            .key("sk", user.sk())
            .update_expression("SET passwordChangedAt = :now ADD passwordChanges :one")
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":one", n(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let counted = match version {
            None => counted.condition_expression("attribute_exists(pk)"),
            Some(version) => {
                counted.condition_expression("version = :version").expression_attribute_values(":version", n(version))
            }
        };
        let item = keyed(&keys::credential(id), [("hash", s(new.expose())), ("changedAt", s(now.to_string()))]);
        let put = Put::builder().table_name(&*self.table).set_item(Some(item));
        let put = match expected {
            Expected::Anything => put,
            Expected::Hash(old) => put
                .condition_expression("#hash = :old")
                .expression_attribute_names("#hash", "hash")
                .expression_attribute_values(":old", s(old.expose())),
        };
        let writes = vec![
            TransactWriteItem::builder().update(counted.build().map_err(built)?).build(),
            TransactWriteItem::builder().put(put.build().map_err(built)?).build(),
        ];
        match self.transact("replacing a credential", writes).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Conditions(reasons)) if failure::is_condition_failed(&reasons, USER) => {
                Err(version_conflict(reasons.get(USER).and_then(|reason| reason.item())))
            }
            Err(Cancelled::Conditions(_)) => Ok(false),
            Err(Cancelled::Conflict(_)) => Err(Error::contended()),
            Err(Cancelled::Failed(error)) => Err(error),
        }
    }
}
