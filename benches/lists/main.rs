//! What a page costs at a thousand, a hundred thousand and a million users, and what an import is worth.
//!
//! ```text
//! cargo bench --bench lists                            pages at 1000, 100000 and 1000000 users (about 5 GB of disk)
//! cargo bench --bench lists -- pages 1000 20000        pages at these sizes
//! cargo bench --bench lists -- fill 1000000 in FOLDER  only fills, and goes on where it was stopped; then: pages 1000000 in FOLDER
//! cargo bench --bench lists -- import 100000           `roster import` beside bare transactions, and its memory
//! cargo bench --bench lists -- killed 100000           `roster import` killed three times, with 1 % bad rows, and run again
//! ```
//!
//! Data is kept under `target/` and removed at the end, unless a folder is named.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark"
)]

mod import;
mod killed;
mod pages;
mod people;

use std::path::{Path, PathBuf};

use roster::app::App;
use roster::config::Config;
use roster::local::DynamoDb;
use roster::local::dynamodb::Storage;
use roster::local::listen;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let named = words.iter().position(|word| word == "in").and_then(|place| words.get(place + 1)).map(PathBuf::from);
    let own = tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).unwrap();
    let folder = named.as_deref().unwrap_or(own.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match words.first().map(String::as_str) {
        Some("import") => runtime.block_on(import::compare(folder, numbers.first().copied().unwrap_or(100_000))),
        Some("killed") => killed::run(folder, numbers.first().copied().unwrap_or(100_000)),
        Some("fill") => runtime.block_on(pages::fill_all(folder, &numbers)),
        _ => runtime.block_on(pages::measure_all(folder, if numbers.is_empty() { &pages::SIZES } else { &numbers })),
    }
}

/// An application on the file engine in `folder`.
async fn open(folder: &Path) -> (DynamoDb, App, Config) {
    std::fs::create_dir_all(folder).unwrap();
    let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap();
    let engine = DynamoDb::start(listener, &Storage::File(folder.join("dynamodb.db"))).unwrap();
    let url = engine.url();
    let mut config = Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| url.clone())).unwrap();
    // The engine counts every item when it is asked to describe a table.
    config.call_timeout = std::time::Duration::from_mins(5);
    let app = App::new(&config).await.unwrap();
    app.store.create_table().await.unwrap();
    (engine, app, config)
}
