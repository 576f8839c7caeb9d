//! How much: counts a request against its caller's quotas, and tells the caller how it stands.
//!
//! The header fields are those of draft-ietf-httpapi-ratelimit-headers-11: `RateLimit-Policy: "caller";q=100;w=60` and
//! `RateLimit: "caller";r=50;t=30`. Routes that ask for no [`Actor`] (health, problems, the description) count nowhere.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::problem::Problem;
use crate::app::App;
use crate::domain::actor::OPERATIONS;
use crate::domain::{Action, Actor};
use crate::operations;
use crate::quotas::Standing;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Which operation a route is, by its `operationId`; a test holds this to the API description.
pub const ROUTES: &[(&str, &str, &str)] = &[
    ("POST", "/users", "create_user"),
    ("GET", "/users", "list_users"),
    ("GET", "/users/{id}", "get_user"),
    ("PUT", "/users/{id}", "replace_user"),
    ("PATCH", "/users/{id}", "patch_user"),
    ("DELETE", "/users/{id}", "delete_user"),
    ("PUT", "/users/{id}/password", "change_password"),
    ("POST", "/users/verify-password", "verify_password"),
    ("POST", "/users/{id}/avatar-uploads", "request_avatar_upload"),
    ("GET", "/users/{id}/avatar-uploads/{uploadId}", "get_avatar_upload"),
    ("GET", "/users/{id}/avatar", "get_avatar"),
    ("DELETE", "/users/{id}/avatar", "delete_avatar"),
    ("GET", "/events", "get_events"),
];

/// The routes that are open to everyone and count nowhere, likewise.
const OPEN_ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "/password-policy", "get_password_policy"),
    ("GET", "/health/live", "health_live"),
    ("GET", "/health/ready", "health_ready"),
    ("GET", "/openapi.json", "get_openapi"),
    ("GET", "/problems/{slug}", "get_problem"),
];

/// The other doors' routes.
const OTHER_ROUTES: &[(&str, &str, &str)] = &[("POST", "/graphql", "graphql")];

/// The `operationId` of a request, or `none`.
pub(super) fn operation_id(method: &Method, route: Option<&MatchedPath>) -> &'static str {
    [ROUTES, OPEN_ROUTES, OTHER_ROUTES].into_iter().find_map(|routes| find(routes, method, route)).unwrap_or("none")
}

fn find(routes: &[(&str, &str, &'static str)], method: &Method, route: Option<&MatchedPath>) -> Option<&'static str> {
    let (method, route) = (if method == Method::HEAD { "GET" } else { method.as_str() }, route?.as_str());
    routes.iter().find(|(m, path, _)| *m == method && same_route(path, route)).map(|(_, _, name)| *name)
}

/// Where a request's standing is left for the layer that writes the answer's headers.
#[derive(Clone, Default)]
pub struct Told(Arc<OnceLock<Vec<Standing>>>);

/// Counts a request, or refuses it.
pub async fn admit(app: &App, parts: &Parts, actor: &Actor) -> Result<(), Problem> {
    let operation = operation(&parts.method, parts.extensions.get::<MatchedPath>());
    count(app, parts.extensions.get::<Told>(), actor, &[operation]).await
}

/// Counts operations one after the other, or refuses them from the first one on that the caller may not have.
pub async fn count(app: &App, told: Option<&Told>, actor: &Actor, operations: &[&str]) -> Result<(), Problem> {
    let (mut standings, mut outcome): (Vec<Standing>, _) = (Vec::new(), Ok(()));
    for operation in operations {
        let (latest, admitted) = operations::admit_request(app, actor, operation, is_read(operation)).await;
        standings.retain(|standing| latest.iter().all(|newer| newer.name != standing.name));
        standings.extend(latest);
        outcome = admitted;
        if outcome.is_err() {
            break;
        }
    }
    if let Some(Told(told)) = told {
        let _first = told.set(standings);
    }
    Ok(outcome?)
}

/// Whether an operation only reads. What is on no list counts as a write.
fn is_read(operation: &str) -> bool {
    let action = OPERATIONS.iter().find(|(known, _)| *known == operation).and_then(|(_, action)| *action);
    action.is_some_and(Action::is_read)
}

/// The operation that quotas know a route by; empty for what is on no list.
fn operation(method: &Method, route: Option<&MatchedPath>) -> &'static str {
    find(ROUTES, method, route).unwrap_or_default()
}

/// Whether two routes are the same but for the names of their parameters.
fn same_route(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || (a.starts_with('{') && b.starts_with('{')) => {}
            _ => return false,
        }
    }
}

impl Told {
    /// Writes the header fields, if the request was counted.
    pub fn write(&self, headers: &mut HeaderMap) {
        let standings = self.0.get().map_or(&[][..], Vec::as_slice);
        if standings.is_empty() {
            return;
        }
        let (mut policies, mut limits) = (String::new(), String::new());
        for (index, standing) in standings.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let Standing { name, quota, window_seconds, remaining, resets_in } = standing;
            let _ = write!(policies, "{comma}\"{name}\";q={quota};w={window_seconds}");
            let _ = write!(limits, "{comma}\"{name}\";r={remaining};t={resets_in}");
        }
        for (name, value) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, limits)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_the_same_whatever_their_parameters_are_called() {
        assert!(same_route("/users/{id}/avatar", "/users/{userId}/avatar"));
        assert!(!same_route("/users/{id}", "/users/verify-password"));
        assert!(!same_route("/users", "/users/{id}"));
    }
}
