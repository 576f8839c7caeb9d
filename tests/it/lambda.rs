//! The Lambda door: every event in `events/`, through every front door, and the corners of paths, queries and bodies.

use std::fs;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::Query;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use lambda_http::request::LambdaRequest;
use roster::domain::{PersonName, Profile, User, UserId, UserName};
use roster::doors::{graphql, lambda};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::tokens::{Answer, ISSUER, KeyServer, Signer, key_set};
use crate::harness::{House, PASSWORD, Reply};

/// The user whom all events are about.
const ID: &str = "01980000-0000-7000-8000-000000000001";

fn events() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let doors = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    // Those of S3 and of the table's stream are other functions': see avatar_races and changes; GraphQL's are below.
    let others = ["s3", "dynamodb", "graphql"];
    let doors = doors.filter(|path| path.is_dir() && !others.iter().any(|other| path.ends_with(other)));
    let mut files: Vec<PathBuf> =
        doors.flat_map(|door| fs::read_dir(door).unwrap().map(|entry| entry.unwrap().path())).collect();
    files.sort();
    files
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn event(name: &str) -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(name))
}

/// Puts the user of the events into the directory.
async fn move_in(house: &House) {
    move_in_as(house, "ada.lovelace").await;
}

async fn move_in_as(house: &House, user_name: &str) {
    let now = house.clock.now();
    let profile = Profile {
        user_name: UserName::parse(user_name).unwrap(),
        first_name: PersonName::parse("Ada").unwrap(),
        last_name: PersonName::parse("Lovelace").unwrap(),
    };
    let user = User::new(UserId::parse(ID).unwrap(), profile, now);
    let hash = house.app.hasher.hash(PASSWORD.as_bytes(), house.app.hasher.salt()).await.unwrap();
    assert!(house.app.store.create_user(&user, &hash, None, now).await.is_ok());
}

