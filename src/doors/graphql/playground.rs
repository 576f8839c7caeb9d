//! GraphiQL at `GET /graphql`, in local mode, from files in the binary: the page asks no other host for anything.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::doors::rest::problem::{METHOD_NOT_ALLOWED, NOT_FOUND, Problem};

/// Only what comes from here runs. The editor positions its lines by style attributes, and its icons are data URLs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const NO_REFERRER: (HeaderName, HeaderValue) = (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));

/// Name, media type, whether it is compressed by gzip, bytes.
type Asset = (&'static str, &'static str, bool, &'static [u8]);

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const ASSETS: &[Asset] = &[
    ("start.js", JAVASCRIPT, false, include_bytes!("graphiql/start.js")),
    ("start.css", CSS, false, include_bytes!("graphiql/start.css")),
    ("graphiql.js", JAVASCRIPT, true, include_bytes!("graphiql/graphiql.js.gz")),
    ("graphiql.css", CSS, true, include_bytes!("graphiql/graphiql.css.gz")),
    ("react.js", JAVASCRIPT, true, include_bytes!("graphiql/react.js.gz")),
    ("react-dom.js", JAVASCRIPT, true, include_bytes!("graphiql/react-dom.js.gz")),
];

/// The page, for who asks for one. Operations come by POST alone: a URL ends up in logs.
pub async fn page(headers: HeaderMap) -> Response {
    let is_html = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    if !headers.get_all(header::ACCEPT).iter().any(is_html) {
        let allow = HeaderValue::from_static("POST");
        return Problem::new(METHOD_NOT_ALLOWED).with_header(header::ALLOW, allow).into_response();
    }
    let html = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    (html, [(header::CONTENT_SECURITY_POLICY, POLICY)], [NO_REFERRER], include_str!("graphiql/index.html"))
        .into_response()
}

/// One of its files. Every browser takes gzip, so there is no other form.
pub async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let (_, media_type, is_gzip, bytes) =
        *ASSETS.iter().find(|(known, ..)| *known == name).ok_or_else(|| Problem::new(NOT_FOUND))?;
    let mut response = ([(header::CONTENT_TYPE, media_type)], bytes).into_response();
    if is_gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
