//! Cursors belong to their query; anything else is refused, and never a panic.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{HASH, House, percent};

async fn house() -> (House, String) {
    let house = House::new().await;
    for n in 0..5 {
        let body =
            serde_json::json!({"userName": format!("u{n}"), "firstName": "F", "lastName": "L", "passwordHash": HASH});
        house.anyone().post("/users", &body).await.expect(201);
    }
    let reply = house.anyone().get("/users?limit=2&sort=userName").await.expect(200);
    let cursor = reply.json()["nextCursor"].as_str().unwrap().to_owned();
    (house, cursor)
}

#[tokio::test]
async fn a_cursor_of_another_query_is_refused() {
    let (house, cursor) = house().await;
    let anyone = house.anyone();
    anyone.get(&format!("/users?sort=userName&cursor={cursor}")).await.expect(200);
    for query in ["sort=-userName", "sort=createdAt", "sort=lastName", "limit=2", "sort=userName&filter=avatar%20pr"] {
        let reply = anyone.get(&format!("/users?{query}&cursor={cursor}")).await.problem(400, "invalid-cursor");
        assert_eq!(reply.errors(), ["cursor invalid_cursor"], "{query}");
    }
    // A query by name has one page.
    anyone.get(&format!("/users?filter=userName%20eq%20%22u1%22&cursor={cursor}")).await.problem(400, "invalid-cursor");
    let other = House::with(&[("ROSTER_LIST_SHARDS", "4")]).await;
    other.anyone().get(&format!("/users?sort=userName&cursor={cursor}")).await.problem(400, "invalid-cursor");
}

#[tokio::test]
async fn an_altered_or_cut_cursor_is_refused() {
    let (house, cursor) = house().await;
    let refuse = async |cursor: &str| {
        let reply = house.anyone().get(&format!("/users?sort=userName&cursor={cursor}")).await;
        reply.problem(400, "invalid-cursor");
    };
    for end in 0..cursor.len() {
        refuse(&cursor[..end]).await;
        let replaced = if cursor[end..].starts_with('A') { 'B' } else { 'A' };
        refuse(&format!("{}{replaced}{}", &cursor[..end], &cursor[end + 1..])).await;
    }
    for text in ["%00", "%ff", "null", "AAAA", &"A".repeat(5000), "%F0%9F%A6%80", "=", "..%2F.."] {
        refuse(text).await;
    }
}

#[tokio::test]
async fn no_made_up_cursor_breaks_the_list() {
    let (house, _) = house().await;
    let strategy = proptest::collection::vec(any::<u8>(), 0..80);
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let samples: Vec<Vec<u8>> = (0..200).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    for bytes in samples {
        let text = percent(bytes);
        house.anyone().get(&format!("/users?sort=userName&cursor={text}")).await.problem(400, "invalid-cursor");
    }
    // A forged cursor with a right tag is harmless: it begins at another place of the same list.
    let query = roster::domain::page::Query {
        sort: roster::domain::Sort::parse("userName").ok(),
        ..roster::domain::page::Query::default()
    };
    for place in ["\u{10ffff}", "\u{0}", "u2", &"é".repeat(500)] {
        let cursor = query.cursor(place, 8);
        house.anyone().get(&format!("/users?sort=userName&cursor={cursor}")).await.expect(200);
    }
}
