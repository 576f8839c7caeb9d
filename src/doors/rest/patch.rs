//! A patch as a change of profile: merge patch (RFC 7396) or JSON patch (RFC 6902).

use json_patch::{PatchErrorKind, PatchOperation};
use serde_json::Value;

use super::extract::{JsonBody, MediaType};
use super::json::{Fields, READ_ONLY, note, stranger};
use super::view;
use crate::app::App;
use crate::domain::{Flaw, PersonName, Profile, User, UserName};
use crate::error::{Error, Place, Violation};

/// Most operations of one JSON patch.
const MOST_OPERATIONS: usize = 100;

/// A patch that has been read, to be applied to a user as it is then.
pub enum ProfilePatch {
    /// The names to set.
    Merge { user_name: Option<UserName>, first_name: Option<PersonName>, last_name: Option<PersonName> },
    /// Operations in order.
    Operations(Vec<PatchOperation>),
}

/// Reads a patch from a body; plain JSON counts as a merge patch.
pub fn read(body: JsonBody) -> Result<ProfilePatch, Error> {
    match body.media_type {
        MediaType::Json | MediaType::MergePatch => read_merge(body.value, body.violations),
        MediaType::JsonPatch => read_operations(body.value, body.violations),
    }
    .map_err(Error::Invalid)
}

/// Reads the members of a merge patch.
pub fn read_merge(value: Value, violations: Vec<Violation>) -> Result<ProfilePatch, Vec<Violation>> {
    let mut fields = Fields::of(value, violations);
    let user_name = fields.optional("userName", UserName::parse);
    let first_name = fields.optional("firstName", PersonName::parse);
    let last_name = fields.optional("lastName", PersonName::parse);
    fields.finish(Some(ProfilePatch::Merge { user_name, first_name, last_name }))
}

fn read_operations(value: Value, mut violations: Vec<Violation>) -> Result<ProfilePatch, Vec<Violation>> {
    let Value::Array(entries) = value else {
        violations.push(Violation::at_pointer("", Flaw::new("wrong_type", "give an array of operations (RFC 6902)")));
        return Err(violations);
    };
    if entries.len() > MOST_OPERATIONS {
        violations.push(Violation::at_pointer("", Flaw::new("too_long", "give at most 100 operations")));
        return Err(violations);
    }
    let mut operations = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        if let Ok(operation) = serde_json::from_value(entry) {
            operations.push(operation);
        } else {
            let flaw = Flaw::new("invalid_operation", "give op, path and what the op needs: value or from");
            note(&mut violations, Violation::at_pointer(format!("/{index}"), flaw));
        }
    }
    if violations.is_empty() { Ok(ProfilePatch::Operations(operations)) } else { Err(violations) }
}

impl ProfilePatch {
    /// The profile that this patch makes of a user's.
    pub fn apply(&self, app: &App, user: &User) -> Result<Profile, Error> {
        match self {
            Self::Merge { user_name, first_name, last_name } => Ok(Profile {
                user_name: user_name.as_ref().unwrap_or(&user.profile.user_name).clone(),
                first_name: first_name.as_ref().unwrap_or(&user.profile.first_name).clone(),
                last_name: last_name.as_ref().unwrap_or(&user.profile.last_name).clone(),
            }),
            Self::Operations(operations) => apply_operations(operations, app, user).map_err(Error::Invalid),
        }
    }
}

fn apply_operations(operations: &[PatchOperation], app: &App, user: &User) -> Result<Profile, Vec<Violation>> {
    let before = serde_json::to_value(view::User::of(app, user)).unwrap_or_default();
    let mut after = before.clone();
    for (index, operation) in operations.iter().enumerate() {
        refuse_nesting(index, operation)?;
        json_patch::patch(&mut after, std::slice::from_ref(operation))
            .map_err(|error| vec![failed(index, &error.kind)])?;
    }
    let Value::Object(mut members) = after else {
        return Err(vec![Violation::at_pointer("", Flaw::new("wrong_type", "the result must be a JSON object"))]);
    };
    let mut violations = Vec::new();
    for name in READ_ONLY {
        if members.remove(name).as_ref() != before.get(name) {
            violations.push(Violation::at_pointer(place(operations, name), stranger(name)));
        }
    }
    match view::profile(Value::Object(members), Vec::new()) {
        Ok(profile) if violations.is_empty() => Ok(profile),
        Ok(_) => Err(violations),
        Err(more) => {
            violations.extend(more.into_iter().map(|violation| at_operation(operations, violation)));
            Err(violations)
        }
    }
}

/// A user is flat. An operation that reaches deeper could copy a part into itself, which doubles it each time.
fn refuse_nesting(index: usize, operation: &PatchOperation) -> Result<(), Vec<Violation>> {
    let from = match operation {
        PatchOperation::Move(op) => Some(&op.from),
        PatchOperation::Copy(op) => Some(&op.from),
        _ => None,
    };
    let member = match from {
        Some(from) if from.count() != 1 => "from",
        _ if operation.path().count() > 1 => "path",
        _ => return Ok(()),
    };
    let flaw = Flaw::new("invalid_path", "name one member, such as /firstName");
    Err(vec![Violation::at_pointer(format!("/{index}/{member}"), flaw)])
}

fn failed(index: usize, kind: &PatchErrorKind) -> Violation {
    let (member, flaw) = match kind {
        PatchErrorKind::TestFailed => ("value", Flaw::new("test_failed", "the user does not have this value now")),
        PatchErrorKind::InvalidFromPointer => ("from", Flaw::new("invalid_path", "name a member that is there")),
        _ => ("path", Flaw::new("invalid_path", "name a member that is there")),
    };
    Violation::at_pointer(format!("/{index}/{member}"), flaw)
}

/// A flaw of the result, moved to the operation that made it.
fn at_operation(operations: &[PatchOperation], violation: Violation) -> Violation {
    let Place::Pointer(pointer) = &violation.place else { return violation };
    let name = pointer.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
    Violation::at_pointer(place(operations, &name), violation.flaw)
}

/// The last operation at or below a member, or at the whole.
fn place(operations: &[PatchOperation], name: &str) -> String {
    let is_at = |path: &json_patch::jsonptr::Pointer| path.first().is_none_or(|token| token.decoded() == name);
    let at = |(index, operation): (usize, &PatchOperation)| {
        let (path, from) = match operation {
            PatchOperation::Move(op) => (&op.path, Some(&op.from)),
            other => return is_at(other.path()).then(|| format!("/{index}/{}", member(other))),
        };
        if is_at(path) {
            return Some(format!("/{index}/path"));
        }
        from.is_some_and(|from| is_at(from)).then(|| format!("/{index}/from"))
    };
    operations.iter().enumerate().rev().find_map(at).unwrap_or_default()
}

fn member(operation: &PatchOperation) -> &'static str {
    match operation {
        PatchOperation::Add(_) | PatchOperation::Replace(_) | PatchOperation::Test(_) => "value",
        PatchOperation::Remove(_) | PatchOperation::Move(_) | PatchOperation::Copy(_) => "path",
    }
}
