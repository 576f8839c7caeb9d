//! Bytes as they may stand in a URI (RFC 3986, section 2.1).

use std::fmt::Write;

/// Escapes all but letters, digits, `-._~` and what is in `kept`.
pub fn encoded(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
