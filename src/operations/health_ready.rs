//! Tells whether requests can be served.

use crate::app::App;
use crate::readiness::Standing;

/// Asks table and bucket, at most once in five seconds. Load balancers have no names, so no actor is asked for.
pub async fn health_ready(app: &App) -> Standing {
    app.readiness.now(&app.store, &app.avatars, &app.clock).await
}
