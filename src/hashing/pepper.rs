//! The pepper: a key beside the salt that is not in the table, so that a stolen table alone says nothing.
//!
//! It is argon2's own secret input (RFC 9106, section 3.1); the PHC string names the key in `keyid`. The first key
//! hashes, all of them verify. To rotate: put the new key behind the old one; once no sandbox runs without it, put it
//! first; take the old key away when no hash names it, a day later at the earliest: until then a create may be repeated
//! that was hashed under it. The very first key goes the same way behind nothing: `,id:base64` verifies with the key, and
//! hashes without one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Fewest bytes of a key.
const LEAST_KEY_BYTES: usize = 16;

/// Versioned keys, perhaps none.
#[derive(Clone, Default)]
pub struct Pepper {
    keys: Vec<Key>,
    /// Whether new hashes get the first key, and not none.
    first_hashes: bool,
}

#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: Zeroizing<Vec<u8>>,
}

impl Pepper {
    /// Reads `id:base64` pairs with commas between them, the first of which may be left empty; a mistake is one sentence
    /// that names the mend.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<Key> = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (id, secret) = pair.split_once(':').ok_or("give keys as ID:BASE64, with commas between them")?;
            if !(1..=8).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err("a key's id must be 1 to 8 letters or digits".to_owned());
            }
            let secret = STANDARD.decode(secret).map_err(|_| "a key must be base64, with its padding")?;
            let secret = Zeroizing::new(secret);
            if !(LEAST_KEY_BYTES..=64).contains(&secret.len()) {
                return Err("a key must have 16 to 64 bytes; `openssl rand -base64 32` makes one".to_owned());
            }
            if keys.iter().any(|key| key.id == id) {
                return Err("each key must have an id of its own".to_owned());
            }
            keys.push(Key { id: id.to_owned(), secret });
        }
        Ok(Self { keys, first_hashes: !text.trim_start().starts_with(',') })
    }

    /// The key for new hashes.
    pub(super) fn current(&self) -> Option<&Key> {
        self.keys.first().filter(|_| self.first_hashes)
    }

    /// The key of this id.
    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// Tells which keys there are, and none of them.
impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_never_shown() {
        let pepper =
            Pepper::parse("b:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=, a:MDEyMzQ1Njc4OWFiY2RlZg==").unwrap();
        assert_eq!(pepper.current().map(|key| key.id.as_str()), Some("b"));
        assert_eq!(pepper.find("a").map(|key| key.secret.as_slice()), Some(&b"0123456789abcdef"[..]));
        assert_eq!(format!("{pepper:?}"), r#"["b", "a"]"#);
        assert!(Pepper::parse("").unwrap().current().is_none());
        let known = Pepper::parse(" ,a:MDEyMzQ1Njc4OWFiY2RlZg==").unwrap();
        assert!(known.current().is_none() && known.find("a").is_some(), "a key that is known, and not used yet");
        for text in [
            "abc",
            "1:AAAA",
            "1:*",
            ":MDEyMzQ1Njc4OWFiY2RlZg==",
            "toolongid:MDEyMzQ1Njc4OWFiY2RlZg==",
            "1:MDEyMzQ1Njc4OWFiY2RlZg==,1:MDEyMzQ1Njc4OWFiY2RlZg==",
        ] {
            let mistake = Pepper::parse(text).map(|_| ()).unwrap_err();
            assert!(!mistake.contains("MDEy"), "{mistake}");
        }
    }
}
