//! What a password may be. Secrets here have no `Debug` and no `Serialize`, and are wiped when dropped.

mod common;
mod guesses;
mod likeness;
mod policy;

pub use policy::{LEAST_SCORE, PasswordPolicy, Rule};

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::OpaqueString;
use zeroize::Zeroizing;

use super::Flaw;

/// Most code points that a password may have.
pub const MAX_CODE_POINTS: usize = 256;

/// A password under the RFC 8265 profile `OpaqueString`, 1 to 256 code points: fit to be compared, not yet to be set.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Prepares a password; errors with codes `required`, `too_long`, `invalid_characters`.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        if text.is_empty() {
            return Err(Flaw::new("required", "give a password"));
        }
        if text.chars().count() > MAX_CODE_POINTS {
            return Err(Flaw::new("too_long", "use at most 256 characters"));
        }
        let prepared = prepare(text).ok_or_else(|| {
            Flaw::new("invalid_characters", "leave out control characters and unassigned code points")
        })?;
        Ok(Self(prepared))
    }

    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether both are the same password; for two that the caller already knows, so not in constant time.
    pub fn is_same(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

/// The text under `OpaqueString`. The profile's tables end at Unicode 6.3; later emoji, which have neither case nor
/// decomposition, stand in as a snowman while they are applied.
fn prepare(text: &str) -> Option<Zeroizing<String>> {
    const STAND_IN: char = '\u{2603}';
    let is_kept = |c: &char| *c == STAND_IN || is_emoji(*c);
    let emoji: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().filter(is_kept).collect());
    let stood_in = Zeroizing::new(text.chars().map(|c| if is_kept(&c) { STAND_IN } else { c }).collect::<String>());
    let enforced = Zeroizing::new(OpaqueString::enforce(stood_in.as_str()).ok()?.into_owned());
    let mut emoji = emoji.iter();
    Some(Zeroizing::new(
        enforced.chars().map(|c| if c == STAND_IN { emoji.next().copied().unwrap_or(c) } else { c }).collect(),
    ))
}

/// Whether this is an emoji outside the Basic Multilingual Plane, where nearly all of them are.
fn is_emoji(c: char) -> bool {
    ('\u{1f000}'..='\u{1faff}').contains(&c)
}

/// A password that the policy accepted for one user.
pub struct AcceptedPassword(Password);

impl AcceptedPassword {
    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A stored password hash: a PHC string, or what another system made of it. Wiped when dropped.
#[derive(Clone)]
pub struct PasswordHash(Zeroizing<String>);

impl PasswordHash {
    /// Takes a string that the hasher made or the table held.
    pub fn from_stored(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The string, for the store and the hasher alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What a new user's credential is made from.
pub enum NewCredential {
    /// A password to hash.
    Password(AcceptedPassword),
    /// A hash brought from elsewhere, checked for form and cost by the hasher.
    Hash(PasswordHash),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_password_are_one_password() {
        let composed = Password::parse("Zo\u{eb} walks home").unwrap();
        let decomposed = Password::parse("Zoe\u{308} walks\u{a0}home").unwrap();
        assert!(composed.is_same(&decomposed));
    }
}
