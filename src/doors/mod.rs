//! How the world comes in. A door parses, calls one operation and shows the result; it decides nothing.

#[cfg(feature = "local")]
pub mod cli;
pub mod lambda;
pub mod rest;
#[cfg(feature = "images")]
pub mod s3_events;
#[cfg(feature = "changes")]
pub mod stream_events;
pub mod trace;
