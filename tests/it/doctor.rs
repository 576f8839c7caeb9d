//! `roster doctor`: what it says of table, bucket and surroundings, in good order and out of it.

mod template;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use axum::http::StatusCode;
use roster::clock::Clock;
use roster::config::Config;
use roster::domain::Timestamp;
use roster::operations::diagnose::{Place, bucket, table};
use roster::operations::{Finding, Verdict, diagnose};
use serde_json::{Value, json};

use crate::harness::faults::{Fault, Faults, error};
use crate::harness::{Gallery, HASH};
use crate::local::{Server, roster as server};

const ON_AWS: Place<'_> = Place { table: "users", bucket: "pictures", is_embedded: false };

/// What is not as it should be, as `check: told -> mend`.
fn ills(findings: &[Finding]) -> Vec<String> {
    let ill = findings.iter().filter(|finding| finding.verdict > Verdict::Unknown);
    ill.map(|f| format!("{} {}: {} -> {}", f.verdict.word(), f.check, f.told, f.mend.as_deref().unwrap())).collect()
}

fn repository(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn the_template_is_what_it_asks_for() {
    let template = repository("template.yaml");
    let drawn = table::judge(&template::table(&template::properties(&template, "Table")), &ON_AWS);
    assert_eq!((drawn.len(), ills(&drawn)), (10, Vec::new()));
    let drawn = bucket::judge(&template::bucket(&template::properties(&template, "Bucket")), &ON_AWS);
    assert_eq!((drawn.len(), ills(&drawn)), (6, Vec::new()));
    assert!(drawn.iter().all(|finding| finding.verdict == Verdict::Ok));
}

/// What could be otherwise in the template: a line, another in its place, and what is then said.
const DEPARTURES: [(&str, &str, &str); 22] = [
    (
        "BillingMode: PAY_PER_REQUEST",
        "BillingMode: PROVISIONED",
        "warning table.billing: capacity is set ahead, and more than that is throttled -> aws dynamodb update-table --table-name users --billing-mode PAY_PER_REQUEST",
    ),
    (
        "DeletionProtectionEnabled: !Ref DeletionProtection",
        "DeletionProtectionEnabled: false",
        "warning table.protection: whoever may delete tables may delete this one -> aws dynamodb update-table --table-name users --deletion-protection-enabled",
    ),
    (
        "PointInTimeRecoveryEnabled: true",
        "PointInTimeRecoveryEnabled: false",
        "warning table.recovery: off: what is deleted by mistake is gone -> aws dynamodb update-continuous-backups --table-name users",
    ),
    (
        "StreamViewType: NEW_AND_OLD_IMAGES",
        "StreamViewType: KEYS_ONLY",
        "wrong table.stream: shows KEYS_ONLY: changes cannot be told apart -> aws dynamodb update-table --table-name users --stream-specification StreamEnabled=false, and then aws",
    ),
    (
        "        StreamViewType: NEW_AND_OLD_IMAGES\n",
        "        Other: x\n",
        "wrong table.stream: there is none: no change is told -> aws dynamodb update-table --table-name users --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES",
    ),
    (
        "AttributeName: expiresAt",
        "AttributeName: ttl",
        "wrong table.time-to-live: by ttl, not expiresAt -> aws dynamodb update-time-to-live",
    ),
    (
        "        Enabled: true\n      AttributeDefinitions",
        "        Enabled: false\n      AttributeDefinitions",
        "wrong table.time-to-live: off: receipts, counts and uploads are kept for ever -> aws dynamodb update-time-to-live --table-name users --time-to-live-specification Enabled=true,AttributeName=expiresAt",
    ),
    (
        "{AttributeName: sk, AttributeType: S}",
        "{AttributeName: sk, AttributeType: N}",
        "wrong table.keys: they are pk (S HASH) and sk (N RANGE), not pk and sk",
    ),
    (
        "{AttributeName: shard, AttributeType: N}",
        "{AttributeName: shard, AttributeType: S}",
        "wrong table.index.by_created: its keys are shard (S HASH) and createdKey (S RANGE)",
    ),
    (
        "IndexName: by_user_name",
        "IndexName: by_name",
        "wrong table.index.by_user_name: there is none: lists in its order fail -> deploy template.yaml",
    ),
    (
        "IndexName: by_user_name",
        "IndexName: by_name",
        "warning table.index: there are others, which cost with each write: by_name -> aws dynamodb update-table --table-name users --global-secondary-index-updates",
    ),
    (
        "updatedAt, avatar, lastNameKey, createdKey]",
        "updatedAt, lastNameKey, createdKey]",
        "wrong table.index.by_user_name: lacks avatar, which lists show -> delete index by_user_name",
    ),
    (
        "updatedAt, avatar, lastNameKey, createdKey]",
        "updatedAt, avatar, lastNameKey, createdKey, mark]",
        "warning table.index.by_user_name: holds mark, which no list shows",
    ),
    ("ProjectionType: INCLUDE", "ProjectionType: ALL", "warning table.index.by_created: holds every attribute"),
    (
        "BlockPublicPolicy: true",
        "BlockPublicPolicy: false",
        "wrong bucket.public-access: not blocked: a policy could show everybody's pictures -> aws s3api put-public-access-block --bucket pictures",
    ),
    (
        "Prefix: uploads/\n            ExpirationInDays",
        "Prefix: other/\n            ExpirationInDays",
        "warning bucket.lifecycle: uploads that nobody finished are kept for ever -> deploy template.yaml",
    ),
    (
        "Prefix: uploads/\n            ExpirationInDays",
        "Prefix: a\n            ExpirationInDays",
        "wrong bucket.lifecycle: pictures are removed after 1 days",
    ),
    ("ExpirationInDays: 1", "ExpirationInDays: 30", "warning bucket.lifecycle: uploads are forgotten after 30 days"),
    (
        "[GET, HEAD, PUT, POST]",
        "[GET, HEAD, PUT]",
        "warning bucket.cors: pages may not POST with any header -> aws s3api put-bucket-cors --bucket pictures",
    ),
    (
        "{Name: prefix, Value: uploads/}",
        "{Name: prefix, Value: avatars/}",
        "wrong bucket.events: nobody hears of uploads: no picture is ever judged",
    ),
    ("{Name: prefix, Value: uploads/}", "{Name: suffix, Value: x}", "warning bucket.events: pictures make events too"),
    ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "wrong bucket.events: nobody hears of uploads"),
];

