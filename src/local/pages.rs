//! The pages of local mode: the console at `/` and the explorer at `/docs`, from files inside the binary.
//!
//! They are plain files, the same for everybody: no answer repeats a part of the request. No other host is asked for anything,
//! and the policy that goes with them would stop it.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::doors::rest;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const CONSOLE: &[u8] = include_bytes!("../../console/index.html");
const EXPLORER: &[u8] = include_bytes!("../../explorer/index.html");

macro_rules! files {
    ($($path:literal $kind:ident $file:literal)*) => { &[$(($path, $kind, include_bytes!(concat!("../../", $file)))),*] };
}
const SVG: &str = "image/svg+xml";

/// What the pages load.
const FILES: &[(&str, &str, &[u8])] = files! {
    "/assets/api.js" SCRIPT "console/assets/api.js"
    "/assets/avatar.js" SCRIPT "console/assets/avatar.js"
    "/assets/console.css" STYLE "console/assets/console.css"
    "/assets/dom.js" SCRIPT "console/assets/dom.js"
    "/assets/editor.js" SCRIPT "console/assets/editor.js"
    "/assets/events.js" SCRIPT "console/assets/events.js"
    "/assets/icon.svg" SVG "console/assets/icon.svg"
    "/assets/list.js" SCRIPT "console/assets/list.js"
    "/assets/main.js" SCRIPT "console/assets/main.js"
    "/assets/password.js" SCRIPT "console/assets/password.js"
    "/assets/sheet.js" SCRIPT "console/assets/sheet.js"
    "/docs/explorer.css" STYLE "explorer/explorer.css"
    "/docs/explorer.js" SCRIPT "explorer/explorer.js"
    "/docs/swagger-ui-bundle.js" SCRIPT "explorer/swagger-ui-bundle.js"
    "/docs/swagger-ui.css" STYLE "explorer/swagger-ui.css"
};

const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Serves the pages beside `api`; `s3` is the endpoint that pictures go to and come from, AWS's own if there is none.
pub(super) fn beside(api: Router, app: &App, s3: Option<&str>) -> Router {
    let console = policy(&format!(
        "img-src 'self' blob: {s3}; connect-src 'self' {s3}",
        s3 = s3.and_then(origin).unwrap_or_else(|| "https://*.amazonaws.com".to_owned())
    ));
    // The viewer's style sheet has small pictures in it.
    let explorer = policy("img-src 'self' data:; connect-src 'self'");
    let mut pages = Router::new().route("/", get(async move |request: Request| home(request.headers(), console)));
    for path in ["/docs", "/docs/"] {
        let policy = explorer.clone();
        pages = pages.route(path, get(async move || file(HTML, EXPLORER, policy)));
    }
    for (path, kind, bytes) in FILES {
        let policy = policy("img-src 'none'");
        pages = pages.route(path, get(async move || file(kind, bytes, policy)));
    }
    rest::around(pages, app.clone()).with_state(app.clone()).fallback_service(api)
}

/// The console, or what a program that wants no page has always found here: nothing.
fn home(headers: &HeaderMap, policy: HeaderValue) -> Response {
    let vary = [(header::VARY, HeaderValue::from_static("accept"))];
    if takes_html(headers) {
        (vary, file(HTML, CONSOLE, policy)).into_response()
    } else {
        (vary, rest::problem::Problem::new(rest::problem::NOT_FOUND)).into_response()
    }
}

/// Whether `Accept` names HTML, or anything at all, or is not there.
fn takes_html(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).iter().map(|line| line.to_str().unwrap_or_default()).peekable();
    let is_absent = lines.peek().is_none();
    let mut ranges = lines.flat_map(|line| line.split(',')).filter_map(|range| range.split(';').next());
    is_absent || ranges.any(|range| matches!(range.trim(), "text/html" | "text/*" | "*/*"))
}

fn file(kind: &'static str, bytes: &'static [u8], policy: HeaderValue) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (OPENER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (headers, bytes).into_response()
}

/// A policy without inline scripts and styles, for a page that nobody may frame.
fn policy(more: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; {more}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority()?;
    let port = authority.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", uri.scheme_str()?, authority.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_no_more_than_that() {
        assert_eq!(origin("http://ada:plum@127.0.0.1:8002/x?y").as_deref(), Some("http://127.0.0.1:8002"));
        assert_eq!(origin("https://s3.example").as_deref(), Some("https://s3.example"));
        assert_eq!(origin("nonsense"), None);
    }

    #[test]
    fn who_asks_for_json_gets_no_page() {
        for (accept, expected) in [
            (&[][..], true),
            (&["text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"], true),
            (&["*/*"], true),
            (&["application/json"], false),
            (&["application/json", "text/html;q=0.1"], true),
        ] {
            let lines = accept.iter().map(|accept| (header::ACCEPT, HeaderValue::from_static(accept)));
            assert_eq!(takes_html(&lines.collect()), expected, "{accept:?}");
        }
    }

    #[test]
    fn every_file_of_the_console_is_served() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("console/assets");
        let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        found.sort();
        let served = FILES.iter().filter_map(|(path, _, _)| path.strip_prefix("/assets/"));
        assert_eq!(found, served.collect::<Vec<_>>());
    }
}
