//! Pages: filled by library calls of the file engine, read through the SDK, as the service reads them.
//!
//! The table holds users and name guards, which is all that lists read; no credentials.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use dynoxide::{Database, ImportOptions, Item};
use roster::domain::page::Query;
use roster::domain::{Filter, Sort};
use roster::ids::Ids;
use roster::store::keys;

use crate::open;
use crate::people::{FAMILY, items, time, user};

/// What is compared.
pub const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];

/// Users written at once while filling.
const BATCH: u64 = 5_000;

/// How many different queries of a kind there are, where there can be so many.
const VARIANTS: u64 = 20;

/// How often each is asked.
const REPEATS: usize = 3;

/// The tables of these sizes, in folders of their own.
pub async fn fill_all(folder: &Path, sizes: &[u64]) {
    for size in sizes {
        fill(&folder.join(size.to_string()), *size).await;
    }
}

/// Prints what pages cost at these sizes.
pub async fn measure_all(folder: &Path, sizes: &[u64]) {
    let mut rows = Vec::new();
    for size in sizes {
        let folder = folder.join(size.to_string());
        fill(&folder, *size).await;
        rows.extend(measure(&folder, *size).await);
    }
    println!("| query | users | index | calls | items read: mean (least to most) | capacity | ms, median |");
    println!("|---|---|---|---|---|---|---|");
    // The sizes of one query below one another.
    let kinds = rows.len() / sizes.len();
    for kind in 0..kinds {
        rows.iter().skip(kind).step_by(kinds).for_each(|row| println!("{row}"));
    }
}

/// Fills a table, or goes on where a former run was stopped.
async fn fill(folder: &Path, size: u64) {
    drop(open(folder).await);
    let (started, ids, mark) = (Instant::now(), Ids::seeded(1), folder.join("filled"));
    let filled: u64 = fs::read_to_string(&mark).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let database = Database::new(&folder.join("dynamodb.db").to_string_lossy()).unwrap();
    let mut number = 0;
    while number < size {
        let end = size.min(number + BATCH);
        // Ids come one after another from the seed, so those of users who are there are drawn as well.
        let batch: Vec<Item> = (number..end).flat_map(|number| items(&user(&ids, number, size))).collect();
        if number >= filled {
            database.import_items("roster", batch, ImportOptions::default()).unwrap();
            fs::write(&mark, end.to_string()).unwrap();
            if end.is_multiple_of(100_000) {
                eprintln!("{end} of {size} users in {:.0} s", started.elapsed().as_secs_f64());
            }
        }
        number = end;
    }
}

/// A query and the place of the page.
type Asked = (Query, Option<String>);

fn asked(filter: Option<String>, sort: &str, place: Option<String>) -> Asked {
    let filter = filter.map(|filter| Filter::parse(&filter).unwrap());
    (Query { filter, sort: Sort::parse(sort).ok(), ..Query::default() }, place)
}

/// Every kind of query with its variants.
fn kinds(size: u64) -> Vec<(String, Vec<Asked>)> {
    let ids = Ids::seeded(1);
    let quarter = size / 4;
    let starts: HashMap<u64, String> = (0..size.min(quarter + 8 * VARIANTS))
        .map(|number| (number, user(&ids, number, size)))
        .filter(|(number, _)| *number >= quarter)
        .map(|(number, user)| (number, keys::created_order(user.created_at, user.id)))
        .collect();
    let many = |one: &dyn Fn(u64) -> Asked| (0..VARIANTS).map(one).collect::<Vec<_>>();
    let filter = |text: String| asked(Some(text), "", None);
    let half = |n: u64| (time(size / 2 + 10 * n), time(size / 2 + 10 * n + FAMILY));
    vec![
        ("first page".to_owned(), vec![asked(None, "createdAt", None)]),
        (
            "page at a quarter of the list, by cursor".to_owned(),
            many(&|n| asked(None, "createdAt", Some(starts[&(quarter + 8 * n)].clone()))),
        ),
        ("first page by user name, descending".to_owned(), vec![asked(None, "-userName", None)]),
        ("`userName eq`".to_owned(), many(&|n| filter(format!("userName eq \"user{:07}\"", size / 2 + 7 * n)))),
        (
            format!("`lastName sw`, {FAMILY} match"),
            (0..VARIANTS.min(size / FAMILY)).map(|n| filter(format!("lastName sw \"family{n:06}\""))).collect(),
        ),
        (
            format!("`createdAt` range, {FAMILY} match"),
            many(&|n| filter(format!("createdAt ge \"{}\" and createdAt lt \"{}\"", half(n).0, half(n).1))),
        ),
        ("`firstName eq` of nobody: the budget".to_owned(), vec![filter("firstName eq \"nobody\"".to_owned())]),
    ]
}

async fn measure(folder: &Path, size: u64) -> Vec<String> {
    let (_engine, app, _) = open(folder).await;
    let mut rows = Vec::new();
    for (name, variants) in kinds(size) {
        let (mut calls, mut items, mut capacity, mut times, mut index) = (vec![], vec![], vec![], vec![], "");
        for (query, place) in &variants {
            for repeat in 0..REPEATS {
                let cost = app.store.list_users(query, place.as_deref(), app.list_read_budget).await.unwrap().cost;
                times.push(cost.duration.as_secs_f64() * 1_000.0);
                index = cost.index;
                if repeat == 0 {
                    calls.push(cost.calls as f64);
                    items.push(cost.items as f64);
                    capacity.push(cost.capacity);
                }
            }
        }
        let mean = |figures: &[f64]| figures.iter().sum::<f64>() / figures.len() as f64;
        times.sort_by(f64::total_cmp);
        items.sort_by(f64::total_cmp);
        rows.push(format!(
            "| {name} | {size} | {index} | {:.1} | {:.1} ({} to {}) | {:.1} | {:.1} |",
            mean(&calls),
            mean(&items),
            items[0],
            items[items.len() - 1],
            mean(&capacity),
            times[times.len() / 2]
        ));
    }
    rows
}
