//! What a look at one thing came to.

use crate::aws::Asked;

/// How bad it is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Nobody can tell: the engine does not know the question.
    Unknown,
    /// It works, and could be better or safer.
    Warning,
    /// Something fails, or will.
    Wrong,
}

impl Verdict {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

/// One line of a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, such as `table.stream`: stable for programs.
    pub check: String,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found.
    pub told: String,
    /// The setting or command that mends it, where there is something to mend.
    pub mend: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &str, told: impl Into<String>) -> Self {
        Self { check: check.to_owned(), verdict: Verdict::Ok, told: told.into(), mend: None }
    }

    /// Nobody can tell.
    pub fn unknown(check: &str, told: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::ok(check, told) }
    }

    /// It could be better; `mend` is how.
    pub fn warning(check: &str, told: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, mend: Some(mend.into()), ..Self::ok(check, told) }
    }

    /// Something fails; `mend` is how it would not.
    pub fn wrong(check: &str, told: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, ..Self::warning(check, told, mend) }
    }
}

/// The judgement on an answer, or on the lack of one: `action` is what IAM calls the question.
pub(super) fn on<T>(check: &str, action: &str, asked: &Asked<T>, judge: impl FnOnce(&T) -> Finding) -> Finding {
    match asked {
        Asked::Told(answer) => judge(answer),
        Asked::Unknown => Finding::unknown(check, "not known by this engine"),
        Asked::Absent => Finding::unknown(check, "there is nothing to ask"),
        Asked::Denied => Finding::warning(check, "this caller may not ask", format!("allow {action} to look at it")),
        Asked::Failed(why) => {
            Finding::warning(check, format!("no answer: {why}"), "look again once the rest is mended")
        }
    }
}

/// The judgement on whether table or bucket are there at all; `absent` is how to make it, and `unreached` how to get to it.
pub(super) fn on_reach(
    check: &str,
    action: &str,
    asked: &Asked<()>,
    name: &str,
    absent: &str,
    unreached: &str,
) -> Finding {
    match asked {
        Asked::Told(()) => Finding::ok(check, format!("{name} is there")),
        Asked::Absent => Finding::wrong(check, format!("{name} is not there"), absent),
        Asked::Failed(why) if is_of_keys(why) => Finding::wrong(
            check,
            format!("the keys are refused: {why}"),
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, with temporary keys, AWS_SESSION_TOKEN; \
             `aws configure export-credentials --format env` prints those of a profile",
        ),
        Asked::Failed(why) if why.contains("region") => {
            Finding::wrong(check, format!("{name}: {why}"), "set AWS_REGION to the region that it is in")
        }
        Asked::Failed(why) => Finding::wrong(check, format!("{name} is not reached: {why}"), unreached),
        other => on(check, action, other, |()| Finding::ok(check, name)),
    }
}

fn is_of_keys(code: &str) -> bool {
    [
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "RequestTimeTooSkewed",
        "InvalidToken",
        "MissingAuthenticationToken",
    ]
    .iter()
    .any(|known| code.starts_with(known))
}
