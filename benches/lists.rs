//! What a page costs at a thousand, a hundred thousand and a million users, and what an import is worth.
//!
//! ```text
//! cargo bench --bench lists                          pages at 1000, 100000 and 1000000 users (about 5 GB of disk)
//! cargo bench --bench lists -- pages 1000 20000      pages at these sizes
//! cargo bench --bench lists -- transactions 10000    bare transactions, to compare `roster import` with
//! ```
//!
//! Users go into the file engine by its library calls; pages come out through the SDK, as the service reads them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark"
)]

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use dynoxide::{AttributeValue as Value, Database, ImportOptions, Item};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use roster::app::App;
use roster::config::Config;
use roster::domain::page::Query;
use roster::domain::{Filter, Limit, PersonName, Profile, Sort, Timestamp, User, UserName};
use roster::ids::Ids;
use roster::local::DynamoDb;
use roster::local::dynamodb::Storage;
use roster::local::listen;
use roster::store::{Cost, keys};

const START: i64 = 1_795_330_800_000;
const SHARDS: u32 = 8;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).unwrap();
    if words.first().is_some_and(|word| word == "transactions") {
        return runtime.block_on(transactions(folder.path(), numbers.first().copied().unwrap_or(10_000)));
    }
    let sizes = if numbers.is_empty() { vec![1_000, 100_000, 1_000_000] } else { numbers };
    println!("| users | query | index | calls | items read | capacity | ms (median of 21) |");
    println!("|---|---|---|---|---|---|---|");
    for size in sizes {
        runtime.block_on(pages(&folder.path().join(size.to_string()), size));
    }
}

/// An application on the file engine in `folder`.
async fn open(folder: &Path) -> (DynamoDb, App) {
    std::fs::create_dir_all(folder).unwrap();
    let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap();
    let engine = DynamoDb::start(listener, &Storage::File(folder.join("dynamodb.db"))).unwrap();
    let url = engine.url();
    let config = Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| url.clone())).unwrap();
    let app = App::new(&config).await.unwrap();
    app.store.create_table().await.unwrap();
    (engine, app)
}

/// The user with this number: one of 500 last names for each thousand users, so that a name is as common at any size.
fn user(ids: &Ids, number: u64, size: u64) -> User {
    let now = Timestamp::from_unix_millis(START + i64::try_from(number).unwrap() * 1_000);
    let scattered = number.wrapping_mul(7_368_787) % size;
    let profile = Profile {
        user_name: UserName::parse(&format!("user{scattered:07}")).unwrap(),
        first_name: PersonName::parse("Augusta").unwrap(),
        last_name: PersonName::parse(&format!("Family{:06}", scattered / 200)).unwrap(),
    };
    User::new(ids.user_id(now), profile, now)
}

fn items(user: &User) -> [Item; 2] {
    let text = |key: AttributeValue| Value::S(key.as_s().unwrap().clone());
    let named = |pairs: Vec<(&str, Value)>| -> Item { pairs.into_iter().map(|(n, v)| (n.to_owned(), v)).collect() };
    let (key, guard) = (keys::user(user.id), keys::name_guard(&user.profile.user_name));
    let s = |text: &str| Value::S(text.to_owned());
    let profile = named(vec![
        ("pk", text(key.pk())),
        ("sk", text(key.sk())),
        ("id", s(&user.id.to_string())),
        ("userName", s(user.profile.user_name.shown())),
        ("userNameKey", s(user.profile.user_name.key())),
        ("firstName", s(user.profile.first_name.as_str())),
        ("lastName", s(user.profile.last_name.as_str())),
        ("lastNameKey", s(&keys::last_name_order(&user.profile.last_name, user.id))),
        ("version", Value::N("1".to_owned())),
        ("createdAt", s(&user.created_at.to_string())),
        ("updatedAt", s(&user.updated_at.to_string())),
        ("createdKey", s(&keys::created_order(user.created_at, user.id))),
        ("shard", Value::N(keys::shard(user.id, SHARDS).to_string())),
    ]);
    [profile, named(vec![("pk", text(guard.pk())), ("sk", text(guard.sk())), ("id", s(&user.id.to_string()))])]
}

