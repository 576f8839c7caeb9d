//! A user's picture, as the directory refers to it.

/// Where the current avatar's sizes lie in the bucket: `avatars/{userId}/{contentHash}`, without size and suffix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvatarKey(String);

impl AvatarKey {
    /// Takes a prefix that the avatar handler wrote.
    pub fn from_stored(prefix: String) -> Self {
        Self(prefix)
    }

    /// The prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
