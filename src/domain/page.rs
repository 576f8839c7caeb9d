//! Pages of a list: how many users, in which order, and from where on.
//!
//! Every order is total: no two users have the same place in it. A cursor therefore holds one place, that of the last user
//! shown (or, after a short page, of the last one looked at), and the next page begins behind it whatever was inserted
//! or deleted meanwhile. In front of the place stands a tag: a digest of the place and of the query, so that a
//! cursor that was altered, cut or taken to another query, order or number of shards is refused. The tag is no secret: who
//! makes up a cursor of his own can only begin at another place of a list that he may read anyway.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{Filter, Flaw};

/// What a list can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortField {
    /// `createdAt`, then the id.
    CreatedAt,
    /// `userName`, by the key that makes it unique.
    UserName,
    /// `lastName` without regard to case, then the id.
    LastName,
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub field: SortField,
    /// Whether the last comes first.
    pub is_descending: bool,
}

impl SortField {
    /// Every field with its name.
    pub const ALL: [(&'static str, Self); 3] =
        [("createdAt", Self::CreatedAt), ("userName", Self::UserName), ("lastName", Self::LastName)];
}

impl Sort {
    /// From first to last.
    pub const fn ascending(field: SortField) -> Self {
        Self { field, is_descending: false }
    }

    /// Reads a field's name, perhaps with `-` in front.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let (name, is_descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let field = SortField::ALL.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
        let flaw = || Flaw::new("unknown_sort", "sort by createdAt, userName or lastName, with - in front to reverse");
        field.map(|field| Self { field, is_descending }).ok_or_else(flaw)
    }
}

impl std::fmt::Display for Sort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = SortField::ALL.iter().find(|(_, field)| *field == self.field).map_or("", |(name, _)| name);
        write!(f, "{}{name}", if self.is_descending { "-" } else { "" })
    }
}

/// How many users a page holds at most: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    /// The largest.
    pub const MAX: Self = Self(100);

    /// Reads a number; a larger one becomes 100.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let significant = text.trim_start_matches('0');
        match significant.parse::<usize>() {
            Ok(number) if is_number => Ok(Self(number.min(Self::MAX.0))),
            // Too many digits for a machine word are a large number all the same.
            Err(_) if is_number && !significant.is_empty() => Ok(Self::MAX),
            _ => Err(Flaw::new("invalid_limit", "give a number from 1 to 100")),
        }
    }

    /// The number.
    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// What a list is asked for. Without a sort the list comes in the order that its filter makes cheapest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Which users.
    pub filter: Option<Filter>,
    /// In which order.
    pub sort: Option<Sort>,
    /// How many at once.
    pub limit: Limit,
    /// Whether to tell about how many there are in all.
    pub wants_estimate: bool,
}

/// A cursor that does not belong to the query that it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCursor;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 12;

/// No place is longer than the largest sort key of DynamoDB.
const MAX_PLACE_BYTES: usize = 1024;