async fn pages(folder: &Path, size: u64) {
    drop(open(folder).await);
    let (started, ids) = (Instant::now(), Ids::seeded(1));
    {
        let database = Database::new(&folder.join("dynamodb.db").to_string_lossy()).unwrap();
        let mut number = 0;
        while number < size {
            let end = size.min(number + 5_000);
            let batch: Vec<Item> = (number..end).flat_map(|number| items(&user(&ids, number, size))).collect();
            database.import_items("roster", batch, ImportOptions::default()).unwrap();
            number = end;
        }
    }
    eprintln!("{size} users filled in {:.1} s", started.elapsed().as_secs_f64());
    let (_engine, app) = open(folder).await;
    let deep = size * 9 / 10;
    let at = |number: u64| user(&Ids::seeded(1), number, size).created_at;
    let middle = format!("createdAt ge \"{}\" and createdAt lt \"{}\"", at(size / 2), at(size / 2 + 200));
    let deep_user = {
        let ids = Ids::seeded(1);
        // Ids come one after another from the seed.
        (0..=deep).fold(None, |_, number| Some(user(&ids, number, size))).unwrap()
    };
    let place = keys::created_order(deep_user.created_at, deep_user.id);
    let page_number = deep / 50;
    for (name, filter, sort, place) in [
        ("first page".to_owned(), None, "createdAt", None),
        (format!("page {page_number} by cursor"), None, "createdAt", Some(place.as_str())),
        ("first page by user name, descending".to_owned(), None, "-userName", None),
        ("userName eq".to_owned(), Some("userName eq \"user0000500\"".to_owned()), "", None),
        ("lastName sw (200 match)".to_owned(), Some("lastName sw \"family000002\"".to_owned()), "", None),
        ("createdAt range (200 match)".to_owned(), Some(middle), "", None),
        ("firstName eq of nobody (budget)".to_owned(), Some("firstName eq \"nobody\"".to_owned()), "", None),
    ] {
        let query = Query {
            filter: filter.map(|filter| Filter::parse(&filter).unwrap()),
            sort: Sort::parse(sort).ok(),
            limit: Limit::default(),
        };
        let mut times = Vec::new();
        let mut cost = Cost::default();
        for _ in 0..21 {
            let listing = app.store.list_users(&query, place, app.list_read_budget).await.unwrap();
            times.push(listing.cost.duration.as_secs_f64() * 1_000.0);
            cost = listing.cost;
        }
        times.sort_by(f64::total_cmp);
        println!(
            "| {size} | {name} | {} | {} | {} | {} | {:.1} |",
            cost.index, cost.calls, cost.items, cost.capacity, times[10]
        );
    }
}

/// Three puts in each transaction, of the same size as those of a create, 32 at once, and nothing else.
async fn transactions(folder: &Path, count: u64) {
    let (engine, app) = open(folder).await;
    let url = engine.url();
    let config = Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| url.clone())).unwrap();
    let client = roster::aws::clients(&config).await.unwrap().dynamodb;
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";
    let ids = Ids::seeded(1);
    let started = Instant::now();
    let mut running = FuturesUnordered::new();
    for number in 0..count {
        let user = user(&ids, number, count);
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
            ("hash".to_owned(), AttributeValue::S(hash.to_owned())),
            ("changedAt".to_owned(), AttributeValue::S(user.created_at.to_string())),
        ]);
        let puts = [plain(guard), plain(profile), credential].map(|item| {
            let put = Put::builder().table_name(app.store.table()).set_item(Some(item));
            TransactWriteItem::builder()
                .put(put.condition_expression("attribute_not_exists(pk)").build().unwrap())
                .build()
        });
        running.push(client.transact_write_items().set_transact_items(Some(puts.into())).send());
        if running.len() == 32 {
            running.next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = running.next().await {
        done.unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{count} bare transactions in {seconds:.1} s ({:.0} a second)", count as f64 / seconds);
}
