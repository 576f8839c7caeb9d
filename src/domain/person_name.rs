//! First and last names: nearly anything a person is called.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

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
        if !trimmed.chars().any(is_visible) {
            return Err(Flaw::new("required", "give a name that can be seen"));
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

/// Controls, separators, direction marks and what else is invisible (Default_Ignorable_Code_Point, UAX 44), noncharacters.
/// Joiners stay, for Persian and Indic names need them, and so do variation selectors, for Han ones do.
fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}'
            | '\u{fdd0}'..='\u{fdef}')
        || (c as u32 & 0xfffe) == 0xfffe
}

/// Whether a character can be seen by itself.
fn is_visible(c: char) -> bool {
    let is_selector = matches!(c, '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    !c.is_whitespace() && !is_selector && !is_combining_mark(c)
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
            ("a\u{61c}b", "invalid_characters"),
            ("\u{ad}", "invalid_characters"),
            ("\u{3164}", "invalid_characters"),
            ("\u{2800}", "invalid_characters"),
            ("\u{200d}", "required"),
            ("\u{fe0f}\u{301}", "required"),
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
