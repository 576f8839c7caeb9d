//! Users on the wire.

use serde::Serialize;
use serde_json::Value;

use super::json::Fields;
use crate::app::App;
use crate::domain::{self, Flaw, NewCredential, Password, PersonName, Profile, UserName};
use crate::error::Violation;
use crate::hashing;

/// A user as shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// UUID version 7.
    #[schema(format = "uuid", example = "01980000-0000-7000-8000-000000000001")]
    id: String,
    /// As typed; unique without regard to case or form.
    #[schema(example = "ada")]
    user_name: String,
    #[schema(example = "Ada")]
    first_name: String,
    #[schema(example = "Lovelace")]
    last_name: String,
    /// A presigned link that works for a while, or null.
    #[schema(required, format = "uri")]
    avatar: Option<String>,
    /// Grows by one with each change.
    #[schema(minimum = 1, example = 1)]
    version: u64,
    /// RFC 3339, UTC, milliseconds.
    #[schema(format = "date-time", example = "2026-11-22T07:00:00.000Z")]
    created_at: String,
    #[schema(format = "date-time", example = "2026-11-22T07:00:00.000Z")]
    updated_at: String,
}

impl User {
    /// A user as it is shown now, with a link to its picture.
    pub fn of(app: &App, user: &domain::User) -> Self {
        Self {
            id: user.id.to_string(),
            user_name: user.profile.user_name.shown().to_owned(),
            first_name: user.profile.first_name.as_str().to_owned(),
            last_name: user.profile.last_name.as_str().to_owned(),
            avatar: app.avatar_link(user),
            version: user.version,
            created_at: user.created_at.to_string(),
            updated_at: user.updated_at.to_string(),
        }
    }
}

/// A page of users.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    pub users: Vec<User>,
    /// The cursor of the next page, or null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// About how many users there are in all, some hours old; only with `count=estimate`, and not while it cannot be had.
    #[schema(required = false, value_type = u64, example = 1200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count_estimate: Option<u64>,
}

/// Reads a user to create: names, and a password or a hash.
pub fn new_user(
    value: Value,
    violations: Vec<Violation>,
    policy: &domain::PasswordPolicy,
) -> Result<domain::NewUser, Vec<Violation>> {
    let mut fields = Fields::of(value, violations);
    let user_name = fields.required("userName", UserName::parse);
    let first_name = fields.required("firstName", PersonName::parse);
    let last_name = fields.required("lastName", PersonName::parse);
    let credential = if fields.has("passwordHash") {
        if fields.has("password") {
            fields.refuse("passwordHash", Flaw::new("contradiction", "give either password or passwordHash"));
            fields.optional("password", Password::parse);
        }
        fields.optional("passwordHash", hashing::parse_imported).map(NewCredential::Hash)
    } else {
        let names: Vec<&str> = [user_name.as_ref().map(UserName::shown)]
            .into_iter()
            .chain([first_name.as_ref(), last_name.as_ref()].map(|name| name.map(PersonName::as_str)))
            .flatten()
            .collect();
        let accepted = fields.required("password", Password::parse).map(|password| policy.accept(password, &names));
        match accepted {
            Some(Ok(password)) => Some(NewCredential::Password(password)),
            Some(Err(flaws)) => {
                for flaw in flaws {
                    fields.refuse("password", flaw);
                }
                None
            }
            None => None,
        }
    };
    let new = profile_of(user_name, first_name, last_name).zip(credential);
    fields.finish(new.map(|(profile, credential)| domain::NewUser { profile, credential }))
}

/// Reads all three names.
pub fn profile(value: Value, violations: Vec<Violation>) -> Result<Profile, Vec<Violation>> {
    let mut fields = Fields::of(value, violations);
    let user_name = fields.required("userName", UserName::parse);
    let first_name = fields.required("firstName", PersonName::parse);
    let last_name = fields.required("lastName", PersonName::parse);
    fields.finish(profile_of(user_name, first_name, last_name))
}

fn profile_of(
    user_name: Option<UserName>,
    first_name: Option<PersonName>,
    last_name: Option<PersonName>,
) -> Option<Profile> {
    Some(Profile { user_name: user_name?, first_name: first_name?, last_name: last_name? })
}

/// A change of password.
pub struct PasswordChange {
    pub current: Option<Password>,
    pub new: Password,
}

