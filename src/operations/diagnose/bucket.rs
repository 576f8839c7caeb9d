//! The bucket against what `template.yaml` makes of it.

use super::Place;
use super::finding::{Finding, on, on_reach};
use crate::avatars::inspect::{BucketFacts, Notice};
use crate::aws::Asked;

/// Where files wait to be judged, and where pictures are.
const UPLOADS: &str = "uploads/";
const PICTURES: &str = "avatars/";
/// After how many days files are forgotten.
const DAYS: i32 = 1;
/// What pages do with links and forms that were issued to them.
const METHODS: [&str; 4] = ["GET", "HEAD", "PUT", "POST"];

/// Judges all that the bucket says about itself.
pub fn judge(facts: &BucketFacts, place: &Place<'_>) -> Vec<Finding> {
    let bucket = place.bucket;
    let absent = if place.is_embedded {
        "start `roster serve` once, which makes it"
    } else {
        "set ROSTER_BUCKET and AWS_REGION as the stack has them, or make it by `sam deploy`"
    };
    let unreached = if place.is_embedded {
        "start `roster serve`, or name its folder by --data or its address by --s3-listen"
    } else {
        "check AWS_REGION, AWS_ENDPOINT_URL_S3 and the network"
    };
    let reach = on_reach("bucket", "s3:ListBucket", &facts.reach, &format!("bucket {bucket}"), absent, unreached);
    if !matches!(facts.reach, Asked::Told(()) | Asked::Denied) {
        return vec![reach];
    }
    vec![
        reach,
        on("bucket.public-access", "s3:GetBucketPublicAccessBlock", &facts.is_private, |is_private| {
            let mend = format!(
                "aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration \
                 BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
            );
            if *is_private {
                Finding::ok("bucket.public-access", "blocked")
            } else {
                Finding::wrong("bucket.public-access", "not blocked: a policy could show everybody's pictures", mend)
            }
        }),
        of_expiries(facts),
        on("bucket.versions", "s3:GetBucketVersioning", &facts.is_versioned, |is_versioned| {
            let mend = format!(
                "aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Suspended, and remove the old versions"
            );
            if *is_versioned {
                Finding::warning("bucket.versions", "kept: pictures of deleted users stay", mend)
            } else {
                Finding::ok("bucket.versions", "not kept")
            }
        }),
        of_cors(facts, bucket),
        of_notices(facts),
    ]
}

fn of_expiries(facts: &BucketFacts) -> Finding {
    let check = "bucket.lifecycle";
    let deploy = "deploy template.yaml, whose rule forget-uploads expires the prefix uploads/ after a day";
    on(check, "s3:GetLifecycleConfiguration", &facts.expiries, |expiries| {
        // A rule is about all names that begin with its prefix.
        let meets = |prefix: &str, names: &str| prefix.starts_with(names) || names.starts_with(prefix);
        if let Some(rule) = expiries.iter().find(|rule| meets(&rule.prefix, PICTURES)) {
            let told = format!("pictures are removed after {} days, by a rule for {:?}", rule.days, rule.prefix);
            return Finding::wrong(check, told, deploy);
        }
        match expiries.iter().filter(|rule| UPLOADS.starts_with(&rule.prefix)).map(|rule| rule.days).min() {
            Some(DAYS) => Finding::ok(check, "uploads are forgotten after a day"),
            Some(days) => Finding::warning(check, format!("uploads are forgotten after {days} days"), deploy),
            None => Finding::warning(check, "uploads that nobody finished are kept for ever", deploy),
        }
    })
}

fn of_cors(facts: &BucketFacts, bucket: &str) -> Finding {
    let check = "bucket.cors";
    on(check, "s3:GetBucketCORS", &facts.cors, |rules| {
        let is_open = |method: &str| {
            rules.iter().any(|rule| {
                rule.methods.iter().any(|known| known == method)
                    && !rule.origins.is_empty()
                    && rule.headers.iter().any(|name| name == "*")
            })
        };
        let missing: Vec<&str> = METHODS.into_iter().filter(|method| !is_open(method)).collect();
        if missing.is_empty() {
            return Finding::ok(check, "pages may use their links");
        }
        let methods = METHODS.map(|method| format!("\"{method}\"")).join(",");
        let mend = format!(
            "aws s3api put-bucket-cors --bucket {bucket} --cors-configuration '{{\"CORSRules\":[{{\"AllowedOrigins\":[\"*\"],\
             \"AllowedMethods\":[{methods}],\"AllowedHeaders\":[\"*\"],\"ExposeHeaders\":[\"ETag\"],\"MaxAgeSeconds\":3000}}]}}'"
        );
        Finding::warning(check, format!("pages may not {} with any header", missing.join(", ")), mend)
    })
}

fn of_notices(facts: &BucketFacts) -> Finding {
    let check = "bucket.events";
    let deploy = "deploy template.yaml, whose bucket tells the queue of uploads of s3:ObjectCreated:* under uploads/";
    on(check, "s3:GetBucketNotification", &facts.notices, |notices| {
        let is_of =
            |notice: &&Notice, names: &str| notice.prefix.starts_with(names) || names.starts_with(&notice.prefix);
        let hears = |notice: &&Notice| {
            let has = |event: &str| notice.events.iter().any(|known| known == event);
            has("s3:ObjectCreated:*") || has("s3:ObjectCreated:Put") && has("s3:ObjectCreated:Post")
        };
        let hearing: Vec<&Notice> = notices.iter().filter(hears).collect();
        if !hearing.iter().any(|notice| UPLOADS.starts_with(&notice.prefix)) {
            return Finding::wrong(check, "nobody hears of uploads: no picture is ever judged", deploy);
        }
        if hearing.iter().any(|notice| is_of(notice, PICTURES)) {
            return Finding::warning(check, "pictures make events too, each of which is paid for", deploy);
        }
        Finding::ok(check, "uploads are told of, and they alone")
    })
}