#[test]
fn each_departure_from_the_template_is_found_with_its_mend() {
    let template = repository("template.yaml");
    for (from, to, told) in DEPARTURES {
        assert!(template.contains(from), "{from}");
        let changed = template.replacen(from, to, 1);
        let of_table = table::judge(&template::table(&template::properties(&changed, "Table")), &ON_AWS);
        let of_bucket = bucket::judge(&template::bucket(&template::properties(&changed, "Bucket")), &ON_AWS);
        let ills = ills(&[of_table, of_bucket].concat());
        assert!(ills.iter().any(|ill| ill.starts_with(told)), "{to}: {ills:#?}");
    }
}

fn config(gallery: &Gallery, dynamodb: &str, more: &[(&str, &str)]) -> Config {
    let s3 = gallery.s3_endpoint();
    let mut variables = BTreeMap::from([
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_ENDPOINT_URL_S3", s3.as_str()),
        ("ROSTER_TABLE", gallery.app.store.table()),
        ("ROSTER_BUCKET", gallery.app.avatars.bucket()),
    ]);
    variables.extend(more.iter().copied());
    Config::for_local(&|name| variables.get(name).map(|value| (*value).to_owned())).unwrap()
}

fn verdicts(findings: &[Finding]) -> BTreeMap<&str, Verdict> {
    findings.iter().map(|finding| (finding.check.as_str(), finding.verdict)).collect()
}

