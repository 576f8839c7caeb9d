//! Filters as callers write them, wrong ones and hostile ones too.

use std::time::{Duration, Instant};

use crate::harness::{House, percent};

async fn errors(house: &House, filter: &str) -> (u16, String) {
    let encoded = percent(filter);
    let started = Instant::now();
    let reply = house.anyone().get(&format!("/users?filter={encoded}")).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{filter:.40} took {:?}", started.elapsed());
    let detail = reply.json()["errors"][0]["detail"].as_str().unwrap_or_default().to_owned();
    if reply.status != 200 {
        let reply = reply.clone().problem(400, "invalid-filter");
        assert_eq!(reply.json()["errors"][0]["parameter"], "filter", "{reply}");
        assert!(detail.starts_with("character "), "{reply}");
    }
    (reply.status.as_u16(), detail)
}

#[tokio::test]
async fn a_wrong_filter_is_told_with_its_position() {
    let house = House::new().await;
    for (filter, told) in [
        ("", "character 1: start a comparison with one of userName"),
        ("userName eq ada", "character 13: give a string in double quotes"),
        ("password eq \"x\"", "character 1: name one of userName, firstName"),
        ("userName pr or", "character 15: start a comparison"),
        ("lastName eq \"ü\" ∧ userName pr", "character 17: use attribute names"),
    ] {
        let (status, detail) = errors(&house, filter).await;
        assert_eq!(status, 400, "{filter}");
        assert!(detail.starts_with(told), "{filter}: {detail}");
    }
}

#[tokio::test]
async fn hostile_filters_are_refused_or_answered_in_bounded_time() {
    let house = House::new().await;
    house.create("ada").await;
    for (filter, status) in [
        ("(".repeat(1000), 400),
        (format!("{}userName pr{}", "(".repeat(1000), ")".repeat(1000)), 400),
        (format!("userName eq \"{}\"", "a".repeat(10_000)), 400),
        ("a".repeat(10_000), 400),
        (format!("userName pr{}", " or userName pr".repeat(260)), 200),
        (format!("lastName sw \"{}\"", "é".repeat(1_900)), 200),
        (format!("lastName gt \"{}\" and lastName lt \"zz\"", "é".repeat(1_900)), 200),
        (format!("userName le \"{}\"", "a".repeat(3_900)), 200),
        ("lastName eq \"\u{10ffff}\"".to_owned(), 200),
        ("lastName sw \"\\u0000\"".to_owned(), 200),
        ("lastName ge \"\" and userName ge \"\"".to_owned(), 200),
        ("userName lt \"\"".to_owned(), 200),
        ("userName eq \"\"".to_owned(), 200),
        ("userName eq \"x\" or attribute_exists(pk)".to_owned(), 400),
        ("userName eq \":shard\" and #shard = :shard".to_owned(), 400),
        ("userName eq \"\\\" or \\\"1\\\" eq \\\"1\"".to_owned(), 200),
        ("userName eq \"' OR '1'='1\"".to_owned(), 200),
        ("lastName eq \"ｌｏｖｅｌａｃｅ\"".to_owned(), 200),
        ("not not not (userName pr)".to_owned(), 400),
        ("\u{feff}userName pr".to_owned(), 400),
        ("userName\u{a0}pr".to_owned(), 400),
    ] {
        assert_eq!(errors(&house, &filter).await.0, status, "{filter:.80}");
    }
    // Bytes that are no UTF-8 are no reason to fall over either.
    house.anyone().get("/users?filter=%ff%fe").await.problem(400, "invalid-filter");
}
