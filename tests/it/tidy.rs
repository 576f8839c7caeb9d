//! The house rules that a machine can hold.

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
                "http::",
                "crate::store",
                "crate::app",
                "crate::operations",
                "crate::doors",
                "crate::error",
            ],
        ),
        ("src/operations", &["axum", "aws_sdk", "aws_smithy", "http::", "StatusCode", "crate::doors", "crate::local"]),
        ("src/store", &["axum", "http::", "crate::doors", "crate::operations", "crate::app", "crate::local"]),
        (
            "src/avatars",
            &["axum", "crate::doors", "crate::operations", "crate::app", "crate::local", "aws_sdk_dynamodb"],
        ),
        ("src/doors", &["aws_sdk_"]),
    ];
    for (folder, forbidden) in rules {
        for (path, text) in sources(folder) {
            for (number, line) in text.lines().enumerate() {
                let is_comment = line.trim_start().starts_with("//");
                let offence = forbidden.iter().find(|name| !is_comment && line.contains(*name));
                let is_forwarding =
                    *folder == "src/domain" && line.contains("crate::error") && text.contains("impl From");
                assert!(
                    offence.is_none() || is_forwarding,
                    "{}:{} names {}",
                    path.display(),
                    number + 1,
                    offence.unwrap()
                );
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
fn the_template_draws_the_table_as_the_code_does() {
    let template = template();
    let position = |text: &str| template.find(text).unwrap_or_else(|| panic!("{text} in template.yaml"));
    for (index, sort_key) in table::INDEXES {
        let start = position(&format!("IndexName: {index}"));
        let rest = &template[start..];
        let end = rest[1..]
            .find("IndexName:")
            .map_or(rest.len(), |end| end + 1)
            .min(rest.find("TimeToLiveSpecification").unwrap_or(rest.len()));
        let block = &rest[..end];
        let words: Vec<&str> =
            block.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
        assert!(words.contains(&"shard") && words.contains(&sort_key), "{index}: {block}");
        for name in table::projection(sort_key) {
            assert!(words.contains(&name), "{index} projects {name}: {block}");
        }
    }
    assert_eq!(template.matches("IndexName:").count(), table::INDEXES.len());
    position(&format!("AttributeName: {}", table::TIME_TO_LIVE));
}
