//! What each operation asks of DynamoDB and S3: which calls, and how many capacity units. Money and latency hang on
//! these numbers, so they are exact; a row that changes is a decision.
//!
//! Calls are seen by a proxy before the engine, units are told by the engine and read from the request's log line. A
//! user of ordinary length fits into 1 kB, so a write takes one unit for the table and one for each index it touches,
//! twice that in a transaction.

use std::fmt::Write;

use axum::http::Method;
use roster::doors::s3_events::{self, About};
use roster::ids::Ids;
use serde_json::{Value, json};

use crate::harness::faults::Faults;
use crate::harness::{Gallery, HASH, House, PASSWORD, Persona, lines_of, new_user, picture, put};

const OTHER_PASSWORD: &str = "violet lanterns drift over Trieste";

/// What one request asked for.
#[derive(Debug, PartialEq)]
struct Asked {
    dynamodb: Vec<String>,
    s3: u64,
    read_units: f64,
    write_units: f64,
}

/// What it may ask for: DynamoDB's calls, how many of S3's, read and write units.
type Budget<'a> = (&'a [&'a str], u64, f64, f64);

struct Budgets<'a> {
    caller: Persona<'a>,
    faults: &'a Faults,
    /// Every row that differs.
    wrong: String,
}

impl<'a> Budgets<'a> {
    fn of(house: &'a House, faults: &'a Faults) -> Self {
        Self { caller: house.anyone(), faults, wrong: String::new() }
    }

    /// Sends a request and holds it to its row; gives the answer.
    async fn row(&mut self, name: &str, (method, path, body): (Method, &str, Value), budget: Budget<'_>) -> Value {
        self.faults.calls();
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let reply = self.caller.send(method, path, Some("application/json"), body).await;
        assert!((200..400).contains(&reply.status.as_u16()), "{name}: {reply}");
        self.hold(name, reply.header("x-request-id"), budget);
        if reply.body.is_empty() { Value::Null } else { reply.json() }
    }

    /// The same for a GraphQL operation; gives its data.
    async fn graphql(&mut self, name: &str, query: &str, variables: &Value, budget: Budget<'_>) -> Value {
        let body = json!({"query": query, "variables": variables});
        let mut answer = self.row(name, (Method::POST, "/graphql", body), budget).await;
        assert!(answer.get("errors").is_none(), "{name}: {answer}");
        answer["data"].take()
    }

    /// Holds what was done under that id to its row.
    fn hold(&mut self, name: &str, request_id: &str, (calls, s3, read_units, write_units): Budget<'_>) {
        let line = lines_of(request_id).pop().unwrap();
        let mut dynamodb = self.faults.calls();
        // Those of one page are sent side by side, or of one deletion.
        dynamodb.sort();
        let number = |name: &str| line[name].as_f64().unwrap();
        let asked = Asked {
            dynamodb,
            s3: line["s3Calls"].as_u64().unwrap(),
            read_units: number("readUnits"),
            write_units: number("writeUnits"),
        };
        assert_eq!(line["dynamodbCalls"], asked.dynamodb.len(), "{name}: the line counts what the proxy sees");
        let budget = Asked { dynamodb: calls.iter().map(ToString::to_string).collect(), s3, read_units, write_units };
        if asked != budget {
            let _ = writeln!(self.wrong, "{name}\n  may ask {budget:?}\n  asked   {asked:?}");
        }
    }
}

fn get(path: &str) -> (Method, &str, Value) {
    (Method::GET, path, Value::Null)
}

fn delete(path: &str) -> (Method, &str, Value) {
    (Method::DELETE, path, Value::Null)
}

