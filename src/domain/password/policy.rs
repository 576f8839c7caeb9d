//! The rules for new passwords, without composition rules and without rotation (NIST SP 800-63B-4, section 3.1.1.2).

use zeroize::Zeroizing;

use super::common::{self, is_common};
use super::guesses::guesses_log10;
use super::likeness::is_like_a_name;
use super::{AcceptedPassword, MAX_CODE_POINTS, Password, is_emoji};
use crate::domain::{Flaw, Profile};

/// Fewest code points of any policy (NIST SP 800-63B-4, section 3.1.1.2).
pub const LEAST_MIN_CODE_POINTS: usize = 8;

/// Most code points that a policy may demand.
pub const GREATEST_MIN_CODE_POINTS: usize = 64;

/// Least score of zxcvbn, of 0 to 4: "safely unguessable", more than 10^8 guesses.
pub const LEAST_SCORE: u8 = 3;

/// The guesses of that score, as a power of ten.
const LEAST_GUESSES_LOG10: f64 = 8.0;

/// Most code points whose guesses are estimated: the time grows faster than the length, and a password that is strong by then
/// is strong.
const SCORED_CODE_POINTS: usize = 64;

/// The rules of one directory.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    min_code_points: usize,
}

/// A rule as a form can show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The code of the flaw that breaking it is.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: String,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_code_points: LEAST_MIN_CODE_POINTS }
    }
}

impl PasswordPolicy {
    /// A policy that asks for at least `min_code_points`, 8 to 64.
    pub fn new(min_code_points: usize) -> Result<Self, Flaw> {
        if (LEAST_MIN_CODE_POINTS..=GREATEST_MIN_CODE_POINTS).contains(&min_code_points) {
            Ok(Self { min_code_points })
        } else {
            Err(Flaw::new("out_of_range", "give a number from 8 to 64"))
        }
    }

    /// The fewest code points of a new password.
    pub fn min_code_points(&self) -> usize {
        self.min_code_points
    }

    /// Every rule, in the order in which they are judged.
    pub fn rules(&self) -> Vec<Rule> {
        [
            ("too_short", format!("Use at least {} characters.", self.min_code_points)),
            ("too_long", format!("Use at most {MAX_CODE_POINTS} characters.")),
            ("invalid_characters", "Leave out control characters; everything else is welcome, spaces too.".to_owned()),
            ("all_digits", "Use more than digits.".to_owned()),
            ("too_common", format!("It must not be one of the {} most common passwords.", common::ENTRIES)),
            ("like_name", "Do not build it from your own names.".to_owned()),
            ("too_guessable", "It must not be easy to guess: a few unrelated words are strong.".to_owned()),
        ]
        .map(|(code, detail)| Rule { code, detail })
        .into()
    }

    /// Judges a new password against the rules and the user's own names; tells every reason at once. Its time is bounded:
    /// some ten milliseconds of a core at most.
    pub fn accept(&self, password: Password, names: &[&str]) -> Result<AcceptedPassword, Vec<Flaw>> {
        let mut flaws = Vec::new();
        let text = password.0.as_str();
        if text.chars().count() < self.min_code_points {
            flaws.push(Flaw::new("too_short", format!("use at least {} characters", self.min_code_points)));
        }
        if text.chars().all(char::is_numeric) {
            flaws.push(Flaw::new("all_digits", "use more than digits"));
        }
        if is_common(text) {
            flaws.push(Flaw::new("too_common", "choose one that fewer people use"));
        }
        if is_like_a_name(text, names) {
            flaws.push(Flaw::new("like_name", "do not build it from the user's own names"));
        }
        if !is_hard_to_guess(text, names) {
            flaws.push(Flaw::new("too_guessable", "make it longer, for instance of a few unrelated words"));
        }
        if flaws.is_empty() { Ok(AcceptedPassword(password)) } else { Err(flaws) }
    }

