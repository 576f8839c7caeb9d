//! Reading variables one by one; mistakes are collected, not thrown.

use super::{Lookup, Mistakes};

/// Reads typed values from a lookup and remembers every mistake.
pub(super) struct Reader<'a> {
    lookup: Lookup<'a>,
    mistakes: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader without mistakes so far.
    pub(super) fn new(lookup: Lookup<'a>) -> Self {
        Self { lookup, mistakes: Vec::new() }
    }

    /// Notes a mistake: one sentence that names the variable and the mend.
    pub(super) fn mistake(&mut self, sentence: impl Into<String>) {
        self.mistakes.push(sentence.into());
    }

    /// How many mistakes there are so far.
    pub(super) fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// Gives `value` if there was no mistake.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Mistakes> {
        if self.mistakes.is_empty() { Ok(value) } else { Err(Mistakes(self.mistakes)) }
    }

    /// A variable that is there and not blank.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The parts between commas, without blanks around them; empty if the variable is not there.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A variable that must be there.
    pub(super) fn required(&mut self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.mistakes.push(format!("{name} is missing"));
            String::new()
        })
    }

    /// A whole number within a range.
    pub(super) fn number(&mut self, name: &str, default: usize, range: std::ops::RangeInclusive<usize>) -> usize {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.mistakes.push(format!("{name} must be a number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    /// One of two words.
    pub(super) fn choice(&mut self, name: &str, default: bool, yes: &str, no: &str) -> bool {
        match self.text(name) {
            None => default,
            Some(text) if text == yes => true,
            Some(text) if text == no => false,
            Some(_) => {
                self.mistakes.push(format!("{name} must be {yes} or {no}"));
                default
            }
        }
    }

    /// An HTTP endpoint.
    pub(super) fn endpoint(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if text.starts_with("http://") || text.starts_with("https://") {
            return Some(text);
        }
        self.mistakes.push(format!("{name} must start with http:// or https://"));
        None
    }
}
