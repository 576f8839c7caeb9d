//! Asks the bucket about itself, and tries what this caller may do there. Nothing is written.
//!
//! Whether somebody may write pictures is not tried: S3 has no such question that could not leave an object behind.

use aws_sdk_s3::types::{BucketVersioningStatus, CorsRule, Event, ExpirationStatus, FilterRuleName, LifecycleRule};
use aws_sdk_s3::types::{NotificationConfigurationFilter, PublicAccessBlockConfiguration};

use super::Avatars;
use crate::aws::{Asked, Dated, asked};
use crate::domain::Timestamp;

/// An object that nobody has.
const NOBODYS: &str = "avatars/nobody/doctor";

/// What the bucket says.
#[derive(Debug)]
pub struct BucketFacts {
    /// Whether it is there.
    pub reach: Asked<()>,
    /// Whether every kind of public access is blocked; false where the bucket has no such block.
    pub is_private: Asked<bool>,
    /// What is removed by itself.
    pub expiries: Asked<Vec<Expiry>>,
    /// Whether old versions of objects are kept.
    pub is_versioned: Asked<bool>,
    /// Which pages may use it, by method, each with the origins that may.
    pub cors: Asked<Vec<Pages>>,
    /// Who hears of new objects.
    pub notices: Asked<Vec<Notice>>,
    /// What the service's clock shows, if it answered, less up to a second.
    pub date: Option<Timestamp>,
    /// What this caller may do: the IAM action, what it is for, and what came of trying it.
    pub tried: Vec<(&'static str, &'static str, Asked<()>)>,
}

/// Objects that are removed some days after they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// What their names begin with.
    pub prefix: String,
    /// After how many days.
    pub days: i32,
}

/// Pages that may use the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Such as `*`.
    pub origins: Vec<String>,
    /// Such as `PUT`.
    pub methods: Vec<String>,
    /// Such as `*`.
    pub headers: Vec<String>,
}

/// Somebody who hears of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// What the objects' names begin with.
    pub prefix: String,
}

impl Avatars {
    /// Asks everything at once; each question goes its own way.
    pub async fn inspect(&self) -> BucketFacts {
        let (s3, bucket, dated) = (&self.client, &*self.bucket, Dated::default());
        let reach = s3.head_bucket().bucket(bucket).customize().interceptor(dated.clone());
        let (reach, block, expiries, versions, cors, notices, pictures, list) = tokio::join!(
            reach.send(),
            s3.get_public_access_block().bucket(bucket).send(),
            s3.get_bucket_lifecycle_configuration().bucket(bucket).send(),
            s3.get_bucket_versioning().bucket(bucket).send(),
            s3.get_bucket_cors().bucket(bucket).send(),
            s3.get_bucket_notification_configuration().bucket(bucket).send(),
            s3.get_object().bucket(bucket).key(NOBODYS).send(),
            s3.list_objects_v2().bucket(bucket).prefix(NOBODYS).max_keys(1).send(),
        );
        let versions = asked(versions).map(|answer| answer.status);
        // Where versions are kept, or were, removing what is not there leaves a mark.
        let is_unmarked = matches!(versions, Asked::Told(None) | Asked::Unknown);
        let is_versioned = versions.map(|status| status == Some(BucketVersioningStatus::Enabled));
        let mut tried = vec![
            ("s3:GetObject", "read a picture", unless("NoSuchKey", asked(pictures))),
            ("s3:ListBucket", "list a user's pictures", asked(list).map(|_| ())),
        ];
        if is_unmarked {
            let removed = asked(s3.delete_object().bucket(bucket).key(NOBODYS).send().await);
            tried.push(("s3:DeleteObject", "remove a picture", unless("NoSuchKey", removed)));
        }
        BucketFacts {
            reach: asked(reach).map(|_| ()),
            is_private: or(
                "NoSuchPublicAccessBlockConfiguration",
                false,
                asked(block)
                    .map(|answer| answer.public_access_block_configuration.is_some_and(|block| is_private(&block))),
            ),
            expiries: or(
                "NoSuchLifecycleConfiguration",
                Vec::new(),
                asked(expiries).map(|answer| answer.rules.unwrap_or_default().into_iter().filter_map(expiry).collect()),
            ),
            is_versioned,
            cors: or(
                "NoSuchCORSConfiguration",
                Vec::new(),
                asked(cors).map(|answer| answer.cors_rules.unwrap_or_default().into_iter().map(pages).collect()),
            ),
            notices: asked(notices).map(|answer| {
                let queues = answer.queue_configurations.unwrap_or_default().into_iter();
                let functions = answer.lambda_function_configurations.unwrap_or_default().into_iter();
                let queues = queues.map(|queue| notice(&queue.events, queue.filter));
                queues.chain(functions.map(|function| notice(&function.events, function.filter))).collect()
            }),
            date: dated.time(),
            tried,
        }
    }
}

/// What a code of failure stands for instead.
fn or<T>(code: &str, instead: T, outcome: Asked<T>) -> Asked<T> {
    match outcome {
        Asked::Failed(found) if found == code => Asked::Told(instead),
        other => other,
    }
}

/// Whoever is told that nothing is there may ask.
fn unless<T>(code: &str, outcome: Asked<T>) -> Asked<()> {
    or(code, (), outcome.map(|_| ()))
}

fn is_private(block: &PublicAccessBlockConfiguration) -> bool {
    let all =
        [block.block_public_acls, block.ignore_public_acls, block.block_public_policy, block.restrict_public_buckets];
    all.iter().all(|blocked| *blocked == Some(true))
}

#[expect(deprecated, reason = "rules of an older form have their prefix there")]
fn expiry(rule: LifecycleRule) -> Option<Expiry> {
    let is_narrowed = rule.filter.as_ref().is_some_and(|filter| {
        filter.tag.is_some()
            || filter.and.is_some()
            || filter.object_size_greater_than.is_some()
            || filter.object_size_less_than.is_some()
    });
    let prefix = rule.filter.and_then(|filter| filter.prefix).or(rule.prefix).unwrap_or_default();
    let days = rule.expiration?.days?;
    (rule.status == ExpirationStatus::Enabled && !is_narrowed).then_some(Expiry { prefix, days })
}

fn pages(rule: CorsRule) -> Pages {
    Pages {
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers: rule.allowed_headers.unwrap_or_default(),
    }
}

fn notice(events: &[Event], filter: Option<NotificationConfigurationFilter>) -> Notice {
    let rules = filter.and_then(|filter| filter.key?.filter_rules).unwrap_or_default();
    let is_prefix = |name: &FilterRuleName| name.as_str().eq_ignore_ascii_case("prefix");
    let prefix = rules.into_iter().find(|rule| rule.name.as_ref().is_some_and(is_prefix)).and_then(|rule| rule.value);
    Notice {
        events: events.iter().map(|event| event.as_str().to_owned()).collect(),
        prefix: prefix.unwrap_or_default(),
    }
}
