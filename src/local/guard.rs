//! Keeps other sites' pages away from the listeners of this machine.
//!
//! A browser sends what a page asks for to 127.0.0.1 as to any other address. Two rules stand against that:
//!
//! - a loopback listener answers only to names of this machine, so that a site whose name is made to point at
//!   127.0.0.1 (DNS rebinding) is not taken for it. Other listeners answer to any name: who asks is not known here
//! - the DynamoDB engine, which verifies no signature, answers no page at all

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use serde_json::json;

/// What containers call the machine that runs them; it is in no public DNS.
const HOST_OF_CONTAINERS: &str = "host.docker.internal";

/// Guards the API: refuses names that are not this machine's, if `listener` is loopback.
pub(super) fn api(listener: SocketAddr, router: Router) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        match refused_name(listener, request.uri(), request.headers()) {
            None => next.run(request).await,
            Some(detail) => {
                let status = StatusCode::MISDIRECTED_REQUEST;
                let title = "The server does not go by this name";
                let problem =
                    json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
                (status, [(CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response()
            }
        }
    }))
}

/// Guards the DynamoDB engine: refuses the same, and the pages of every site.
pub(super) fn dynamodb(listener: SocketAddr, router: Router) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        let is_page = request.headers().contains_key(ORIGIN) || request.method() == Method::OPTIONS;
        let refused = if is_page {
            Some("web pages may not use this DynamoDB: it verifies no signature".to_owned())
        } else {
            refused_name(listener, request.uri(), request.headers())
        };
        let Some(message) = refused else { return next.run(request).await };
        let kind = "com.amazon.coral.service#AccessDeniedException";
        let error = json!({"__type": kind, "message": message}).to_string();
        (StatusCode::FORBIDDEN, [(CONTENT_TYPE, "application/x-amz-json-1.0")], error).into_response()
    }))
}

/// Returns why a request is refused for the name it was sent to.
fn refused_name(listener: SocketAddr, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    if !listener.ip().is_loopback() {
        return None;
    }
    let in_headers = headers.get_all(HOST).iter().map(|value| value.to_str().unwrap_or_default());
    let refused = in_headers.chain(uri.authority().map(Authority::as_str)).any(|name| !is_of_this_machine(name));
    refused.then(|| {
        format!(
            "this server answers to localhost and 127.0.0.1; for another name, let it listen on another address than {}",
            listener.ip()
        )
    })
}

fn is_of_this_machine(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || name.eq_ignore_ascii_case(HOST_OF_CONTAINERS)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn is_refused(listener: &str, host: &str, uri: &str) -> bool {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).unwrap())]);
        refused_name(listener.parse().unwrap(), &uri.parse().unwrap(), &headers).is_some()
    }

    #[test]
    fn a_loopback_listener_answers_to_names_of_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "127.0.0.1:8000",
            "127.1.2.3",
            "[::1]:8000",
            "[::ffff:127.0.0.1]:1",
            "host.docker.internal:8001",
        ] {
            assert!(!is_refused("127.0.0.1:8000", host, "/users"), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "192.0.2.1",
            "[2001:db8::1]",
            "0.0.0.0:8000",
            "",
            "a b",
        ] {
            assert!(is_refused("127.0.0.1:8000", host, "/users"), "{host}");
            assert!(is_refused("[::1]:8000", host, "/users"), "{host}");
        }
        assert!(is_refused("127.0.0.1:8000", "localhost", "http://evil.example/users"));
    }

    #[test]
    fn other_listeners_answer_to_any_name() {
        for listener in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000"] {
            assert!(!is_refused(listener, "roster.example", "/users"), "{listener}");
        }
    }

    #[test]
    fn a_request_without_a_name_is_no_browsers() {
        assert!(refused_name(([127, 0, 0, 1], 1).into(), &Uri::from_static("/"), &HeaderMap::new()).is_none());
    }
}
