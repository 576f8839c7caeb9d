//! Who acts, and who may do what: the permission table, in one place.

use super::{Flaw, UserId};

/// What the directory can do; each operation names its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The permission table: which scopes open an action, and whether the user in question may do it to itself.
const fn rule(action: Action) -> (&'static [Scope], bool) {
    use Scope::{Admin, Delete, Read, Write};
    match action {
        Action::CreateUser => (&[Write, Admin], false),
        Action::SetCredential => (&[Admin], false),
        Action::GetUser => (&[Read, Admin], true),
        Action::ListUsers => (&[Read, Admin], false),
        Action::ChangeUser | Action::ChangePassword => (&[Write, Admin], true),
        Action::DeleteUser => (&[Delete, Admin], false),
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
        use Scope::{Admin, Delete, Read, Verify, Write};
        Self::new(client, None, vec![Read, Write, Delete, Verify, Admin])
    }

    /// The calling service.
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// Whether the actor may do `action`, to `target` if it is about one user.
    pub fn permit(&self, action: Action, target: Option<UserId>) -> Result<(), Denied> {
        let (scopes, by_self) = rule(action);
        let is_self = by_self && target.is_some() && target == self.subject;
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
