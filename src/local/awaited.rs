//! Looks whether table and bucket are there, at endpoints that stand in for the engines.
//!
//! The server starts in any case: they may be made later, or be reached later.

use std::error::Error;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_s3::operation::head_bucket::HeadBucketError;

use crate::aws;
use crate::config::Config;

/// How long the answers may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns one line about what is missing or not reached, if anything is: the table if `table` is asked for, the bucket
/// if `bucket` is. An endpoint that refuses to tell is taken to be well.
pub(super) async fn missing(config: &Config, table: bool, bucket: bool) -> Option<String> {
    let clients = aws::clients(config).await.ok()?;
    let table = async { if table { of_table(&clients.dynamodb, config).await } else { None } };
    let bucket = async { if bucket { of_bucket(&clients.s3, config).await } else { None } };
    let (table, bucket) = tokio::join!(table, bucket);
    let troubles: Vec<String> = table.into_iter().chain(bucket).collect();
    if troubles.is_empty() {
        return None;
    }
    Some(format!("warning: {}; requests will fail until it is mended", troubles.join("; ")))
}

async fn of_table(client: &aws_sdk_dynamodb::Client, config: &Config) -> Option<String> {
    let once = aws_sdk_dynamodb::config::Builder::new().retry_config(RetryConfig::disabled());
    let asked = client.describe_table().table_name(&config.table).customize().config_override(once).send();
    let place = Place::new("table", &config.table, config.dynamodb_endpoint.as_deref());
    let Ok(answer) = tokio::time::timeout(PATIENCE, asked).await else { return Some(place.silent()) };
    let error = answer.err()?;
    match error.as_service_error() {
        Some(DescribeTableError::ResourceNotFoundException(_)) => Some(place.not_there()),
        Some(_) => None,
        None => Some(place.unreachable(&error)),
    }
}

async fn of_bucket(client: &aws_sdk_s3::Client, config: &Config) -> Option<String> {
    let once = aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled());
    let asked = client.head_bucket().bucket(&config.bucket).customize().config_override(once).send();
    let place = Place::new("bucket", &config.bucket, config.s3_endpoint.as_deref());
    let Ok(answer) = tokio::time::timeout(PATIENCE, asked).await else { return Some(place.silent()) };
    let error = answer.err()?;
    match error.as_service_error() {
        Some(HeadBucketError::NotFound(_)) => Some(place.not_there()),
        Some(_) => None,
        None => Some(place.unreachable(&error)),
    }
}

struct Place {
    what: String,
    endpoint: String,
}

impl Place {
    fn new(what: &str, name: &str, endpoint: Option<&str>) -> Self {
        Self { what: format!("{what} {name}"), endpoint: shown(endpoint.unwrap_or("AWS")) }
    }

    fn not_there(&self) -> String {
        format!("{} has no {} (--create makes it)", self.endpoint, self.what)
    }

    fn silent(&self) -> String {
        format!("{} did not answer within {} s when asked for {}", self.endpoint, PATIENCE.as_secs(), self.what)
    }

    fn unreachable(&self, error: &(dyn Error + 'static)) -> String {
        let cause = std::iter::successors(Some(error), |&error| error.source()).last().map(ToString::to_string);
        let cause = cause.unwrap_or_default();
        format!("{} is not reached: {}", self.endpoint, cause.split(" (os error").next().unwrap_or_default())
    }
}

/// Returns `url` as it may be printed: without a user and a password.
pub(super) fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..authority).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}://***{}", rest.get(at..).unwrap_or_default()),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, expected) in [
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("http://ada:plum@127.0.0.1:4566/x", "http://***@127.0.0.1:4566/x"),
            ("https://ada:pl@um@host/a@b", "https://***@host/a@b"),
            ("http://host/a@b", "http://host/a@b"),
            ("AWS", "AWS"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
