//! `roster import` beside bare transactions of the same items on the same engine, in one run.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use dynoxide::{AttributeValue as Value, Item};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use roster::ids::Ids;
use roster::store::keys;

use crate::open;
use crate::people::{items, user};

pub const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";

/// Under way at once, on both sides.
const AT_ONCE: usize = 32;

/// Half of the bare transactions run before the import and half after it, so that a machine that gets slower or
/// faster meanwhile favours neither.
pub async fn compare(folder: &Path, count: u64) {
    let bare = folder.join("bare");
    let before = transactions(&bare, 0..count / 2, count).await;
    for rows in [count / 10, count] {
        let (rate, peak) = import(&folder.join(rows.to_string()), rows);
        println!("roster import of {rows} rows: {rate:.0} a second, peak memory {peak:.0} MiB, engine included");
        if rows == count {
            let after = transactions(&bare, count / 2..count, count).await;
            let bare = count as f64 / (before + after);
            println!(
                "{count} bare transactions: {bare:.0} a second ({:.0}, then {:.0})",
                count as f64 / 2.0 / before,
                count as f64 / 2.0 / after
            );
            println!("the import reaches {:.0} % of the bare rate", 100.0 * rate / bare);
        }
    }
}

/// The file of `rows` rows, imported into a table of its own: the rate and the most memory that the command tells.
fn import(folder: &Path, rows: u64) -> (f64, f64) {
    std::fs::create_dir_all(folder).unwrap();
    let ids = Ids::seeded(1);
    let mut text = "userName,firstName,lastName,passwordHash\n".to_owned();
    for number in 0..rows {
        let profile = user(&ids, number, rows).profile;
        let names = [profile.user_name.shown(), profile.first_name.as_str(), profile.last_name.as_str()].join(",");
        writeln!(text, "{names},\"{HASH}\"").unwrap();
    }
    std::fs::write(folder.join("users.csv"), text).unwrap();
    let output = roster(folder, &["import", "users.csv"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains(&format!("{rows} created")), "{told}");
    let summary = told.lines().last().unwrap();
    let before = |end: &str| summary.split(end).next().unwrap().rsplit([' ', '(']).next().unwrap().parse().unwrap();
    (before(" a second"), before(" MiB"))
}

/// The command on the data folder in `folder`.
pub fn roster(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
    command.args(args).current_dir(folder).env("ROSTER_DATA", folder.join("data"));
    // Where nobody listens: the folder's own engine is meant.
    command.env("ROSTER_DYNAMODB_LISTEN", "127.0.0.1:9").env_remove("AWS_ENDPOINT_URL_DYNAMODB");
    command
}

/// Three puts in each transaction, as in a create, and nothing else: the seconds it takes.
async fn transactions(folder: &Path, numbers: std::ops::Range<u64>, size: u64) -> f64 {
    let (_engine, app, config) = open(folder).await;
    let client = roster::aws::clients(&config).await.unwrap().dynamodb;
    let ids = Ids::seeded(numbers.start);
    let started = Instant::now();
    let mut running = FuturesUnordered::new();
    for number in numbers {
        running.push(transaction(&client, app.store.table(), &ids, number, size));
        if running.len() == AT_ONCE {
            running.next().await.unwrap();
        }
    }
    while running.next().await.is_some() {}
    started.elapsed().as_secs_f64()
}

async fn transaction(client: &Client, table: &str, ids: &Ids, number: u64, size: u64) {
    let user = user(ids, number, size);
    let [profile, guard] = items(&user);
    let credential = keys::credential(user.id);
    let plain = |item: Item| -> HashMap<String, AttributeValue> {
        let plain = |value| match value {
            Value::N(number) => AttributeValue::N(number),
            Value::S(text) => AttributeValue::S(text),
            _ => AttributeValue::Null(true),
        };
        item.into_iter().map(|(name, value)| (name, plain(value))).collect()
    };
    let credential = HashMap::from([
        ("pk".to_owned(), credential.pk()),
        ("sk".to_owned(), credential.sk()),
        ("hash".to_owned(), AttributeValue::S(HASH.to_owned())),
        ("changedAt".to_owned(), AttributeValue::S(user.created_at.to_string())),
    ]);
    let puts = [plain(guard), plain(profile), credential].map(|item| {
        let put = Put::builder().table_name(table).set_item(Some(item));
        TransactWriteItem::builder().put(put.condition_expression("attribute_not_exists(pk)").build().unwrap()).build()
    });
    client.transact_write_items().set_transact_items(Some(puts.into())).send().await.unwrap();
}
