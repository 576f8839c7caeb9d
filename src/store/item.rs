//! Users as items, and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::{self, Key};
use crate::domain::avatar::AvatarKey;
use crate::domain::{PasswordHash, PersonName, Profile, Timestamp, User, UserId, UserName};
use crate::error::Error;

/// An item's attributes by name.
pub type Item = HashMap<String, AttributeValue>;

/// A string attribute.
pub fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
pub fn n(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An item that starts with its key.
pub fn keyed(key: &Key, attributes: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> Item {
    let mut item: Item = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    item.insert("pk".to_owned(), key.pk());
    item.insert("sk".to_owned(), key.sk());
    item
}

/// The attributes that show a user: what a list projects and a receipt keeps.
pub fn profile_attributes(user: &User) -> Vec<(&'static str, AttributeValue)> {
    let mut attributes = vec![
        ("id", s(user.id.to_string())),
        ("userName", s(user.profile.user_name.shown())),
        ("userNameKey", s(user.profile.user_name.key())),
        ("firstName", s(user.profile.first_name.as_str())),
        ("lastName", s(user.profile.last_name.as_str())),
        ("version", n(user.version)),
        ("createdAt", s(user.created_at.to_string())),
        ("updatedAt", s(user.updated_at.to_string())),
    ];
    attributes.extend(user.avatar.as_ref().map(|avatar| ("avatar", s(avatar.as_str()))));
    attributes
}

/// The whole user item, list keys included.
pub fn from_user(user: &User, list_shards: u32) -> Item {
    let mut attributes = profile_attributes(user);
    attributes.extend([
        ("shard", n(keys::shard(user.id, list_shards))),
        ("createdKey", s(keys::created_order(user.created_at, user.id))),
        ("lastNameKey", s(keys::last_name_order(&user.profile.last_name, user.id))),
    ]);
    keyed(&keys::user(user.id), attributes)
}

/// Reads a user from an item, an index's projection or a receipt.
pub fn to_user(item: &Item) -> Result<User, Error> {
    read_user(item).ok_or_else(|| Error::internal("a user item lacks an attribute or has one of another type"))
}

fn read_user(item: &Item) -> Option<User> {
    let user_name = UserName::from_stored(text(item, "userName")?.to_owned(), text(item, "userNameKey")?.to_owned());
    Some(User {
        id: UserId::parse(text(item, "id")?).ok()?,
        profile: Profile {
            user_name,
            first_name: PersonName::from_stored(text(item, "firstName")?.to_owned()),
            last_name: PersonName::from_stored(text(item, "lastName")?.to_owned()),
        },
        version: number(item, "version")?,
        created_at: Timestamp::parse(text(item, "createdAt")?).ok()?,
        updated_at: Timestamp::parse(text(item, "updatedAt")?).ok()?,
        avatar: text(item, "avatar").map(|prefix| AvatarKey::from_stored(prefix.to_owned())),
    })
}

/// Reads a password hash from a credential item.
pub fn to_hash(item: &Item) -> Result<PasswordHash, Error> {
    let hash = text(item, "hash").ok_or_else(|| Error::internal("a credential item lacks its hash"))?;
    Ok(PasswordHash::from_stored(hash.to_owned()))
}

/// A number attribute's value.
pub fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A string attribute's text.
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
