//! Roster.
pub mod app;
pub mod avatars;
pub mod aws;
pub mod clock;
pub mod config;
pub mod domain;
pub mod doors;
pub mod error;
pub mod hashing;
mod hex;
pub mod ids;
#[cfg(feature = "local")]
pub mod local;
pub mod operations;
pub mod store;
pub mod telemetry;
