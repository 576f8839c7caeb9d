//! What S3's failures mean to an operation.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::Error;
use crate::scope::OutOfTime;

/// Error codes that ask for another try.
const PASSING: [&str; 4] = ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"];

/// Turns a failed call into an error: worth a retry, out of time, or ours.
pub fn failed<E>(context: &'static str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    // What stands before S3 has no codes.
    let is_their_fault = error.raw_response().is_some_and(|answer| answer.status().is_server_error());
    let is_passing = is_their_fault || PASSING.contains(&code);
    let unavailable = |reason, error: SdkError<E, HttpResponse>| Error::Unavailable {
        reason,
        retry_after_seconds: 1,
        source: Some(Box::new(error)),
    };
    match &error {
        SdkError::TimeoutError(_) => Error::Timeout(Box::new(error)),
        // Out of time before it was sent: nothing has happened, but the caller must act the same.
        SdkError::ConstructionFailure(_) if OutOfTime::is_beneath(&error) => Error::Timeout(Box::new(error)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Error::Timeout(Box::new(error)),
        SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => unavailable("S3 cannot be reached", error),
        SdkError::ServiceError(_) if is_passing => unavailable("S3 is busy", error),
        _ => Error::Internal { context, source: Some(Box::new(error)) },
    }
}
