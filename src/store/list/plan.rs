//! Which index answers a query, and which part of it.
//!
//! A filter is always judged whole on every item read; what stands here only narrows what is read. A range is therefore free
//! to hold too much, and must never hold too little.

use crate::domain::filter::{Operator, Test, TextAttribute, TimeAttribute};
use crate::domain::{Filter, Sort, SortField, UserName};
use crate::store::{keys, table};

/// Sorts after all that a name, a time or an id may hold: a noncharacter, which names refuse.
const LAST: char = '\u{10ffff}';

/// The way to a query's users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// By the name guard: two point reads, at most one user.
    Guard(UserName),
    /// By a part of an index, in the index's order.
    Index(Sort, Range),
}

/// A part of an index: from the first sort key to the last, both included; open where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The least sort key.
    pub low: Option<String>,
    /// The greatest sort key.
    pub high: Option<String>,
}

/// Finds the cheapest way. A sort that the caller asked for is kept; without one the order follows what the filter narrows
/// most, and where it narrows nothing the time of creation.
pub fn plan(filter: Option<&Filter>, sort: Option<Sort>) -> Plan {
    if let Some(name) = filter.and_then(only_name) {
        return Plan::Guard(name);
    }
    let range = |field| filter.map_or_else(Range::default, |filter| range(filter, field));
    if let Some(sort) = sort {
        return Plan::Index(sort, range(sort.field));
    }
    let mut best = (SortField::CreatedAt, range(SortField::CreatedAt));
    for field in [SortField::UserName, SortField::LastName] {
        let other = range(field);
        if other.ends() > best.1.ends() {
            best = (field, other);
        }
    }
    Plan::Index(Sort::ascending(best.0), best.1)
}

/// The index of an order and the name of its sort key.
pub fn index(field: SortField) -> (&'static str, &'static str) {
    let name = match field {
        SortField::CreatedAt => table::BY_CREATED,
        SortField::UserName => table::BY_USER_NAME,
        SortField::LastName => table::BY_LAST_NAME,
    };
    table::INDEXES.into_iter().find(|(index, _)| *index == name).unwrap_or(table::INDEXES[0])
}

/// The one user name that all matches have.
fn only_name(filter: &Filter) -> Option<UserName> {
    match filter {
        Filter::And(parts) => parts.iter().find_map(only_name),
        Filter::Test(Test::Text(TextAttribute::UserName, Operator::Eq, key)) => {
            UserName::parse(key).ok().filter(|name| name.key() == key)
        }
        _ => None,
    }
}

/// The part of a field's index that holds every match.
fn range(filter: &Filter, field: SortField) -> Range {
    match filter {
        Filter::And(parts) => parts.iter().map(|part| range(part, field)).fold(Range::default(), Range::and),
        Filter::Or(parts) => parts.iter().map(|part| range(part, field)).reduce(Range::or).unwrap_or_default(),
        Filter::Not(_) => Range::default(),
        Filter::Test(test) => match (test, field) {
            (Test::Text(TextAttribute::UserName, operator, text), SortField::UserName) => user_name(*operator, text),
            (Test::Text(TextAttribute::LastName, operator, text), SortField::LastName) => last_name(*operator, text),
            (Test::Time(TimeAttribute::CreatedAt, operator, time), SortField::CreatedAt) => {
                created(*operator, &time.to_string())
            }
            (Test::TimeText(TimeAttribute::CreatedAt, Operator::Sw, text), SortField::CreatedAt) => Range::prefix(text),
            _ => Range::default(),
        },
    }
}

/// Sort key: the name's key.
fn user_name(operator: Operator, text: &str) -> Range {
    let start = keys::bounded(text);
    // A cut text is greater than its start.
    let end = if start == text { text.to_owned() } else { format!("{start}{LAST}") };
    match operator {
        Operator::Sw => Range::prefix(start),
        Operator::Eq => Range::of(start.to_owned(), end),
        Operator::Gt | Operator::Ge => Range::from(start.to_owned()),
        Operator::Lt | Operator::Le => Range::to(end),
        Operator::Ne | Operator::Co | Operator::Ew => Range::default(),
    }
}

