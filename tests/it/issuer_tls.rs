//! Keys over TLS: from a server that a certificate authority vouches for, and from no other.

use roster::app::App;
use roster::config::Config;
use serde_json::json;

use crate::harness::House;
use crate::harness::new_user;
use crate::harness::tls::{Authority, Certificate, ok};
use crate::harness::tokens::{AUDIENCE, Answer, ISSUER, KeyServer, Signer, key_set};
use crate::local::{Server, answer, roster};
use crate::tokens::{SCOPE, list};

const GOOD: Certificate = Certificate { name: "localhost", until_year: 4000 };

/// What a house answers to a good token whose key is at `url`.
async fn status(url: &str, roots: Option<&str>, signer: &Signer) -> u16 {
    let mut variables = vec![
        ("ROSTER_AUTH", "jwt"),
        ("ROSTER_JWT_ISSUER", ISSUER),
        ("ROSTER_JWT_AUDIENCE", AUDIENCE),
        ("ROSTER_JWT_JWKS", url),
    ];
    variables.extend(roots.map(|path| ("SSL_CERT_FILE", path)));
    let house = House::with(&variables).await;
    list(&house, &signer.token(&json!({"scope": SCOPE}))).await.status.as_u16()
}

#[tokio::test]
async fn keys_come_from_a_server_that_a_trusted_authority_vouches_for() {
    let signer = Signer::es256("1");
    let keys = ok(&key_set(&[&signer]).to_string());
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (file, strangers_file) = (authority.file(), stranger.file());
    let ours = file.path().to_str();
    let at = |port: u16| format!("https://localhost:{port}/keys");

    let good = at(authority.serve(&GOOD, keys.clone()));
    assert_eq!(status(&good, ours, &signer).await, 200);
    assert_eq!(status(&good, None, &signer).await, 503, "an authority that nobody named");
    assert_eq!(status(&good, strangers_file.path().to_str(), &signer).await, 503, "another authority");
    let other = at(authority.serve(&Certificate { name: "issuer.example", ..GOOD }, keys.clone()));
    assert_eq!(status(&other, ours, &signer).await, 503, "a certificate of another name");
    let expired = at(authority.serve(&Certificate { until_year: 2020, ..GOOD }, keys.clone()));
    assert_eq!(status(&expired, ours, &signer).await, 503, "an expired certificate");
    let port = good.split(':').nth(2).unwrap();
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: https://localhost:{port}\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(status(&at(authority.serve(&GOOD, moved)), ours, &signer).await, 503, "a redirection");
    let plain =
        KeyServer::start(Answer::Keys(key_set(&[&signer]))).url.replace("http://127.0.0.1", "https://localhost");
    assert_eq!(status(&plain, ours, &signer).await, 503, "a server without TLS");
}

/// The whole command, for it is the environment of a process that names the authority.
#[test]
fn a_process_trusts_the_authority_in_ssl_cert_file() {
    // Years ahead for the certificate, and now for the token: this server has the real clock.
    let signer = Signer::es256("1");
    let authority = Authority::new();
    let file = authority.file();
    let port = authority.serve(&GOOD, ok(&key_set(&[&signer]).to_string()));
    let folder = tempfile::tempdir().unwrap();
    let mut command = roster(folder.path());
    command.args(["--auth", "jwt", "--memory"]).env("SSL_CERT_FILE", file.path());
    command.env("ROSTER_JWT_ISSUER", ISSUER).env("ROSTER_JWT_AUDIENCE", AUDIENCE);
    command.env("ROSTER_JWT_JWKS", format!("https://localhost:{port}/keys"));
    let server = Server::start(&mut command);
    let times = json!({"scope": "users:write", "iat": 0, "exp": 4_000_000_000_u32});
    let (token, body) = (signer.token(&times), new_user("ada").to_string());
    let reply = answer(server.connect(&format!(
        "POST /users HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )));
    assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
    server.terminate();
    server.ended();
}

#[tokio::test]
async fn a_file_that_holds_no_certificate_stops_the_start() {
    let (file, broken) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(broken.path(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for (path, told) in [
        ("/does/not/exist", "cannot read"),
        (file.path().to_str().unwrap(), "no PEM certificate that can be read"),
        (broken.path().to_str().unwrap(), "no PEM certificate that can be read"),
    ] {
        let config = Config::for_local(&|name| (name == "SSL_CERT_FILE").then(|| path.to_owned())).unwrap();
        let mistake = App::new(&config).await.err().unwrap().to_string();
        assert!(mistake.starts_with("SSL_CERT_FILE") && mistake.contains(told), "{mistake}");
    }
}

#[tokio::test]
async fn keys_that_were_fetched_ahead_are_there_and_a_failure_does_no_harm() {
    let signer = Signer::es256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let house = crate::tokens::house(&server).await;
    house.app.warm().await;
    assert_eq!(server.asked(), 1, "fetched before the first request");
    list(&house, &signer.token(&json!({"scope": SCOPE}))).await.expect(200);
    assert_eq!(server.asked(), 1, "and not again by it");

    let server = KeyServer::start(Answer::Down);
    let house = crate::tokens::house(&server).await;
    house.app.warm().await;
    server.set(Answer::Keys(key_set(&[&signer])));
    // The very next request, at the same moment.
    list(&house, &signer.token(&json!({"scope": SCOPE}))).await.expect(200);
    // Where there are no tokens there is nothing to fetch.
    House::new().await.app.warm().await;
}
