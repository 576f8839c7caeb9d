//! Every operation of the API description times every kind of caller.

use std::collections::BTreeSet;

use axum::http::Method;
use roster::domain::actor::OPERATIONS;
use roster::doors::rest::throttle::ROUTES;
use roster::events::Feed;
use serde_json::{Value, json};

use crate::harness::tokens::{AUDIENCE, Answer, ISSUER, KeyServer, NOW, Signer, key_set};
use crate::harness::{House, Reply};

/// Callers, in the order of the columns below.
pub const PERSONAS: [&str; 12] = [
    "nobody", "garbage", "expired", "audience", "client", "read", "write", "delete", "verify", "admin", "self", "other",
];

/// What each may do: `+` it gets in, `1` 401, `3` 403, `4` 404 because it may not know that there is such a user.
///
/// Whoever gets in may still hear 404, 409 or 422 of what it asks for; it hears neither 401 nor 403.
#[rustfmt::skip]
const TABLE: &[(&str, &str)] = &[
    //                          nobody garbage expired audience client read write delete verify admin self other
    ("create_user",           "  1      1       1       1        3     3    +     3      3      +    3    3  "),
    ("list_users",            "  1      1       1       1        3     +    3     3      3      +    3    3  "),
    ("get_user",              "  1      1       1       1        3     +    4     4      4      +    +    4  "),
    ("replace_user",          "  1      1       1       1        3     3    +     4      4      +    +    4  "),
    ("patch_user",            "  1      1       1       1        3     3    +     4      4      +    +    4  "),
    ("delete_user",           "  1      1       1       1        3     3    4     +      4      +    3    4  "),
    ("change_password",       "  1      1       1       1        3     3    +     4      4      +    +    4  "),
    ("verify_password",       "  1      1       1       1        3     3    3     3      +      +    3    3  "),
    ("request_avatar_upload", "  1      1       1       1        3     3    +     4      4      +    +    4  "),
    ("get_avatar_upload",     "  1      1       1       1        3     +    +     4      4      +    +    4  "),
    ("get_avatar",            "  1      1       1       1        3     +    4     4      4      +    +    4  "),
    ("delete_avatar",         "  1      1       1       1        3     3    +     4      4      +    +    4  "),
    ("get_events",            "  1      1       1       1        3     3    3     3      3      +    3    3  "),
    ("get_password_policy",   "  +      +       +       +        +     +    +     +      +      +    +    +  "),
    ("health_live",           "  +      +       +       +        +     +    +     +      +      +    +    +  "),
    ("health_ready",          "  +      +       +       +        +     +    +     +      +      +    +    +  "),
    ("get_openapi",           "  +      +       +       +        +     +    +     +      +      +    +    +  "),
    ("get_docs",              "  +      +       +       +        +     +    +     +      +      +    +    +  "),
    ("get_problem",           "  +      +       +       +        +     +    +     +      +      +    +    +  "),
];

/// The operations that the description has now: method, path, name.
fn described() -> Vec<(Method, String, String)> {
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let name = operation["operationId"].as_str().expect("every operation has an operationId");
            found.push((method, path.clone(), name.to_owned()));
        }
    }
    found
}

#[test]
fn every_described_operation_is_in_the_permission_table_and_in_this_test() {
    let tested: BTreeSet<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    let listed: BTreeSet<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(tested, listed, "the permission table and this test list the same operations");
    for (method, path, name) in described() {
        assert!(listed.contains(name.as_str()), "{name} is in openapi.json but not in domain::actor::OPERATIONS");
        let action = OPERATIONS.iter().find(|(listed, _)| *listed == name).unwrap().1;
        let blank = |path: &str| {
            path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
        };
        let route = ROUTES.iter().find(|(m, p, _)| *m == method.as_str() && blank(p) == blank(&path));
        match action {
            Some(_) => {
                assert_eq!(route.map(|(_, _, name)| *name), Some(name.as_str()), "{method} {path} in throttle::ROUTES");
            }
            None => assert!(route.is_none(), "{name} is open to everyone and counts against no quota"),
        }
    }
}

