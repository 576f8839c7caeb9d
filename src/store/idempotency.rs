//! Receipts of idempotent creates. A receipt is written in the transaction that creates the user, so there is
//! no state in between that could get stuck.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure};

use super::item::{self, Item, keyed, n, s};
use super::keys::Key;
use crate::domain::{Timestamp, User, idempotency::REMEMBERED_SECONDS};
use crate::error::Error;
use crate::hashing::{Make, Parameters, SALT_BYTES, Salt};

/// What was answered to an idempotent create, and to which request.
///
/// The fingerprint covers the names and the argon2id hash of the password, made as `make` says under `salt`: whoever reads a
/// receipt learns no more about the password, and no faster, than from the credential itself.
#[derive(Clone)]
pub struct Receipt {
    /// SHA-256 over the request, in hexadecimal.
    pub fingerprint: String,
    /// The salt under which the password was hashed.
    pub salt: Salt,
    /// How it was hashed; receipts of earlier versions do not tell.
    pub make: Option<Make>,
    /// The user as created.
    pub user: User,
}

/// The write of a receipt: refused, with the one that is there, while it is remembered.
pub fn put(table: &str, key: &Key, receipt: &Receipt, now: Timestamp) -> Result<Put, Error> {
    let user: Item =
        item::profile_attributes(&receipt.user).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut attributes = vec![
        ("fingerprint", s(&receipt.fingerprint)),
        ("salt", AttributeValue::B(Blob::new(receipt.salt))),
        ("user", AttributeValue::M(user)),
        ("expiresAt", n(now.plus_seconds(REMEMBERED_SECONDS).unix_seconds())),
    ];
    if let Some(Make { parameters: Parameters { memory_kib, passes, lanes }, key_id }) = &receipt.make {
        attributes.extend([("memoryKib", n(memory_kib)), ("passes", n(passes)), ("lanes", n(lanes))]);
        attributes.extend(key_id.as_ref().map(|id| ("keyId", s(id))));
    }
    Put::builder()
        .table_name(table)
        .set_item(Some(keyed(key, attributes)))
        // Time to live deletes late; an expired receipt counts as gone.
        .condition_expression("attribute_not_exists(pk) OR expiresAt <= :now")
        .expression_attribute_values(":now", n(now.unix_seconds()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|e| Error::Internal { context: "building a receipt", source: Some(e.into()) })
}

/// Reads a receipt back.
pub fn to_receipt(item: &Item) -> Result<Receipt, Error> {
    let read = || {
        let salt: [u8; SALT_BYTES] = item.get("salt")?.as_b().ok()?.as_ref().try_into().ok()?;
        let user = item::to_user(item.get("user")?.as_m().ok()?).ok()?;
        Some(Receipt { fingerprint: item::text(item, "fingerprint")?.to_owned(), salt, make: to_make(item), user })
    };
    read().ok_or_else(|| Error::internal("an idempotency receipt lacks an attribute"))
}

fn to_make(item: &Item) -> Option<Make> {
    let parameters = Parameters {
        memory_kib: item::number(item, "memoryKib")?,
        passes: item::number(item, "passes")?,
        lanes: item::number(item, "lanes")?,
    };
    Some(Make { parameters, key_id: item::text(item, "keyId").map(str::to_owned) })
}