async fn send(house: &House, name: &str, event: &Value) -> Reply {
    let request: LambdaRequest = serde_json::from_value(event.clone()).unwrap();
    let request = Request::from(request);
    let label = if event.to_string().contains("\"HEAD\"") { format!("HEAD {name}") } else { name.to_owned() };
    Reply::read(label, lambda::service(house.router.clone()).oneshot(request).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_answered_alike_at_every_front_door() {
    let files = events();
    assert_eq!(files.len(), 70, "fourteen operations at five front doors");
    let house = House::new().await;
    for file in files {
        let operation = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let door = file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        house.anyone().delete(&format!("/users/{ID}")).await;
        // The user whom create_user makes is another one.
        move_in_as(&house, if operation == "create_user" { "ada.lovelace" } else { "ada" }).await;
        let reply = send(&house, &format!("{door}/{operation}"), &read(&file)).await;
        let prefix = if door == "http-api-stage" { "/prod" } else { "" };
        match operation.as_str() {
            "create_user" => {
                let reply = reply.expect(201);
                let location = reply.header("location").to_owned();
                let stage = if door == "rest-api" {
                    format!("/{}", read(&file)["requestContext"]["stage"].as_str().unwrap())
                } else {
                    prefix.to_owned()
                };
                assert_eq!(location, format!("{stage}/users/{}", reply.json()["id"].as_str().unwrap()), "{reply}");
                let path = location.strip_prefix(&stage).unwrap().to_owned();
                house.anyone().delete(&path).await.expect(204);
                house.clock.advance_seconds(48 * 3600);
            }
            "get_user" | "verify_password" => assert_eq!(reply.expect(200).json()["id"], ID),
            "head_user" => assert!(reply.expect(200).body.is_empty()),
            "list_users" => assert_eq!(reply.expect(200).json()["users"][0]["id"], ID),
            "replace_user" => assert_eq!(reply.expect(200).json()["lastName"], "King"),
            "patch_user" => assert_eq!(reply.expect(200).json()["firstName"], "Augusta Ada"),
            "patch_user_json_patch" => assert_eq!(reply.expect(200).json()["lastName"], "Lovelace-Byron"),
            "delete_user" | "change_password" => assert!(reply.expect(204).body.is_empty()),
            "get_password_policy" => assert_eq!(reply.expect(200).json()["minLength"], 8),
            "health_live" => assert_eq!(reply.expect(200).json(), json!({"status": "ok"})),
            "get_problem" => assert_eq!(reply.expect(200).json()["status"], 409),
            "get_openapi" => assert_eq!(reply.expect(200).json()["info"]["title"], "Roster"),
            unknown => panic!("{unknown} has no expectation"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_graphql_has_an_event_that_its_function_answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events/graphql");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = files.map(|file| file.trim_end_matches(".json").to_owned()).collect();
    found.sort();
    let mut fields: Vec<&str> = graphql::FIELDS.iter().map(|(field, _)| *field).collect();
    fields.sort_unstable();
    assert_eq!(found, fields);
    let mut house = House::new().await;
    house.router = graphql::router(house.app.clone());
    let delete = async |id: &Value| {
        house.anyone().graphql("mutation($id: ID!) { deleteUser(id: $id) { id } }", &json!({"id": id})).await
    };
    for field in fields {
        delete(&json!(ID)).await;
        // The user whom createUser makes is another one.
        move_in_as(&house, if field == "createUser" { "ada.lovelace" } else { "ada" }).await;
        let reply = send(&house, field, &event(&format!("graphql/{field}.json"))).await.expect(200);
        assert!(reply.codes().is_empty(), "{reply}");
        // Nobody has asked for the upload that the event names.
        assert_eq!(reply.json()["data"][field].is_null(), field == "avatarUpload", "{reply}");
        if field == "createUser" {
            delete(&reply.data("/createUser/user/id")).await.data("/deleteUser/id");
        }
    }
}

/// As an event looks when API Gateway has checked a token: its claims are text, and nothing that we go by.
#[tokio::test]
async fn behind_the_gateways_own_authorizer_every_token_is_checked_again() {
    let signer = Signer::rs256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let house = crate::tokens::house(&server).await;
    let mut event = event("http-api/list_users.json");
    event["requestContext"]["authorizer"] = json!({"jwt": {
        "claims": {"iss": ISSUER, "aud": "[https://roster.example https://other.example]", "exp": "1.7953344E9", "scope": "users:admin"},
        "scopes": null,
    }});
    for (token, status) in [
        (Some(signer.token(&json!({"scope": "users:read"}))), 200),
        (Some(signer.token(&json!({"scope": "users:write"}))), 403),
        (Some(Signer::es256("1").token(&json!({"scope": "users:read"}))), 401),
        (None, 401),
    ] {
        event["headers"]["authorization"] = json!(token.map(|token| format!("Bearer {token}")).unwrap_or_default());
        assert_eq!(send(&house, "list_users", &event).await.status, status);
    }
    event["requestContext"]["authorizer"]["jwt"]["scopes"] = json!(["users:read"]);
    assert_eq!(send(&house, "list_users", &event).await.status, 401);
}

#[tokio::test]
async fn the_stage_is_taken_off_the_path_once() {
    let house = House::new().await;
    move_in(&house).await;
    let mut named = event("http-api-stage/get_user.json");
    for (raw_path, status) in [
        (format!("/prod/users/{ID}"), 200),
        (format!("/prod/prod/users/{ID}"), 404),
        (format!("/production/users/{ID}"), 404),
        ("/prod".to_owned(), 404),
    ] {
        named["rawPath"] = json!(raw_path);
        send(&house, &raw_path, &named).await.expect(status);
    }
    let mut default = event("http-api/get_user.json");
    default["rawPath"] = json!(format!("/prod/users/{ID}"));
    send(&house, "default stage", &default).await.problem(404, "not-found");
    let mut rest = event("rest-api/get_user.json");
    rest["requestContext"]["stage"] = json!("users");
    send(&house, "a stage named users", &rest).await.expect(200);
}

#[tokio::test]
async fn links_of_a_list_lead_on_behind_every_front_door() {
    let house = House::new().await;
    for name in ["ada", "bea", "cy"] {
        house.create(name).await;
    }
    for (door, path) in [
        ("http-api", "/users"),
        ("http-api-stage", "/prod/users"),
        ("rest-api", "/users"),
        ("function-url", "/users"),
        ("alb", "/users"),
    ] {
        let mut event = event(&format!("{door}/list_users.json"));
        let mut ask = async |query: &str| {
            event[if door == "rest-api" || door == "alb" { "path" } else { "rawPath" }] = json!(path);
            event["rawQueryString"] = json!(query);
            let decoded = |text: &str| if door == "alb" { text.to_owned() } else { text.replace("%20", " ") };
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let pairs: Value = pairs.map(|(name, value)| (name.to_owned(), json!(decoded(value)))).collect();
            event["queryStringParameters"] = pairs.clone();
            event["multiValueQueryStringParameters"] =
                pairs.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
            send(&house, door, &event).await.expect(200)
        };
        let target = |reply: &Reply, relation: &str| -> Option<String> {
            let end = format!("; rel=\"{relation}\"");
            let target =
                reply.header("link").split(", ").find_map(|link| link.strip_suffix(&end))?.trim_matches(['<', '>']);
            // Relative to the client's URL, whatever stands before its last part there.
            let (last, query) = target.split_once('?').unwrap();
            assert!(path.ends_with(&format!("/{last}")), "{reply}");
            Some(query.to_owned())
        };
        let mut reply = ask("sort=userName&limit=1&filter=userName%20pr").await;
        let mut seen = vec![reply.json()["users"][0]["userName"].clone()];
        while let Some(query) = target(&reply, "next") {
            reply = ask(&query).await;
            seen.push(reply.json()["users"][0]["userName"].clone());
        }
        assert_eq!(seen, ["ada", "bea", "cy"], "{door}");
        let first = ask(&target(&reply, "first").unwrap()).await;
        assert_eq!(first.json()["users"][0]["userName"], "ada", "{door}");
    }
}

#[tokio::test]
async fn odd_paths_queries_and_bodies_are_answered_and_not_panicked_at() {
    let house = House::new().await;
    for door in ["http-api", "http-api-stage", "rest-api", "function-url", "alb"] {
        let path_member = if door == "rest-api" || door == "alb" { "path" } else { "rawPath" };
        let mut get = event(&format!("{door}/get_user.json"));
        for path in [
            "/",
            "",
            "//users",
            "/users/%00",
            "/users/%FF",
            "/users/a%20b",
            "/users/ü",
            "/users/a b",
            "/users/../users",
            "/users/[x]",
        ] {
            get[path_member] = json!(path);
            let reply = send(&house, &format!("{door} {path}"), &get).await;
            assert!((400..500).contains(&reply.status.as_u16()), "{reply}");
        }
        let mut create = event(&format!("{door}/create_user.json"));
        for (body, is_base64, slug) in [
            (json!(null), false, "malformed-request"),
            (json!("e30="), true, "validation"),
            (json!("/////w=="), true, "malformed-request"),
            (json!("{"), false, "malformed-request"),
            (json!("ü"), false, "malformed-request"),
        ] {
            create["body"] = body;
            create["isBase64Encoded"] = json!(is_base64);
            let status = if slug == "validation" { 422 } else { 400 };
            send(&house, &format!("{door} body"), &create).await.problem(status, slug);
        }
    }
}

#[tokio::test]
async fn the_principal_is_the_role_and_not_its_session() {
    let mut house = House::new().await;
    house.app.auth = roster::config::Auth::Iam;
    house.router = roster::doors::rest::router(house.app.clone());
    for (door, is_signed) in
        [("http-api", true), ("http-api-stage", true), ("rest-api", true), ("function-url", true), ("alb", false)]
    {
        let reply = send(&house, door, &event(&format!("{door}/list_users.json"))).await;
        assert_eq!(reply.status.as_u16(), if is_signed { 200 } else { 401 }, "{reply}");
    }
    let mut by_role = event("http-api/list_users.json");
    by_role["headers"]["x-client-id"] = json!("arn:aws:sts::123456789012:assumed-role/billing-service");
    send(&house, "named by role", &by_role).await.expect(200);
    by_role["requestContext"]["authorizer"] = json!(null);
    send(&house, "without a principal", &by_role).await.problem(401, "unauthenticated");
}

/// Answers what it was asked, as JSON.
async fn echo(request: Request<Body>) -> axum::Json<Value> {
    let (parts, body) = request.into_parts();
    let query: Vec<(String, String)> = Query::try_from_uri(&parts.uri).map(|Query(pairs)| pairs).unwrap_or_default();
    let header = |name: &str| -> Vec<String> {
        parts.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    };
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    axum::Json(json!({
        "method": parts.method.as_str(), "path": parts.uri.path(), "query": query, "cookie": header("cookie"),
        "if-match": header("if-match"), "accept": header("accept"), "body": bytes,
    }))
}

#[tokio::test]
async fn what_a_client_sends_arrives_unchanged_through_every_front_door() {
    let router: axum::Router = axum::Router::new().fallback(echo);
    let bytes: Vec<u8> = (0..=255).collect();
    for door in ["http-api", "http-api-stage", "rest-api", "function-url", "alb"] {
        let mut event = event(&format!("{door}/patch_user.json"));
        let (query, encoded) = ("filter", "firstName%20eq%20%22Zo%C3%AB%22%26x%2By");
        let decoded = "firstName eq \"Zoë\"&x+y";
        if event.get("rawPath").is_some() {
            event["rawQueryString"] = json!(format!("{query}={encoded}&limit=2"));
            event["cookies"] = json!(["a=1", "b=2"]);
        } else {
            // API Gateway decodes, a load balancer does not.
            let value = if door == "alb" { encoded } else { decoded };
            event["queryStringParameters"] = json!({query: value, "limit": "2"});
            if door == "rest-api" {
                event["multiValueQueryStringParameters"] = json!({query: [value], "limit": ["2"]});
            }
            event["headers"]["cookie"] = json!("a=1; b=2");
        }
        event["headers"]["if-match"] = json!("\"1\", \"2\"");
        if door == "rest-api" {
            event["multiValueHeaders"]["if-match"] = json!(["\"1\", \"2\""]);
            event["multiValueHeaders"]["cookie"] = json!(["a=1; b=2"]);
        }
        event["body"] = json!(STANDARD.encode(&bytes));
        event["isBase64Encoded"] = json!(true);
        let request: LambdaRequest = serde_json::from_value(event).unwrap();
        let response = lambda::service(router.clone()).oneshot(Request::from(request)).await.unwrap();
        let seen: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
        assert_eq!(seen["method"], "PATCH", "{door}");
        assert_eq!(seen["path"], format!("/users/{ID}"), "{door}");
        let mut pairs: Vec<(String, String)> = serde_json::from_value(seen["query"].clone()).unwrap();
        pairs.sort();
        assert_eq!(pairs, [("filter".to_owned(), decoded.to_owned()), ("limit".to_owned(), "2".to_owned())], "{door}");
        assert_eq!(seen["cookie"], json!(["a=1; b=2"]), "{door}");
        assert_eq!(seen["if-match"], json!(["\"1\", \"2\""]), "{door}");
        assert_eq!(seen["body"], json!(bytes), "{door}");
    }
}
