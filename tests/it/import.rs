//! `roster import`, `export` and `generate` as processes, on a data folder.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::HASH;

fn roster(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    // Where nobody listens: the folder's own engine is meant.
    command.args(args).env("ROSTER_DATA", folder.join("data")).env("ROSTER_DYNAMODB_LISTEN", "127.0.0.1:9");
    command.env_remove("AWS_ENDPOINT_URL_DYNAMODB").current_dir(folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    roster(folder, args).output().unwrap()
}

/// Runs a command, holds its exit code, and gives what it said on standard error.
#[track_caller]
fn expect(folder: &Path, args: &[&str], code: i32) -> String {
    let output = run(folder, args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
    told
}

/// All users by name, as an export has them.
#[track_caller]
fn exported(folder: &Path, args: &[&str]) -> Vec<Value> {
    let output = run(folder, &[&["export", "-", "--format", "ndjson"], args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn names(users: &[Value]) -> Vec<&str> {
    users.iter().map(|user| user["userName"].as_str().unwrap()).collect()
}

fn csv(rows: &[&str]) -> String {
    let header = "userName,firstName,lastName,passwordHash\n".to_owned();
    rows.iter().fold(header, |text, row| format!("{text}{row},\"{HASH}\"\n"))
}

#[test]
fn what_goes_in_comes_out_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for file in ["a.csv", "b.csv.gz", "c.ndjson.zst", "d.jsonl"] {
        expect(at, &["generate", "40", file, "--seed", "3"], 0);
        std::fs::remove_dir_all(at.join("data")).ok();
        let told = expect(at, &["import", file], 0);
        assert!(told.contains("40 created, 0 already there"), "{file}: {told}");
    }
    let all = exported(at, &["--sort", "-userName", "--with-hashes"]);
    assert_eq!(all.len(), 40);
    assert!(all.iter().all(|user| user["passwordHash"].as_str().unwrap().starts_with("$argon2id$")));
    let some = exported(at, &["--filter", "userName ew \"7\""]);
    assert_eq!(names(&some).iter().filter(|name| name.ends_with('7')).count(), 4);
    assert_eq!(some.len(), 4);
    assert!(some[0].get("passwordHash").is_none());
    // An export with hashes is a file to import: what only the directory sets is left out.
    expect(at, &["export", "all.csv.gz", "--with-hashes", "--sort", "lastName"], 0);
    std::fs::remove_dir_all(at.join("data")).unwrap();
    expect(at, &["import", "all.csv.gz"], 0);
    let bare = |users: &[Value]| -> BTreeMap<String, (Value, Value, Value)> {
        let one = |user: &Value| (user["firstName"].clone(), user["lastName"].clone(), user["passwordHash"].clone());
        users.iter().map(|user| (user["userName"].as_str().unwrap().to_owned(), one(user))).collect()
    };
    assert_eq!(bare(&exported(at, &["--with-hashes"])), bare(&all));
}

#[test]
fn bad_rows_are_told_by_line_and_column_and_the_rest_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> =
        (0..500).map(|n| if n % 100 == 50 { format!("u {n},F,") } else { format!("u{n},F,L") }).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    std::fs::write(folder.path().join("users.csv"), csv(&rows)).unwrap();
    let told = expect(folder.path(), &["import", "users.csv", "--report", "report.ndjson"], 3);
    assert!(told.contains("500 rows") && told.contains("495 created") && told.contains("5 refused"), "{told}");
    assert!(told.contains("line 52: column 1, userName: use letters"), "{told}");
    let report = std::fs::read_to_string(folder.path().join("report.ndjson")).unwrap();
    let report: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(report.len(), 500, "a line per row");
    let refused: Vec<&Value> = report.iter().filter(|line| line["outcome"] == "refused").collect();
    let lines: Vec<_> = refused.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [52, 152, 252, 352, 452]);
    assert_eq!(
        refused[0]["errors"],
        serde_json::json!([
            {"column": 1, "field": "userName", "code": "invalid_characters", "detail": "use letters, digits and visible ASCII signs, without spaces or control characters"},
            {"column": 3, "field": "lastName", "code": "required", "detail": "this member is missing"},
        ])
    );
    assert_eq!(exported(folder.path(), &[]).len(), 495);
}

#[test]
fn hashes_of_other_systems_come_in_as_they_are_and_within_what_a_function_can_pay() {
    let folder = tempfile::tempdir().unwrap();
    let django = "pbkdf2_sha256$260000$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4=";
    let dear = HASH.replace("m=65536", "m=65537");
    let rows: String = [("ada", django), ("bea", HASH), ("cy", &dear), ("dee", "5f4dcc3b5aa765d61d8327deb882cf99")]
        .map(|(name, hash)| format!("{name},F,L,\"{hash}\"\n"))
        .concat();
    std::fs::write(folder.path().join("users.csv"), format!("userName,firstName,lastName,passwordHash\n{rows}"))
        .unwrap();
    let mut import = roster(folder.path(), &["import", "users.csv", "--report", "report.ndjson"]);
    let output = import.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("2 created") && told.contains("2 refused"), "{told}");
    assert!(told.contains("line 4: passwordHash: import hashes that need at most 64 MiB"), "{told}");
    assert!(told.contains("line 5: column 4, passwordHash: fast or unsalted hashes are not kept"), "{told}");
    let users = exported(folder.path(), &["--with-hashes", "--sort", "userName"]);
    assert_eq!(users.iter().map(|user| user["passwordHash"].as_str().unwrap()).collect::<Vec<_>>(), [django, HASH]);
}

#[test]
fn a_taken_name_is_skipped_refused_or_updated_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("one.csv"), csv(&["ada,Ada,Lovelace"])).unwrap();
    std::fs::write(at.join("two.csv"), csv(&["bea,Bea,Smith", "ADA,Augusta,Byron", "Bea,B,S"])).unwrap();
    expect(at, &["import", "one.csv"], 0);
    assert!(expect(at, &["import", "one.csv"], 0).contains("0 created, 1 already there"));
    let told = expect(at, &["import", "two.csv", "--dry-run", "--duplicates", "skip"], 0);
    assert!(told.contains("1 skipped") && told.contains("nothing was written"), "{told}");
    assert_eq!(exported(at, &[]).len(), 1);
    let told = expect(at, &["import", "two.csv", "--concurrency", "1"], 3);
    assert!(
        told.contains("1 created") && told.contains("2 refused") && told.contains("line 3: userName: another"),
        "{told}"
    );
    let told = expect(at, &["import", "two.csv", "--duplicates", "skip"], 0);
    assert!(told.contains("1 already there, 0 updated, 2 skipped"), "{told}");
    let told = expect(at, &["import", "two.csv", "--duplicates", "update", "--concurrency", "1"], 0);
    assert!(told.contains("0 created, 1 already there, 2 updated"), "{told}");
    let users = exported(at, &["--sort", "userName"]);
    assert_eq!(names(&users), ["ADA", "Bea"]);
    assert_eq!((users[0]["lastName"].as_str(), users[1]["lastName"].as_str()), (Some("Byron"), Some("S")));
}

