//! The span of one piece of work, for OpenTelemetry. Without feature `otel` there is none, and all of this does nothing.

#[cfg(feature = "otel")]
pub use super::otel::{Span, fail_current};
#[cfg(not(feature = "otel"))]
pub use nothing::{Span, fail_current};

/// A place in a trace: ids in hexadecimal digits, and whether the trace is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The trace, 32 digits.
    pub trace: String,
    /// The span, 16 digits.
    pub span: String,
    /// Whether whoever began the trace records it.
    pub is_sampled: bool,
}

#[cfg(not(feature = "otel"))]
mod nothing {
    use std::fmt::Arguments;
    use std::future::{Ready, ready};

    use super::At;
    use crate::scope::Scope;
    use crate::telemetry::work::Done;

    /// No span.
    pub struct Span;

    impl Span {
        /// Begins nothing.
        pub fn begin(_: Option<&At>, _: &str, _: Arguments<'_>) -> Self {
            Self
        }

        /// Nowhere.
        pub fn at(&self) -> Option<At> {
            None
        }

        /// Does the work.
        pub fn of<F: Future>(&self, work: F) -> F {
            work
        }

        /// Ends nothing.
        pub fn end(self, _: &Done<'_>, _: &Scope) -> Ready<()> {
            ready(())
        }
    }

    /// Marks nothing.
    pub fn fail_current() {}
}
