//! Which version of a user a change is meant for.

/// What `If-Match` asks (RFC 9110, section 13.1.1), by version number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// No condition: the last writer wins, and no writer's fields are mixed with another's.
    Absent,
    /// `*`: any version, as long as the user exists.
    Any,
    /// One of these versions; empty when only weak or foreign tags were given, which match nothing.
    Versions(Vec<u64>),
}

impl IfMatch {
    /// Whether a user at `version` may be changed.
    pub fn admits(&self, version: u64) -> bool {
        match self {
            Self::Absent | Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }

    /// The version that a write must meet, where one was named and `version` is it.
    pub fn pinned(&self, version: u64) -> Option<u64> {
        (!self.may_retry()).then_some(version)
    }

    /// Whether a writer who lost a race may look again and retry: only when no version was named.
    pub fn may_retry(&self) -> bool {
        matches!(self, Self::Absent | Self::Any)
    }
}
