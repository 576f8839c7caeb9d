//! What comes of asking AWS about itself: an answer, or one of a few reasons why there is none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::date_time::{DateTime, Format};

use crate::domain::Timestamp;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<T> {
    /// The answer.
    Told(T),
    /// This engine does not know the question.
    Unknown,
    /// The caller may not ask it.
    Denied,
    /// There is nothing of that name.
    Absent,
    /// Anything else, in a few words. What the service wrote is not among them: it may quote what was signed.
    Failed(String),
}

impl<T> Asked<T> {
    /// The same with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Asked<U> {
        self.and_then(|answer| Asked::Told(change(answer)))
    }

    /// What becomes of the answer, if there is one.
    pub fn and_then<U>(self, change: impl FnOnce(T) -> Asked<U>) -> Asked<U> {
        match self {
            Self::Told(answer) => change(answer),
            Self::Unknown => Asked::Unknown,
            Self::Denied => Asked::Denied,
            Self::Absent => Asked::Absent,
            Self::Failed(why) => Asked::Failed(why),
        }
    }
}

/// Sorts out what a call of the SDK came to.
pub(crate) fn asked<T, E>(outcome: Result<T, SdkError<E, HttpResponse>>) -> Asked<T>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = match outcome {
        Ok(answer) => return Asked::Told(answer),
        Err(error) => error,
    };
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let Some(code) = error.as_service_error().map(|error| error.code().unwrap_or_default()) else {
        return Asked::Failed(beneath(&error));
    };
    match (code, status) {
        ("UnknownOperationException" | "InvalidAction" | "NotImplemented", _) | (_, 501) => Asked::Unknown,
        ("AccessDeniedException" | "AccessDenied", _) | ("" | "Forbidden", 403) => Asked::Denied,
        ("ResourceNotFoundException" | "TableNotFoundException" | "NoSuchBucket", _) | ("" | "NotFound", 404) => {
            Asked::Absent
        }
        ("PermanentRedirect" | "AuthorizationHeaderMalformed", _) | (_, 301 | 307) => {
            Asked::Failed("it is in another region".to_owned())
        }
        ("", status) => Asked::Failed(format!("status {status}")),
        (code, _) => Asked::Failed(code.to_owned()),
    }
}

/// What lies at the bottom of an error that is no answer of the service.
fn beneath(error: &(dyn std::error::Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |&error| error.source()).last();
    let text = last.map(ToString::to_string).unwrap_or_default();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Notes what time a service says it is, as its answers come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dated(Arc<Mutex<Option<(Timestamp, Instant)>>>);

impl Dated {
    /// What the clock shows now, less up to a second: answers tell whole ones.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        let (told, at) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = i64::try_from(at.elapsed().as_millis()).ok()?;
        Some(Timestamp::from_unix_millis(told.unix_millis() + since))
    }
}

impl Intercept for Dated {
    fn name(&self) -> &'static str {
        "dated"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let time = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok()?.to_millis().ok());
        if let Some(millis) = time {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((Timestamp::from_unix_millis(millis), Instant::now()));
        }
        Ok(())
    }
}
