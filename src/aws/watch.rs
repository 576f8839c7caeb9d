//! Watches every call to AWS: counts it in the scope of the request that makes it, and gives it no more time than that
//! request has left.

use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::retries::RequestAttempts;

use crate::scope::{self, OutOfTime, Scope};
use crate::telemetry::span;

/// What DynamoDB and S3 say when they are asked for too much.
const THROTTLES: [&str; 5] =
    ["ThrottlingException", "ThroughputExceeded", "RequestLimitExceeded", "ThrottlingError", "SlowDown"];

/// The watcher of one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    service: Service,
    call: Duration,
    attempt: Duration,
}

/// Whom the client calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    DynamoDb,
    S3,
    #[cfg(feature = "changes")]
    EventBridge,
}

impl Watch {
    /// Watches calls that may take so long, with all attempts and each.
    pub(super) fn new(service: Service, call: Duration, attempt: Duration) -> Self {
        Self { service, call, attempt }
    }
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(left) = scope::time_left() else { return Ok(()) };
        if left.is_zero() {
            return Err(OutOfTime.into());
        }
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(self.call.min(left))
            .operation_attempt_timeout(self.attempt.min(left))
            .build();
        config.interceptor_state().store_put(timeouts);
        Ok(())
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.service == Service::DynamoDb {
            ask_for_capacity(context.input_mut());
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_repeated = config.load::<RequestAttempts>().is_some_and(|attempt| attempt.attempts() > 1);
        scope::note(|scope| {
            match self.service {
                Service::DynamoDb => scope.dynamodb_calls.one(),
                Service::S3 => scope.s3_calls.one(),
                #[cfg(feature = "changes")]
                Service::EventBridge => scope.bus_calls.one(),
            }
            if is_repeated {
                scope.retries.one();
            }
        });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Service::DynamoDb, Ok(output)) = (self.service, context.output_or_error()) {
            scope::note(|scope| count_capacity(output, scope));
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.output_or_error().is_some_and(|outcome| outcome.is_err()) {
            span::fail_current();
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().is_some_and(is_throttled) {
            scope::note(|scope| scope.throttles.one());
        }
        Ok(())
    }
}

fn is_throttled(response: &HttpResponse) -> bool {
    let body = if response.status().is_success() { None } else { response.body().bytes() };
    let text = body.map(|body| String::from_utf8_lossy(&body[..body.len().min(4096)]));
    text.is_some_and(|text| THROTTLES.iter().any(|code| text.contains(code)))
}

macro_rules! operations {
    ($($input:ident -> $output:ident, $total:ident;)*) => {
        /// Has DynamoDB tell what the call takes.
        fn ask_for_capacity(input: &mut Input) {
            $(if let Some(input) = input.downcast_mut::<$input>() {
                input.return_consumed_capacity.get_or_insert(ReturnConsumedCapacity::Total);
                return;
            })*
        }

        fn count_capacity(output: &Output, scope: &Scope) {
            $(if let Some(output) = output.downcast_ref::<$output>() {
                scope.$total.add(output.consumed_capacity.iter().told());
            })*
        }
    };
}

operations! {
    GetItemInput -> GetItemOutput, read_milli_units;
    BatchGetItemInput -> BatchGetItemOutput, read_milli_units;
    QueryInput -> QueryOutput, read_milli_units;
    UpdateItemInput -> UpdateItemOutput, write_milli_units;
    TransactWriteItemsInput -> TransactWriteItemsOutput, write_milli_units;
    PutItemInput -> PutItemOutput, write_milli_units;
    DeleteItemInput -> DeleteItemOutput, write_milli_units;
}

/// Capacity as outputs tell it: for one table, or in a list of tables.
trait Told {
    /// In thousandths of a unit.
    fn told(self) -> u64;
}

impl<'a, T: Tables + 'a, I: Iterator<Item = &'a T>> Told for I {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "units are few and not negative")]
    fn told(self) -> u64 {
        let units: f64 = self.flat_map(Tables::tables).filter_map(|table| table.capacity_units).sum();
        (units * 1000.0).round() as u64
    }
}

trait Tables {
    fn tables(&self) -> &[ConsumedCapacity];
}

impl Tables for ConsumedCapacity {
    fn tables(&self) -> &[ConsumedCapacity] {
        std::slice::from_ref(self)
    }
}

impl Tables for Vec<ConsumedCapacity> {
    fn tables(&self) -> &[ConsumedCapacity] {
        self
    }
}
