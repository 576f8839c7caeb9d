//! Calls from web pages of other origins: none, unless the configuration names origins.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Door;

/// What pages of other origins may do, where they may do anything: no cookies, for there are none.
pub(super) fn layer(door: &Door) -> Option<CorsLayer> {
    if door.cors_origins.is_empty() {
        return None;
    }
    let is_any = door.cors_origins.iter().any(|origin| origin == "*");
    let origins = door.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let names = |names: &[&'static str]| names.iter().map(|name| HeaderName::from_static(name)).collect::<Vec<_>>();
    Some(
        CorsLayer::new()
            .allow_origin(if is_any { AllowOrigin::any() } else { AllowOrigin::list(origins) })
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(names(&[
                "authorization",
                "content-type",
                "idempotency-key",
                "if-match",
                "if-none-match",
                "traceparent",
                "tracestate",
                "x-client-id",
            ]))
            .expose_headers(names(&[
                "etag",
                "link",
                "location",
                "ratelimit",
                "ratelimit-policy",
                "retry-after",
                "traceparent",
                "www-authenticate",
                "x-request-id",
            ]))
            .max_age(Duration::from_secs(3600)),
    )
}
