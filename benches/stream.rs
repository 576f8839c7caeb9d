//! What the stream costs the embedded engine: one user item after the other, in blocks of 2,000, in files.
//!
//! `cargo bench --profile server --bench stream`; the engine without a stream, with one, and with one as `roster` shapes it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::time::Instant;

use dynoxide::Database;
use roster::local::stream::shape;
use serde_json::json;

const BLOCKS: usize = 5;
const BLOCK: usize = 2000;

fn database(folder: &std::path::Path, with_stream: bool, is_shaped: bool) -> Database {
    let path = folder.join(format!("{with_stream}-{is_shaped}.db"));
    let database = Database::new(&path.to_string_lossy()).unwrap();
    if is_shaped {
        shape(&path).unwrap();
    }
    let mut table = json!({
        "TableName": "people", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    });
    if with_stream {
        table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
    }
    database.create_table(serde_json::from_value(table).unwrap()).unwrap();
    database
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let variants = [("no stream", false, false), ("stream", true, false), ("stream, shaped", true, true)];
    let databases = variants.map(|(_, with_stream, is_shaped)| database(folder.path(), with_stream, is_shaped));
    println!("median of a put in microseconds, in blocks of {BLOCK}");
    for block in 0..BLOCKS {
        let mut times = [const { Vec::new() }; 3];
        // Taken in turns, so that what else the machine does falls on all alike.
        for n in 0..BLOCK {
            for (database, times) in databases.iter().zip(&mut times) {
                let item = json!({"TableName": "people", "Item": {
                    "pk": {"S": format!("USER#{}", block * BLOCK + n)}, "sk": {"S": "USER"},
                    "filling": {"S": "x".repeat(500)},
                }});
                let request = serde_json::from_value(item).unwrap();
                let began = Instant::now();
                database.put_item(request).unwrap();
                times.push(began.elapsed().as_micros());
            }
        }
        let medians = times.each_mut().map(|times| {
            times.sort_unstable();
            times[BLOCK / 2]
        });
        let told = variants.iter().zip(medians).map(|((name, ..), median)| format!("{name} {median}"));
        println!("block {}: {}", block + 1, told.collect::<Vec<_>>().join(", "));
    }
}
