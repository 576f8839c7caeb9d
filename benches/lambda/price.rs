//! What AWS asks, in US dollars, for us-east-1 on demand, as published on 2026-11-22.

use crate::endpoint::Asked;

/// <https://aws.amazon.com/lambda/pricing/>, arm64.
const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// <https://aws.amazon.com/api-gateway/pricing/>, HTTP API.
const GATEWAY_REQUEST: f64 = 1.00 / 1e6;
/// <https://aws.amazon.com/dynamodb/pricing/on-demand/>
const READ_UNIT: f64 = 0.125 / 1e6;
const WRITE_UNIT: f64 = 0.625 / 1e6;
/// <https://aws.amazon.com/s3/pricing/>, Standard: what writes or lists, and what reads; removing costs nothing.
const S3_WRITE: f64 = 5.00 / 1e6;
const S3_READ: f64 = 0.40 / 1e6;

/// A million requests that take `milliseconds` each in `memory_mb`, and ask so much of DynamoDB and S3.
pub fn of_a_million(memory_mb: u32, milliseconds: f64, asked: Asked) -> f64 {
    let duration = milliseconds.ceil().max(1.0) / 1000.0 * f64::from(memory_mb) / 1024.0 * LAMBDA_GB_SECOND;
    let table = asked.read * READ_UNIT + asked.write * WRITE_UNIT;
    let bucket = f64::from(asked.s3_writes) * S3_WRITE + f64::from(asked.s3_reads) * S3_READ;
    (LAMBDA_REQUEST + GATEWAY_REQUEST + duration + table + bucket) * 1e6
}
