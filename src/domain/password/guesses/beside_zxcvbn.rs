//! The estimate beside zxcvbn's own: figures of its 4.4.2 in JavaScript, and the crate over passwords that people have and make.

use super::guesses_log10;
use crate::ids::Ids;

const COMMON: &str = include_str!("../../../../tests/data/common-passwords.txt");
const PHRASES: &str = include_str!("../../../../tests/data/diceware-phrases.txt");
const NAMES: [&str; 3] = ["ada.lovelace", "Ada", "Lovelace"];

#[test]
fn each_pattern_takes_the_guesses_that_zxcvbn_says() {
    for (password, theirs) in [
        ("password", 0.48),
        ("Password", 0.70),
        ("drowssap", 0.70),
        ("p4ssw0rd", 0.95),
        ("P4SSW0RD", 1.20),
        ("pAsSwOrD", 2.51),
        ("correct horse battery staple", 20.33),
        ("zxcvbnm", 1.60),
        ("!QAZ@WSX", 7.13),
        ("qwertyuiop[]", 3.68),
        ("7896321", 3.69),
        ("aaaaaaaa", 1.99),
        ("abcabcabc", 1.60),
        ("aabaab", 3.30),
        ("abcdefgh", 1.52),
        ("97531", 1.61),
        ("2011", 1.32),
        ("1987", 1.60),
        ("13.5.1987", 4.76),
        ("13051987", 4.15),
        ("lovelace1815", 7.51),
        ("ilove42", 6.01),
        ("neverforget13/3/1997", 9.69),
        ("D0g..................", 5.65),
        ("jk3$Vq!9zT", 10.0),
    ] {
        let ours = guesses_log10(password, &[]);
        assert!((ours - theirs).abs() < 0.15, "{password}: {ours:.2} and not {theirs}");
    }
    assert!(guesses_log10("Lovelace", &["ada", "lovelace"]) < 1.0, "the user's own name is tried second");
}

/// What people make of passwords, words, years, dates and keys: two or three of them, with capitals and signs for letters.
fn made(number: usize) -> Vec<String> {
    let (common, words) = (COMMON.lines().collect::<Vec<_>>(), PHRASES.split_whitespace().collect::<Vec<_>>());
    let keys = ["qwerty", "asdf", "zaq12wsx", "!QAZ", "abcdef", "7410", "aaaa", "abab", "987", "lovelace", "#x7"];
    let ids = Ids::seeded(7);
    let chance = |of: usize| ids.write_mark().bytes().fold(0, |sum, byte| (sum * 31 + usize::from(byte)) % 65_521) % of;
    let part = || {
        let plain = match chance(6) {
            0 | 1 => common[chance(common.len())].to_owned(),
            2 => words[chance(words.len())].to_owned(),
            3 => (1940 + chance(100)).to_string(),
            4 => format!("{}/{}/{}", 1 + chance(31), 1 + chance(12), 1950 + chance(80)),
            _ => keys[chance(keys.len())].to_owned(),
        };
        match chance(4) {
            0 => plain[..1].to_uppercase() + &plain[1..],
            1 => plain.replace('a', "@").replace('o', "0").replace('e', "3"),
            2 => plain.chars().rev().collect(),
            _ => plain,
        }
    };
    (0..number).map(|_| (0..2 + chance(2)).map(|_| part()).collect::<String>().chars().take(64).collect()).collect()
}

#[test]
fn the_crate_comes_to_the_same_for_what_people_choose() {
    let common = COMMON.lines().step_by(7).map(str::to_owned);
    let all: Vec<String> = common.chain(PHRASES.lines().step_by(5).map(str::to_owned)).chain(made(1500)).collect();
    let (mut apart, mut easier) = (Vec::new(), 0);
    for password in &all {
        let (ours, theirs) = (guesses_log10(password, &NAMES), zxcvbn::zxcvbn(password, &NAMES).guesses_log10());
        // The crate counts to 2^64.
        if (ours.min(19.2) - theirs.min(19.2)).abs() > 0.1 {
            apart.push(format!("{password}: {ours:.2} and {theirs:.2}"));
        }
        easier += usize::from(ours > 8.0 && theirs <= 8.0);
    }
    // It begins a sequence at equal characters (`1123`), which the original does not; and we look for letters behind any
    // choice of signs, which neither does.
    assert!(apart.len() * 25 < all.len(), "{} of {}: {:#?}", apart.len(), all.len(), &apart[..20]);
    assert!(easier * 500 < all.len(), "{easier} of {} are accepted by us alone", all.len());
}

#[test]
fn anything_can_be_estimated() {
    for text in
        ["", " ", "ß", "ÅÄÖ", "İİİİ", "👍👍👍", "\u{301}a", "\u{10ffff}\u{10fffe}", "0/0/0000", "4!1|7$0a4!1|7$0a"]
    {
        assert!(guesses_log10(text, &["", "👍"]) >= 0.0, "{text}");
    }
    assert!(guesses_log10(&"aB3$".repeat(16), &[]).is_finite());
}
