//! Transactions that are sent twice, done once: `ClientRequestToken` of DynamoDB's `TransactWriteItems`, before the engine.
//!
//! The engine looks through all tokens of ten minutes at every transaction: the 75,000th of an import takes seven times as long
//! as the first, and memory grows by as much. So tokens do not reach it. What it answered is kept here as long as DynamoDB
//! keeps it, ten minutes, but for the latest transactions alone: more than the SDK's own retries can reach back.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;

/// How long DynamoDB keeps a token.
const KEPT_FOR: Duration = Duration::from_mins(10);
/// How many are kept at most: at the engine's highest rate, about 1,000 a second, a call of the SDK is over by then.
const KEPT: usize = 10_000;
/// The longest token.
const LONGEST: usize = 36;
/// The largest request that is read: more than DynamoDB takes.
const MOST_BYTES: usize = 32 * 1024 * 1024;
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const TRANSACTION: &str = "DynamoDB_20120810.TransactWriteItems";

/// A transaction that was done.
struct Done {
    /// Of the request, but for its token.
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

/// Whether a request is a transaction that may have a token.
pub(super) fn may_have_one(headers: &HeaderMap) -> bool {
    headers.get(TARGET).is_some_and(|target| target == TRANSACTION)
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
            return StatusCode::BAD_REQUEST.into_response();
        };
        let Some((token, body)) = without_token(&body) else {
            return engine(Request::from_parts(parts, body.into())).await;
        };
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let digest = hasher.finish();
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
            // What failed wrote nothing, and may be tried again.
            if parts.status == StatusCode::OK {
                *done = Some(Done { digest, body: body.to_vec().into() });
            }
            Response::from_parts(parts, body.into())
        };
        tokio::spawn(work).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    /// The token's place; the oldest ones go.
    fn slot(&self, token: String, now: Instant) -> Slot {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { slots, order } = &mut *known;
        while order.len() > KEPT || order.front().is_some_and(|(since, _)| now.duration_since(*since) >= KEPT_FOR) {
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

/// A transaction's token and the rest of it. None where there is no token, or one that the engine refuses.
fn without_token(body: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut call: Value = serde_json::from_slice(body).ok()?;
    match call.as_object_mut()?.remove("ClientRequestToken")? {
        Value::String(token) if (1..=LONGEST).contains(&token.len()) => Some((token, call.to_string().into_bytes())),
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

    use super::*;

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
        let engine = async move |request: Request<Body>| {
            let body = axum::body::to_bytes(request.into_body(), MOST_BYTES).await.unwrap();
            assert!(!String::from_utf8_lossy(&body).contains("ClientRequestToken"));
            tokio::task::yield_now().await;
            let number = calls.fetch_add(1, Ordering::Relaxed);
            if is_down { StatusCode::BAD_REQUEST.into_response() } else { number.to_string().into_response() }
        };
        let answer = tokens.clone().once(transaction(token, item), move |request| Box::pin(engine(request))).await;
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

    #[test]
    fn tokens_are_kept_for_ten_minutes_and_no_more_than_so_many() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let count = || tokens.0.lock().unwrap().slots.len();
        let first = tokens.slot("first".to_owned(), now);
        assert!(Arc::ptr_eq(&first, &tokens.slot("first".to_owned(), now + KEPT_FOR - Duration::from_secs(1))));
        assert!(!Arc::ptr_eq(&first, &tokens.slot("first".to_owned(), now + KEPT_FOR)));
        (0..KEPT + 500).for_each(|number| drop(tokens.slot(number.to_string(), now + KEPT_FOR)));
        assert!(count() <= KEPT + 1, "{}", count());
        assert_eq!(tokens.0.lock().unwrap().order.len(), count());
    }

    #[test]
    fn what_has_no_token_or_a_wrong_one_is_the_engines() {
        let long = format!(r#"{{"ClientRequestToken": "{}"}}"#, "x".repeat(37));
        for body in ["", "[]", "{}", r#"{"ClientRequestToken": ""}"#, r#"{"ClientRequestToken": 1}"#, &long] {
            assert!(without_token(body.as_bytes()).is_none(), "{body}");
        }
    }
}