#[test]
fn an_update_compares_the_credential_too() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let update = |file: &str, told: &str| {
        let said = expect(at, &["import", file, "--duplicates", "update"], 0);
        assert!(said.contains(told), "{file}: {said}");
    };
    let other = HASH.replace("IMit9qk", "JMit9qk");
    std::fs::write(at.join("one.csv"), csv(&["ada,Ada,Lovelace"])).unwrap();
    std::fs::write(at.join("other.csv"), csv(&["ada,Ada,Lovelace"]).replace(HASH, &other)).unwrap();
    let password = |password: &str| format!("userName,firstName,lastName,password\nada,Ada,Lovelace,{password}\n");
    std::fs::write(at.join("plain.csv"), password("correct horse battery")).unwrap();
    std::fs::write(at.join("plain2.csv"), password("correct horse stapler")).unwrap();
    update("one.csv", "1 created");
    // The same names and another hash: also what a run leaves that was stopped between the two.
    for (file, hash) in [("other.csv", &*other), ("one.csv", HASH)] {
        let dry = expect(at, &["import", file, "--duplicates", "update", "--dry-run"], 0);
        assert!(dry.contains("1 updated"), "{dry}");
        update(file, "0 already there, 1 updated");
        assert_eq!(exported(at, &["--with-hashes"])[0]["passwordHash"], hash);
        update(file, "1 already there, 0 updated");
    }
    for file in ["plain.csv", "plain2.csv"] {
        update(file, "0 already there, 1 updated");
        update(file, "1 already there, 0 updated");
    }
    assert_eq!(exported(at, &[])[0]["version"], 1, "the names were never written again");
}

#[test]
fn files_that_cannot_be_read_are_told_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("bad.csv"), "login,firstName,lastName\n").unwrap();
    std::fs::write(at.join("bad.csv.gz"), "not packed").unwrap();
    assert!(expect(at, &["import", "none.csv"], 1).starts_with("roster: none.csv: No such file"));
    assert!(expect(at, &["import", "bad.csv"], 1).contains("the column login is not known: name it by --map"));
    assert!(expect(at, &["import", "bad.csv.gz"], 1).contains("bad.csv.gz: the header cannot be read"));
    assert!(expect(at, &["export", "--filter", "name eq 1"], 2).contains("character 1: name one of userName"));
}

#[test]
fn an_import_that_was_killed_is_finished_by_the_same_command() {
    const USERS: usize = 1_500;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(at, &["generate", &USERS.to_string(), "users.csv"], 0);
    for duplicates in ["fail", "update"] {
        std::fs::remove_dir_all(at.join("data")).ok();
        let args = ["import", "users.csv", "--duplicates", duplicates, "--report", "report.ndjson"];
        let mut kills = 0;
        // Each run is killed a little later, until one comes through.
        let told = loop {
            let mut child = roster(at, &args).stderr(Stdio::piped()).spawn().unwrap();
            let patience = Duration::from_millis(400 + 300 * kills);
            std::thread::sleep(if kills < 3 { patience } else { Duration::ZERO });
            if kills < 3 && child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                continue;
            }
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            assert!(child.wait().unwrap().success(), "{told}");
            break told;
        };
        assert!(kills > 0, "nothing was killed");
        let users = exported(at, &["--sort", "userName"]);
        let mut distinct = names(&users);
        distinct.dedup();
        assert_eq!((users.len(), distinct.len()), (USERS, USERS), "{told}");
        assert!(users.iter().all(|user| user["version"] == 1), "nobody was written twice");
        assert!(told.contains(" 0 updated, 0 skipped, 0 refused, 0 failed"), "{told}");
    }
}

#[test]
fn standard_input_is_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut child =
        roster(folder.path(), &["import", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(csv(&["ada,Ada,L", "bea,Bea,S"]).as_bytes()).unwrap();
    let mut told = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success(), "{told}");
    assert!(told.contains("2 created"), "{told}");
}
