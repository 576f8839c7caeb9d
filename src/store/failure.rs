//! What DynamoDB's failures mean to an operation.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

use crate::error::{Error, Source};
use crate::scope::OutOfTime;

/// Error codes that ask us to slow down.
const THROTTLES: [&str; 5] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "TransactionInProgressException",
];

/// Whether a write of one item met a transaction at that item. The SDK does not send it again.
pub fn is_conflict<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("TransactionConflictException")
}

/// Turns a failed call into an error: worth a retry, out of time, or ours.
pub fn failed<E>(context: &'static str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let status = error.raw_response().map(HttpResponse::status);
    let is_their_fault = status.is_some_and(|status| status.is_server_error() || status.as_u16() == 429);
    let is_passing = is_their_fault || THROTTLES.contains(&code);
    match &error {
        SdkError::TimeoutError(_) => Error::Timeout(source(error)),
        // Out of time before it was sent: nothing has happened, but the caller must act the same.
        SdkError::ConstructionFailure(_) if OutOfTime::is_beneath(&error) => Error::Timeout(source(error)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Error::Timeout(source(error)),
        SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => Error::Unavailable {
            reason: "DynamoDB cannot be reached",
            retry_after_seconds: 1,
            source: Some(source(error)),
        },
        SdkError::ServiceError(_) if is_conflict(&error) => Error::contended(),
        SdkError::ServiceError(_) if is_passing => {
            Error::Unavailable { reason: "DynamoDB is busy", retry_after_seconds: 1, source: Some(source(error)) }
        }
        _ => Error::Internal { context, source: Some(source(error)) },
    }
}

fn source(error: impl std::error::Error + Send + Sync + 'static) -> Source {
    Box::new(error)
}

/// Why a transaction did not happen.
pub enum Cancelled {
    /// Conditions failed; one reason for each item, in the transaction's order.
    Conditions(Vec<CancellationReason>),
    /// Another transaction holds one of the items; the places that met it.
    Conflict(Vec<usize>),
    /// Anything else.
    Failed(Error),
}

/// Sorts out a failed transaction.
pub fn cancelled(context: &'static str, error: SdkError<TransactWriteItemsError, HttpResponse>) -> Cancelled {
    let Some(TransactWriteItemsError::TransactionCanceledException(exception)) = error.as_service_error() else {
        return Cancelled::Failed(failed(context, error));
    };
    let reasons = exception.cancellation_reasons();
    let places = |code: &str| -> Vec<usize> {
        reasons.iter().enumerate().filter(|(_, reason)| reason.code() == Some(code)).map(|(place, _)| place).collect()
    };
    // Conflicts first: beside one, a failed condition tells only half, such as a taken name of our own earlier attempt.
    let conflicts = places("TransactionConflict");
    if !conflicts.is_empty() {
        return Cancelled::Conflict(conflicts);
    }
    // Throttles next, for the same reason: whose condition was not looked at is not told.
    if reasons.iter().any(|reason| matches!(reason.code(), Some("ThrottlingError" | "ProvisionedThroughputExceeded"))) {
        return Cancelled::Failed(Error::Unavailable {
            reason: "DynamoDB is busy",
            retry_after_seconds: 1,
            source: Some(Box::new(error)),
        });
    }
    if !places("ConditionalCheckFailed").is_empty() {
        return Cancelled::Conditions(reasons.to_vec());
    }
    Cancelled::Failed(Error::Internal { context, source: Some(Box::new(error)) })
}

/// Whether the reason at `place` is a failed condition.
pub fn is_condition_failed(reasons: &[CancellationReason], place: usize) -> bool {
    reasons.get(place).and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
}