#[tokio::test]
async fn every_operation_keeps_to_its_calls_and_units() {
    let faults = Faults::start().await;
    let gallery = Gallery::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    let mut budgets = Budgets::of(&gallery, &faults);

    let new = (Method::POST, "/users", new_user("ada"));
    let user = budgets.row("create", new, (&["TransactWriteItems"], 0, 0.0, 9.0)).await;
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    budgets.row("get", get(&path), (&["GetItem"], 0, 1.0, 0.0)).await;
    budgets.row("policy", get("/password-policy"), (&[], 0, 0.0, 0.0)).await;
    budgets.row("openapi", get("/openapi.json"), (&[], 0, 0.0, 0.0)).await;
    budgets.row("live", get("/health/live"), (&[], 0, 0.0, 0.0)).await;
    budgets.row("ready", get("/health/ready"), (&["GetItem"], 1, 1.0, 0.0)).await;

    budgets.caller = gallery.anyone().with("idempotency-key", "once");
    let create = (Method::POST, "/users", new_user("grace"));
    budgets.row("create with a key", create.clone(), (&["TransactWriteItems"], 0, 0.0, 11.0)).await;
    // DynamoDB does not say what a refused transaction costs, which is as much as it would have written.
    budgets.row("create with a key, again", create, (&["TransactWriteItems"], 0, 0.0, 0.0)).await;
    budgets.caller = gallery.anyone();

    let change = (Method::PATCH, path.as_str(), json!({"firstName": "Eve"}));
    budgets.row("patch", change.clone(), (&["GetItem", "UpdateItem"], 0, 1.0, 4.0)).await;
    budgets.row("patch that changes nothing", change, (&["GetItem"], 0, 1.0, 0.0)).await;
    let names = json!({"userName": "ada", "firstName": "Ada", "lastName": "King"});
    budgets.row("put", (Method::PUT, &path, names), (&["GetItem", "UpdateItem"], 0, 1.0, 5.0)).await;
    let rename = (Method::PATCH, path.as_str(), json!({"userName": "eve"}));
    budgets.row("rename", rename, (&["GetItem", "TransactWriteItems"], 0, 1.0, 10.0)).await;

    // Name; user, credential and three counts; after the hash the counts again, so that parallel tries are worth no more.
    let claim = (Method::POST, "/users/verify-password", json!({"userName": "eve", "password": PASSWORD}));
    let calls: &[&str] = &["BatchGetItem", "BatchGetItem", "GetItem", "UpdateItem"];
    budgets.row("verify, first from this caller", claim.clone(), (calls, 0, 9.0, 1.0)).await;
    budgets.row("verify", claim, (&calls[..3], 0, 9.0, 0.0)).await;
    let password = json!({"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD});
    let change = (Method::PUT, format!("{path}/password"), password);
    let calls: &[&str] = &["BatchGetItem", "BatchGetItem", "GetItem", "TransactWriteItems"];
    budgets.row("change password", (change.0, &change.1, change.2), (calls, 0, 9.0, 4.0)).await;

    let file = picture(image::ImageFormat::Png, 16, 16, [10, 20, 30]);
    let wanted = json!({"contentType": "image/png", "contentLength": file.len()});
    let uploads = format!("{path}/avatar-uploads");
    let calls: &[&str] = &["Query", "TransactWriteItems"];
    let asked = budgets.row("avatar upload", (Method::POST, &uploads, wanted), (calls, 0, 1.0, 6.0)).await;
    let upload = format!("{uploads}/{}", asked["uploadId"].as_str().unwrap());
    budgets.row("avatar upload's state", get(&upload), (&["GetItem"], 0, 1.0, 0.0)).await;
    assert_eq!(put(&asked, &file).status, 200);
    faults.calls();
    let calls: &[&str] = &["GetItem", "GetItem", "GetItem", "TransactWriteItems"];
    let about = About { request_id: format!("event-{}", Ids::system().write_mark()), ..About::default() };
    s3_events::work_on(&gallery.app, gallery.waiting().await.remove(0), &about).await.unwrap();
    budgets.hold("judging", &about.request_id, (calls, 7, 3.0, 7.0));
    let shown = budgets.row("get with avatar", get(&path), (&["GetItem"], 0, 1.0, 0.0)).await;
    assert!(shown["avatar"].is_string(), "{shown}");
    budgets.row("avatar link", get(&format!("{path}/avatar?size=64")), (&["GetItem"], 0, 1.0, 0.0)).await;

    let picture = format!("{path}/avatar");
    budgets.row("delete avatar", delete(&picture), (&["GetItem", "GetItem", "TransactWriteItems"], 5, 2.0, 5.0)).await;
    let calls: &[&str] = &["DeleteItem", "DeleteItem", "GetItem", "Query", "TransactWriteItems"];
    budgets.row("delete", delete(&path), (calls, 2, 2.0, 11.0)).await;

    assert!(budgets.wrong.is_empty(), "\n{}", budgets.wrong);
}

/// Creates users whose names have so many letters.
async fn fill(house: &House, users: u32, letters: usize) {
    for number in 0..users {
        let name = "a".repeat(letters);
        let user =
            json!({"userName": format!("user-{number}"), "firstName": name, "lastName": name, "passwordHash": HASH});
        house.anyone().post("/users", &user).await.expect(201);
    }
}

#[tokio::test]
async fn a_page_of_50_is_one_query_of_each_shard() {
    let faults = Faults::start().await;
    let house = House::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    fill(&house, 200, 5).await;
    let mut budgets = Budgets::of(&house, &faults);
    let queries = &["Query"; 8];
    let first = budgets.row("list 50", get("/users?limit=50"), (queries, 0, 4.0, 0.0)).await;
    assert_eq!(first["users"].as_array().unwrap().len(), 50);
    let next = format!("/users?limit=50&cursor={}", first["nextCursor"].as_str().unwrap());
    budgets.row("list 50, the next page", get(&next), (queries, 0, 4.0, 0.0)).await;
    budgets.row("list 50 by name", get("/users?limit=50&sort=lastName"), (queries, 0, 4.0, 0.0)).await;
    let by_name = "/users?filter=userName%20eq%20%22user-7%22";
    let found = budgets.row("find by name", get(by_name), (&["GetItem", "GetItem"], 0, 2.0, 0.0)).await;
    assert_eq!(found["users"].as_array().unwrap().len(), 1);
    let query = "{ users(first: 50) { edges { node { id userName avatar } } } }";
    let page = budgets.graphql("GraphQL, list 50", query, &json!({}), (queries, 0, 4.0, 0.0)).await;
    assert_eq!(page["users"]["edges"].as_array().unwrap().len(), 50);
    assert!(budgets.wrong.is_empty(), "\n{}", budgets.wrong);
}

#[tokio::test]
async fn a_page_of_long_names_takes_two_steps_of_4_kb_from_each_shard() {
    let faults = Faults::start().await;
    let house = House::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    fill(&house, 200, 60).await;
    let mut budgets = Budgets::of(&house, &faults);
    budgets.row("list 50", get("/users?limit=50"), (&["Query"; 8], 0, 8.0, 0.0)).await;
    assert!(budgets.wrong.is_empty(), "\n{}", budgets.wrong);
}

#[tokio::test]
async fn a_quota_is_one_write_more() {
    let faults = Faults::start().await;
    let quotas = r#"{"default":{"quota":600,"window":60}}"#;
    let house = House::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url), ("ROSTER_QUOTAS", quotas)]).await;
    let user = format!("/users/{}", house.create("ada").await);
    let mut budgets = Budgets::of(&house, &faults);
    budgets.row("get", get(&user), (&["GetItem", "UpdateItem"], 0, 1.0, 1.0)).await;
    assert!(budgets.wrong.is_empty(), "\n{}", budgets.wrong);
}

