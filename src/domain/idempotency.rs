//! The key by which a client may repeat a create safely (IETF draft-ietf-httpapi-idempotency-key-header-07).

use super::Flaw;

/// How long a key is remembered, in seconds: 24 hours.
pub const REMEMBERED_SECONDS: i64 = 24 * 60 * 60;

/// An idempotency key: 1 to 255 visible ASCII characters, quoted in the header or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header's value: a structured-field string, or the bare key.
    pub fn parse(value: &str) -> Result<Self, Flaw> {
        let value = value.trim();
        let key = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        let fits = (1..=255).contains(&key.len())
            && key.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'"' && b != b'\\');
        if fits {
            Ok(Self(key.to_owned()))
        } else {
            Err(Flaw::new("invalid_key", "give 1 to 255 visible ASCII characters, such as a UUID"))
        }
    }

    /// The key without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_keys_are_the_same() {
        assert_eq!(IdempotencyKey::parse("\"8e03978e\""), IdempotencyKey::parse(" 8e03978e "));
        for bad in ["", "\"\"", "a b", "a\"b", "ключ", "\"open"] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
        assert!(IdempotencyKey::parse(&"k".repeat(256)).is_err());
    }
}
