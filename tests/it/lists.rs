//! Pages of users: order, limits, links, cost.

use serde_json::{Value, json};

use crate::harness::{House, Reply, percent};

/// A house with users made a second apart; `names` are user name, first and last name.
async fn house(names: &[(&str, &str, &str)]) -> House {
    let house = House::new().await;
    fill(&house, names).await;
    house
}

async fn fill(house: &House, names: &[(&str, &str, &str)]) {
    for (user_name, first_name, last_name) in names {
        let body = json!({"userName": user_name, "firstName": first_name, "lastName": last_name, "passwordHash": crate::harness::HASH});
        house.anyone().post("/users", &body).await.expect(201);
        house.clock.advance_seconds(1);
    }
}

fn names(reply: &Reply) -> Vec<String> {
    let users = reply.json()["users"].clone();
    users.as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
}

const PEOPLE: &[(&str, &str, &str)] = &[
    ("cy", "Cy", "Young"),
    ("Bea", "Bea", "Östberg"),
    ("ada", "Ada", "Lovelace"),
    ("dan", "Dan", "lovell"),
    ("eve", "Eve", "Lo"),
];

/// The page of a query, whose parts are written as they are.
async fn list(house: &House, query: &[(&str, &str)]) -> Reply {
    let words: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    house.anyone().get(&format!("/users?{}", words.join("&"))).await
}

#[tokio::test]
async fn each_order_is_the_one_that_was_asked_for() {
    let house = house(PEOPLE).await;
    for (sort, expected) in [
        ("createdAt", ["cy", "Bea", "ada", "dan", "eve"]),
        ("-createdAt", ["eve", "dan", "ada", "Bea", "cy"]),
        ("userName", ["ada", "Bea", "cy", "dan", "eve"]),
        ("-userName", ["eve", "dan", "cy", "Bea", "ada"]),
        ("lastName", ["eve", "ada", "dan", "cy", "Bea"]),
        ("-lastName", ["Bea", "cy", "dan", "ada", "eve"]),
    ] {
        assert_eq!(names(&list(&house, &[("sort", sort)]).await.expect(200)), expected, "{sort}");
    }
    assert_eq!(names(&house.anyone().get("/users").await.expect(200)), ["cy", "Bea", "ada", "dan", "eve"]);
}

#[tokio::test]
async fn links_lead_through_all_pages_and_back() {
    let house = house(PEOPLE).await;
    let first = house.anyone().get("/users?limit=2&sort=-userName").await.expect(200);
    let mut reply = first.clone();
    let mut seen = vec![names(&reply)];
    while let Some(next) = reply.header("link").split(", ").find_map(|link| link.strip_suffix("; rel=\"next\"")) {
        let path = format!("/{}", next.trim_matches(['<', '>']));
        assert!(path.ends_with(reply.json()["nextCursor"].as_str().unwrap()), "{reply}");
        reply = house.anyone().get(&path).await.expect(200);
        seen.push(names(&reply));
    }
    assert_eq!(seen, [vec!["eve", "dan"], vec!["cy", "Bea"], vec!["ada"]]);
    assert_eq!(reply.json()["nextCursor"], Value::Null);
    let back = reply.header("link").strip_suffix("; rel=\"first\"").unwrap().trim_matches(['<', '>']).to_owned();
    assert_eq!(back, "users?limit=2&sort=-userName");
    assert_eq!(names(&house.anyone().get(&format!("/{back}")).await.expect(200)), names(&first));
}

#[tokio::test]
async fn a_full_last_page_has_no_next_one() {
    let house = house(PEOPLE).await;
    for limit in ["5", "6", "100", "1000000"] {
        let reply = list(&house, &[("limit", limit)]).await.expect(200);
        assert_eq!(reply.json()["nextCursor"], Value::Null, "{limit}");
        assert_eq!(reply.header("link"), format!("<users?limit={limit}>; rel=\"first\""));
    }
    let empty = House::new().await.anyone().get("/users").await.expect(200);
    assert_eq!(empty.json(), json!({"users": [], "nextCursor": null}));
}

