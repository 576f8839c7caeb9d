//! Roster: a user directory that a team owns instead of rents.
//!
//! REST over users (names, password, avatar) kept in one DynamoDB table, avatars that travel straight between client
//! and S3, passwords under argon2id; one small binary on AWS Lambda, and the same code on a laptop by `cargo run`.
//!
//! # The flow
//!
//! ```text
//! door  ->  operation  ->  domain
//!               |
//!               +------->  store (DynamoDB), avatars (S3), events (EventBridge)
//! ```
//!
//! - **[`doors`]** are how the world comes in: REST, GraphQL, Lambda, the command line. A door parses, calls one operation and
//!   shows the result. It decides nothing.
//! - **[`operations`]** are what the service can do, one file each: permit, decide, write once, return.
//! - **[`domain`]** knows nobody. Values are parsed into types that cannot be wrong afterwards.
//! - **[`store`]** and **[`avatars`]** are the only rooms that know DynamoDB and S3. They are concrete: the seam is the
//!   endpoint URL, and tests run on real engines.
//!
//! # Invariants
//!
//! - Imports point one way, and a test holds that (`tests/it/tidy.rs`).
//! - Every write is one conditional write or one transaction; a user, its name guard and its credential come and go
//!   together; a create and its idempotency receipt are one transaction.
//! - A password hash is in its `CRED#` item and nowhere else; the types that show users cannot carry one.
//! - Every operation that a caller can ask for demands an [`domain::Actor`], and asks it first; events and the doctor's
//!   diagnosis have none.
//! - Every error is one variant of [`error::Error`], and becomes words in one place per door.
//! - Time, ids and randomness come from [`app::App`]; the environment is read by [`config`] alone,
//!   but for what OpenTelemetry reads itself (`OTEL_…`).
//!
//! # A create, from the gateway to the table
//!
//! 1. API Gateway has checked a signature and hands an event to `bin/api.rs`; [`doors::lambda`] takes the stage off the
//!    path and puts the principal beside the request.
//! 2. [`doors::rest::router`] finds `users::create_user`; around it, `layers` gives the request an id, completes
//!    problems, catches panics and writes one log line.
//! 3. Extractors read the actor, the idempotency key and the JSON body, duplicate members included; `view::new_user`
//!    parses every member and tells every flaw at once.
//! 4. [`operations::create_user`] asks the actor, makes an id, hashes the password off the async threads
//!    ([`hashing`]) and writes user, guard, credential and receipt in one transaction ([`store`]).
//! 5. The door shows the user with its ETag, or [`error::Error`] as `application/problem+json`.
//!
//! # Where is my room?
//!
//! | question | room |
//! |---|---|
//! | What may a name or a password be? | [`domain::user_name`], [`domain::person_name`], [`domain::password`] |
//! | Who may do what? | [`domain::actor`] |
//! | Whose token is this? | [`jwt`], `doors/rest/authenticate.rs` |
//! | Who hears of a change, and of what? | [`domain::change`], `store/stream.rs`, [`events`] |
//! | How much may a caller do? | [`domain::limit`], [`quotas`], `store/quotas.rs` |
//! | What happens on create? | `operations/create_user.rs` |
//! | What may a filter say? What is in a cursor? | [`domain::filter`], [`domain::page`] |
//! | Which index answers a list, and at what cost? | `store/list` |
//! | Which key, which item, which index? | [`store::keys`], [`store`], [`store::table`] |
//! | Why this status? | [`doors::rest::problem`] |
//! | What runs around a request? | `doors/rest/layers.rs` |
//! | By what is everything sent? | `http_client.rs`, `aws.rs` |
//! | How long may it take, and what did it cost? | [`scope`], `aws/watch.rs` |
//! | What is in a log line? Which metrics are there? | [`telemetry::work`], `telemetry/emf.rs` |
//! | What is in a span, and when is it sent? | `telemetry/otel.rs` |
//! | What is wrong here, and how is it mended? | `operations/diagnose.rs`, `store/inspect.rs`, `avatars/inspect.rs` |
//! | Is everything there that requests need? | [`readiness`] |
//! | What may a GraphQL document ask for? | `doors/graphql/limits.rs` |
//! | Which variable? | [`config`] |
//! | How does it run on a laptop? | `local` |

pub mod app;
pub mod avatars;
pub mod aws;
pub mod clock;
pub mod config;
pub mod domain;
pub mod doors;
pub mod error;
pub mod events;
pub mod hashing;
mod hex;
mod http_client;
pub mod ids;
pub mod jwt;
pub mod late;
#[cfg(feature = "local")]
pub mod local;
pub mod operations;
mod percent;
pub mod quotas;
pub mod readiness;
pub mod scope;
pub mod store;
pub mod telemetry;
