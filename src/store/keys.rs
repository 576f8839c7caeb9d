//! Every key in the table, and the sort keys of the list indexes.

use std::borrow::Cow;

use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256};

use crate::domain::avatar::UploadId;
use crate::domain::{ClientId, IdempotencyKey, PersonName, Timestamp, UserId, UserName};

/// The primary key of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pk: String,
    sk: Cow<'static, str>,
}

impl Key {
    /// The partition key.
    pub fn pk(&self) -> AttributeValue {
        AttributeValue::S(self.pk.clone())
    }

    /// The sort key.
    pub fn sk(&self) -> AttributeValue {
        AttributeValue::S(self.sk.clone().into_owned())
    }
}

/// The user item.
pub fn user(id: UserId) -> Key {
    Key { pk: format!("USER#{id}"), sk: "USER".into() }
}

/// What the sort keys of a user's uploads, and of the item that counts them, begin with.
pub const UPLOAD: &str = "UPLOAD";

/// The item that grows with each upload that is asked for, so that two requests cannot both be the last allowed one.
/// Its sort key is before those of the uploads: whoever reads them in order reads it first.
pub fn upload_meter(id: UserId) -> Key {
    Key { pk: format!("USER#{id}"), sk: UPLOAD.into() }
}

/// One upload.
pub fn upload(id: UserId, upload: UploadId) -> Key {
    Key { pk: format!("USER#{id}"), sk: format!("{UPLOAD}#{upload}").into() }
}

/// The item that keeps a user name from being given twice.
pub fn name_guard(user_name: &UserName) -> Key {
    Key { pk: format!("NAME#{}", user_name.key()), sk: "NAME".into() }
}

/// The item with the password hash.
pub fn credential(id: UserId) -> Key {
    Key { pk: format!("CRED#{id}"), sk: "CRED".into() }
}

/// Wrong passwords for one name by one caller. The name is hashed: what is tried as a name may be a password.
pub fn attempts_of_pair(user_name: &UserName, caller: &ClientId) -> Key {
    Key { pk: format!("LIMIT#ATTEMPT#PAIR#{}#{}", hashed(user_name), caller.as_str()), sk: "ATTEMPT".into() }
}

/// Wrong passwords for one name by all callers.
pub fn attempts_of_name(user_name: &UserName) -> Key {
    Key { pk: format!("LIMIT#ATTEMPT#NAME#{}", hashed(user_name)), sk: "ATTEMPT".into() }
}

/// Wrong passwords for all names by one caller.
pub fn attempts_of_caller(caller: &ClientId) -> Key {
    Key { pk: format!("LIMIT#ATTEMPT#CALLER#{}", caller.as_str()), sk: "ATTEMPT".into() }
}

fn hashed(user_name: &UserName) -> String {
    crate::hex::lower(&Sha256::digest(user_name.key().as_bytes())[..16])
}

/// The receipt of an idempotent create. The client's key is hashed: it keys the way to a stored answer.
pub fn idempotency(caller: &ClientId, key: &IdempotencyKey) -> Key {
    let hash = Sha256::digest(key.as_str().as_bytes());
    Key { pk: format!("IDEM#{}#{}", caller.as_str(), crate::hex::lower(&hash)), sk: "IDEM".into() }
}

/// The count of a caller's quota. Neither part can hold a `#`.
pub fn quota(caller: &ClientId, policy: &str) -> Key {
    Key { pk: format!("LIMIT#QUOTA#{}#{policy}", caller.as_str()), sk: "QUOTA".into() }
}

/// The list partition of a user: FNV-1a over the id, modulo `shards`.
pub fn shard(id: UserId, shards: u32) -> u32 {
    let hash = id
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    u32::try_from((hash ^ (hash >> 32)) % u64::from(shards.max(1))).unwrap_or(0)
}

/// Sort key of `by_created`: the time, then the id.
pub fn created_order(created_at: Timestamp, id: UserId) -> String {
    format!("{created_at}#{id}")
}

/// Sort key of `by_last_name`: the folded name, then the id. U+0001 sorts before all that a name may hold.
pub fn last_name_order(last_name: &PersonName, id: UserId) -> String {
    format!("{}\u{1}{id}", bounded(&last_name.key()))
}

/// The part of a text that an index orders by: DynamoDB's sort keys end at 1,024 bytes.
pub fn bounded(text: &str) -> &str {
    let mut end = text.len().min(960);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    #[test]
    fn users_spread_evenly_over_the_shards() {
        let ids = Ids::seeded(7);
        let mut counts = [0_u32; 8];
        for n in 0..100_000 {
            counts[shard(ids.user_id(Timestamp::from_unix_millis(n / 10)), 8) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (12_000..13_000).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_shorter_name_comes_before_its_continuation() {
        let id = Ids::seeded(7).user_id(Timestamp::from_unix_millis(0));
        let key = |name: &str| last_name_order(&PersonName::parse(name).unwrap(), id);
        assert!(key("Lee") < key("Lee Smith"));
        assert!(key("lee") == key("LEE"));
        assert!(key(&"\u{1f980}".repeat(255)).len() <= 1024);
    }
}
