//! Reading JSON strictly: duplicate members are seen, and every member's error is told at once.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::domain::Flaw;
use crate::error::Violation;

/// Members that only the directory sets.
pub const READ_ONLY: [&str; 5] = ["id", "avatar", "version", "createdAt", "updatedAt"];

/// Parses one JSON document, at most 128 levels deep, and lists the members that stand in it twice.
pub fn parse(bytes: &[u8]) -> Result<(Value, Vec<Violation>), serde_json::Error> {
    let mut duplicates = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { path: String::new(), duplicates: &mut duplicates }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, duplicates))
}

struct Strict<'a> {
    path: String,
    duplicates: &'a mut Vec<Violation>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let path = format!("{}/{}", self.path, values.len());
            match seq.next_element_seed(Strict { path, duplicates: self.duplicates })? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = format!("{}/{}", self.path, escaped(&name));
            let value = map.next_value_seed(Strict { path: path.clone(), duplicates: self.duplicates })?;
            if members.insert(name, value).is_some() {
                self.duplicates
                    .push(Violation::at_pointer(path, Flaw::new("duplicate_member", "give each member once")));
            }
        }
        Ok(Value::Object(members))
    }
}

/// A member name as a JSON pointer token (RFC 6901, section 3).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The members of a JSON object, taken one by one; what is wrong is collected.
pub struct Fields {
    members: Map<String, Value>,
    violations: Vec<Violation>,
}

impl Fields {
    /// Opens an object; `violations` are those already found in it.
    pub fn of(value: Value, mut violations: Vec<Violation>) -> Self {
        let members = if let Value::Object(members) = value {
            members
        } else {
            violations.push(Violation::at_pointer("", Flaw::new("wrong_type", "give a JSON object")));
            Map::new()
        };
        Self { members, violations }
    }

    /// Takes a string member that must be there and not null.
    pub fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        if self.members.contains_key(name) {
            return self.optional(name, parse);
        }
        self.refuse(name, Flaw::new("required", "this member is missing"));
        None
    }

    /// Takes a string member that may be missing, but not null.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        let outcome = match self.members.remove(name)? {
            Value::String(text) => parse(&text),
            Value::Null => Err(Flaw::new("required", "this member cannot be null")),
            _ => Err(Flaw::new("wrong_type", "give a string")),
        };
        outcome.map_err(|flaw| self.refuse(name, flaw)).ok()
    }

    /// Notes a flaw of one member.
    pub fn refuse(&mut self, name: &str, flaw: Flaw) {
        self.violations.push(Violation::at_pointer(format!("/{}", escaped(name)), flaw));
    }

    /// Whether a member is there.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Refuses what is left over, and gives `value` if nothing at all was refused.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Violation>> {
        for name in std::mem::take(&mut self.members).keys() {
            self.refuse(name, stranger(name));
        }
        match value {
            Some(value) if self.violations.is_empty() => Ok(value),
            _ => Err(self.violations),
        }
    }
}

/// Why a member that nobody asked for is refused.
pub fn stranger(name: &str) -> Flaw {
    match name {
        _ if READ_ONLY.contains(&name) => Flaw::new("read_only", "leave this member out; only the directory sets it"),
        "password" => Flaw::new("unknown_member", "leave it out; change a password by PUT /users/{id}/password"),
        _ => Flaw::new("unknown_member", "leave this member out; it is not known here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_at_any_depth() {
        let (value, duplicates) = parse(br#"{"a":1,"b":[{"c/d":1,"c/d":2}],"a":3}"#).unwrap();
        let places: Vec<_> = duplicates.iter().map(|v| format!("{:?}", v.place)).collect();
        assert_eq!(places, [r#"Pointer("/b/0/c~1d")"#, r#"Pointer("/a")"#]);
        assert_eq!(value["a"], 3);
    }

    #[test]
    fn hostile_documents_are_errors_and_not_crashes() {
        let deep = "[".repeat(10_000);
        for text in ["", "{", "{\"a\":1}x", "\"\\ud800\"", "1e999", "nul", &deep] {
            assert!(parse(text.as_bytes()).is_err(), "{text:.20}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }
}
