//! Filters over users: the expressions of RFC 7644, section 3.4.2.2.
//!
//! ```text
//! userName eq "ada"
//! lastName sw "love" and not (createdAt lt "2026-01-01T00:00:00Z" or avatar pr)
//! ```
//!
//! [`Filter::parse`] reads one (`lexer`, `parser`) or tells the position of what is wrong; [`Filter::matches`]
//! judges a user (`judge`). Attribute names, operators and texts are compared without regard to case: names of people
//! by [`super::person_name::fold`], user names by the key that makes them unique.

mod judge;
mod lexer;
mod parser;

use std::fmt::{self, Display, Formatter};

use super::{Flaw, Timestamp};

/// Most characters of a filter: as many as fit into a URL that every gateway lets pass.
pub const MAX_CHARACTERS: usize = 4_000;

/// Most parentheses within one another.
pub const MAX_DEPTH: usize = 32;

/// A filter that can be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// Any of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// One comparison.
    Test(Test),
}

/// A comparison of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The attribute has a value (`pr`, and `ne null`).
    Present(Attribute),
    /// The attribute has no value (`eq null`).
    Absent(Attribute),
    /// A text, in the form in which it is compared.
    Text(TextAttribute, Operator, String),
    /// A time against a time.
    Time(TimeAttribute, Operator, Timestamp),
    /// A time's shown form against a part of one (`co`, `sw`, `ew`).
    TimeText(TimeAttribute, Operator, String),
}

/// What a filter may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// `userName`, `firstName`, `lastName`
    Text(TextAttribute),
    /// `createdAt`, `updatedAt`
    Time(TimeAttribute),
    /// `avatar`: there or not; its link changes by the hour, so nothing else can be asked.
    Avatar,
}

/// An attribute that holds text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextAttribute {
    /// `userName`
    UserName,
    /// `firstName`
    FirstName,
    /// `lastName`
    LastName,
}

/// An attribute that holds a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeAttribute {
    /// `createdAt`
    CreatedAt,
    /// `updatedAt`
    UpdatedAt,
}

/// How an attribute is compared with a value; `pr` is [`Test::Present`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// equal
    Eq,
    /// not equal
    Ne,
    /// contains
    Co,
    /// starts with
    Sw,
    /// ends with
    Ew,
    /// greater than
    Gt,
    /// greater than or equal
    Ge,
    /// less than
    Lt,
    /// less than or equal
    Le,
}

/// Why a text is no filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// The character at which reading ended, counted from 1.
    pub position: usize,
    /// What is wrong there.
    pub flaw: Flaw,
}

impl Filter {
    /// Reads a filter; errors with codes `too_long`, `too_deep`, `unexpected`, `unknown_attribute`, `unknown_operator`,
    /// `invalid_value`, `unterminated`.
    pub fn parse(text: &str) -> Result<Self, Misread> {
        parser::parse(text)
    }
}

impl Attribute {
    /// Every attribute with its name.
    pub const ALL: [(&'static str, Self); 6] = [
        ("userName", Self::Text(TextAttribute::UserName)),
        ("firstName", Self::Text(TextAttribute::FirstName)),
        ("lastName", Self::Text(TextAttribute::LastName)),
        ("createdAt", Self::Time(TimeAttribute::CreatedAt)),
        ("updatedAt", Self::Time(TimeAttribute::UpdatedAt)),
        ("avatar", Self::Avatar),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, attribute)| *attribute == self).map_or("", |(name, _)| name)
    }
}

impl Operator {
    /// Every operator that takes a value, with its name.
    pub const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("co", Self::Co),
        ("sw", Self::Sw),
        ("ew", Self::Ew),
        ("gt", Self::Gt),
        ("ge", Self::Ge),
        ("lt", Self::Lt),
        ("le", Self::Le),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }
}

/// The filter in one fixed form, which reads back to the same filter: what a cursor is bound to.
impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
            Self::Not(part) => write!(f, "not ({part})"),
            Self::Test(test) => test.fmt(f),
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Filter], word: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        let between = if place == 0 { "" } else { word };
        match part {
            Filter::And(_) | Filter::Or(_) => write!(f, "{between}({part})")?,
            _ => write!(f, "{between}{part}")?,
        }
    }
    Ok(())
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(attribute) => write!(f, "{} pr", attribute.name()),
            Self::Absent(attribute) => write!(f, "{} eq null", attribute.name()),
            Self::Text(attribute, operator, text) => compared(f, Attribute::Text(*attribute), *operator, text),
            Self::Time(attribute, operator, time) => {
                compared(f, Attribute::Time(*attribute), *operator, &time.to_string())
            }
            Self::TimeText(attribute, operator, text) => compared(f, Attribute::Time(*attribute), *operator, text),
        }
    }
}

fn compared(f: &mut Formatter<'_>, attribute: Attribute, operator: Operator, text: &str) -> fmt::Result {
    write!(f, "{} {} \"", attribute.name(), operator.name())?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;
