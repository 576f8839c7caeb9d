//! Every way an operation can fail: one closed enum, which knows nothing of HTTP.

use std::borrow::Cow;

use crate::domain::Flaw;
use crate::domain::filter::Misread;
use crate::domain::page::InvalidCursor;

/// A failed operation. A variant exists only if a caller must act differently; doors turn it into their own words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Some input is wrong; all that is known to be wrong is listed.
    #[error("the input is not valid")]
    Invalid(Vec<Violation>),
    /// A filter cannot be read.
    #[error("the filter cannot be read")]
    InvalidFilter(Misread),
    /// A cursor does not belong to the query that it came with.
    #[error("the cursor does not belong to the query")]
    InvalidCursor,
    /// There is no such user, or the actor may not know.
    #[error("not found")]
    NotFound,
    /// The actor may not do this.
    #[error("forbidden")]
    Forbidden,
    /// Another user has this user name.
    #[error("the user name is taken")]
    NameTaken,
    /// The user is not at the version the caller named.
    #[error("the user has changed meanwhile")]
    VersionConflict,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The same idempotent request is being worked on elsewhere.
    #[error("the same request is in progress")]
    RequestInProgress,
    /// As many uploads of this user as may be wait for their files, or are remembered.
    #[error("too many uploads are pending or remembered")]
    TooManyUploads {
        /// When there may be another one, in seconds.
        retry_after_seconds: u32,
    },
    /// The name or the password is wrong; nobody is told which.
    #[error("the credentials are wrong")]
    InvalidCredentials,
    /// The caller has used up a quota.
    #[error("the caller's quota is used up")]
    QuotaExceeded {
        /// When to try again, in seconds.
        retry_after_seconds: u32,
    },
    /// Too many wrong passwords; nobody is told whose.
    #[error("too many wrong passwords")]
    TooManyAttempts {
        /// When to try again, in seconds.
        retry_after_seconds: u32,
    },
    /// A dependency does not answer, or too much is asked at once; worth another try.
    #[error("{reason}")]
    Unavailable {
        /// What is not available, for the log.
        reason: &'static str,
        /// When to try again, in seconds.
        retry_after_seconds: u32,
        /// What lies beneath.
        #[source]
        source: Option<Source>,
    },
    /// A dependency did not answer in time; whether it acted is not known.
    #[error("a dependency did not answer in time")]
    Timeout(#[source] Source),
    /// Our own fault, or a table in a shape that we did not write.
    #[error("{context}")]
    Internal {
        /// What was being done.
        context: &'static str,
        /// What lies beneath.
        #[source]
        source: Option<Source>,
    },
}

/// An error with all that lies beneath it, outermost first.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Any error beneath one of ours.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// One flaw in one body member; `pointer` is an RFC 6901 pointer such as `/newPassword`.
    pub fn invalid_member(pointer: &str, flaw: Flaw) -> Self {
        Self::Invalid(vec![Violation::at_pointer(pointer, flaw)])
    }

    /// Others were at the same items at the same time, again and again.
    pub fn contended() -> Self {
        Self::Unavailable { reason: "other writers are at the same user", retry_after_seconds: 1, source: None }
    }

    /// A fault of ours without a cause beneath.
    pub fn internal(context: &'static str) -> Self {
        Self::Internal { context, source: None }
    }
}

impl From<crate::domain::actor::Denied> for Error {
    fn from(denied: crate::domain::actor::Denied) -> Self {
        match denied {
            crate::domain::actor::Denied::Forbidden => Self::Forbidden,
            crate::domain::actor::Denied::Hidden => Self::NotFound,
        }
    }
}

impl From<Misread> for Error {
    fn from(misread: Misread) -> Self {
        Self::InvalidFilter(misread)
    }
}

impl From<InvalidCursor> for Error {
    fn from(_: InvalidCursor) -> Self {
        Self::InvalidCursor
    }
}

/// One flaw and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub place: Place,
    /// What.
    pub flaw: Flaw,
}

/// A place in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A member of the body: an RFC 6901 pointer, empty for the whole.
    Pointer(String),
    /// A query parameter or a header, by name.
    Parameter(Cow<'static, str>),
}

impl Violation {
    /// A flaw at an RFC 6901 pointer into the body.
    pub fn at_pointer(pointer: impl Into<String>, flaw: Flaw) -> Self {
        Self { place: Place::Pointer(pointer.into()), flaw }
    }

    /// A flaw in a query parameter or a header.
    pub fn at_parameter(name: impl Into<Cow<'static, str>>, flaw: Flaw) -> Self {
        Self { place: Place::Parameter(name.into()), flaw }
    }
}
