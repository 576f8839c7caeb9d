//! Whether a password is little more than its user's own names.

use zeroize::Zeroizing;

/// Fewest letters of a name that count; shorter ones stand in too many words.
const LEAST_LETTERS: usize = 3;

/// Whether at least half of the password is made of the names or their parts, forwards or backwards, in any case.
pub fn is_like_a_name(password: &str, names: &[&str]) -> bool {
    let mut rest = Zeroizing::new(password.to_lowercase());
    let length = rest.chars().count();
    for part in parts(names) {
        rest = Zeroizing::new(rest.replace(&part, ""));
    }
    let left = rest.chars().count();
    left < length && 2 * left <= length
}

/// The names and the words in them, each also backwards, longest first.
fn parts(names: &[&str]) -> Vec<String> {
    let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let words = names.iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()).chain([name.as_str()]));
    let mut parts: Vec<String> = words
        .filter(|word| word.chars().count() >= LEAST_LETTERS)
        .flat_map(|word| [word.to_owned(), word.chars().rev().collect()])
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.dedup();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_it_is_too_much() {
        let names = ["ada.lovelace@example.org", "Ada", "Lovelace"];
        for (password, expected) in [
            ("lovelace", true),
            ("LoveLace!", true),
            ("ecalevol12", true),
            ("adaadaada", true),
            ("ada-lovelace-1815", true),
            ("AdaLovelace1815!", true),
            ("example.org", true),
            ("a lovelace in the analytical engine", false),
            ("adamant glaciers", false),
            ("correct horse battery staple", false),
        ] {
            assert_eq!(is_like_a_name(password, &names), expected, "{password}");
        }
        assert!(!is_like_a_name("correct horse", &["x", "Li", ""]));
    }
}
