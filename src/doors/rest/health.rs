//! Health routes, open to everyone.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use serde::Serialize;

use super::openapi;
use super::problem::{Problem, UNAVAILABLE};
use crate::app::App;
use crate::operations;
use crate::readiness;

/// The state of the process.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Always `ok`: a process that cannot say so does not answer.
    #[schema(example = "ok")]
    status: &'static str,
}

/// The state of the process and of what it needs.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Ready {
    /// Always `ok`: if a dependency fails, the answer is a problem with the same `dependencies`.
    #[schema(example = "ok")]
    status: &'static str,
    dependencies: Dependencies,
}

/// What requests need, as of the last five seconds.
#[derive(Serialize, utoipa::ToSchema)]
struct Dependencies {
    dynamodb: Dependency,
    s3: Dependency,
}

/// One dependency.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    /// `ok`, or `failing` if it answered badly or not within a second.
    #[schema(example = "ok")]
    status: &'static str,
    /// How long it took to say so, in milliseconds.
    #[schema(example = 4.2)]
    latency_ms: f64,
}

impl From<readiness::Dependency> for Dependency {
    fn from(dependency: readiness::Dependency) -> Self {
        let status = if dependency.is_ready { "ok" } else { "failing" };
        Self { status, latency_ms: (dependency.latency_ms * 10.0).round() / 10.0 }
    }
}

/// Tells that the process is alive; asks nobody.
#[utoipa::path(get, path = "/health/live", operation_id = "health_live", tag = "health", security(()),
    responses((status = 200, description = "The process is alive", body = Health), openapi::StrayProblems))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Tells whether requests can be served: whether DynamoDB and S3 answer.
#[utoipa::path(get, path = "/health/ready", operation_id = "health_ready", tag = "health", security(()),
    responses(
        (status = 200, description = "DynamoDB and S3 answer", body = Ready),
        (status = 503, description = "unavailable, with `dependencies` as in 200", body = openapi::Problem, content_type = "application/problem+json"),
        openapi::StrayProblems,
    ))]
pub async fn ready(State(app): State<App>) -> Result<Json<Ready>, Problem> {
    let standing = operations::health_ready(&app).await;
    let dependencies = Dependencies { dynamodb: standing.dynamodb.into(), s3: standing.s3.into() };
    if standing.is_ready() {
        return Ok(Json(Ready { status: "ok", dependencies }));
    }
    Err(Problem::new(UNAVAILABLE)
        .with_detail("A dependency does not answer; `dependencies` says which. Try again after Retry-After.")
        .with_header(header::RETRY_AFTER, HeaderValue::from(5))
        .with_member("dependencies", serde_json::to_value(dependencies).unwrap_or_default()))
}
