//! The console and the explorer: what `roster serve` serves beside the API, and that it is no more than files.

use roster::doors;

use crate::harness::House;
use crate::local::{Server, answer, roster};

fn ask(server: &Server, method: &str, path: &str, more: &str) -> String {
    answer(server.connect(&format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\r\n")))
}

#[test]
fn pages_are_served_with_a_strict_policy() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let s3 = format!("http://{}", server.address("S3"));
    for (path, of) in [("/", "Search people"), ("/docs", "id=\"explorer\""), ("/docs/", "id=\"explorer\"")] {
        let page = ask(&server, "GET", path, "accept: text/html\r\n");
        assert!(page.starts_with("HTTP/1.1 200"), "{path}: {page:.300}");
        assert!(page.contains("content-type: text/html; charset=utf-8"), "{path}: {page:.900}");
        assert!(page.contains(of), "{path}: {page}");
        let policy = page.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
        for part in ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains(" *") && !policy.contains("https:"), "{path}: {policy}");
        assert_eq!(policy.contains(&s3), path == "/", "{path}: {policy}");
        assert!(page.contains("x-content-type-options: nosniff") && page.contains("x-request-id: "), "{path}");
        assert!(!page.contains("<script>") && !page.contains("style=") && !page.contains("onclick"), "{path}: inline");
    }
    let script = ask(&server, "GET", "/assets/main.js", "");
    assert!(script.contains("content-type: text/javascript"), "{script:.600}");
    server.terminate();
    server.ended();
}

#[test]
fn programs_find_at_the_root_what_they_always_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let nothing = ask(&server, "GET", "/", "accept: application/json\r\n");
    assert!(nothing.starts_with("HTTP/1.1 404") && nothing.contains("/problems/not-found"), "{nothing}");
    let refused = ask(&server, "DELETE", "/", "");
    assert!(refused.starts_with("HTTP/1.1 405") && refused.contains("/problems/method-not-allowed"), "{refused}");
    let missing = ask(&server, "GET", "/assets/../Cargo.toml", "");
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
    assert!(ask(&server, "GET", "/openapi.json", "").contains("\"openapi\": \"3.1.0\""));
    server.terminate();
    server.ended();
}

#[test]
fn pages_repeat_nothing_of_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(roster(folder.path()).arg("--memory"));
    let body = |page: String| page.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap();
    for path in ["/", "/docs"] {
        let plain = body(ask(&server, "GET", path, ""));
        let more = "referer: http://mark.example/\r\nx-forwarded-host: mark.example\r\nuser-agent: <mark>\r\n";
        assert_eq!(
            plain,
            body(ask(&server, "GET", &format!("{path}?q=%3Cmark%3E&url=http://mark.example"), more)),
            "{path}"
        );
    }
    server.terminate();
    server.ended();
}

/// What `scripts/lambda-smoke` sees of the binaries themselves.
#[tokio::test]
async fn the_functions_have_no_pages() {
    let mut house = House::new().await;
    for router in [doors::rest::router(house.app.clone()), doors::graphql::router(house.app.clone())] {
        house.router = router;
        for path in ["/", "/docs", "/docs/explorer.js", "/assets/main.js", "/index.html"] {
            house.anyone().with("accept", "text/html").get(path).await.problem(404, "not-found");
        }
    }
}