#[tokio::test]
async fn what_this_machine_makes_is_well_and_stays_as_it_was() {
    let gallery = Gallery::new().await;
    gallery.create("ada").await;
    let before = (gallery.items().await.len(), gallery.records().len());
    let findings = diagnose(&config(&gallery, &gallery.endpoint, &[]), true, Clock::system()).await;
    assert_eq!(ills(&findings), Vec::<String>::new());
    let unknown = findings.iter().filter(|finding| finding.verdict == Verdict::Unknown);
    let unknown: Vec<&str> = unknown.map(|finding| finding.check.as_str()).collect();
    assert_eq!(
        unknown,
        [
            "table.recovery",
            "table.protection",
            "bucket.public-access",
            "bucket.lifecycle",
            "bucket.versions",
            "bucket.cors",
            "bucket.events"
        ]
    );
    let well = findings.iter().filter(|finding| finding.verdict == Verdict::Ok);
    let well: Vec<&str> = well.map(|finding| finding.check.as_str()).collect();
    for check in
        ["table.keys", "table.index.by_last_name", "table.stream", "may.create-a-user", "may.remove-a-picture", "clock"]
    {
        assert!(well.contains(&check), "{check} in {well:?}");
    }
    assert_eq!((gallery.items().await.len(), gallery.records().len()), before, "nothing is left behind");
    let objects = gallery.s3.list_objects_v2().bucket(gallery.app.avatars.bucket()).send().await.unwrap();
    assert!(objects.contents().is_empty());
}

