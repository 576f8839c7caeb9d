//! How the world comes in. A door parses, calls one operation and shows the result; it decides nothing.

#[cfg(feature = "local")]
pub mod cli;
#[cfg(any(feature = "changes", feature = "images"))]
pub mod event;
#[cfg(feature = "graphql")]
pub mod graphql;
pub mod lambda;
pub mod rest;
#[cfg(feature = "images")]
pub mod s3_events;
#[cfg(feature = "changes")]
pub mod stream_events;
pub mod trace;

/// Every HTTP door on one port, as local mode serves them.
#[cfg(feature = "local")]
pub fn router(app: crate::app::App) -> axum::Router {
    rest::router_beside(graphql::routes(), app)
}
