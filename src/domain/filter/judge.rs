//! Whether a user is what a filter asks for.

use super::{Attribute, Filter, Operator, Test, TextAttribute, TimeAttribute};
use crate::domain::User;

impl Filter {
    /// Whether `user` matches.
    pub fn matches(&self, user: &User) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(user)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(user)),
            Self::Not(part) => !part.matches(user),
            Self::Test(test) => test.matches(user),
        }
    }
}

impl Test {
    fn matches(&self, user: &User) -> bool {
        match self {
            Self::Present(attribute) => is_present(*attribute, user),
            Self::Absent(attribute) => !is_present(*attribute, user),
            Self::Text(TextAttribute::UserName, operator, text) => {
                operator.compares(user.profile.user_name.key(), text)
            }
            Self::Text(TextAttribute::FirstName, operator, text) => {
                operator.compares(&user.profile.first_name.key(), text)
            }
            Self::Text(TextAttribute::LastName, operator, text) => {
                operator.compares(&user.profile.last_name.key(), text)
            }
            Self::Time(attribute, operator, time) => operator.orders(&attribute.of(user), time),
            Self::TimeText(attribute, operator, text) => operator.compares(&attribute.of(user).to_string(), text),
        }
    }
}

/// All but the avatar are there in every user.
fn is_present(attribute: Attribute, user: &User) -> bool {
    match attribute {
        Attribute::Avatar => user.avatar.is_some(),
        Attribute::Text(_) | Attribute::Time(_) => true,
    }
}

impl TimeAttribute {
    fn of(self, user: &User) -> crate::domain::Timestamp {
        match self {
            Self::CreatedAt => user.created_at,
            Self::UpdatedAt => user.updated_at,
        }
    }
}

impl Operator {
    fn compares(self, value: &str, text: &str) -> bool {
        match self {
            Self::Co => value.contains(text),
            Self::Sw => value.starts_with(text),
            Self::Ew => value.ends_with(text),
            _ => self.orders(value, text),
        }
    }

    /// The operators that ask for the order of two values; texts are ordered by code points.
    fn orders<T: Ord + ?Sized>(self, value: &T, other: &T) -> bool {
        match self {
            Self::Eq => value == other,
            Self::Ne => value != other,
            Self::Gt => value > other,
            Self::Ge => value >= other,
            Self::Lt => value < other,
            Self::Le => value <= other,
            Self::Co | Self::Sw | Self::Ew => false,
        }
    }
}
