//! What filters say, and where they go wrong.

use proptest::prelude::*;

use super::*;
use crate::domain::avatar::AvatarKey;
use crate::domain::{PersonName, Profile, User, UserName};
use crate::ids::Ids;

fn user(user_name: &str, first_name: &str, last_name: &str) -> User {
    let profile = Profile {
        user_name: UserName::parse(user_name).unwrap(),
        first_name: PersonName::parse(first_name).unwrap(),
        last_name: PersonName::parse(last_name).unwrap(),
    };
    let now = Timestamp::parse("2026-11-22T07:00:00Z").unwrap();
    User::new(Ids::seeded(1).user_id(now), profile, now)
}

#[track_caller]
fn matches(text: &str) -> bool {
    let filter = Filter::parse(text).unwrap_or_else(|misread| panic!("{text}: {misread:?}"));
    let again = Filter::parse(&filter.to_string()).unwrap_or_else(|misread| panic!("{filter}: {misread:?}"));
    assert_eq!(filter, again, "{text}");
    filter.matches(&user("Ada", "Ada", "Łovelace"))
}

#[test]
fn every_operator_means_what_the_standard_says() {
    for text in [
        r#"userName eq "ADA""#,
        r#"USERNAME EQ "ada""#,
        r#"userName ne "eda""#,
        r#"lastName co "VELA""#,
        r#"lastName sw "łove""#,
        r#"lastName sw "ŁOVE""#,
        r#"lastName sw """#,
        r#"lastName ew "LACE""#,
        r#"firstName gt "ad""#,
        r#"firstName ge "ada""#,
        r#"firstName lt "adb""#,
        r#"firstName le "ADA""#,
        "userName pr",
        "avatar eq null",
        "userName ne null",
        "not (avatar pr)",
        "not(avatar pr)and(userName pr)",
        r#"createdAt eq "2026-11-22T08:00:00+01:00""#,
        r#"createdAt sw "2026-11-22t07""#,
        r#"createdAt gt "2026-11-22T06:59:59.999Z" and createdAt lt "2026-11-22T07:00:00.001Z""#,
        r#"updatedAt le "2026-11-22T07:00:00Z""#,
        r#"userName eq "x" or userName eq "ada" and lastName sw "ł""#,
        r#"(userName eq "x" or userName eq "ada") and not (lastName sw "m")"#,
        r#"userName eq "\u0061d\u0061""#,
        "  userName\tpr\n",
    ] {
        assert!(matches(text), "{text}");
    }
    for text in [
        r#"userName ne "ada""#,
        "avatar pr",
        "userName eq null",
        r#"lastName sw "love""#,
        r#"userName eq "ada" and userName eq "x""#,
        // `and` binds tighter than `or`.
        r#"userName eq "x" and lastName pr or avatar pr"#,
        r#"lastName co "\" or \"1\" eq \"1""#,
        r#"userName eq "ada' OR 1=1 --""#,
    ] {
        assert!(!matches(text), "{text}");
    }
    let mut with_avatar = user("ada", "Ada", "Lovelace");
    with_avatar.avatar = Some(AvatarKey::from_stored("avatars/x".to_owned()));
    assert!(Filter::parse("avatar pr").unwrap().matches(&with_avatar));
}

#[test]
fn a_misread_filter_tells_where_and_why() {
    let many = |text: &str, times| text.repeat(times);
    for (text, position, code) in [
        ("", 1, "unexpected"),
        ("   ", 4, "unexpected"),
        ("userName", 9, "unexpected"),
        ("userName eq", 12, "unexpected"),
        ("userName eq ada", 13, "invalid_value"),
        ("userName eq 'ada'", 13, "unexpected"),
        ("userName eq \"ada", 13, "unterminated"),
        ("userName eq \"a\\qb\"", 15, "invalid_value"),
        ("userName eq \"\\ud800\"", 14, "invalid_value"),
        ("userName eq \"a\tb\"", 15, "invalid_value"),
        ("userName == \"ada\"", 10, "unexpected"),
        ("userName is \"ada\"", 10, "unknown_operator"),
        ("password eq \"x\"", 1, "unknown_attribute"),
        ("passwordHash pr", 1, "unknown_attribute"),
        ("emails[type eq \"work\"]", 7, "unexpected"),
        ("名 eq \"x\"", 1, "unknown_attribute"),
        ("lastName eq \"名\" or 名 eq \"x\"", 20, "unknown_attribute"),
        ("userName eq 5", 13, "invalid_value"),
        ("userName gt null", 13, "invalid_value"),
        ("avatar eq \"x\"", 11, "invalid_value"),
        ("createdAt gt \"yesterday\"", 14, "invalid_time"),
        ("(userName pr", 13, "unexpected"),
        ("userName pr)", 12, "unexpected"),
        ("not userName pr", 5, "unexpected"),
        ("userName pr userName pr", 13, "unexpected"),
        ("userName pr and", 16, "unexpected"),
        ("and userName pr", 1, "unknown_attribute"),
        ("userName pr; DROP TABLE users", 12, "unexpected"),
        (&many("(", 1000), 33, "too_deep"),
        (&many("not (", 40), 165, "too_deep"),
        (&many("a", 10_000), 4_001, "too_long"),
    ] {
        let misread = Filter::parse(text).expect_err(text);
        assert_eq!((misread.position, misread.flaw.code()), (position, code), "{text:.60}");
    }
    let deepest = format!("{}userName pr{}", many("(", MAX_DEPTH), many(")", MAX_DEPTH));
    assert!(matches(&deepest));
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,200}") {
        if let Err(misread) = Filter::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&misread.position));
        }
    }

    /// Pieces of filters in any order come closer to being one than any text does.
    #[test]
    fn no_pile_of_pieces_breaks_the_reader(pieces in proptest::collection::vec(prop_oneof![
        Just("("), Just(")"), Just(" and "), Just(" or "), Just("not "), Just("userName "), Just("createdAt "), Just("avatar "),
        Just("eq "), Just("sw "), Just("pr"), Just("\"x\""), Just("\"2026-11-22T07:00:00Z\""), Just("null"), Just("\\"), Just("\""), Just("é"),
    ], 0..40)) {
        let text = pieces.concat();
        match Filter::parse(&text) {
            Err(misread) => prop_assert!((1..=text.chars().count() + 1).contains(&misread.position)),
            Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
        }
    }
}
