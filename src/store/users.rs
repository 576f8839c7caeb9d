//! Users and their name guards: create, read, change, delete. Each write is one call.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::calls::built;
use super::failure::{self, Cancelled};
use super::item::{self, Item, keyed, n, s};
use super::keys::{self, Key};
use super::{Receipt, Store, idempotency};
use crate::domain::{PasswordHash, Timestamp, User, UserId, UserName};
use crate::error::Error;

/// Why a user was not created.
pub enum CreateFailure {
    /// The idempotency key has been used; this is what was answered then.
    Seen(Box<Receipt>),
    /// Anything else, a taken name included.
    Failed(Error),
}

impl From<Error> for CreateFailure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Store {
    /// Writes user, name guard, credential and perhaps a receipt in one transaction.
    pub async fn create_user(
        &self,
        user: &User,
        hash: &PasswordHash,
        receipt: Option<(&Key, &Receipt)>,
        now: Timestamp,
    ) -> Result<(), CreateFailure> {
        // Order: guard, user, credential, receipt. `judge` below counts on it.
        const GUARD: usize = 0;
        const RECEIPT: usize = 3;
        let guard = keyed(&keys::name_guard(&user.profile.user_name), [("id", s(user.id.to_string()))]);
        let credential =
            keyed(&keys::credential(user.id), [("hash", s(hash.expose())), ("changedAt", s(now.to_string()))]);
        let mut writes = vec![
            put(self.put_new(guard)?),
            put(self.put_new(item::from_user(user, self.list_shards))?),
            put(self.put_new(credential)?),
        ];
        if let Some((key, receipt)) = receipt {
            writes.push(put(idempotency::put(&self.table, key, receipt, now)?));
        }
        let judge = |cancelled: Cancelled| match cancelled {
            Cancelled::Conditions(reasons) if failure::is_condition_failed(&reasons, RECEIPT) => {
                match reasons.get(RECEIPT).and_then(|reason| reason.item()).map(idempotency::to_receipt) {
                    Some(Ok(receipt)) => CreateFailure::Seen(Box::new(receipt)),
                    Some(Err(error)) => error.into(),
                    None => Error::RequestInProgress.into(),
                }
            }
            Cancelled::Conditions(reasons) if failure::is_condition_failed(&reasons, GUARD) => Error::NameTaken.into(),
            Cancelled::Conditions(_) => Error::internal("a new id is already in use").into(),
            Cancelled::Conflict(places) if places.contains(&RECEIPT) => Error::RequestInProgress.into(),
            Cancelled::Conflict(_) => Error::contended().into(),
            Cancelled::Failed(error) => error.into(),
        };
        self.transact("creating a user", writes).await.map_err(judge)
    }

    /// Reads one user.
    pub async fn get_user(&self, id: UserId) -> Result<Option<User>, Error> {
        self.get_item("reading a user", &keys::user(id)).await?.as_ref().map(item::to_user).transpose()
    }

    /// Asks the table for a user whom nobody can be: what every role may do, and half a unit of capacity.
    pub async fn ping(&self) -> Result<(), Error> {
        self.get_item("asking the table", &keys::user(UserId::nobody())).await.map(|_| ())
    }

    /// Reads up to 100 users, each once, in one call.
    pub async fn get_users(&self, ids: &[UserId]) -> Result<Vec<Option<User>>, Error> {
        let keys: Vec<Key> = ids.iter().map(|id| keys::user(*id)).collect();
        let found = self.get_many("reading users", &keys.iter().collect::<Vec<_>>()).await?;
        found.iter().map(|item| item.as_ref().map(item::to_user).transpose()).collect()
    }

    /// Reads which users have up to 100 names, each name once, in one call.
    pub async fn find_user_ids(&self, names: &[&UserName]) -> Result<Vec<Option<UserId>>, Error> {
        let keys: Vec<Key> = names.iter().map(|name| keys::name_guard(name)).collect();
        let found = self.get_many("reading names", &keys.iter().collect::<Vec<_>>()).await?;
        found.iter().map(|item| item.as_ref().map(id_of_guard).transpose()).collect()
    }

    /// Reads which user has a name.
    pub async fn find_user_id(&self, user_name: &UserName) -> Result<Option<UserId>, Error> {
        self.get_item("reading a name", &keys::name_guard(user_name)).await?.as_ref().map(id_of_guard).transpose()
    }

