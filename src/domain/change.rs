//! What happened to a user, told from how the user was before and after one write.
//!
//! Each write makes one change, and each change has an id that says which: the user, a number that grows, and the kind.
//! Whoever tells of the same write again tells it under the same id, wherever it was read and however often.

use super::{Timestamp, User};

/// A user as one image of the table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The user.
    pub user: User,
    /// How often the password was changed; a hash that is written anew at a login does not count.
    pub password_changes: u64,
    /// When it was last changed, if it ever was.
    pub password_changed_at: Option<Timestamp>,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// There is a new user.
    Created,
    /// First or last name changed, and the user name did not.
    Updated,
    /// The user name changed, perhaps with the others.
    Renamed,
    /// There is another picture, or none any more.
    AvatarChanged,
    /// There is another password.
    PasswordChanged,
    /// The user is gone.
    Deleted,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Updated, Self::Renamed, Self::AvatarChanged, Self::PasswordChanged, Self::Deleted];

    /// The type of its events, such as `user.created`.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Created => "user.created",
            Self::Updated => "user.updated",
            Self::Renamed => "user.renamed",
            Self::AvatarChanged => "user.avatar-changed",
            Self::PasswordChanged => "user.password-changed",
            Self::Deleted => "user.deleted",
        }
    }

    /// The last part of the id of its changes.
    const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Renamed => "renamed",
            Self::AvatarChanged => "avatar-changed",
            Self::PasswordChanged => "password-changed",
            Self::Deleted => "deleted",
        }
    }
}

/// One change of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind it is.
    pub kind: Kind,
    /// The user after the change; of a deleted one, as it last was.
    pub user: User,
    /// The version that the change made, or ended; of a password, how often it has been changed.
    pub number: u64,
    /// When it happened.
    pub time: Timestamp,
    /// The members of the user that changed, by their names in the API.
    pub changed: Vec<&'static str>,
    /// The user name before, if it was another one.
    pub former_user_name: Option<String>,
}

impl Change {
    /// The id: `{user id}/{number}/{word}`. Versions and counts of a user never repeat, so neither do ids.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.user.id, self.number, self.kind.word())
    }

    /// What happened between two images, either of which may be missing; `at` is when the table took the write.
    pub fn between(before: Option<Snapshot>, after: Option<Snapshot>, at: Timestamp) -> Vec<Self> {
        match (before, after) {
            (None, None) => Vec::new(),
            (None, Some(after)) => {
                let (number, time) = (after.user.version, after.user.created_at);
                vec![Self::new(Kind::Created, after.user, number, time)]
            }
            (Some(before), None) => {
                let number = before.user.version;
                vec![Self::new(Kind::Deleted, before.user, number, at)]
            }
            (Some(before), Some(after)) => Self::of_update(&before, &after, at),
        }
    }

    fn of_update(before: &Snapshot, after: &Snapshot, at: Timestamp) -> Vec<Self> {
        let mut changes = Vec::new();
        let (old, new) = (&before.user, &after.user);
        if old.version != new.version {
            changes.push(Self::of_profile(old, new));
        }
        if before.password_changes != after.password_changes {
            let time = after.password_changed_at.unwrap_or(at);
            changes.push(Self::new(Kind::PasswordChanged, new.clone(), after.password_changes, time));
        }
        changes
    }

    fn of_profile(old: &User, new: &User) -> Self {
        let is_other = [
            ("userName", old.profile.user_name.shown() != new.profile.user_name.shown()),
            ("firstName", old.profile.first_name != new.profile.first_name),
            ("lastName", old.profile.last_name != new.profile.last_name),
            ("avatar", old.avatar != new.avatar),
        ];
        let changed: Vec<_> = is_other.iter().filter(|(_, is_other)| *is_other).map(|(name, _)| *name).collect();
        let kind = match changed.first() {
            Some(&"userName") => Kind::Renamed,
            Some(&"avatar") => Kind::AvatarChanged,
            _ => Kind::Updated,
        };
        let former = (kind == Kind::Renamed).then(|| old.profile.user_name.shown().to_owned());
        Self { changed, former_user_name: former, ..Self::new(kind, new.clone(), new.version, new.updated_at) }
    }

    fn new(kind: Kind, user: User, number: u64, time: Timestamp) -> Self {
        Self { kind, user, number, time, changed: Vec::new(), former_user_name: None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::avatar::AvatarKey;
    use super::super::{PersonName, Profile, UserId, UserName};
    use super::*;

    const AT: Timestamp = Timestamp::EPOCH;

    fn snapshot() -> Snapshot {
        let name = |text| PersonName::parse(text).unwrap();
        let profile =
            Profile { user_name: UserName::parse("ada").unwrap(), first_name: name("Ada"), last_name: name("Byron") };
        Snapshot { user: User::new(UserId::nobody(), profile, AT), password_changes: 0, password_changed_at: None }
    }

    fn told(change: impl Fn(&mut Snapshot)) -> Vec<(String, Vec<&'static str>)> {
        let mut after = snapshot();
        change(&mut after);
        let changes = Change::between(Some(snapshot()), Some(after), AT);
        let short = |id: String| id.split_once('/').unwrap().1.to_owned();
        changes.into_iter().map(|change| (short(change.id()), change.changed)).collect()
    }

    #[test]
    fn each_write_is_one_change_of_its_kind() {
        let one = |id: &str, changed: &[&'static str]| vec![(id.to_owned(), changed.to_vec())];
        let named = |snapshot: &mut Snapshot, user_name, first| {
            snapshot.user.version += 1;
            snapshot.user.profile.user_name = UserName::parse(user_name).unwrap();
            snapshot.user.profile.first_name = PersonName::parse(first).unwrap();
        };
        assert_eq!(told(|_| ()), []);
        assert_eq!(told(|s| named(s, "ada", "Augusta")), one("2/updated", &["firstName"]));
        assert_eq!(told(|s| named(s, "countess", "Ada")), one("2/renamed", &["userName"]));
        assert_eq!(told(|s| named(s, "ADA", "Augusta")), one("2/renamed", &["userName", "firstName"]));
        assert_eq!(told(|s| s.user.version += 1), one("2/updated", &[]));
        assert_eq!(told(|s| s.password_changes += 1), one("1/password-changed", &[]));
        let pictured = |s: &mut Snapshot| {
            s.user.version += 1;
            s.user.avatar = Some(AvatarKey::from_stored("avatars/x/y".to_owned()));
        };
        assert_eq!(told(pictured), one("2/avatar-changed", &["avatar"]));
    }

    #[test]
    fn a_user_comes_and_goes() {
        let kinds = |changes: Vec<Change>| changes.iter().map(|change| change.kind).collect::<Vec<_>>();
        assert_eq!(kinds(Change::between(None, Some(snapshot()), AT)), [Kind::Created]);
        assert_eq!(kinds(Change::between(Some(snapshot()), None, AT)), [Kind::Deleted]);
        assert_eq!(kinds(Change::between(None, None, AT)), []);
    }
}
