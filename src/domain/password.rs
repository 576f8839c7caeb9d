//! What a password may be. Secrets here have no `Debug` and no `Serialize`, and are wiped when dropped.

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::OpaqueString;
use zeroize::Zeroizing;

use super::{Flaw, Profile};

/// Most code points that a password may have.
pub const MAX_CODE_POINTS: usize = 256;

/// Fewest code points of any policy (NIST SP 800-63B-4, section 3.1.1.2).
pub const LEAST_MIN_CODE_POINTS: usize = 8;

/// Most code points that a policy may demand.
pub const GREATEST_MIN_CODE_POINTS: usize = 64;

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
    let is_emoji = |c: &char| *c == STAND_IN || ('\u{1f000}'..='\u{1faff}').contains(c);
    let emoji: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().filter(is_emoji).collect());
    let stood_in = Zeroizing::new(text.chars().map(|c| if is_emoji(&c) { STAND_IN } else { c }).collect::<String>());
    let enforced = Zeroizing::new(OpaqueString::enforce(stood_in.as_str()).ok()?.into_owned());
    let mut emoji = emoji.iter();
    Some(Zeroizing::new(
        enforced.chars().map(|c| if c == STAND_IN { emoji.next().copied().unwrap_or(c) } else { c }).collect(),
    ))
}

/// A password that the policy accepted for one user.
pub struct AcceptedPassword(Password);

impl AcceptedPassword {
    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The rules for new passwords, without composition rules and without rotation (NIST SP 800-63B-4).
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    min_code_points: usize,
}

impl PasswordPolicy {
    /// A policy that asks for at least `min_code_points`, 8 to 64.
    pub fn new(min_code_points: usize) -> Result<Self, Flaw> {
        if (LEAST_MIN_CODE_POINTS..=GREATEST_MIN_CODE_POINTS).contains(&min_code_points) {
            Ok(Self { min_code_points })
        } else {
            Err(Flaw::new("out_of_range", "give a number from 8 to 64"))
        }
    }

    /// The fewest code points of a new password.
    pub fn min_code_points(&self) -> usize {
        self.min_code_points
    }

    /// Judges a new password against the rules and the user's own names; tells every reason at once.
    pub fn accept(&self, password: Password, names: &[&str]) -> Result<AcceptedPassword, Vec<Flaw>> {
        let mut flaws = Vec::new();
        let text = password.0.as_str();
        if text.chars().count() < self.min_code_points {
            flaws.push(Flaw::new("too_short", format!("use at least {} characters", self.min_code_points)));
        }
        if text.chars().all(char::is_numeric) {
            flaws.push(Flaw::new("all_digits", "use more than digits"));
        }
        if is_like_a_name(text, names) {
            flaws.push(Flaw::new("like_name", "do not build it from the user's own names"));
        }
        if flaws.is_empty() { Ok(AcceptedPassword(password)) } else { Err(flaws) }
    }

    /// Judges a password for a user with this profile.
    pub fn accept_for(&self, password: Password, profile: &Profile) -> Result<AcceptedPassword, Vec<Flaw>> {
        self.accept(password, &[profile.user_name.shown(), profile.first_name.as_str(), profile.last_name.as_str()])
    }
}

/// Whether little more than a user's name (3 letters or more, forwards or backwards) is in the password.
fn is_like_a_name(password: &str, names: &[&str]) -> bool {
    let password = Zeroizing::new(password.to_lowercase());
    let length = password.chars().count();
    names.iter().map(|name| name.to_lowercase()).any(|name| {
        let weight = name.chars().count();
        let backwards: String = name.chars().rev().collect();
        weight >= 3 && 2 * weight >= length && (password.contains(&name) || password.contains(&backwards))
    })
}

/// A stored password hash: a PHC string. Wiped when dropped.
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

    fn codes(text: &str) -> Vec<&'static str> {
        let policy = PasswordPolicy::new(8).unwrap();
        match Password::parse(text) {
            Err(flaw) => vec![flaw.code()],
            Ok(password) => match policy.accept(password, &["ada.lovelace", "Ada", "Lovelace"]) {
                Ok(_) => vec![],
                Err(flaws) => flaws.iter().map(Flaw::code).collect(),
            },
        }
    }

    #[test]
    fn every_reason_is_told_at_once() {
        for (text, expected) in [
            ("correct horse battery staple", &[][..]),
            ("contraseña segurísima", &[]),
            ("пароль из слов", &[]),
            ("", &["required"]),
            ("1234", &["too_short", "all_digits"]),
            ("1234567890123", &["all_digits"]),
            ("٣٤٥٦٧٨٩٠١٢", &["all_digits"]),
            ("lovelace", &["like_name"]),
            ("Ecalevol12", &["like_name"]),
            ("adaada", &["too_short", "like_name"]),
            ("a\u{0}bcdefghi", &["invalid_characters"]),
        ] {
            assert_eq!(codes(text), expected, "{text:?}");
        }
        assert_eq!(codes(&"x y".repeat(86)), ["too_long"]);
        assert_eq!(codes(&"🦀🐪".repeat(4)), Vec::<&str>::new());
    }

    #[test]
    fn forms_of_one_password_are_one_password() {
        let composed = Password::parse("Zo\u{eb} walks home").unwrap();
        let decomposed = Password::parse("Zoe\u{308} walks\u{a0}home").unwrap();
        assert!(composed.is_same(&decomposed));
    }
}