/// A field of GraphQL asks for what its operation of REST asks for.
#[tokio::test]
async fn a_graphql_operation_keeps_to_the_same_calls_and_units() {
    let faults = Faults::start().await;
    let gallery = Gallery::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    let mut budgets = Budgets::of(&gallery, &faults);
    let query = "mutation($input: CreateUserInput!) { createUser(input: $input) { user { id } } }";
    let input = json!({"input": new_user("ada")});
    let created = budgets.graphql("createUser", query, &input, (&["TransactWriteItems"], 0, 0.0, 9.0)).await;
    let id = created["createUser"]["user"]["id"].as_str().unwrap().to_owned();
    let query = "query($id: ID) { user(id: $id) { userName } }";
    budgets.graphql("user", query, &json!({"id": id}), (&["BatchGetItem"], 0, 1.0, 0.0)).await;
    let query = "query($name: String) { user(userName: $name) { id } }";
    let calls: &[&str] = &["BatchGetItem", "BatchGetItem"];
    budgets.graphql("user by name", query, &json!({"name": "ada"}), (calls, 0, 2.0, 0.0)).await;
    let query =
        "mutation($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { user { version } } }";
    let change = json!({"id": id, "input": {"firstName": "Eve"}});
    budgets.graphql("updateUser", query, &change, (&["GetItem", "UpdateItem"], 0, 1.0, 4.0)).await;
    let query = "mutation($input: VerifyPasswordInput!) { verifyPassword(input: $input) { user { id } } }";
    let claim = json!({"input": {"userName": "ada", "password": PASSWORD}});
    let calls: &[&str] = &["BatchGetItem", "BatchGetItem", "GetItem", "UpdateItem"];
    budgets.graphql("verifyPassword, first from this caller", query, &claim, (calls, 0, 9.0, 1.0)).await;
    budgets.graphql("verifyPassword", query, &claim, (&calls[..3], 0, 9.0, 0.0)).await;
    let query = "mutation($id: ID!) { deleteUser(id: $id) { id } }";
    let calls: &[&str] = &["GetItem", "Query", "TransactWriteItems"];
    budgets.graphql("deleteUser", query, &json!({"id": id}), (calls, 0, 2.0, 9.0)).await;
    assert!(budgets.wrong.is_empty(), "\n{}", budgets.wrong);
}
