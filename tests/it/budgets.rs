//! What each operation asks of DynamoDB and S3: which calls, and how many capacity units. Money and latency hang on
//! these numbers, so they are exact; a row that changes is a decision.
//!
//! Calls are seen by a proxy before the engine, units are told by the engine and read from the request's log line. A
//! user of ordinary length fits into 1 kB, so a write takes one unit for the table and one for each index it touches,
//! twice that in a transaction.

use std::fmt::Write;

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::faults::Faults;
use crate::harness::{Gallery, House, PASSWORD, lines_of, new_user, picture, put};

const OTHER_PASSWORD: &str = "violet lanterns drift over Trieste";

/// What one request asked for.
#[derive(Debug, PartialEq)]
struct Asked {
    dynamodb: Vec<String>,
    s3: u64,
    read_units: f64,
    write_units: f64,
}

struct Budgets<'a> {
    house: &'a House,
    faults: &'a Faults,
    /// Every row that differs.
    wrong: String,
}

impl Budgets<'_> {
    /// Sends a request and holds it to its row; gives the answer.
    async fn row(
        &mut self,
        name: &str,
        (method, path, body): (Method, &str, Value),
        budget: (&[&str], u64, f64, f64),
    ) -> Value {
        self.faults.calls();
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let reply = self.house.anyone().send(method, path, Some("application/json"), body).await;
        assert!((200..400).contains(&reply.status.as_u16()), "{name}: {reply}");
        let line = lines_of(reply.header("x-request-id")).pop().unwrap();
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
        let (calls, s3, read_units, write_units) = budget;
        let budget = Asked { dynamodb: calls.iter().map(ToString::to_string).collect(), s3, read_units, write_units };
        if asked != budget {
            let _ = writeln!(self.wrong, "{name}\n  may ask {budget:?}\n  asked   {asked:?}");
        }
        if reply.body.is_empty() { Value::Null } else { reply.json() }
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
    let mut budgets = Budgets { house: &gallery, faults: &faults, wrong: String::new() };

    let new = (Method::POST, "/users", new_user("ada"));
    let user = budgets.row("create", new, (&["TransactWriteItems"], 0, 0.0, 9.0)).await;
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    budgets.row("get", get(&path), (&["GetItem"], 0, 1.0, 0.0)).await;
    budgets.row("policy", get("/password-policy"), (&[], 0, 0.0, 0.0)).await;
    budgets.row("openapi", get("/openapi.json"), (&[], 0, 0.0, 0.0)).await;
    budgets.row("live", get("/health/live"), (&[], 0, 0.0, 0.0)).await;

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
    gallery.deliver().await;
    let shown = budgets.row("get with avatar", get(&path), (&["GetItem"], 0, 1.0, 0.0)).await;
    assert!(shown["avatar"].is_string(), "{shown}");
    budgets.row("avatar link", get(&format!("{path}/avatar?size=64")), (&["GetItem"], 0, 1.0, 0.0)).await;

    let picture = format!("{path}/avatar");
    budgets.row("delete avatar", delete(&picture), (&["GetItem", "GetItem", "TransactWriteItems"], 5, 2.0, 5.0)).await;
    let calls: &[&str] = &["DeleteItem", "DeleteItem", "GetItem", "Query", "TransactWriteItems"];
    budgets.row("delete", delete(&path), (calls, 2, 2.0, 11.0)).await;

    assert!(budgets.wrong.is_empty(), "\n{}", budgets.wrong);
}

#[tokio::test]
async fn a_page_of_50_is_one_query_of_each_shard() {
    let faults = Faults::start().await;
    let house = House::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    for number in 0..200 {
        let mut user = new_user(&format!("user-{number}"));
        let user_members = user.as_object_mut().unwrap();
        user_members.remove("password");
        user_members.insert("passwordHash".to_owned(), crate::harness::HASH.into());
        house.anyone().post("/users", &user).await.expect(201);
    }
    let mut budgets = Budgets { house: &house, faults: &faults, wrong: String::new() };
    let queries = &["Query"; 8];
    let first = budgets.row("list 50", get("/users?limit=50"), (queries, 0, 4.0, 0.0)).await;
    assert_eq!(first["users"].as_array().unwrap().len(), 50);
    budgets.row("list 50 by name", get("/users?limit=50&sort=lastName"), (queries, 0, 4.0, 0.0)).await;
    let by_name = "/users?filter=userName%20eq%20%22user-7%22";
    let found = budgets.row("find by name", get(by_name), (&["GetItem", "GetItem"], 0, 2.0, 0.0)).await;
    assert_eq!(found["users"].as_array().unwrap().len(), 1);
    assert!(budgets.wrong.is_empty(), "\n{}", budgets.wrong);
}
