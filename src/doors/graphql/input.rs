//! What changes are made from. An input becomes the JSON body of the REST operation and is read by the same reader, so that
//! the rules and their words are the same.

use async_graphql::{InputObject, MaybeUndefined};
use serde_json::{Map, Value};

/// A user to create.
#[derive(InputObject)]
pub struct CreateUserInput {
    /// 1 to 100 code points after RFC 8265 UsernameCaseMapped, of a single script.
    user_name: String,
    first_name: String,
    last_name: String,
    /// 8 to 256 code points; required unless `passwordHash` is given.
    password: Option<String>,
    /// A hash from elsewhere, for administrators who bring users along.
    password_hash: Option<String>,
}

/// What to change; what is left out stays.
#[derive(InputObject)]
pub struct UpdateUserInput {
    user_name: MaybeUndefined<String>,
    first_name: MaybeUndefined<String>,
    last_name: MaybeUndefined<String>,
}

/// A change of password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// Required unless the caller is an administrator.
    current_password: Option<String>,
    new_password: String,
}

/// A name and what may be its password.
#[derive(InputObject)]
pub struct VerifyPasswordInput {
    user_name: String,
    password: String,
}

/// The file that is about to be sent.
#[derive(InputObject)]
pub struct RequestAvatarUploadInput {
    /// `image/jpeg`, `image/png`, `image/webp` or `image/gif`.
    content_type: String,
    /// The exact length in bytes.
    content_length: i64,
    /// SHA-256 in base64; S3 then refuses every other file.
    checksum_sha256: Option<String>,
    /// `PUT`, the default, or `POST`, a form for browsers.
    method: Option<String>,
}

/// A body of those members that are there.
fn body<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

/// Null is told from left out.
fn maybe(value: MaybeUndefined<String>) -> Option<Value> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(Value::Null),
        MaybeUndefined::Value(value) => Some(Value::String(value)),
    }
}

impl From<CreateUserInput> for Value {
    fn from(input: CreateUserInput) -> Self {
        body([
            ("userName", Some(Value::String(input.user_name))),
            ("firstName", Some(Value::String(input.first_name))),
            ("lastName", Some(Value::String(input.last_name))),
            ("password", input.password.map(Value::String)),
            ("passwordHash", input.password_hash.map(Value::String)),
        ])
    }
}

impl From<UpdateUserInput> for Value {
    fn from(input: UpdateUserInput) -> Self {
        body([
            ("userName", maybe(input.user_name)),
            ("firstName", maybe(input.first_name)),
            ("lastName", maybe(input.last_name)),
        ])
    }
}

impl From<ChangePasswordInput> for Value {
    fn from(input: ChangePasswordInput) -> Self {
        body([
            ("currentPassword", input.current_password.map(Value::String)),
            ("newPassword", Some(Value::String(input.new_password))),
        ])
    }
}

impl From<VerifyPasswordInput> for Value {
    fn from(input: VerifyPasswordInput) -> Self {
        body([("userName", Some(Value::String(input.user_name))), ("password", Some(Value::String(input.password)))])
    }
}

impl From<RequestAvatarUploadInput> for Value {
    fn from(input: RequestAvatarUploadInput) -> Self {
        body([
            ("contentType", Some(Value::String(input.content_type))),
            ("contentLength", Some(input.content_length.into())),
            ("checksumSha256", input.checksum_sha256.map(Value::String)),
            ("method", input.method.map(Value::String)),
        ])
    }
}
