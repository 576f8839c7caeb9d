//! Every form of hash that may be stored: found by its beginning, bounded in cost before any work is done.

use argon2::Block;

use super::Pepper;
use super::argon2_phc::Argon2Hash;
use super::bcrypt::BcryptHash;
use super::pbkdf2::Pbkdf2Hash;
use super::scrypt::ScryptHash;
use super::sha512_crypt::Sha512CryptHash;
use crate::domain::Flaw;

/// Longest hash of any form, in bytes.
const MOST_BYTES: usize = 512;

/// How a stored hash is worked out again.
pub(super) enum Recipe {
    Argon2(Argon2Hash),
    Bcrypt(BcryptHash),
    Pbkdf2(Pbkdf2Hash),
    Scrypt(ScryptHash),
    Sha512Crypt(Sha512CryptHash),
}

impl Recipe {
    /// Reads a hash; errors with codes `unknown_hash_format`, `hash_too_weak`, `hash_too_costly`.
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        if text.len() > MOST_BYTES || !text.is_ascii() {
            return Err(unknown_form());
        }
        // Django puts a name before the first dollar, everyone else nothing.
        let (name, rest) = text.split_once('$').unwrap_or((text, ""));
        match name {
            "argon2" => Argon2Hash::parse(&text[name.len()..]).map(Self::Argon2),
            "bcrypt" => BcryptHash::parse(rest).map(Self::Bcrypt),
            "bcrypt_sha256" => BcryptHash::parse_over_sha256(rest).map(Self::Bcrypt),
            "pbkdf2_sha256" | "pbkdf2_sha1" => Pbkdf2Hash::parse_django(name, rest).map(Self::Pbkdf2),
            "scrypt" => ScryptHash::parse_django(rest).map(Self::Scrypt),
            "" => Self::parse_crypt(text, rest),
            _ => Err(if is_weak(text) { too_weak() } else { unknown_form() }),
        }
    }

    fn parse_crypt(text: &str, rest: &str) -> Result<Self, Flaw> {
        let (name, rest) = rest.split_once('$').unwrap_or((rest, ""));
        match name {
            "argon2id" | "argon2i" | "argon2d" => Argon2Hash::parse(text).map(Self::Argon2),
            "2a" | "2b" | "2y" => BcryptHash::parse(text).map(Self::Bcrypt),
            "pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" => {
                Pbkdf2Hash::parse_phc(name, rest).map(Self::Pbkdf2)
            }
            "scrypt" => ScryptHash::parse_phc(rest).map(Self::Scrypt),
            "6" => Sha512CryptHash::parse(rest).map(Self::Sha512Crypt),
            "1" | "apr1" | "md5" | "sha1" | "3" | "NT" | "P" | "H" => Err(too_weak()),
            _ => Err(unknown_form()),
        }
    }

    /// The memory it takes, in KiB.
    pub(super) fn memory_kib(&self) -> u32 {
        match self {
            Self::Argon2(hash) => hash.memory_kib(),
            Self::Scrypt(hash) => hash.memory_kib(),
            Self::Bcrypt(_) | Self::Pbkdf2(_) | Self::Sha512Crypt(_) => 8,
        }
    }

    /// Whether it is this password's.
    pub(super) fn matches(
        &self,
        password: &[u8],
        pepper: &Pepper,
        memory: &mut Vec<Block>,
    ) -> Result<bool, &'static str> {
        match self {
            Self::Argon2(hash) => hash.matches(password, pepper, memory),
            Self::Bcrypt(hash) => Ok(hash.matches(password)),
            Self::Pbkdf2(hash) => Ok(hash.matches(password)),
            Self::Scrypt(hash) => hash.matches(password),
            Self::Sha512Crypt(hash) => Ok(hash.matches(password)),
        }
    }
}

/// MD5, SHA-1, DES and the like: of one round, many of them without a salt.
fn is_weak(text: &str) -> bool {
    let name = text.split('$').next().unwrap_or_default();
    let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_bare_digest = is_hex && matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128);
    let is_ldap = text.starts_with('{') && text.contains('}');
    let is_des = text.len() == 13 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/');
    let is_django = ["md5", "sha1", "unsalted_md5", "unsalted_sha1", "crypt"].contains(&name);
    is_bare_digest || is_ldap || is_des || is_django || text.starts_with('*') && text.len() == 41
}

/// Not a form that is read here.
pub(super) fn unknown_form() -> Flaw {
    Flaw::new(
        "unknown_hash_format",
        "give a Django hash (pbkdf2_sha256, pbkdf2_sha1, bcrypt, bcrypt_sha256, argon2, scrypt), a PHC string of argon2, \
         scrypt or pbkdf2, a bcrypt hash ($2a$, $2b$, $2y$) or sha512-crypt ($6$)",
    )
}

/// A form that anyone who steals it can undo.
fn too_weak() -> Flaw {
    Flaw::new(
        "hash_too_weak",
        "fast or unsalted hashes are not kept: create the user with a random password and have a new one set, or wrap \
         the old hash where it is and import that once the user has logged in there",
    )
}

/// A form that is read here, at a price that is not paid here.
pub(super) fn too_costly(detail: &'static str) -> Flaw {
    Flaw::new("hash_too_costly", detail)
}

/// Reads a decimal number without sign or leading zeros.
pub(super) fn number(text: &str) -> Result<u32, Flaw> {
    if text.starts_with('+') || text.len() > 1 && text.starts_with('0') {
        return Err(unknown_form());
    }
    text.parse().map_err(|_| unknown_form())
}