#[tokio::test]
async fn what_fails_is_told_and_the_rest_is_looked_at() {
    let gallery = Gallery::new().await;
    let off = TimeToLiveSpecification::builder().attribute_name("expiresAt").enabled(false).build().unwrap();
    let table = gallery.app.store.table();
    gallery.dynamodb.update_time_to_live().table_name(table).time_to_live_specification(off).send().await.unwrap();
    let faults = Faults::before(gallery.endpoint.strip_prefix("http://").unwrap().parse().unwrap()).await;
    faults.weather(Some(Box::new(|operation| match operation {
        "PutItem" | "Query" => Some(Fault::Error(StatusCode::BAD_REQUEST, error("AccessDeniedException"))),
        "DescribeContinuousBackups" => Some(Fault::Error(
            StatusCode::OK,
            json!({"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"}}}),
        )),
        _ => None,
    })));
    let late = Clock::settable(Timestamp::from_unix_millis(Clock::system().now().unix_millis() + 600_000));
    let more = [
        ("ROSTER_AUTH", "jwt"),
        ("ROSTER_JWT_ISSUER", "http://127.0.0.1:9"),
        ("ROSTER_JWT_AUDIENCE", "roster"),
        ("ROSTER_PASSWORD_PEPPER_SSM", "/roster/pepper"),
        ("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9"),
        ("ROSTER_EVENT_BUS", "roster"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", "http://127.0.0.1:9"),
        ("ROSTER_BUCKET", "elsewhere"),
    ];
    let findings = diagnose(&config(&gallery, &faults.url, &more), false, late).await;
    let verdicts = verdicts(&findings);
    for (check, verdict) in [
        ("tokens", Verdict::Wrong),
        ("pepper", Verdict::Wrong),
        ("events", Verdict::Wrong),
        ("table", Verdict::Ok),
        ("table.time-to-live", Verdict::Wrong),
        ("table.recovery", Verdict::Warning),
        ("table.protection", Verdict::Warning),
        ("may.create-a-user", Verdict::Warning),
        ("may.list-users", Verdict::Warning),
        ("may.change-a-user", Verdict::Ok),
        ("bucket", Verdict::Wrong),
        ("clock", Verdict::Wrong),
    ] {
        assert_eq!(verdicts.get(check), Some(&verdict), "{check}: {findings:#?}");
    }
    assert!(gallery.items().await.is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn no_table_no_answer_and_no_keys_are_three_things() {
    let gallery = Gallery::new().await;
    let faults = Faults::before(gallery.endpoint.strip_prefix("http://").unwrap().parse().unwrap()).await;
    let of_table = async |dynamodb: &str, table: &str| {
        let config = config(&gallery, dynamodb, &[("ROSTER_TABLE", table)]);
        let findings = diagnose(&config, false, Clock::system()).await;
        let verdicts = verdicts(&findings);
        assert_eq!((verdicts["table"], verdicts["bucket"]), (Verdict::Wrong, Verdict::Ok), "{findings:#?}");
        assert!(!verdicts.contains_key("table.keys") && !verdicts.contains_key("may.create-a-user"));
        ills(&findings).remove(0)
    };
    let told = of_table(&gallery.endpoint, "nowhere").await;
    assert!(told.starts_with("wrong table: table nowhere is not there -> set ROSTER_TABLE"), "{told}");
    let told = of_table("http://127.0.0.1:9", "users").await;
    assert!(told.contains("is not reached: ") && told.contains("-> check AWS_REGION"), "{told}");
    faults.weather(Some(Box::new(|_| {
        // Such a message quotes what was signed.
        let mut refusal = error("InvalidSignatureException");
        refusal["message"] = format!("x-amz-security-token:{HASH}").into();
        Some(Fault::Error(StatusCode::FORBIDDEN, refusal))
    })));
    let told = of_table(&faults.url, "users").await;
    assert!(told.contains("the keys are refused: InvalidSignatureException -> set AWS_ACCESS_KEY_ID"), "{told}");
    assert!(!told.contains(HASH));
}

/// The command, its exit code and what it prints.
fn doctor(folder: &Path, addresses: [&str; 2], args: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    command.current_dir(folder).arg("doctor").args(args).envs(variables.iter().copied());
    command.env_remove("AWS_ACCESS_KEY_ID");
    // An address contradicts --aws.
    if !args.contains(&"--aws") {
        command.env("ROSTER_DYNAMODB_LISTEN", addresses[0]).env("ROSTER_S3_LISTEN", addresses[1]);
    }
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_command_looks_at_a_folder_and_at_a_server() {
    const NOWHERE: [&str; 2] = ["127.0.0.1:9", "127.0.0.1:9"];
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (code, told) = doctor(at, NOWHERE, &[], &[]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("-> start `roster serve`"), "{told}");
    assert!(!at.join(".roster").exists(), "nothing is made by looking");

    let running = Server::start(&mut server(at));
    let (code, told) = doctor(at, [running.address("DynamoDB"), running.address("S3")], &[], &[]);
    assert_eq!(code, 0, "{told}");
    running.terminate();
    running.ended();

    let (code, told) = doctor(at, NOWHERE, &["--json"], &[]);
    assert_eq!(code, 0, "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["verdict"], "unknown");
    let stream = told["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "table.stream");
    assert_eq!(
        *stream.unwrap(),
        json!({"check": "table.stream", "verdict": "ok", "told": "shows NEW_AND_OLD_IMAGES", "mend": null})
    );

    let secret = "cGx1bS1wbHVtLXBsdW0=";
    let mistaken = [
        ("ROSTER_LIST_SHARDS", "0"),
        ("ROSTER_PASSWORD_PEPPER", secret),
        ("ROSTER_QUOTAS", "{"),
        ("SSL_CERT_FILE", "/nowhere"),
    ];
    let (code, told) = doctor(at, NOWHERE, &[], &mistaken);
    assert_eq!(code, 2, "{told}");
    for name in ["ROSTER_LIST_SHARDS", "ROSTER_PASSWORD_PEPPER", "ROSTER_QUOTAS", "SSL_CERT_FILE"] {
        assert!(told.lines().any(|line| line.starts_with("wrong") && line.contains(name)), "{name}: {told}");
    }
    assert!(!told.contains(secret), "{told}");
    let (code, told) = doctor(at, NOWHERE, &[], &mistaken[..3]);
    assert!(code == 2 && told.contains("table.keys"), "the rest is looked at: {told}");
    let (code, told) = doctor(at, NOWHERE, &["--aws"], &[]);
    assert!(
        code == 2 && told.contains("wrong    configuration  AWS_ACCESS_KEY_ID"),
        "nobody is asked without keys: {told}"
    );
}