    /// Judges a password for a user with this profile.
    pub fn accept_for(&self, password: Password, profile: &Profile) -> Result<AcceptedPassword, Vec<Flaw>> {
        self.accept(password, &[profile.user_name.shown(), profile.first_name.as_str(), profile.last_name.as_str()])
    }
}

fn is_hard_to_guess(text: &str, names: &[&str]) -> bool {
    let end = text.char_indices().nth(SCORED_CODE_POINTS).map_or(text.len(), |(end, _)| end);
    guesses_log10(&text[..end], names) + emoji_digits(&text[..end]) > LEAST_GUESSES_LOG10
}

/// What the estimate misses in emoji, as a power of ten. It takes whatever is in no pattern for one character of ten;
/// an emoji is one of a hundred at the least, if it is neither one that was there before nor a neighbour of one.
fn emoji_digits(text: &str) -> f64 {
    let mut seen: Zeroizing<Vec<u32>> = Zeroizing::new(Vec::new());
    let mut digits = 0.0;
    for code in text.chars().filter(|c| is_emoji(*c)).map(u32::from) {
        if seen.iter().all(|other| other.abs_diff(code) > 1) {
            digits += 1.0;
        }
        seen.push(code);
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        match Password::parse(text) {
            Err(flaw) => vec![flaw.code()],
            Ok(password) => match PasswordPolicy::default().accept(password, &["ada.lovelace", "Ada", "Lovelace"]) {
                Ok(_) => vec![],
                Err(flaws) => flaws.iter().map(Flaw::code).collect(),
            },
        }
    }

    #[test]
    fn every_reason_is_told_at_once() {
        for (text, expected) in [
            ("correct horse battery staple", &[][..]),
            ("contraseña segurísima", &[]),
            ("пароль из слов", &[]),
            ("", &["required"]),
            ("1234", &["too_short", "all_digits", "too_guessable"]),
            ("9021840183", &["all_digits"]),
            ("٣٤٥٦٧٨٩٠١٢", &["all_digits", "too_guessable"]),
            ("Password1", &["too_common", "too_guessable"]),
            ("lovelace", &["too_common", "like_name", "too_guessable"]),
            ("Ecalevol12", &["like_name", "too_guessable"]),
            ("adaada", &["too_short", "like_name", "too_guessable"]),
            ("aaaaaaaaaaaaaaaa", &["too_common", "too_guessable"]),
            ("qwertyuiop[]asdf", &["too_guessable"]),
            ("a\u{0}bcdefghi", &["invalid_characters"]),
        ] {
            assert_eq!(codes(text), expected, "{text:?}");
        }
        assert_eq!(codes(&"x y".repeat(86)), ["too_long"]);
    }

    #[test]
    fn emoji_count_for_what_they_are() {
        for (text, expected) in [
            ("🦀🐪🦉🐝🦖🐙🦔🐢", &[][..]),
            ("🦀🐪🦉🐝🦖🐙🦔🐢🐌🦂🐬", &[]),
            ("crab🦀camel🐪", &[]),
            ("🦀🐪🦉🐝🦖🐙🦔", &["too_short"]),
            ("🦀🦀🦀🦀🦀🦀🦀🦀", &["too_guessable"]),
            ("🦀🐪🦀🐪🦀🐪🦀🐪", &["too_guessable"]),
            ("🐀🐁🐂🐃🐄🐅🐆🐇", &["too_guessable"]),
            ("password🦀", &["too_guessable"]),
            ("iloveyou🦀🐪", &["too_guessable"]),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
    }

    #[test]
    fn every_code_has_a_rule_and_every_rule_says_the_minimum() {
        let rules = PasswordPolicy::new(15).unwrap().rules();
        assert!(rules.iter().any(|rule| rule.code == "too_short" && rule.detail.contains("15")));
        for text in ["1234", "Password1", "Ecalevol12", "a\u{0}bcdefghi", &"x y".repeat(86)] {
            for code in codes(text) {
                assert!(rules.iter().any(|rule| rule.code == code), "{code}");
            }
        }
    }
}
