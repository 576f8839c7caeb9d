//! `roster import`, killed three times and run again: everyone is there once, and each bad row is told by line and column.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::import::{HASH, roster};

/// What is wrong with a bad row, in turn: the row's names, and the columns and codes that must be told.
const BAD: [(&str, &[(u64, &str)]); 4] = [
    ("us er,Augusta,King", &[(1, "invalid_characters")]),
    ("user,,King", &[(2, "required")]),
    ("user,Augusta,", &[(3, "required")]),
    ("u\u{430}ser,,King", &[(1, "mixed_scripts"), (2, "required")]),
];

/// `count` good rows, one bad row behind each hundred of them.
pub fn run(folder: &Path, count: u64) {
    let mut bad = Vec::new();
    let (mut text, mut line) = ("userName,firstName,lastName,passwordHash\n".to_owned(), 1);
    for number in 0..count {
        writeln!(text, "user{number:07},Augusta,Family{:06},\"{HASH}\"", number / 200).unwrap();
        line += 1;
        if number % 100 == 99 {
            let (names, faults) = BAD[bad.len() % BAD.len()];
            writeln!(text, "{names},\"{HASH}\"").unwrap();
            line += 1;
            bad.push((line, faults));
        }
    }
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("users.csv"), text).unwrap();
    let args = ["import", "users.csv", "--report", "report.ndjson"];
    // A command tells its progress every five seconds. Rows of former runs are passed again, faster.
    for quarter in 1..=3 {
        let mut child = roster(folder, &args).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let rows = |line: &String| line.split_once(" rows (").and_then(|(rows, _)| rows.parse::<u64>().ok());
        let reached = lines.filter_map(|line| rows(&line)).find(|rows| rows * 4 >= quarter * count);
        let reached = reached.unwrap_or_else(|| panic!("too few rows to be killed in the middle"));
        child.kill().unwrap();
        child.wait().unwrap();
        println!("killed at {reached} rows");
    }
    let output = roster(folder, &args).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    println!("{}", told.lines().last().unwrap());
    assert_eq!(output.status.code(), Some(3), "some rows are refused: {told}");

    let export = roster(folder, &["export", "-", "--format", "ndjson"]).output().unwrap();
    println!("{}", String::from_utf8_lossy(&export.stderr).lines().last().unwrap());
    let users: Vec<Value> = export.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let names: BTreeSet<&str> = users.iter().map(|user| user["userName"].as_str().unwrap()).collect();
    assert_eq!((users.len() as u64, names.len() as u64), (count, count), "users, distinct names");
    assert!(users.iter().all(|user| user["version"] == 1), "nobody was written twice");

    let report = std::fs::read_to_string(folder.join("report.ndjson")).unwrap();
    let report: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(report.len() as u64, line - 1, "a line for each row");
    let mut refused: Vec<&Value> = report.iter().filter(|row| row["outcome"] == "refused").collect();
    refused.sort_by_key(|row| row["line"].as_u64());
    assert_eq!(refused.len(), bad.len());
    for (row, (line, faults)) in refused.iter().zip(&bad) {
        let told: Vec<_> = row["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| (e["column"].as_u64().unwrap(), e["code"].as_str().unwrap()))
            .collect();
        assert_eq!((row["line"].as_u64().unwrap(), told.as_slice()), (*line, *faults));
    }
    println!("exactly {count} users, each once; {} bad rows told by line and column", bad.len());
}
