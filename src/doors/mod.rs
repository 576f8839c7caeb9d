//! How the world comes in. A door parses, calls one operation and shows the result; it decides nothing.

#[cfg(feature = "local")]
pub mod cli;
pub mod lambda;
pub mod rest;
#[cfg(feature = "images")]
pub mod s3_events;
#[cfg(feature = "changes")]
pub mod stream_events;

/// An error with what lies beneath it.
#[cfg(any(feature = "changes", feature = "images"))]
pub fn chain(error: &crate::error::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
