//! Events as an HTTP API hands them to a function.

use serde_json::{Value, json};

/// An event for the operation `method path`.
pub fn event(method: &str, path: &str, body: Option<&Value>) -> Value {
    let (raw_path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": {
            "accept": "application/json, application/problem+json",
            "authorization": "AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20261122/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000",
            "content-type": "application/json",
            "host": "abcdef1234.execute-api.us-east-1.amazonaws.com",
            "user-agent": "billing-service/1.4",
            "x-amzn-trace-id": "Root=1-6b0292f0-3d683b8b04734faae651f476",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "authorizer": {"iam": {
                "accessKey": "ASIAIOSFODNN7EXAMPLE",
                "accountId": "123456789012",
                "callerId": "AROAIOSFODNN7EXAMPLE:billing",
                "userArn": "arn:aws:sts::123456789012:assumed-role/billing-service/billing",
                "userId": "AROAIOSFODNN7EXAMPLE:billing",
            }},
            "domainName": "abcdef1234.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdef1234",
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "billing-service/1.4",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "22/Nov/2026:07:00:00 +0000",
            "timeEpoch": 1_795_330_800_000_u64,
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    })
}