#[tokio::test]
async fn every_operation_answers_every_persona_as_the_table_says() {
    let signer = Signer::es256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let mut house = House::with(&[
        ("ROSTER_AUTH", "jwt"),
        ("ROSTER_JWT_ISSUER", ISSUER),
        ("ROSTER_JWT_AUDIENCE", AUDIENCE),
        ("ROSTER_JWT_JWKS", &server.keys_url()),
        // Nobody listens there: health_ready says so, to everyone.
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
    ])
    .await;
    // Its listeners hear the end at once.
    let feed = Feed::default();
    feed.close();
    house.app.feed = Some(feed);
    house.router = roster::doors::rest::router(house.app.clone());
    let admin = signer.token(&json!({"scope": "users:admin"}));
    let (mut checked, mut wrong) = (0, Vec::new());
    for (method, path, name) in described() {
        let expected = row(&name);
        assert_eq!(expected.len(), PERSONAS.len(), "{name} has a row in this test");
        for (persona, expected) in PERSONAS.into_iter().zip(expected.chars()) {
            // Somebody to do it to, each time anew.
            let user = json!({"userName": format!("u{checked}"), "firstName": "A", "lastName": "B", "password": crate::harness::PASSWORD});
            let created = house.anyone().with("authorization", format!("Bearer {admin}")).post("/users", &user).await;
            let id = created.expect(201).json()["id"].as_str().unwrap().to_owned();
            checked += 1;
            let mut caller = house.anyone();
            if let Some(token) = token_of(&signer, persona, &id, NOW) {
                caller = caller.with("authorization", format!("Bearer {token}"));
            }
            if persona == "client" {
                caller = caller.with("x-client-id", "somebody-else");
            }
            let path = path
                .replace("{id}", &id)
                .replace("{slug}", "validation")
                .replace("{uploadId}", "01980000-0000-7000-8000-000000000002");
            let (content_type, body) = if method == Method::PATCH || method == Method::POST || method == Method::PUT {
                (Some("application/json"), b"{}".to_vec())
            } else {
                (None, Vec::new())
            };
            // A body that is refused would hide who is, so these get a good one.
            let body = match name.as_str() {
                // But of a create nobody hears what is wrong with it who may not create.
                "create_user" if expected != '+' => json!({"password": "1234"}).to_string().into_bytes(),
                "create_user" => json!({"userName": format!("n{checked}"), "firstName": "A", "lastName": "B", "password": crate::harness::PASSWORD}).to_string().into_bytes(),
                "replace_user" => json!({"userName": format!("r{checked}"), "firstName": "A", "lastName": "B"}).to_string().into_bytes(),
                "change_password" => json!({"currentPassword": crate::harness::PASSWORD, "newPassword": "another horse battery staple"}).to_string().into_bytes(),
                "verify_password" => json!({"userName": format!("u{}", checked - 1), "password": crate::harness::PASSWORD}).to_string().into_bytes(),
                "request_avatar_upload" => json!({"contentType": "image/png", "contentLength": 100}).to_string().into_bytes(),
                _ => body,
            };
            let reply = caller.send(method.clone(), &path, content_type, body).await;
            if !fits(&reply, expected) {
                wrong.push(format!("{name} by {persona} should be {expected}: {reply}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(checked, described().len() * PERSONAS.len());
}

/// What is expected of each persona at an operation.
pub fn row(operation: &str) -> String {
    TABLE.iter().find(|(listed, _)| *listed == operation).map_or_else(String::new, |(_, row)| row.replace(' ', ""))
}

/// The token of a persona, if it has one; `id` is the user that the call is about.
pub fn token_of(signer: &Signer, persona: &str, id: &str, now: i64) -> Option<String> {
    let scope = |scope: &str| Some(signer.token(&json!({"scope": format!("openid {scope}")})));
    match persona {
        "nobody" => None,
        "garbage" => Some("garbage".to_owned()),
        "expired" => Some(signer.token(&json!({"scope": "users:admin", "exp": now - 31}))),
        "audience" => Some(signer.token(&json!({"scope": "users:admin", "aud": "https://other.example"}))),
        "client" => scope("users:admin"),
        "self" => Some(signer.token(&json!({"sub": id}))),
        "other" => Some(signer.token(&json!({"sub": "01980000-0000-7000-8000-000000000001"}))),
        named => scope(&format!("users:{named}")),
    }
}

fn fits(reply: &Reply, expected: char) -> bool {
    match expected {
        '1' => reply.status == 401 && reply.headers.contains_key("www-authenticate"),
        '3' => reply.status == 403,
        '4' => reply.status == 404 && reply.json()["type"] == "/problems/not-found",
        _ if reply.status == 503 => reply.json()["dependencies"].is_object(),
        _ => {
            !matches!(reply.status.as_u16(), 401 | 403 | 500..)
                && (reply.status.as_u16() != 404 || reply.to_string().contains("avatar"))
        }
    }
}
