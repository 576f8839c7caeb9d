//! What a user name may be, and when two of them are the same.

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::UsernameCaseMapped;
use unicode_normalization::UnicodeNormalization;
use unicode_security::MixedScript;

use super::Flaw;

/// Most code points that a user name may have after mapping.
pub const MAX_CODE_POINTS: usize = 100;

/// A user name: shown as typed (in NFC), compared by its key.
///
/// The key is the name under the RFC 8265 profile `UsernameCaseMapped`, 1 to 100 code points, of a single
/// script (UTS 39, section 5.1). Two names with one key are one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserName {
    shown: String,
    key: String,
}

impl UserName {
    /// Reads a user name; errors with codes `required`, `too_long`, `invalid_characters`, `mixed_scripts`.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        if text.is_empty() {
            return Err(Flaw::new("required", "give a user name of 1 to 100 characters"));
        }
        let too_long = || Flaw::new("too_long", "use at most 100 characters");
        // Mapping never shortens a name fourfold, and work on hostile input stays bounded.
        if text.chars().count() > 4 * MAX_CODE_POINTS {
            return Err(too_long());
        }
        let refused = || {
            Flaw::new(
                "invalid_characters",
                "use letters, digits and visible ASCII signs, without spaces or control characters",
            )
        };
        // Enforced until stable (RFC 8264, section 7): a key is its own key.
        let once = UsernameCaseMapped::enforce(text).map_err(|_| refused())?;
        let key = UsernameCaseMapped::enforce(once.as_ref()).map_err(|_| refused())?.into_owned();
        if key != once {
            return Err(refused());
        }
        if key.chars().count() > MAX_CODE_POINTS {
            return Err(too_long());
        }
        let shown: String = text.nfc().collect();
        if !key.as_str().is_single_script() || !shown.as_str().is_single_script() {
            return Err(Flaw::new(
                "mixed_scripts",
                "use letters of one script only, such as all Latin or all Cyrillic",
            ));
        }
        Ok(Self { shown, key })
    }

    /// Takes both forms from the table, which only ever holds parsed names.
    pub fn from_stored(shown: String, key: String) -> Self {
        Self { shown, key }
    }

    /// The name as it was typed.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The form by which names are compared and ordered.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The form in which part of a user name is compared with keys: mapped as a name is, where it could be part of one.
pub fn fold(text: &str) -> String {
    match UsernameCaseMapped::enforce(text) {
        Ok(mapped) => mapped.into_owned(),
        Err(_) => super::person_name::fold(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_differ_in_case_width_or_form_are_one_name() {
        for (a, b) in
            [("Ada", "ada"), ("ＡＤＡ", "ada"), ("Zoe\u{308}", "ZO\u{cb}"), ("ada@Example.org", "ADA@example.org")]
        {
            assert_eq!(UserName::parse(a).unwrap().key(), UserName::parse(b).unwrap().key(), "{a} {b}");
        }
        assert_eq!(UserName::parse("Ada").unwrap().shown(), "Ada");
    }

    #[test]
    fn what_could_deceive_a_reader_is_refused() {
        for (text, code) in [
            ("", "required"),
            ("ada lovelace", "invalid_characters"),
            ("ada\0", "invalid_characters"),
            ("ada\n", "invalid_characters"),
            ("a\u{200b}da", "invalid_characters"),
            ("\u{202e}ada", "invalid_characters"),
            ("\u{feff}ada", "invalid_characters"),
            ("аda", "mixed_scripts"),
            ("pаypal", "mixed_scripts"),
            ("אda", "invalid_characters"),
        ] {
            assert_eq!(UserName::parse(text).map_err(|flaw| flaw.code()), Err(code), "{text:?}");
        }
        assert_eq!(UserName::parse(&"a".repeat(101)).map_err(|flaw| flaw.code()), Err("too_long"));
        assert!(UserName::parse(&"a".repeat(100)).is_ok());
    }

    #[test]
    fn many_scripts_are_welcome_one_at_a_time() {
        for text in ["Ада", "李小龙", "たなかさん", "김철수", "محمد", "אסתר", "Ελένη", "अनिता", "José"]
        {
            assert!(UserName::parse(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key_and_short_enough(text in "\\PC{0,120}") {
            if let Ok(name) = UserName::parse(&text) {
                prop_assert!((1..=MAX_CODE_POINTS).contains(&name.key().chars().count()));
                let again = UserName::parse(name.key()).unwrap();
                prop_assert_eq!(again.key(), name.key());
            }
        }
    }
}
