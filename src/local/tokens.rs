//! Transactions that are sent twice, done once: `ClientRequestToken` of DynamoDB's `TransactWriteItems`, before the engine.
//!
//! The engine looks through all tokens of ten minutes at every transaction, so that an import slows down with each row, and
//! grows: from 40 MiB at 10,000 rows to 90 on the way to 100,000. So tokens do not reach it. What it answered is kept here as long as DynamoDB
//! keeps it, ten minutes; but of more than [`KEPT`] transactions only those that the SDK's own retries can reach back to. Who
//! comes again is given the first answer, with the capacity that the first one took.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, Method, Request, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;
use tokio::runtime::Handle;

/// How long DynamoDB keeps a token.
const KEPT_FOR: Duration = Duration::from_mins(10);
/// How many are kept, beside those of less than [`LEAST`].
const KEPT: usize = 10_000;
/// By then a call of the SDK is over, with all its attempts.
const LEAST: Duration = Duration::from_secs(15);
/// The longest token.
const LONGEST: usize = 36;
/// The largest request that DynamoDB takes.
const MOST_BYTES: usize = 16 * 1024 * 1024;
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const TRANSACTION: &str = "DynamoDB_20120810.TransactWriteItems";

/// A transaction that was done.
struct Done {
    /// Of its items.
    digest: u64,
    /// The answer; a copy, for what was received shares the memory of its connection.
    body: Box<[u8]>,
}

/// Held while a transaction is under way, so that whoever comes with the same token waits for it.
type Slot = Arc<tokio::sync::Mutex<Option<Done>>>;

#[derive(Default)]
struct Known {
    slots: HashMap<String, Slot>,
    /// The oldest first.
    order: VecDeque<(Instant, String)>,
}

/// The tokens of the latest transactions.
#[derive(Clone, Default)]
pub(super) struct Tokens(Arc<Mutex<Known>>);

/// Whether a request is a transaction, which may have a token.
pub(super) fn may_have_one(request: &Request<Body>) -> bool {
    request.method() == Method::POST && request.headers().get(TARGET).is_some_and(|target| target == TRANSACTION)
}

impl Tokens {
    /// Hands a transaction on to `engine` without its token, unless one with that token was done. Runs to its end where nobody
    /// waits for it any more: whoever asks again finds what came of it.
    pub(super) async fn once<F>(
        self,
        request: Request<Body>,
        engine: impl FnOnce(Request<Body>) -> F + Send + 'static,
    ) -> Response<Body>
    where
        F: Future<Output = Response<Body>> + Send,
    {
        let (mut parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, MOST_BYTES).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let Some((token, digest, body)) = without_token(&body) else {
            return engine(Request::from_parts(parts, body.into())).await;
        };
        parts.headers.insert(CONTENT_LENGTH, body.len().into());
        let slot = self.slot(token, Instant::now());
        let work = async move {
            let mut done = slot.lock_owned().await;
            if let Some(done) = &*done {
                return if done.digest == digest { json(StatusCode::OK, done.body.to_vec()) } else { mismatch() };
            }
            let (parts, body) = engine(Request::from_parts(parts, body.into())).await.into_parts();
            let Ok(body) = axum::body::to_bytes(body, MOST_BYTES).await else {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            };
            // What failed may be tried again.
            if parts.status == StatusCode::OK {
                *done = Some(Done { digest, body: body.to_vec().into() });
            }
            Response::from_parts(parts, body.into())
        };
        Handle::current().spawn(work).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    /// The token's place; old ones go.
    fn slot(&self, token: String, now: Instant) -> Slot {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { slots, order } = &mut *known;
        while let Some((since, _)) = order.front() {
            let age = now.duration_since(*since);
            if age < LEAST || age < KEPT_FOR && order.len() < KEPT {
                break;
            }
            if let Some((_, oldest)) = order.pop_front() {
                slots.remove(&oldest);
            }
        }
        let slot = slots.entry(token.clone()).or_insert_with(|| {
            order.push_back((now, token));
            Slot::default()
        });
        Arc::clone(slot)
    }
}

/// A transaction's token, a digest of its items, and the call without its token. None where there is no token or a wrong one,
/// which is the engine's to judge.
fn without_token(body: &[u8]) -> Option<(String, u64, Vec<u8>)> {
    let mut call: Value = serde_json::from_slice(body).ok()?;
    match call.as_object_mut()?.remove("ClientRequestToken")? {
        Value::String(token) if (1..=LONGEST).contains(&token.len()) => {
            let mut hasher = DefaultHasher::new();
            call.get("TransactItems").map(Value::to_string).hash(&mut hasher);
            Some((token, hasher.finish(), call.to_string().into_bytes()))
        }
        _ => None,
    }
}

fn mismatch() -> Response<Body> {
    let kind = "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException";
    let error = serde_json::json!({"__type": kind, "Message": "another transaction has this client request token"});
    json(StatusCode::BAD_REQUEST, error.to_string().into_bytes())
}

fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

