//! The user: a profile with an id, a version and its times. It cannot carry a password or a hash.

use uuid::Uuid;

use super::avatar::AvatarKey;
use super::{Flaw, NewCredential, PersonName, Timestamp, UserName};

/// A user's id: a UUID, version 7 (RFC 9562) when made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Uuid);

impl UserId {
    /// Takes a UUID made by [`crate::ids::Ids`].
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id that no user has: all zeros (RFC 9562, section 5.9).
    pub fn nobody() -> Self {
        Self(Uuid::nil())
    }

    /// Reads the hyphenated form, in either case.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let flaw = || Flaw::new("invalid_id", "give a UUID");
        if text.len() != 36 {
            return Err(flaw());
        }
        Uuid::try_parse(text).map(Self).map_err(|_| flaw())
    }

    /// Whether both differ in the time alone: 74 bits of a UUID, version 7, say where it comes from.
    pub fn has_origin_of(&self, other: Self) -> bool {
        self.as_bytes()[6..] == other.as_bytes()[6..]
    }

    /// The 16 bytes, most significant first.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// What a client may set: the three names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Unique in the directory.
    pub user_name: UserName,
    /// Given name.
    pub first_name: PersonName,
    /// Family name.
    pub last_name: PersonName,
}

/// A user as stored and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// What a client may set.
    pub profile: Profile,
    /// Starts at 1 and grows by one with each change.
    pub version: u64,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the user was last changed.
    pub updated_at: Timestamp,
    /// The current picture, if there is one.
    pub avatar: Option<AvatarKey>,
}

impl User {
    /// A new user at version 1.
    pub fn new(id: UserId, profile: Profile, now: Timestamp) -> Self {
        Self { id, profile, version: 1, created_at: now, updated_at: now, avatar: None }
    }

    /// This user with another profile, one version on.
    pub fn changed(&self, profile: Profile, now: Timestamp) -> Self {
        Self { profile, version: self.version + 1, updated_at: now.max(self.updated_at), ..self.clone() }
    }
}

/// Everything needed to create a user.
pub struct NewUser {
    /// The names.
    pub profile: Profile,
    /// An accepted password, or a hash brought from elsewhere.
    pub credential: NewCredential,
}
