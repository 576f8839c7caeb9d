//! Why a value was refused.

use std::borrow::Cow;

/// One reason why a value was refused: a stable code for programs and a sentence that tells a person how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    code: &'static str,
    detail: Cow<'static, str>,
}

impl Flaw {
    /// Makes a flaw; `detail` never repeats the refused value, which may be secret.
    pub fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The stable code, in `snake_case`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for a person.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}