/// Reads a change of password.
pub fn password_change(value: Value, violations: Vec<Violation>) -> Result<PasswordChange, Vec<Violation>> {
    let mut fields = Fields::of(value, violations);
    let current = fields.optional("currentPassword", Password::parse);
    let new = fields.required("newPassword", Password::parse);
    fields.finish(new.map(|new| PasswordChange { current, new }))
}

/// A name and what may be its password.
pub struct PasswordClaim {
    pub user_name: UserName,
    pub password: Password,
}

/// Reads a name and a password to verify.
pub fn password_claim(value: Value, violations: Vec<Violation>) -> Result<PasswordClaim, Vec<Violation>> {
    let mut fields = Fields::of(value, violations);
    let user_name = fields.required("userName", UserName::parse);
    let password = fields.required("password", Password::parse);
    fields.finish(user_name.zip(password).map(|(user_name, password)| PasswordClaim { user_name, password }))
}

/// The rules for new passwords.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordPolicy {
    /// Fewest code points.
    #[schema(minimum = 8, maximum = 64, example = 8)]
    min_length: usize,
    /// Most code points.
    #[schema(example = 256)]
    max_length: usize,
    /// Least score of zxcvbn, of 0 to 4.
    #[schema(example = 3)]
    min_score: u8,
    /// Every rule, with the code that an error has when it is broken and a sentence for people.
    rules: Vec<PasswordRule>,
}

/// One rule for new passwords.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PasswordRule {
    #[schema(example = "too_short")]
    code: &'static str,
    #[schema(example = "Use at least 8 characters.")]
    detail: String,
}

impl From<&domain::PasswordPolicy> for PasswordPolicy {
    fn from(policy: &domain::PasswordPolicy) -> Self {
        let rules = policy.rules().into_iter();
        Self {
            min_length: policy.min_code_points(),
            max_length: domain::password::MAX_CODE_POINTS,
            min_score: domain::password::LEAST_SCORE,
            rules: rules.map(|rule| PasswordRule { code: rule.code, detail: rule.detail }).collect(),
        }
    }
}

/// The members of a user to create.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewUser)]
#[expect(dead_code, reason = "read by the API description alone; bodies are read member by member")]
pub struct NewUserSchema {
    /// 1 to 100 code points after RFC 8265 UsernameCaseMapped, of a single script.
    #[schema(min_length = 1, example = "ada")]
    user_name: String,
    #[schema(min_length = 1, max_length = 255, example = "Ada")]
    first_name: String,
    #[schema(min_length = 1, max_length = 255, example = "Lovelace")]
    last_name: String,
    /// 8 to 256 code points; required unless `passwordHash` is given.
    #[schema(
        required = false,
        format = "password",
        min_length = 8,
        max_length = 256,
        write_only,
        example = "correct horse battery staple"
    )]
    password: String,
    /// A hash from elsewhere as it is, for administrators who bring users along: Django's, a PHC string of argon2, scrypt or
    /// pbkdf2, bcrypt, sha512-crypt. It becomes argon2id at the first login.
    #[schema(required = false, max_length = 512, write_only)]
    password_hash: String,
}

/// All three names.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Profile)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct ProfileSchema {
    #[schema(min_length = 1, example = "ada")]
    user_name: String,
    #[schema(min_length = 1, max_length = 255, example = "Ada")]
    first_name: String,
    #[schema(min_length = 1, max_length = 255, example = "Lovelace")]
    last_name: String,
}

/// Any of the names.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ProfilePatch)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct ProfilePatchSchema {
    #[schema(required = false, min_length = 1, example = "ada.byron")]
    user_name: String,
    #[schema(required = false, min_length = 1, max_length = 255)]
    first_name: String,
    #[schema(required = false, min_length = 1, max_length = 255)]
    last_name: String,
}

/// A change of password.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PasswordChange)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct PasswordChangeSchema {
    /// Required unless the caller is an administrator.
    #[schema(required = false, format = "password", min_length = 1, max_length = 256, write_only)]
    current_password: String,
    #[schema(
        format = "password",
        min_length = 8,
        max_length = 256,
        write_only,
        example = "a better horse battery staple"
    )]
    new_password: String,
}

/// A name and what may be its password.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PasswordClaim)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct PasswordClaimSchema {
    #[schema(min_length = 1, example = "ada")]
    user_name: String,
    #[schema(
        format = "password",
        min_length = 1,
        max_length = 256,
        write_only,
        example = "correct horse battery staple"
    )]
    password: String,
}
