//! Health routes, open to everyone.

use axum::Json;
use serde::Serialize;

/// The state of the process.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Always `ok`: a process that cannot say so does not answer.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Tells that the process is alive; asks nobody.
#[utoipa::path(get, path = "/health/live", operation_id = "health_live", tag = "health", security(()),
    responses((status = 200, description = "The process is alive", body = Health), super::openapi::StrayProblems))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok" })
}
