//! Reading JSON strictly: duplicate members are seen, and every member's error is told at once, up to a bound.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::domain::Flaw;
use crate::error::Violation;

/// Members that only the directory sets.
pub const READ_ONLY: [&str; 5] = ["id", "avatar", "version", "createdAt", "updatedAt"];

/// Most violations that one answer lists: more help nobody, and would let a small request cause a large answer.
pub const MOST_VIOLATIONS: usize = 100;

/// Most bytes of a pointer; what lies under a longer one is told of its nearest ancestor that fits.
const POINTER_BYTES: usize = 256;

/// Parses one JSON document, at most 128 levels deep, and lists the members that stand in it twice.
pub fn parse(bytes: &[u8]) -> Result<(Value, Vec<Violation>), serde_json::Error> {
    let mut duplicates = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { place: None, duplicates: &mut duplicates }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, duplicates))
}

/// Where in the document we are: a list towards the root, made into a pointer only when there is something to tell.
#[derive(Clone, Copy)]
struct Place<'a> {
    token: Token<'a>,
    parent: Option<&'a Place<'a>>,
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Member(&'a str),
    Index(usize),
}

/// The pointer to a place, or to its nearest ancestor whose pointer is short enough.
fn pointer(place: Option<&Place<'_>>) -> String {
    let mut tokens = Vec::new();
    let mut next = place;
    while let Some(place) = next {
        tokens.push(place.token);
        next = place.parent;
    }
    let mut text = String::new();
    for token in tokens.into_iter().rev() {
        let token = match token {
            Token::Member(name) if name.len() > POINTER_BYTES => break,
            Token::Member(name) => escaped(name),
            Token::Index(index) => index.to_string(),
        };
        if text.len() + token.len() >= POINTER_BYTES {
            break;
        }
        text.push('/');
        text.push_str(&token);
    }
    text
}

/// Adds a violation while there is room.
pub fn note(violations: &mut Vec<Violation>, violation: Violation) {
    if violations.len() < MOST_VIOLATIONS {
        violations.push(violation);
    }
}

struct Strict<'a> {
    place: Option<&'a Place<'a>>,
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
            let place = Place { token: Token::Index(values.len()), parent: self.place };
            match seq.next_element_seed(Strict { place: Some(&place), duplicates: self.duplicates })? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let place = Place { token: Token::Member(&name), parent: self.place };
            let value = map.next_value_seed(Strict { place: Some(&place), duplicates: self.duplicates })?;
            if members.contains_key(&name) && self.duplicates.len() < MOST_VIOLATIONS {
                let flaw = Flaw::new("duplicate_member", "give each member once");
                self.duplicates.push(Violation::at_pointer(pointer(Some(&place)), flaw));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// A member name as a JSON pointer token (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The members of a JSON object, taken one by one; what is wrong is collected. Strings are wiped when they have been
/// read or dropped, for one of them may be a password.
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
            note(&mut violations, Violation::at_pointer("", Flaw::new("wrong_type", "give a JSON object")));
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
            Value::String(text) => parse(&Zeroizing::new(text)),
            Value::Null => Err(Flaw::new("required", "this member cannot be null")),
            _ => Err(Flaw::new("wrong_type", "give a string")),
        };
        outcome.map_err(|flaw| self.refuse(name, flaw)).ok()
    }

    /// Takes a whole number of at least 1 that must be there.
    pub fn required_count(&mut self, name: &str) -> Option<u64> {
        match self.members.remove(name) {
            None => self.refuse(name, Flaw::new("required", "this member is missing")),
            Some(value) if value.as_u64().is_some_and(|count| count > 0) => return value.as_u64(),
            Some(Value::Number(_)) => self.refuse(name, Flaw::new("out_of_range", "give a whole number of at least 1")),
            Some(_) => self.refuse(name, Flaw::new("wrong_type", "give a number")),
        }
        None
    }

    /// Notes a flaw of one member.
    pub fn refuse(&mut self, name: &str, flaw: Flaw) {
        let place = Place { token: Token::Member(name), parent: None };
        note(&mut self.violations, Violation::at_pointer(pointer(Some(&place)), flaw));
    }

    /// Whether a member is there.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Refuses what is left over, and gives `value` if nothing at all was refused.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Violation>> {
        let leftovers: Vec<String> = self.members.keys().take(MOST_VIOLATIONS).cloned().collect();
        for name in leftovers {
            self.refuse(&name, stranger(&name));
        }
        match value {
            Some(value) if self.violations.is_empty() => Ok(value),
            _ => Err(std::mem::take(&mut self.violations)),
        }
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.members.values_mut().for_each(wipe);
    }
}

/// Wipes every string in a value; the parser has bounded its depth.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
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
    fn many_duplicates_under_long_names_are_told_in_few_words() {
        let text = format!("{{\"{}\":{{{}\"a\":1}}}}", "k".repeat(30_000), "\"a\":1,".repeat(5000));
        let (_, duplicates) = parse(text.as_bytes()).unwrap();
        assert_eq!(duplicates.len(), MOST_VIOLATIONS);
        assert_eq!(format!("{:?}", duplicates[0].place), r#"Pointer("")"#);
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
