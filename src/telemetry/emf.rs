//! Metrics, as CloudWatch reads them out of a log line: the embedded metric format
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
//!
//! The member `_aws` says which members of the line are metrics, and by what they are told apart. No call is made and no
//! second line is written, which is why no crate does it: `metrics_cloudwatch_embedded` gathers in a registry of the whole process
//! and writes documents of its own when it is flushed, and `metrique` (26 more crates) replaces the log line and its levels.
//!
//! Each metric costs money for each operation in each month, so there are few:
//!
//! | metric | in all and by `operation` | written |
//! |---|---|---|
//! | `duration_ms` | latency; its sample count is the count of requests | always |
//! | `faults` | 1 if the answer was our fault (5xx), else 0: its average is the error rate | always |
//! | `throttles` | answers of DynamoDB and S3 that asked us to slow down | where there were any |
//! | `hash_ms`, `hashQueue_ms` | hashing, and waiting for a turn | where a password was hashed |
//! | `quotaRefusals` | 1 | where a quota refused the request |
//! | `errors`, by `operation` and `errorKind` alone | 1 | where the answer was a problem |

use serde_json::{Map, Value, json};

use crate::domain::Timestamp;

const IN_ALL_AND_BY_OPERATION: &[&[&str]] = &[&[], &["operation"]];

/// Makes metrics of a request's line.
pub(super) fn add(line: &mut Map<String, Value>, namespace: &str, now: Timestamp) {
    let count = |line: &Map<String, Value>, name: &str| line.get(name).and_then(Value::as_f64).unwrap_or_default();
    let mut metrics =
        vec![json!({"Name": "duration_ms", "Unit": "Milliseconds"}), json!({"Name": "faults", "Unit": "Count"})];
    let is_fault = line.get("level").is_some_and(|level| level != "INFO");
    line.insert("faults".to_owned(), u8::from(is_fault).into());
    for (name, unit) in [
        ("throttles", "Count"),
        ("quotaRefusals", "Count"),
        ("hash_ms", "Milliseconds"),
        ("hashQueue_ms", "Milliseconds"),
    ] {
        // Who waited not at all for a turn has hashed nevertheless.
        let by = if name == "hashQueue_ms" { "hash_ms" } else { name };
        if count(line, by) > 0.0 {
            metrics.push(json!({"Name": name, "Unit": unit}));
        }
    }
    let mut directives =
        vec![json!({"Namespace": namespace, "Dimensions": IN_ALL_AND_BY_OPERATION, "Metrics": metrics})];
    if line.contains_key("errorKind") {
        line.insert("errors".to_owned(), 1.into());
        let metrics = [json!({"Name": "errors", "Unit": "Count"})];
        directives
            .push(json!({"Namespace": namespace, "Dimensions": [["operation", "errorKind"]], "Metrics": metrics}));
    }
    line.insert("_aws".to_owned(), json!({"Timestamp": now.unix_millis(), "CloudWatchMetrics": directives}));
}