/// Sort key: the folded name, U+0001, the id.
fn last_name(operator: Operator, text: &str) -> Range {
    // No name holds what sorts up to U+0001, and behind such a character the name before it would sort wrongly; a text that
    // has one is cut there, and compares like one that was too long.
    let start = keys::bounded(text.split(['\u{0}', '\u{1}']).next().unwrap_or_default());
    let end = format!("{start}\u{1}{LAST}");
    match operator {
        Operator::Sw => Range::prefix(start),
        Operator::Eq => Range::of(format!("{start}\u{1}"), end),
        Operator::Gt if start == text => Range::from(end),
        Operator::Gt | Operator::Ge => Range::from(start.to_owned()),
        Operator::Lt if start == text => Range::to(format!("{start}\u{1}")),
        Operator::Lt | Operator::Le => Range::to(end),
        Operator::Ne | Operator::Co | Operator::Ew => Range::default(),
    }
}

/// Sort key: the time, `#`, the id.
fn created(operator: Operator, time: &str) -> Range {
    let (start, end) = (format!("{time}#"), format!("{time}#{LAST}"));
    match operator {
        Operator::Eq => Range::of(start, end),
        Operator::Gt => Range::from(end),
        Operator::Ge => Range::from(start),
        Operator::Lt => Range::to(start),
        Operator::Le => Range::to(end),
        Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew => Range::default(),
    }
}

impl Range {
    fn of(low: String, high: String) -> Self {
        Self { low: Some(low), high: Some(high) }
    }

    fn from(low: String) -> Self {
        // No sort key is the empty text, and DynamoDB takes none to compare with.
        Self { low: Some(low).filter(|low| !low.is_empty()), high: None }
    }

    fn to(high: String) -> Self {
        Self { low: None, high: Some(high) }
    }

    /// All sort keys that start like this.
    fn prefix(text: &str) -> Self {
        let text = keys::bounded(text);
        if text.is_empty() { Self::default() } else { Self::of(text.to_owned(), format!("{text}{LAST}")) }
    }

    /// What is in both.
    fn and(self, other: Self) -> Self {
        Self {
            low: self.low.max(other.low),
            high: match (self.high, other.high) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
        }
    }

    /// What is in either, and what lies between.
    fn or(self, other: Self) -> Self {
        Self {
            low: self.low.zip(other.low).map(|(a, b)| a.min(b)),
            high: self.high.zip(other.high).map(|(a, b)| a.max(b)),
        }
    }

    /// How many ends are closed.
    fn ends(&self) -> usize {
        usize::from(self.low.is_some()) + usize::from(self.high.is_some())
    }

    /// The part from `place` on, itself included, in the order's direction.
    pub fn behind(self, place: &str, is_descending: bool) -> Self {
        self.and(if is_descending { Self::to(place.to_owned()) } else { Self::from(place.to_owned()) })
    }

