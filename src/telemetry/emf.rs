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

use std::fmt::Write;

use tracing::Level;

use super::line::quoted;
use crate::domain::Timestamp;

/// What a line has beside the metrics that are always written.
#[derive(Default)]
pub(super) struct Noted {
    /// Further metrics, each with a comma ahead.
    metrics: String,
    is_error: bool,
}

impl Noted {
    /// A field of the line is this number.
    pub fn number(&mut self, name: &str, value: f64) {
        if value > 0.0 {
            self.metrics += match name {
                "throttles" => r#",{"Name":"throttles","Unit":"Count"}"#,
                "quotaRefusals" => r#",{"Name":"quotaRefusals","Unit":"Count"}"#,
                // Who waited not at all for a turn has hashed nevertheless.
                "hash_ms" => {
                    r#",{"Name":"hash_ms","Unit":"Milliseconds"},{"Name":"hashQueue_ms","Unit":"Milliseconds"}"#
                }
                _ => "",
            };
        }
    }

    /// A field of the line is a text.
    pub fn text(&mut self, name: &str) {
        self.is_error |= name == "errorKind";
    }

    /// Writes the members that make metrics of the line.
    pub fn finish(&self, line: &mut String, level: Level, namespace: &str, now: Timestamp) {
        let namespace = quoted(namespace);
        let _ = write!(
            line,
            r#","faults":{},"_aws":{{"Timestamp":{},"CloudWatchMetrics":[{{"Namespace":{namespace},"Dimensions":[[],["operation"]],"Metrics":["#,
            u8::from(level != Level::INFO),
            now.unix_millis()
        );
        *line += r#"{"Name":"duration_ms","Unit":"Milliseconds"},{"Name":"faults","Unit":"Count"}"#;
        *line += &self.metrics;
        *line += "]}";
        if self.is_error {
            let _ = write!(
                line,
                r#",{{"Namespace":{namespace},"Dimensions":[["operation","errorKind"]],"Metrics":[{{"Name":"errors","Unit":"Count"}}]}}"#
            );
        }
        *line += if self.is_error { r#"]},"errors":1"# } else { "]}" };
    }
}
