//! Bearer tokens: signed JWTs (RFC 7519) by the rules of RFC 8725 and RFC 9068, and the keys that verify them.
//!
//! - [`Verifier`] says whose token it is, or why it is refused
//! - [`keys`] holds the issuer's keys: cached, refreshed within a request, kept for a bounded time while the issuer is down
//! - [`jwk`] reads one key and checks one signature, with ring, the cryptography that TLS brings along anyway
//! - `members` reads headers and claims, each member once; `fetch` gets documents over HTTPS, bounded in size and time
//!
//! The crate `jsonwebtoken` is not used: it takes the time from the system's clock, accepts times with a fraction and
//! members that stand twice, does not look at `crit`, and wants a second cryptography beside ring.

mod fetch;
pub mod jwk;
pub mod keys;
mod members;
mod verifier;

pub(crate) use fetch::is_allowed as is_fetchable;
pub use verifier::{Demands, Refused, Token, Verifier};