    /// Whether no sort key can be in it.
    pub fn is_empty(&self) -> bool {
        // No sort key is the empty text, so what goes up to it holds nothing either.
        self.high.as_deref() == Some("") || matches!((&self.low, &self.high), (Some(low), Some(high)) if low > high)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::filter::fuzz;

    #[track_caller]
    fn shown(filter: &str, sort: &str) -> String {
        let filter = (!filter.is_empty()).then(|| Filter::parse(filter).unwrap());
        match plan(filter.as_ref(), Sort::parse(sort).ok()) {
            Plan::Guard(name) => format!("guard {}", name.key()),
            Plan::Index(sort, Range { low, high }) => {
                let shown = |end: Option<String>| end.unwrap_or_default().replace(LAST, "~").replace('\u{1}', "|");
                format!("{sort} {}..{}", shown(low), shown(high))
            }
        }
    }

    #[test]
    fn the_cheapest_way_is_found() {
        for (filter, sort, expected) in [
            ("", "", "createdAt .."),
            ("", "-lastName", "-lastName .."),
            ("userName eq \"Ada\"", "", "guard ada"),
            ("avatar pr and userName eq \"Ada\"", "lastName", "guard ada"),
            ("userName eq \"a b\"", "", "userName a b..a b"),
            ("userName sw \"Ad\"", "", "userName ad..ad~"),
            ("lastName sw \"Lo\"", "", "lastName lo..lo~"),
            ("lastName eq \"Lo\"", "", "lastName lo|..lo|~"),
            (r#"lastName le "Lo\u0001x""#, "", "lastName ..lo|~"),
            (r#"lastName lt "Lo\u0000""#, "", "lastName ..lo|~"),
            (r#"lastName gt "Lo\u0001""#, "", "lastName lo.."),
            (r#"lastName le "Lo\u0002""#, "", "lastName ..lo\u{2}|~"),
            ("lastName sw \"Lo\"", "createdAt", "createdAt .."),
            ("lastName gt \"Lo\" and lastName le \"M\"", "", "lastName lo|~..m|~"),
            ("lastName sw \"a\" or lastName sw \"c\"", "", "lastName a..c~"),
            ("lastName sw \"a\" or firstName sw \"c\"", "", "createdAt .."),
            ("not (lastName sw \"a\")", "lastName", "lastName .."),
            ("lastName sw \"\"", "lastName", "lastName .."),
            ("createdAt ge \"2026-01-01T00:00:00Z\"", "-createdAt", "-createdAt 2026-01-01T00:00:00.000Z#.."),
            ("createdAt sw \"2026-01\" and firstName co \"x\"", "", "createdAt 2026-01..2026-01~"),
            ("createdAt gt \"2026-01-01T00:00:00Z\" and lastName sw \"a\"", "", "lastName a..a~"),
            ("firstName eq \"Ada\"", "", "createdAt .."),
        ] {
            assert_eq!(shown(filter, sort), expected, "{filter} {sort}");
        }
    }

    #[test]
    fn what_holds_nothing_is_seen() {
        for (filter, is_empty) in [
            ("lastName sw \"a\" and lastName sw \"b\"", true),
            ("userName lt \"\"", true),
            ("userName ge \"\"", false),
            ("createdAt lt \"2026-01-01T00:00:00Z\" and createdAt gt \"2026-01-01T00:00:00Z\"", true),
            ("lastName sw \"a\"", false),
        ] {
            let Plan::Index(_, range) = plan(Some(&Filter::parse(filter).unwrap()), None) else { panic!("{filter}") };
            assert_eq!(range.is_empty(), is_empty, "{filter}");
        }
    }

    proptest! {
        /// A range may hold too much, but never too little: whoever matches lies in it, whichever order is asked for.
        #[test]
        fn fuzz_no_damaged_filter_loses_a_match(text in fuzz::filters()) {
            if let Ok(filter) = Filter::parse(&text) {
                for user in fuzz::users().into_iter().filter(|user| filter.matches(user)) {
                    let sorts = SortField::ALL.map(|(_, field)| Some(Sort::ascending(field)));
                    for sort in sorts.into_iter().chain([None]) {
                        match plan(Some(&filter), sort) {
                            Plan::Guard(name) => prop_assert_eq!(name.key(), user.profile.user_name.key()),
                            Plan::Index(sort, range) => {
                                let key = match sort.field {
                                    SortField::CreatedAt => keys::created_order(user.created_at, user.id),
                                    SortField::UserName => user.profile.user_name.key().to_owned(),
                                    SortField::LastName => keys::last_name_order(&user.profile.last_name, user.id),
                                };
                                prop_assert!(!range.is_empty(), "{}", filter);
                                let lies = range.low.is_none_or(|low| low <= key) && range.high.is_none_or(|high| key <= high);
                                prop_assert!(lies, "{} in the order {}: {:?}", filter, sort, key);
                            }
                        }
                    }
                }
            }
        }
    }
}
