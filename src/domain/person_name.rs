//! First and last names: nearly anything a person is called.

use unicode_normalization::UnicodeNormalization;

use super::Flaw;

/// Most code points that a first or last name may have.
pub const MAX_CODE_POINTS: usize = 255;

/// A first or last name: trimmed, NFC, 1 to 255 code points, no control or invisible formatting characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// Reads a name; errors with codes `required`, `too_long`, `invalid_characters`.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(Flaw::new("required", "give a name of 1 to 255 characters"));
        }
        let too_long = || Flaw::new("too_long", "use at most 255 characters");
        // NFC at most composes; a name four times too long cannot become short enough.
        if trimmed.chars().count() > 4 * MAX_CODE_POINTS {
            return Err(too_long());
        }
        if trimmed.chars().any(is_refused) {
            return Err(Flaw::new("invalid_characters", "leave out control characters and invisible direction marks"));
        }
        let name: String = trimmed.nfc().collect();
        if name.chars().count() > MAX_CODE_POINTS {
            return Err(too_long());
        }
        Ok(Self(name))
    }

    /// Takes a name from the table, which only ever holds parsed names.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name as shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which names are compared and ordered: see [`fold`].
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

/// The form in which texts are compared without regard to case: lower case, NFC.
pub fn fold(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// Controls, line and paragraph separators, bidirectional overrides, unassigned planes' noncharacters, byte order mark.
/// Zero-width joiner and non-joiner stay: Persian and Indic names need them.
fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || (c as u32 & 0xfffe) == 0xfffe
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_trimmed_and_composed() {
        assert_eq!(PersonName::parse("  Zoe\u{308} ").unwrap().as_str(), "Zo\u{eb}");
        assert_eq!(PersonName::parse("O'Brien-Ōe III.").unwrap().key(), "o'brien-ōe iii.");
        assert!(PersonName::parse("می\u{200c}خواهم").is_ok());
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        for (text, code) in [
            ("", "required"),
            (" \t ", "required"),
            ("a\0b", "invalid_characters"),
            ("a\u{202e}b", "invalid_characters"),
            ("a\u{200b}b", "invalid_characters"),
        ] {
            assert_eq!(PersonName::parse(text).map_err(|flaw| flaw.code()), Err(code), "{text:?}");
        }
        assert_eq!(PersonName::parse(&"é".repeat(256)).map_err(|flaw| flaw.code()), Err("too_long"));
        assert!(PersonName::parse(&"é".repeat(255)).is_ok());
    }

    proptest! {
        #[test]
        fn a_parsed_name_parses_to_itself(text in "\\PC{0,300}") {
            if let Ok(name) = PersonName::parse(&text) {
                prop_assert_eq!(PersonName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
