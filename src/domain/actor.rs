//! Who acts, and who may do what: the permission table, in one place.

use super::{Flaw, UserId};

/// What the directory can do; each operation names its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Create a user.
    CreateUser,
    /// Bring a ready password hash, or set a password without knowing the old one.
    SetCredential,
    /// Read one user.
    GetUser,
    /// Read the list.
    ListUsers,
    /// Replace or patch a profile.
    ChangeUser,
    /// Delete a user.
    DeleteUser,
    /// Change a password.
    ChangePassword,
    /// Learn whether a name and a password belong together.
    VerifyPassword,
    /// Begin an avatar upload.
    RequestAvatarUpload,
    /// Read the state of an avatar upload.
    GetAvatarUpload,
    /// Read an avatar.
    GetAvatar,
    /// Remove an avatar.
    DeleteAvatar,
    /// Watch what changes, of every user.
    WatchChanges,
}

/// A right that a token or a principal carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `users:read`
    Read,
    /// `users:write`
    Write,
    /// `users:delete`
    Delete,
    /// `users:verify`
    Verify,
    /// `users:admin`
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Delete, Self::Verify, Self::Admin];

    /// The scope's name, as tokens carry it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "users:read",
            Self::Write => "users:write",
            Self::Delete => "users:delete",
            Self::Verify => "users:verify",
            Self::Admin => "users:admin",
        }
    }

    /// Reads one name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// Who may do an action: whoever has one of the scopes, and perhaps the user whom it is about.
type Rule = (&'static [Scope], BySelf);

/// Whether a user may do it to itself without any scope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BySelf {
    Yes,
    No,
}

/// The permission table.
#[expect(clippy::match_same_arms, reason = "a line for each action, as in a table")]
const fn rule(action: Action) -> Rule {
    use BySelf::{No, Yes};
    use Scope::{Admin, Delete, Read, Verify, Write};
    match action {
        Action::CreateUser => (&[Write, Admin], No),
        Action::SetCredential => (&[Admin], No),
        Action::GetUser => (&[Read, Admin], Yes),
        Action::ListUsers => (&[Read, Admin], No),
        Action::ChangeUser => (&[Write, Admin], Yes),
        Action::DeleteUser => (&[Delete, Admin], No),
        Action::ChangePassword => (&[Write, Admin], Yes),
        Action::VerifyPassword => (&[Verify, Admin], No),
        Action::RequestAvatarUpload => (&[Write, Admin], Yes),
        Action::GetAvatarUpload => (&[Read, Write, Admin], Yes),
        Action::GetAvatar => (&[Read, Admin], Yes),
        Action::DeleteAvatar => (&[Write, Admin], Yes),
        Action::WatchChanges => (&[Admin], No),
    }
}

/// Every operation of the contract by its `operationId`, with the action that it asks for; `None` is open to everyone
/// and counts against no quota. A test holds the API description to this list.
pub const OPERATIONS: &[(&str, Option<Action>)] = &[
    ("create_user", Some(Action::CreateUser)),
    ("list_users", Some(Action::ListUsers)),
    ("get_user", Some(Action::GetUser)),
    ("replace_user", Some(Action::ChangeUser)),
    ("patch_user", Some(Action::ChangeUser)),
    ("delete_user", Some(Action::DeleteUser)),
    ("change_password", Some(Action::ChangePassword)),
    ("verify_password", Some(Action::VerifyPassword)),
    ("request_avatar_upload", Some(Action::RequestAvatarUpload)),
    ("get_avatar_upload", Some(Action::GetAvatarUpload)),
    ("get_avatar", Some(Action::GetAvatar)),
    ("delete_avatar", Some(Action::DeleteAvatar)),
    ("get_events", Some(Action::WatchChanges)),
    ("get_password_policy", None),
    ("health_live", None),
    ("health_ready", None),
    ("get_openapi", None),
    ("get_docs", None),
    ("get_problem", None),
];

impl Action {
    /// Whether the action only reads.
    pub const fn is_read(self) -> bool {
        matches!(self, Self::GetUser | Self::ListUsers | Self::GetAvatarUpload | Self::GetAvatar | Self::WatchChanges)
    }
}

/// Why an actor was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The actor may not do this to anyone.
    Forbidden,
    /// The actor may not even learn whether the user exists.
    Hidden,
}

/// The calling service's name: 1 to 256 characters of `A-Z a-z 0-9 . _ : / @ + = , -`; a role's ARN fits, a user's with a path of odd signs may not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// Reads a client id.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let fits = (1..=256).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@+=,-".contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Flaw::new("invalid_client_id", "give 1 to 256 characters of A-Z a-z 0-9 . _ : / @ + = , -"))
        }
    }

    /// The name of a caller that did not say who it is.
    pub fn anonymous() -> Self {
        Self("anonymous".to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who acts: a calling service, perhaps for one user, with scopes. Every operation demands one.
#[derive(Clone, Debug)]
pub struct Actor {
    client: ClientId,
    subject: Option<UserId>,
    scopes: Vec<Scope>,
}

impl Actor {
    /// An actor with these scopes; `subject` is the user it speaks for.
    pub fn new(client: ClientId, subject: Option<UserId>, scopes: Vec<Scope>) -> Self {
        Self { client, subject, scopes }
    }

    /// An actor with every scope: any caller in `open` mode, the operator at the command line.
    pub fn all_powerful(client: ClientId) -> Self {
        Self::new(client, None, Scope::ALL.to_vec())
    }

    /// The calling service.
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// Whether the actor may do `action`, to `target` if it is about one user.
    pub fn permit(&self, action: Action, target: Option<UserId>) -> Result<(), Denied> {
        let (scopes, by_self) = rule(action);
        let is_self = by_self == BySelf::Yes && target.is_some() && target == self.subject;
        if is_self || scopes.iter().any(|scope| self.scopes.contains(scope)) {
            Ok(())
        } else if target.is_some()
            && !self.scopes.contains(&Scope::Read)
            && !self.scopes.contains(&Scope::Admin)
            && target != self.subject
        {
            Err(Denied::Hidden)
        } else {
            Err(Denied::Forbidden)
        }
    }
}
