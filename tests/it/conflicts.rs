//! What only the real DynamoDB answers: conflicts with other transactions, throttling, lost answers.

use axum::http::StatusCode;
use roster::domain::avatar::{Rejection, UploadId};
use roster::domain::{PasswordHash, UserId};
use roster::error::Error;
use serde_json::json;

use crate::harness::faults::{Fault, Faults, cancelled, error};
use crate::harness::{House, PASSWORD, new_user};

async fn house() -> (House, Faults) {
    let faults = Faults::start().await;
    let house = House::with(&[("AWS_ENDPOINT_URL_DYNAMODB", &faults.url)]).await;
    faults.calls();
    (house, faults)
}

fn conflict() -> Fault {
    Fault::Error(StatusCode::BAD_REQUEST, error("TransactionConflictException"))
}

#[tokio::test]
async fn each_operation_makes_few_calls() {
    let (house, faults) = house().await;
    let path = format!("/users/{}", house.create("ada").await);
    assert_eq!(faults.calls(), ["TransactWriteItems"]);
    house.anyone().get(&path).await.expect(200);
    assert_eq!(faults.calls(), ["GetItem"]);
    house.anyone().patch(&path, &json!({"firstName": "Eve"})).await.expect(200);
    assert_eq!(faults.calls(), ["GetItem", "UpdateItem"]);
    house.anyone().patch(&path, &json!({"userName": "eve"})).await.expect(200);
    assert_eq!(faults.calls(), ["GetItem", "TransactWriteItems"]);
    house.anyone().delete(&path).await.expect(204);
    assert_eq!(faults.calls(), ["GetItem", "TransactWriteItems", "Query"], "the last one looks for uploads");
}

#[tokio::test]
async fn a_change_waits_for_a_transaction_at_the_same_user() {
    let (house, faults) = house().await;
    let path = format!("/users/{}", house.create("ada").await);
    faults.next("UpdateItem", [conflict(), conflict()]);
    assert_eq!(house.anyone().patch(&path, &json!({"firstName": "Eve"})).await.expect(200).etag(), "\"2\"");
    faults.next("UpdateItem", (0..5).map(|_| conflict()));
    let reply = house.anyone().patch(&path, &json!({"firstName": "Ada"})).await.problem(503, "unavailable");
    assert_eq!(reply.header("retry-after"), "1");
}

#[tokio::test]
async fn a_create_waits_for_another_one_of_the_same_name_or_key() {
    let (house, faults) = house().await;
    faults.next("TransactWriteItems", [cancelled(&["TransactionConflict", "None", "None"])]);
    house.anyone().post("/users", &new_user("ada")).await.expect(201);

    // The first answer to this key is still being written: its name is taken already, and that must not be the answer.
    let keyed = house.anyone().with("idempotency-key", "k");
    let reasons = ["ConditionalCheckFailed", "None", "None", "TransactionConflict"];
    faults.next("TransactWriteItems", (0..5).map(|_| cancelled(&reasons)));
    let reply = keyed.post("/users", &new_user("eve")).await.problem(409, "request-in-progress");
    assert_eq!(reply.header("retry-after"), "1");
    keyed.post("/users", &new_user("eve")).await.expect(201);

    faults.next("TransactWriteItems", (0..5).map(|_| cancelled(&["TransactionConflict", "None", "None"])));
    house.anyone().post("/users", &new_user("eva")).await.problem(503, "unavailable");
}

#[tokio::test]
async fn a_create_whose_receipt_was_not_looked_at_is_not_told_that_its_own_name_is_taken() {
    let (house, faults) = house().await;
    let keyed = house.anyone().with("idempotency-key", "k");
    let first = keyed.post("/users", &new_user("ada")).await.expect(201);
    for throttle in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
        faults.next("TransactWriteItems", [cancelled(&["ConditionalCheckFailed", "None", "None", throttle])]);
        keyed.post("/users", &new_user("ada")).await.problem(503, "unavailable");
    }
    assert_eq!(keyed.post("/users", &new_user("ada")).await.expect(201).body, first.body);
}

#[tokio::test]
async fn writes_of_one_item_wait_for_a_transaction_at_it() {
    let (house, faults) = house().await;
    let store = &house.app.store;
    let user = UserId::parse(&house.create("ada").await).unwrap();
    let upload = UploadId::parse("01980000-0000-7000-8000-00000000000a").unwrap();
    let (old, new) = (PasswordHash::from_stored("old".to_owned()), PasswordHash::from_stored("new".to_owned()));
    faults.next("DeleteItem", [conflict(), conflict()]);
    store.forget_uploads(user, &[upload]).await.unwrap();
    faults.next("UpdateItem", [conflict(), conflict()]);
    store.reject_upload(user, upload, Rejection::NotAPicture).await.unwrap();
    faults.next("UpdateItem", [conflict(), conflict()]);
    assert!(!store.upgrade_credential(user, &old, &new).await.unwrap());

    faults.weather(Some(Box::new(|_| Some(conflict()))));
    for outcome in [
        store.forget_uploads(user, &[]).await,
        store.reject_upload(user, upload, Rejection::NotAPicture).await,
        store.upgrade_credential(user, &old, &new).await.map(drop),
    ] {
        assert!(matches!(outcome, Err(Error::Unavailable { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_counts_once() {
    let (house, faults) = house().await;
    faults.next("TransactWriteItems", [Fault::LostAnswer]);
    let path = format!("/users/{}", house.create("ada").await);
    faults.next("UpdateItem", [Fault::LostAnswer]);
    let reply = house.anyone().with("if-match", "\"1\"").patch(&path, &json!({"firstName": "Eve"})).await.expect(200);
    assert_eq!(reply.etag(), "\"2\"");
    faults.next("TransactWriteItems", [Fault::LostAnswer]);
    house.anyone().patch(&path, &json!({"userName": "eve"})).await.expect(200);
    faults.next("TransactWriteItems", [Fault::LostAnswer]);
    let change = json!({"currentPassword": PASSWORD, "newPassword": "a better horse battery staple"});
    house.anyone().put(&format!("{path}/password"), &change).await.expect(204);
    faults.next("TransactWriteItems", [Fault::LostAnswer]);
    house.anyone().delete(&path).await.expect(204);
    // A caller who has given the right password is remembered for a while, by hashes alone.
    let keys = house.keys().await;
    assert!(keys.iter().all(|key| key.starts_with("LIMIT#")), "{keys:?}");
}

#[tokio::test]
async fn a_busy_table_is_told_with_a_time_to_come_back() {
    let (house, faults) = house().await;
    let path = format!("/users/{}", house.create("ada").await);
    for (status, kind) in [
        (400, "ThrottlingException"),
        (400, "ProvisionedThroughputExceededException"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        faults.next("GetItem", (0..3).map(|_| Fault::Error(status, error(kind))));
        let reply = house.anyone().get(&path).await.problem(503, "unavailable");
        assert_eq!(reply.header("retry-after"), "1", "{kind}");
    }
    // A page is told without its estimate.
    faults.next("DescribeTable", (0..3).map(|_| Fault::Error(StatusCode::BAD_REQUEST, error("ThrottlingException"))));
    let page = house.anyone().get("/users?count=estimate").await.expect(200).json();
    assert!(page["users"].as_array().unwrap().len() == 1 && page.get("countEstimate").is_none(), "{page}");
    faults.next("TransactWriteItems", (0..3).map(|_| cancelled(&["ThrottlingError", "None", "None"])));
    house.anyone().post("/users", &new_user("eve")).await.problem(503, "unavailable");
    house.anyone().get(&path).await.expect(200);
}