#[tokio::test]
async fn wrong_parameters_are_told_together() {
    let house = House::new().await;
    let reply = house.anyone().get("/users?limit=0&sort=email&size=5&limit=3&count=exact&page=2").await;
    let reply = reply.problem(422, "validation");
    let expected = [
        "count unknown_count",
        "limit invalid_limit",
        "limit repeated",
        "page unknown_parameter",
        "size unknown_parameter",
        "sort unknown_sort",
    ];
    assert_eq!(reply.errors(), expected);
    let reply = list(&house, &[("count", "estimate"), ("filter", "avatar pr")]).await.problem(422, "validation");
    assert_eq!(reply.errors(), ["count contradiction"]);
}

#[tokio::test]
async fn the_estimate_comes_from_the_index_without_reading_it() {
    let house = house(PEOPLE).await;
    let reply = house.anyone().get("/users?count=estimate&limit=1").await.expect(200);
    assert_eq!(reply.json()["countEstimate"], 5, "{reply}");
    assert!(house.anyone().get("/users").await.json().get("countEstimate").is_none());
}

#[tokio::test]
async fn filters_narrow_the_list_in_their_own_order() {
    let house = house(PEOPLE).await;
    for (filter, expected, index) in [
        ("lastName sw \"LOVE\"", vec!["ada", "dan"], "by_last_name"),
        ("lastName eq \"lo\"", vec!["eve"], "by_last_name"),
        ("lastName sw \"ö\" or lastName eq \"YOUNG\"", vec!["cy", "Bea"], "by_last_name"),
        ("userName ge \"B\" and userName lt \"DAN\"", vec!["Bea", "cy"], "by_user_name"),
        ("userName eq \"BEA\"", vec!["Bea"], "guard"),
        ("userName eq \"nobody\"", vec![], "guard"),
        ("userName eq \"bea\" and lastName sw \"x\"", vec![], "guard"),
        ("createdAt gt \"2026-11-22T07:00:02Z\"", vec!["dan", "eve"], "by_created"),
        (
            "createdAt ge \"2026-11-22T08:00:01+01:00\" and createdAt le \"2026-11-22T07:00:02Z\"",
            vec!["Bea", "ada"],
            "by_created",
        ),
        ("firstName co \"A\" and not (userName sw \"d\")", vec!["Bea", "ada"], "by_created"),
        ("avatar pr", vec![], "by_created"),
        ("avatar eq null and lastName ew \"EL\"", vec![], "by_created"),
    ] {
        let reply = list(&house, &[("filter", filter)]).await.expect(200);
        assert_eq!(names(&reply), expected, "{filter}");
        assert!(reply.header("server-timing").starts_with(&format!("index;desc=\"{index}\"")), "{filter}: {reply}");
    }
    let reply = list(&house, &[("filter", "lastName sw \"lo\""), ("sort", "-createdAt")]).await.expect(200);
    assert_eq!(names(&reply), ["eve", "dan", "ada"]);
}

#[tokio::test]
async fn a_filter_that_lets_little_pass_returns_short_pages_within_its_budget() {
    let house = House::with(&[("ROSTER_LIST_READ_BUDGET", "100")]).await;
    let people: Vec<(String, &str)> =
        (0..400).map(|n| (format!("u{n}"), if n % 130 == 129 { "Needle" } else { "Hay" })).collect();
    let people: Vec<_> = people.iter().map(|(name, last)| (name.as_str(), "F", *last)).collect();
    fill(&house, &people).await;
    let mut query = vec![("filter", "lastName ew \"needle\"".to_owned())];
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let borrowed: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = list(&house, &borrowed).await.expect(200);
        pages += 1;
        found.extend(names(&reply));
        assert!(timing(&reply, "items") <= 100.0, "{reply}");
        let Some(cursor) = reply.json()["nextCursor"].as_str().map(str::to_owned) else { break };
        query.truncate(1);
        query.push(("cursor", cursor));
    }
    assert_eq!(found, ["u129", "u259", "u389"]);
    assert!((4..=7).contains(&pages), "{pages}");
}