    use super::*;
    use crate::local::{DynamoDb, probe};

    fn transaction(token: &str, item: u32) -> Request<Body> {
        let call = serde_json::json!({"ClientRequestToken": token, "TransactItems": [{"Put": {"N": item}}]});
        Request::post("/").body(call.to_string().into()).unwrap()
    }

    /// Answers with the number of the call, and by an error while `is_down`.
    async fn send(
        tokens: &Tokens,
        token: &str,
        item: u32,
        calls: &Arc<AtomicU32>,
        is_down: bool,
    ) -> (StatusCode, String) {
        let calls = Arc::clone(calls);
        let engine = move |request: Request<Body>| async move {
            let body = axum::body::to_bytes(request.into_body(), MOST_BYTES).await.unwrap();
            assert!(!String::from_utf8_lossy(&body).contains("ClientRequestToken"));
            tokio::task::yield_now().await;
            let number = calls.fetch_add(1, Ordering::Relaxed);
            if is_down { StatusCode::BAD_REQUEST.into_response() } else { number.to_string().into_response() }
        };
        let answer = tokens.clone().once(transaction(token, item), engine).await;
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), MOST_BYTES).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_transaction_that_is_sent_again_is_done_once() {
        let (tokens, calls) = (Tokens::default(), Arc::default());
        assert_eq!(send(&tokens, "a", 1, &calls, true).await.0, StatusCode::BAD_REQUEST);
        let (one, other) = tokio::join!(send(&tokens, "a", 1, &calls, false), send(&tokens, "a", 1, &calls, false));
        assert_eq!((one.1.as_str(), other.1.as_str()), ("1", "1"), "what failed is tried again, what was done is not");
        let (status, told) = send(&tokens, "a", 2, &calls, false).await;
        assert!(status == StatusCode::BAD_REQUEST && told.contains("IdempotentParameterMismatch"), "{told}");
        assert_eq!(send(&tokens, "b", 2, &calls, false).await.1, "2");
    }

    #[tokio::test]
    async fn who_goes_away_finds_what_came_of_it() {
        let (tokens, calls, (go, wait)) = (Tokens::default(), Arc::default(), tokio::sync::oneshot::channel::<()>());
        let slow = tokens.clone().once(transaction("a", 1), async move |_| {
            wait.await.unwrap();
            "first".into_response()
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), slow).await.is_err());
        go.send(()).unwrap();
        assert_eq!(send(&tokens, "a", 1, &calls, false).await.1, "first");
        assert_eq!(calls.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn the_engine_knows_of_no_token() {
        let engine = DynamoDb::in_memory().unwrap();
        let client = probe::dynamodb(&engine.url());
        probe::create_table(&client).await;
        let put = async |name: &str| {
            let name = AttributeValue::S(name.to_owned());
            let put = Put::builder().table_name("people").item("pk", name);
            let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
            let items = TransactWriteItem::builder().put(put).build();
            client.transact_write_items().client_request_token("a").transact_items(items).send().await
        };
        put("ada").await.unwrap();
        put("ada").await.unwrap();
        let error = put("eve").await.unwrap_err().into_service_error();
        // Our words, and not the engine's.
        assert!(format!("{error:?}").contains("another transaction has this client request token"), "{error:?}");
    }

    #[test]
    fn tokens_are_kept_for_ten_minutes_and_of_many_the_latest() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let (last, late) = (now + Duration::from_secs(599), now + KEPT_FOR);
        let count = || tokens.0.lock().unwrap().slots.len();
        let first = tokens.slot("first".to_owned(), now);
        assert!(Arc::ptr_eq(&first, &tokens.slot("first".to_owned(), last)));
        assert!(!Arc::ptr_eq(&first, &tokens.slot("first".to_owned(), late)));
        (0..KEPT + 500).for_each(|number| drop(tokens.slot(number.to_string(), late)));
        assert_eq!(count(), KEPT + 501, "all are young");
        tokens.slot("last".to_owned(), late + LEAST);
        assert_eq!(count(), KEPT);
        assert_eq!(tokens.0.lock().unwrap().order.len(), KEPT);
    }

    #[test]
    fn the_same_items_are_the_same_transaction() {
        let digest =
            |rest: &str| without_token(format!(r#"{{"ClientRequestToken": "a", {rest}}}"#).as_bytes()).unwrap().1;
        let asked = digest(r#""TransactItems": [1], "ReturnConsumedCapacity": "TOTAL""#);
        assert_eq!(digest(r#""TransactItems": [1]"#), asked);
        assert_ne!(digest(r#""TransactItems": [2]"#), asked);
    }

    #[test]
    fn what_has_no_token_or_a_wrong_one_is_the_engines() {
        let long = format!(r#"{{"ClientRequestToken": "{}"}}"#, "x".repeat(37));
        for body in ["", "[]", "{}", r#"{"ClientRequestToken": ""}"#, r#"{"ClientRequestToken": 1}"#, &long] {
            assert!(without_token(body.as_bytes()).is_none(), "{body}");
        }
    }
}
