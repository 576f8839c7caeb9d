//! Counts a request against its caller's quotas, before any other operation.

use crate::app::App;
use crate::domain::Actor;
use crate::error::Error;
use crate::quotas::Standing;

/// Takes one request from each quota that counts `operation` (its `operationId`; empty for another door's); `is_read` says
/// whether it only reads. Says how the caller stands, and whether the request is admitted.
pub async fn admit_request(
    app: &App,
    actor: &Actor,
    operation: &str,
    is_read: bool,
) -> (Vec<Standing>, Result<(), Error>) {
    app.quotas.admit(&app.store, &app.clock, actor.client(), operation, is_read).await
}
