//! Users as the table holds them.

use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::{AttributeValue as Value, Item};
use roster::domain::{PersonName, Profile, Timestamp, User, UserName};
use roster::ids::Ids;
use roster::store::keys;

const START: i64 = 1_795_330_800_000;
const SHARDS: u32 = 8;

/// How many users have the same last name, at any size.
pub const FAMILY: u64 = 200;

/// The time at which the user with this number is made.
pub fn time(number: u64) -> Timestamp {
    Timestamp::from_unix_millis(START + i64::try_from(number).unwrap() * 1_000)
}

/// The user with this number among `size`. Names come in no order of time.
pub fn user(ids: &Ids, number: u64, size: u64) -> User {
    let scattered = number.wrapping_mul(7_368_787) % size;
    let profile = Profile {
        user_name: UserName::parse(&format!("user{scattered:07}")).unwrap(),
        first_name: PersonName::parse("Augusta").unwrap(),
        last_name: PersonName::parse(&format!("Family{:06}", scattered / FAMILY)).unwrap(),
    };
    User::new(ids.user_id(time(number)), profile, time(number))
}

/// The user's own item and the guard of the name.
pub fn items(user: &User) -> [Item; 2] {
    let text = |key: AttributeValue| Value::S(key.as_s().unwrap().clone());
    let named = |pairs: Vec<(&str, Value)>| -> Item { pairs.into_iter().map(|(n, v)| (n.to_owned(), v)).collect() };
    let (key, guard) = (keys::user(user.id), keys::name_guard(&user.profile.user_name));
    let s = |text: &str| Value::S(text.to_owned());
    let profile = named(vec![
        ("pk", text(key.pk())),
        ("sk", text(key.sk())),
        ("id", s(&user.id.to_string())),
        ("userName", s(user.profile.user_name.shown())),
        ("userNameKey", s(user.profile.user_name.key())),
        ("firstName", s(user.profile.first_name.as_str())),
        ("lastName", s(user.profile.last_name.as_str())),
        ("lastNameKey", s(&keys::last_name_order(&user.profile.last_name, user.id))),
        ("version", Value::N("1".to_owned())),
        ("createdAt", s(&user.created_at.to_string())),
        ("updatedAt", s(&user.updated_at.to_string())),
        ("createdKey", s(&keys::created_order(user.created_at, user.id))),
        ("shard", Value::N(keys::shard(user.id, SHARDS).to_string())),
    ]);
    [profile, named(vec![("pk", text(guard.pk())), ("sk", text(guard.sk())), ("id", s(&user.id.to_string()))])]
}
