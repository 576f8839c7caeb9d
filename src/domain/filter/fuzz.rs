//! Filters that were damaged byte by byte. A long run: `PROPTEST_CASES=1000000 cargo test --lib fuzz_`.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Filter, MAX_CHARACTERS};
use crate::domain::{PersonName, Profile, Timestamp, User, UserName};
use crate::ids::Ids;

/// Filters with all there is in the grammar.
const WHOLE: [&str; 15] = [
    r#"userName eq "ada""#,
    r#"lastName sw "Łove" and not (userName co "x")"#,
    r#"(firstName ne "Ada" or firstName ew "a") and avatar pr"#,
    r#"createdAt ge "2026-11-22T07:00:00Z" and createdAt lt "2026-11-22T08:00:00.001+01:00""#,
    r#"createdAt sw "2026-11" or updatedAt gt "2026-11-22T07:00:00Z""#,
    "avatar eq null or not (avatar ne null)",
    r#"lastName le "\u0061\"\\\n" or lastName gt "🦀""#,
    r#"lastName eq "\ud83e\udd80""#,
    r#"lastName le "lo\u0001" and lastName lt "lo\u0000x""#,
    "not(not(userName pr))and((((lastName pr))))",
    "\tUSERNAME  GE\t\"\"\r\nAND lastName LT \"zz\" ",
    r#"lastName sw "lo" and lastName sw "love" and lastName ge "lov" and lastName lt "m""#,
    r#"userName sw "a" or userName sw "c" and userName gt "b""#,
    r#"createdAt eq "2026-11-22T07:00:01Z" or createdAt le "2026-11-22T07:00:00Z""#,
    r#"userName eq "U1" and userName eq "u1" or userName le "u1""#,
];

#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip(u8),
    Insert(u8),
    Remove,
    Double,
    Cut,
    Splice(usize),
}

fn damage() -> impl Strategy<Value = (Damage, Index, Index)> {
    // Bytes that mean something come more often than others.
    let byte = prop_oneof![proptest::sample::select(br#""\()u0 aesn:T-Z."#.as_slice()), any::<u8>()];
    let kind = prop_oneof![
        (0_u8..8).prop_map(|bit| Damage::Flip(1 << bit)),
        byte.prop_map(Damage::Insert),
        Just(Damage::Remove),
        Just(Damage::Double),
        Just(Damage::Cut),
        (0..WHOLE.len()).prop_map(Damage::Splice),
    ];
    (kind, any::<Index>(), any::<Index>())
}

fn damaged(mut bytes: Vec<u8>, damages: &[(Damage, Index, Index)]) -> Vec<u8> {
    for (damage, one, other) in damages {
        let (a, b) = (one.index(bytes.len() + 1), other.index(bytes.len() + 1));
        let (start, end) = (a.min(b), a.max(b));
        match damage {
            Damage::Flip(mask) => bytes.iter_mut().skip(start).take(1).for_each(|byte| *byte ^= mask),
            Damage::Insert(byte) => bytes.insert(start, *byte),
            Damage::Remove => drop(bytes.drain(start..end.min(start + 8))),
            Damage::Double => {
                let part = bytes[start..end].to_vec();
                bytes.splice(end..end, part);
            }
            Damage::Cut => bytes.truncate(end),
            Damage::Splice(whole) => drop(bytes.splice(start..end, WHOLE[*whole].bytes())),
        }
        bytes.truncate(2 * MAX_CHARACTERS);
    }
    bytes
}

/// A filter, whole or damaged up to six times.
pub fn filters() -> impl Strategy<Value = String> {
    let damages = proptest::collection::vec(damage(), 0..7);
    (proptest::sample::select(&WHOLE[..]), damages)
        .prop_map(|(whole, damages)| String::from_utf8_lossy(&damaged(whole.into(), &damages)).into_owned())
}

/// Users whom the filters above tell apart.
pub fn users() -> Vec<User> {
    let ids = Ids::seeded(5);
    let names = [("ada", "Ada", "Łovelace"), ("U1", "a", "lo"), ("c", "ADA", "Lover \u{1f980}"), ("user", "Zoë", "M")];
    let user = |(number, (user_name, first_name, last_name)): (i64, (&str, &str, &str))| {
        let profile = Profile {
            user_name: UserName::parse(user_name).unwrap(),
            first_name: PersonName::parse(first_name).unwrap(),
            last_name: PersonName::parse(last_name).unwrap(),
        };
        let now = Timestamp::parse("2026-11-22T07:00:00Z").unwrap().unix_millis() + 1_000 * number;
        User::new(ids.user_id(Timestamp::from_unix_millis(now)), profile, Timestamp::from_unix_millis(now))
    };
    (0..).zip(names).map(user).collect()
}

#[test]
fn whole_filters_are_whole() {
    for text in WHOLE {
        assert!(Filter::parse(text).is_ok(), "{text}");
    }
}

proptest! {
    #[test]
    fn fuzz_no_damaged_filter_breaks_the_reader(text in filters()) {
        match Filter::parse(&text) {
            Err(misread) => prop_assert!((1..=text.chars().count() + 1).contains(&misread.position), "{:?}", misread),
            Ok(filter) => {
                let again = Filter::parse(&filter.to_string());
                prop_assert_eq!(again.as_ref(), Ok(&filter), "as shown: {}", filter);
                let opposite = Filter::Not(Box::new(filter.clone()));
                for user in users() {
                    prop_assert_ne!(filter.matches(&user), opposite.matches(&user));
                }
            }
        }
    }
}
