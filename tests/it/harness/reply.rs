//! What came back, with checks that point at the caller.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    request: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads an answer whole, and holds every error to the problem format.
    pub async fn read(request: String, response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let reply = Self { request, status: parts.status, headers: parts.headers, body };
        assert!(reply.headers.contains_key("x-request-id"), "{reply}");
        let is_graphql =
            reply.headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"application/graphql"));
        if is_graphql && reply.status.as_u16() >= 400 {
            assert!(reply.json().get("data").is_none(), "{reply}");
            assert!(
                reply.json()["errors"].as_array().is_some_and(|errors| (1..=10).contains(&errors.len())),
                "{reply}"
            );
        } else if reply.status.as_u16() >= 400 && !reply.request.starts_with("HEAD") {
            let problem = reply.json();
            assert_eq!(reply.header("content-type"), "application/problem+json", "{reply}");
            assert_eq!(problem["status"], reply.status.as_u16(), "{reply}");
            assert_eq!(problem["requestId"], reply.header("x-request-id"), "{reply}");
            for member in ["type", "title", "detail", "instance"] {
                assert!(problem[member].is_string(), "{member} in {reply}");
            }
        }
        reply
    }

    /// Holds the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self}");
        self
    }

    /// Holds the status and the kind of problem.
    #[track_caller]
    pub fn problem(self, status: u16, slug: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.json()["type"], format!("/problems/{slug}"), "{reply}");
        reply
    }

    /// The codes of a GraphQL answer's errors, each with where it happened.
    #[track_caller]
    pub fn codes(&self) -> Vec<String> {
        let answer = self.json();
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        let shown = errors.iter().map(|error| {
            let path = error["path"]
                .as_array()
                .map(|path| path.iter().map(|part| part.to_string().replace('"', "")).collect::<Vec<_>>().join("."));
            let code = error["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code in {self}"));
            assert!(error["message"].as_str().is_some_and(|message| message.len() > 5), "{self}");
            format!("{} {code}", path.unwrap_or_default()).trim().to_owned()
        });
        shown.collect()
    }

    /// What a GraphQL answer holds at a pointer; there must be no error.
    #[track_caller]
    pub fn data(&self, pointer: &str) -> Value {
        let answer = self.json();
        assert!(answer.get("errors").is_none(), "{self}");
        answer["data"].pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} in {self}")).clone()
    }

    /// The places and codes of a problem's errors, as `place code`, in order of place.
    #[track_caller]
    pub fn errors(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors in {self}"));
        let mut shown: Vec<String> = errors
            .iter()
            .map(|error| {
                let place = error["pointer"].as_str().or(error["parameter"].as_str()).unwrap();
                assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self}");
                format!("{place} {}", error["code"].as_str().unwrap())
            })
            .collect();
        shown.sort();
        shown
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// A header's text; it must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self}")).to_str().unwrap()
    }

    /// The entity tag.
    #[track_caller]
    pub fn etag(&self) -> &str {
        self.header("etag")
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {} {:?} {}", self.request, self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}
