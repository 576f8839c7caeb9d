//! JSON objects whose members stand once: a second `sub` would let two readers see two users.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Reads an object; `None` if it is something else, is not JSON, or has a member twice.
pub(super) fn parse(text: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice::<Members>(text).ok().map(|members| members.0)
}

struct Members(Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member stands twice"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_with_each_member_once_are_read() {
        for (text, fits) in [
            (r#"{"a":1,"b":{"a":1}}"#, true),
            ("{}", true),
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1,"\u0061":2}"#, false),
            ("[]", false),
            ("1", false),
            (r#"{"a":1}x"#, false),
            ("", false),
        ] {
            assert_eq!(parse(text.as_bytes()).is_some(), fits, "{text}");
        }
        assert!(parse(format!("{{\"a\":{}", "[".repeat(4000)).as_bytes()).is_none());
    }
}