impl Query {
    /// The cursor of a place in this query's order, over lists of `shards` shards.
    pub fn cursor(&self, place: &str, shards: u32) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.tag(place, shards));
        bytes.extend(place.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor of this very query holds.
    pub fn place(&self, cursor: &str, shards: u32) -> Result<String, InvalidCursor> {
        if cursor.len() > 2 * MAX_PLACE_BYTES {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
        let (version, rest) = bytes.split_first().ok_or(InvalidCursor)?;
        let (tag, place) = rest.split_at_checked(TAG_BYTES).ok_or(InvalidCursor)?;
        let place = std::str::from_utf8(place).map_err(|_| InvalidCursor)?;
        let is_ours = *version == VERSION
            && (1..=MAX_PLACE_BYTES).contains(&place.len())
            && tag == self.tag(place, shards).as_slice();
        if is_ours { Ok(place.to_owned()) } else { Err(InvalidCursor) }
    }

    /// Digests all that a cursor is bound to, each part with its length before it. The limit may change from page to page.
    fn tag(&self, place: &str, shards: u32) -> [u8; TAG_BYTES] {
        let filter = self.filter.as_ref().map(ToString::to_string).unwrap_or_default();
        let sort = self.sort.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut digest = Sha256::new();
        digest.update(b"roster cursor");
        digest.update([VERSION]);
        digest.update(shards.to_be_bytes());
        for part in [&filter, &sort, place] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest = digest.finalize();
        std::array::from_fn(|place| digest[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits_are_numbers_from_1_and_large_ones_become_100() {
        for (text, limit) in
            [("1", Ok(1)), ("007", Ok(7)), ("100", Ok(100)), ("101", Ok(100)), ("99999999999999999999999", Ok(100))]
        {
            assert_eq!(Limit::parse(text).map(Limit::get), limit, "{text}");
        }
        for text in ["", "0", "00", "-1", "+1", "1.5", "1e2", " 1", "ten", "٣"] {
            assert!(Limit::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn sorts_read_back() {
        for text in ["createdAt", "-createdAt", "userName", "-userName", "lastName", "-lastName"] {
            assert_eq!(Sort::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "-", "firstName", "createdat", "--createdAt", "+createdAt", "password"] {
            assert!(Sort::parse(text).is_err(), "{text:?}");
        }
    }

    fn query(filter: &str, sort: &str) -> Query {
        Query {
            filter: (!filter.is_empty()).then(|| Filter::parse(filter).unwrap()),
            sort: Sort::parse(sort).ok(),
            ..Query::default()
        }
    }

    #[test]
    fn a_cursor_belongs_to_its_query_alone() {
        let own = query("userName sw \"a\"", "userName");
        let cursor = own.cursor("ada", 8);
        assert_eq!(own.place(&cursor, 8), Ok("ada".to_owned()));
        assert_eq!(query("USERNAME SW \"A\"", "userName").place(&cursor, 8), Ok("ada".to_owned()));
        for other in [
            query("userName sw \"b\"", "userName"),
            query("", "userName"),
            query("userName sw \"a\"", "-userName"),
            query("userName sw \"a\"", "lastName"),
            query("userName sw \"a\"", ""),
        ] {
            assert_eq!(other.place(&cursor, 8), Err(InvalidCursor), "{other:?}");
        }
        assert_eq!(own.place(&cursor, 4), Err(InvalidCursor));
        for end in 0..cursor.len() {
            assert_eq!(own.place(&cursor[..end], 8), Err(InvalidCursor), "{end}");
        }
        assert_eq!(own.place(&format!("{cursor}="), 8), Err(InvalidCursor));
        assert_eq!(own.place(&own.cursor("", 8), 8), Err(InvalidCursor));
        assert_eq!(own.place(&own.cursor(&"a".repeat(1025), 8), 8), Err(InvalidCursor));
    }

    proptest! {
        #[test]
        fn no_change_of_one_character_goes_unseen(place in "\\PC{1,60}", at in any::<prop::sample::Index>(), c in "[A-Za-z0-9_-]") {
            let query = query("", "lastName");
            let cursor = query.cursor(&place, 8);
            prop_assert_eq!(query.place(&cursor, 8), Ok(place));
            let at = at.index(cursor.len());
            let altered = format!("{}{c}{}", &cursor[..at], &cursor[at + 1..]);
            prop_assert!(altered == cursor || query.place(&altered, 8).is_err());
        }

        #[test]
        fn nothing_made_up_is_taken_for_a_cursor(text in "\\PC{0,100}") {
            prop_assert_eq!(query("", "").place(&text, 8), Err(InvalidCursor));
        }

        /// A long run: `PROPTEST_CASES=1000000 cargo test --lib fuzz_`.
        #[test]
        fn fuzz_no_damaged_cursor_is_taken(
            place in "\\PC{1,60}",
            damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4), 1..5),
            is_packed in any::<bool>(),
        ) {
            let query = query("", "lastName");
            let cursor = query.cursor(&place, 8);
            let whole = if is_packed { cursor.clone().into_bytes() } else { URL_SAFE_NO_PAD.decode(&cursor).unwrap() };
            let mut bytes = whole.clone();
            for (at, byte, kind) in damages {
                let at = at.index(bytes.len() + 1);
                match kind {
                    0 => bytes.iter_mut().skip(at).take(1).for_each(|own| *own ^= byte),
                    1 => bytes.insert(at, byte),
                    2 => drop(bytes.drain(at..bytes.len().min(at + 1 + usize::from(byte % 8)))),
                    _ => bytes.truncate(at),
                }
            }
            let text = if is_packed { String::from_utf8_lossy(&bytes).into_owned() } else { URL_SAFE_NO_PAD.encode(&bytes) };
            prop_assert!(bytes == whole || query.place(&text, 8).is_err(), "{}", text);
        }
    }
}
