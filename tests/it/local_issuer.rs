//! `roster serve --auth jwt` and `roster token`: a development issuer of one's own.

use std::path::Path;
use std::process::Command;

use crate::harness::new_user;
use crate::local::{Server, answer, roster};

/// What `roster token` prints.
fn token(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    let output = command.current_dir(folder).arg("token").args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn status(server: &Server, head: &str, token: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let text = answer(server.connect(&request));
    (text[9..12].parse().unwrap(), text)
}

#[test]
fn a_server_takes_the_tokens_of_its_own_issuer() {
    let folder = tempfile::tempdir().unwrap();
    // A token may be made before the server has ever run.
    let writer = token(folder.path(), &["--scope", "users:write"]);
    for arguments in [&["--auth", "jwt"][..], &["--auth", "jwt", "--memory"]] {
        let server = Server::start(roster(folder.path()).args(arguments));
        assert!(server.banner.contains("roster token --data .roster"), "{}", server.banner);
        assert!(server.get("/users").starts_with("HTTP/1.1 401"));
        assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
        assert!(server.get("/.well-known/jwks.json").contains(r#""crv":"P-256""#));

        let (created, text) = status(&server, "POST /users", &writer, &new_user("ada").to_string());
        assert_eq!(created, 201, "{text}");
        let id = text.split(r#""id":""#).nth(1).unwrap().split('"').next().unwrap();
        let one = format!("GET /users/{id}");
        assert_eq!(status(&server, &one, &writer, "").0, 404, "a writer may not read");
        let ada = token(folder.path(), &["--sub", id]);
        assert_eq!(status(&server, &one, &ada, "").0, 200, "a user may read itself");
        assert_eq!(status(&server, "GET /users", &ada, "").0, 403, "and nobody else");
        let billing = token(folder.path(), &["--scope", "users:read", "--client", "billing", "--expires", "15m"]);
        assert_eq!(status(&server, &one, &billing, "").0, 200);
        let elsewhere = tempfile::tempdir().unwrap();
        let stranger = token(elsewhere.path(), &["--scope", "users:read"]);
        assert_eq!(status(&server, &one, &stranger, "").0, 401);
        server.terminate();
        server.ended();
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = folder.path().join(".roster/issuer/key.pkcs8");
        assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o077, 0);
    }
}

#[test]
fn mistakes_in_a_token_are_told() {
    for (arguments, told) in [
        (&["--scope", "users:fly"][..], "there is no scope users:fly"),
        (&["--sub", "ada"], "expected the id of a user"),
        (&["--expires", "soon"], "expected a time such as"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_roster")).arg("token").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{output:?}");
    }
}