    /// Replaces a user's profile, if it still is at `before`'s version; a rename moves the guard in the same transaction.
    /// `mark` tells this write from all others, so that a repeated call whose first answer got lost is seen to have succeeded.
    pub async fn update_user(&self, before: &User, after: &User, mark: &str) -> Result<(), Error> {
        // Order: user, new guard, old guard.
        const USER: usize = 0;
        const NEW_GUARD: usize = 1;
        if before.profile.user_name.key() == after.profile.user_name.key() {
            return self.update_in_place(before, after, mark).await;
        }
        let id = s(after.id.to_string());
        let guard = keyed(&keys::name_guard(&after.profile.user_name), [("id", id.clone())]);
        let old_guard = keys::name_guard(&before.profile.user_name);
        let drop_old = Delete::builder()
            .table_name(&*self.table)
            .key("pk", old_guard.pk())
            .key("sk", old_guard.sk())
            .condition_expression("id = :id")
            .expression_attribute_values(":id", id)
            .build()
            .map_err(built)?;
        let writes = vec![
            TransactWriteItem::builder().update(self.update(before, after, mark)?).build(),
            put(self.put_new(guard)?),
            TransactWriteItem::builder().delete(drop_old).build(),
        ];
        self.transact("renaming a user", writes).await.map_err(|cancelled| match cancelled {
            Cancelled::Conditions(reasons) if failure::is_condition_failed(&reasons, USER) => {
                version_conflict(reasons.get(USER).and_then(|reason| reason.item()))
            }
            Cancelled::Conditions(reasons) if failure::is_condition_failed(&reasons, NEW_GUARD) => Error::NameTaken,
            Cancelled::Conditions(_) => Error::internal("a user's name guard is not its own"),
            Cancelled::Conflict(_) => Error::contended(),
            Cancelled::Failed(error) => error,
        })
    }

    /// Deletes user, guard and credential in one transaction, if the user still is at `user`'s version.
    pub async fn delete_user(&self, user: &User) -> Result<(), Error> {
        // Order: user, guard, credential.
        const USER: usize = 0;
        let delete = |key: Key| Delete::builder().table_name(&*self.table).key("pk", key.pk()).key("sk", key.sk());
        let the_user = delete(keys::user(user.id))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", n(user.version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let guard = delete(keys::name_guard(&user.profile.user_name))
            .condition_expression("id = :id")
            .expression_attribute_values(":id", s(user.id.to_string()));
        let writes = [the_user, guard, delete(keys::credential(user.id))]
            .into_iter()
            .map(|delete| Ok(TransactWriteItem::builder().delete(delete.build().map_err(built)?).build()))
            .collect::<Result<Vec<_>, Error>>()?;
        self.transact("deleting a user", writes).await.map_err(|cancelled| match cancelled {
            Cancelled::Conditions(reasons) if failure::is_condition_failed(&reasons, USER) => {
                version_conflict(reasons.get(USER).and_then(|reason| reason.item()))
            }
            Cancelled::Conditions(_) => Error::internal("a user's name guard is not its own"),
            Cancelled::Conflict(_) => Error::contended(),
            Cancelled::Failed(error) => error,
        })
    }

    async fn update_in_place(&self, before: &User, after: &User, mark: &str) -> Result<(), Error> {
        let Update { key, update_expression, expression_attribute_values, condition_expression, .. } =
            self.update(before, after, mark)?;
        let call = self
            .client
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key))
            .update_expression(update_expression)
            .set_condition_expression(condition_expression)
            .set_expression_attribute_values(expression_attribute_values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // A transaction, such as a change of password, may be at this item right now.
        let Err(error) = self.write_one(|| call.clone().send()).await else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(e)) => match e.item() {
                // The SDK sent the call again after its first answer got lost: this very write is there already,
                // unless yet another writer came in between, which looks like a lost race.
                Some(item) if item::text(item, "mark") == Some(mark) => Ok(()),
                item => Err(version_conflict(item)),
            },
            _ => Err(failure::failed("changing a user", error)),
        }
    }

    /// The conditional update of what a client may set; attributes that this version does not know survive it.
    fn update(&self, before: &User, after: &User, mark: &str) -> Result<Update, Error> {
        let key = keys::user(after.id);
        Update::builder()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression(
                "SET userName = :userName, userNameKey = :userNameKey, firstName = :firstName, lastName = :lastName, \
                 lastNameKey = :lastNameKey, version = :version, updatedAt = :updatedAt, mark = :mark",
            )
            .condition_expression("version = :before")
            .expression_attribute_values(":userName", s(after.profile.user_name.shown()))
            .expression_attribute_values(":userNameKey", s(after.profile.user_name.key()))
            .expression_attribute_values(":firstName", s(after.profile.first_name.as_str()))
            .expression_attribute_values(":lastName", s(after.profile.last_name.as_str()))
            .expression_attribute_values(":lastNameKey", s(keys::last_name_order(&after.profile.last_name, after.id)))
            .expression_attribute_values(":version", n(after.version))
            .expression_attribute_values(":updatedAt", s(after.updated_at.to_string()))
            .expression_attribute_values(":mark", s(mark))
            .expression_attribute_values(":before", n(before.version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(built)
    }

    /// A put that is refused where an item of that key exists.
    fn put_new(&self, item: Item) -> Result<Put, Error> {
        Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(built)
    }
}

fn id_of_guard(guard: &Item) -> Result<UserId, Error> {
    let id = item::text(guard, "id").and_then(|id| UserId::parse(id).ok());
    id.ok_or_else(|| Error::internal("a name guard lacks its id"))
}

fn put(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

/// A condition on the user failed: it is gone if nothing is there, else it is at another version.
pub(super) fn version_conflict(found: Option<&Item>) -> Error {
    if found.is_some_and(|item| !item.is_empty()) { Error::VersionConflict } else { Error::NotFound }
}