#[tokio::test]
async fn a_budget_of_fewer_than_two_items_for_each_shard_still_leads_to_the_end() {
    let house = House::with(&[("ROSTER_LIST_READ_BUDGET", "100"), ("ROSTER_LIST_SHARDS", "64")]).await;
    let names_of = |n: usize| (format!("u{n:03}"), format!("a{n:03}"), if n % 100 == 50 { "Z" } else { "F" });
    let people: Vec<_> = (0..300).map(names_of).collect();
    let people: Vec<_> = people.iter().map(|(name, last, first)| (name.as_str(), *first, last.as_str())).collect();
    fill(&house, &people).await;
    for (sort, expected) in [("lastName", ["u050", "u150", "u250"]), ("-lastName", ["u250", "u150", "u050"])] {
        let (mut found, mut cursors) = (Vec::new(), Vec::<String>::new());
        loop {
            let mut query = vec![("sort", sort), ("filter", "lastName sw \"a\" and firstName eq \"z\"")];
            query.extend(cursors.last().map(|cursor| ("cursor", cursor.as_str())));
            let reply = list(&house, &query).await.expect(200);
            found.extend(names(&reply));
            let Some(cursor) = reply.json()["nextCursor"].as_str().map(str::to_owned) else { break };
            assert!(!cursors.contains(&cursor), "by {sort} page {} begins where another did", cursors.len());
            cursors.push(cursor);
        }
        assert_eq!(found, expected, "{sort}");
    }
}

/// A figure in `Server-Timing`.
fn timing(reply: &Reply, name: &str) -> f64 {
    let header = reply.header("server-timing");
    let part = header.split(", ").find_map(|part| part.strip_prefix(&format!("{name};desc=\""))).unwrap();
    part.trim_end_matches('"').parse().unwrap()
}

#[tokio::test]
async fn a_page_calls_each_shard_once_and_few_of_them_again() {
    let house = House::new().await;
    let people: Vec<String> = (0..300).map(|n| format!("u{n:03}")).collect();
    let people: Vec<_> = people.iter().map(|name| (name.as_str(), "F", "L")).collect();
    fill(&house, &people).await;
    for sort in ["createdAt", "-userName", "lastName"] {
        let (mut cursor, mut pages, mut calls) = (None, 0, 0.0);
        loop {
            let mut query = vec![("sort", sort)];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let before = house.calls();
            let reply = list(&house, &query).await.expect(200);
            let made = house.calls() - before;
            assert!((timing(&reply, "calls") - f64::from(u32::try_from(made).unwrap())).abs() < 0.1, "{made}: {reply}");
            assert!(made <= 8 + 4, "{made} calls: {reply}");
            // 50 users of some 350 bytes: 8 units of 4 KiB at half price each, and half a unit for each further call.
            let capacity = timing(&reply, "capacity");
            assert!(capacity <= 0.5 * f64::from(u32::try_from(made).unwrap()) + 4.0, "{capacity}: {reply}");
            let (items, shown) = (timing(&reply, "items"), names(&reply).len());
            assert!(items <= 50.0 + 8.0 * 6.0 + 22.0, "{reply}");
            assert!(items >= f64::from(u32::try_from(shown).unwrap()), "{shown} users: {reply}");
            (pages, calls) = (pages + 1, calls + timing(&reply, "calls"));
            match reply.json()["nextCursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(pages, 6, "{sort}");
        assert!(calls / 6.0 < 10.0, "{calls} calls for 6 pages by {sort}");
    }
    let before = house.calls();
    list(&house, &[("filter", "userName eq \"u007\"")]).await.expect(200);
    assert_eq!(house.calls() - before, 2);
}
