//! The house rules that a machine can hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use roster::store::table;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

fn template() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml")).unwrap()
}

#[test]
fn imports_point_one_way() {
    let rules: &[(&str, &[&str])] = &[
        (
            "src/domain",
            &[
                "axum",
                "aws_sdk",
                "aws_config",
                "serde",
                "tokio",
                "use http::",
                "crate::store",
                "crate::app",
                "crate::operations",
                "crate::doors",
                "crate::error",
            ],
        ),
        (
            "src/operations",
            &["axum", "aws_sdk", "aws_smithy", "use http::", "StatusCode", "crate::doors", "crate::local"],
        ),
        ("src/store", &["axum", "use http::", "crate::doors", "crate::operations", "crate::app", "crate::local"]),
        (
            "src/avatars",
            &["axum", "crate::doors", "crate::operations", "crate::app", "crate::local", "aws_sdk_dynamodb"],
        ),
        (
            "src/jwt",
            &["axum", "aws_sdk_", "crate::doors", "crate::operations", "crate::store", "crate::app", "crate::local"],
        ),
        ("src/doors/rest", &["aws_sdk_", "crate::store", "app.store", "app.avatars"]),
        ("src/doors/graphql", &["aws_sdk_", "crate::store", "app.store", "app.avatars"]),
        ("src/doors", &["aws_sdk_"]),
    ];
    for (folder, forbidden) in rules {
        for (path, text) in sources(folder) {
            for (number, line) in text.lines().enumerate() {
                let is_comment = line.trim_start().starts_with("//");
                let offence = forbidden.iter().find(|name| !is_comment && line.contains(*name));
                assert!(offence.is_none(), "{}:{} names {}", path.display(), number + 1, offence.unwrap());
            }
        }
    }
}

#[test]
fn nothing_scans_and_only_config_reads_the_environment() {
    for (path, text) in sources("src") {
        let name = path.to_string_lossy().into_owned();
        assert!(!text.contains(".scan()"), "{name} scans");
        assert!(name.contains("src/config/") || !text.contains("env::var"), "{name} reads the environment");
    }
}

#[test]
fn files_hold_one_thought() {
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        assert!(text.lines().count() <= 400, "{} has {} lines", path.display(), text.lines().count());
        assert!(text.starts_with("//!"), "{} does not say what lives in it", path.display());
    }
}

#[test]
fn the_template_names_only_variables_that_the_configuration_reads() {
    let config: String = sources("src/config").into_iter().map(|(_, text)| text).collect();
    let template = template();
    let names: Vec<&str> = template
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("ROSTER_"))
        .collect();
    for required in ["ROSTER_TABLE", "ROSTER_BUCKET", "ROSTER_AUTH"] {
        assert!(names.contains(&required), "{required} in template.yaml");
    }
    for name in names {
        assert!(config.contains(&format!("\"{name}\"")), "{name} is in template.yaml but not in src/config");
    }
}

#[test]
fn the_template_has_a_parameter_for_all_that_says_who_may_call_and_how_much() {
    let template = template();
    for (path, text) in sources("src/config") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !["auth.rs", "quota.rs", "door.rs"].contains(&name.as_str()) {
            continue;
        }
        let variables = text.split('"').filter(|word| word.starts_with("ROSTER_") && !word.contains(' '));
        // The deadline goes with the functions' timeout, which the next test compares.
        for variable in variables.filter(|name| *name != "ROSTER_DEADLINE_SECONDS") {
            assert!(template.contains(&format!("        {variable}: !Ref ")), "{variable} of src/config/{name}");
        }
    }
}

#[test]
fn the_functions_end_after_the_deadline_of_a_request() {
    let template = template();
    let (_, globals) = template.split_once("\nGlobals:").expect("globals in template.yaml");
    let (_, timeout) = globals.split_once("    Timeout: ").expect("a timeout of all functions");
    let timeout: u64 = timeout.lines().next().unwrap().parse().unwrap();
    let config = roster::config::Config::for_local(&|_| None).unwrap();
    assert!(config.door.deadline.as_secs() < timeout, "{:?} of {timeout} s", config.door.deadline);
    let parts = ["  Directory:", "  Credentials:"].map(|name| template.split_once(name).unwrap().1);
    for part in parts {
        let (function, _) = part.split_once("Policies:").unwrap();
        assert!(!function.contains("Timeout:"), "the functions of the API have the timeout of all");
    }
}

#[test]
fn the_template_draws_the_table_as_the_code_does() {
    let template = template();
    let start = template.find("Type: AWS::DynamoDB::Table").expect("a table in template.yaml");
    let end = template[start..].find("AWS::S3::Bucket").expect("the bucket after it") + start;
    let drawn = &template[start..end];
    let pairs = |text: &str, second: &str| -> BTreeSet<(String, String)> {
        let marker = format!(", {second}: ");
        let rows = text.lines().filter_map(|line| line.trim().strip_prefix("- {AttributeName: ")?.strip_suffix('}'));
        rows.filter_map(|row| row.split_once(&marker)).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    };
    let set = |rows: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    let (base, indexes) = drawn.split_once("GlobalSecondaryIndexes:").expect("indexes");
    assert_eq!(pairs(base, "KeyType"), set(&[("pk", "HASH"), ("sk", "RANGE")]));
    let mut attributes = vec![("pk", "S"), ("sk", "S"), ("shard", "N")];
    attributes.extend(table::INDEXES.map(|(_, sort_key)| (sort_key, "S")));
    assert_eq!(pairs(base, "AttributeType"), set(&attributes));
    for line in
        ["BillingMode: PAY_PER_REQUEST", "StreamViewType: NEW_AND_OLD_IMAGES", "PointInTimeRecoveryEnabled: true"]
    {
        assert!(drawn.contains(line), "{line}");
    }
    assert!(base.contains(&format!("AttributeName: {}\n        Enabled: true", table::TIME_TO_LIVE)));

    let blocks: Vec<&str> = indexes.split("- IndexName: ").skip(1).collect();
    assert_eq!(blocks.len(), table::INDEXES.len());
    for (block, (index, sort_key)) in blocks.iter().zip(table::INDEXES) {
        assert!(block.starts_with(index), "{block}");
        assert_eq!(pairs(block, "KeyType"), set(&[("shard", "HASH"), (sort_key, "RANGE")]));
        assert!(block.contains("ProjectionType: INCLUDE"));
        let (_, list) = block.split_once("NonKeyAttributes: [").expect("projected attributes");
        let projected: BTreeSet<&str> = list.split_once(']').expect("the list's end").0.split(", ").collect();
        assert_eq!(projected, table::projection(sort_key).collect::<BTreeSet<_>>(), "{index}");
    }
}
