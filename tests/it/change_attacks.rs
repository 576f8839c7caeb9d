//! Change events where it is hard: records that cannot be read, come late or twice, deadlines, names that are used again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use roster::doors::event::About;
use roster::doors::stream_events;
use serde_json::json;

use crate::harness::bridge::{Bridge, ids};
use crate::harness::{HASH, House, in_time};

#[tokio::test]
async fn a_record_that_can_never_be_told_is_given_up_alone() {
    let house = House::new().await;
    for name in ["ada", "eve", "bob", "kim", "lea"] {
        house.create(name).await;
    }
    let mut records = house.records();
    records[2]["dynamodb"]["NewImage"].as_object_mut().unwrap().remove("userName");
    let bridge = Bridge::new().await;
    // As Lambda goes through a shard: after a failed call it halves the batch, after a failed item it goes on from there, and
    // a batch that fails again as a whole is given up after some attempts.
    let (mut batches, mut given_up) = (vec![records], Vec::new());
    while let Some(mut batch) = batches.pop() {
        let event = json!({"Records": batch});
        match stream_events::work_on(&bridge.bus, event, &About::default()).await {
            Err(_) if batch.len() > 1 => {
                batches.push(batch.split_off(batch.len() / 2));
                batches.push(batch);
            }
            Err(error) => panic!("{error}: a place is handed back for a record that is alone"),
            Ok(answer) => {
                let Some(place) = answer["batchItemFailures"][0]["itemIdentifier"].as_str() else { continue };
                let at = batch.iter().position(|record| record["dynamodb"]["SequenceNumber"] == place).unwrap();
                let rest = batch.split_off(at);
                if at == 0 { given_up.push(rest) } else { batches.push(rest) }
            }
        }
    }
    assert_eq!(given_up.iter().map(Vec::len).collect::<Vec<_>>(), [1], "nobody else's change is given up");
    let taken = bridge.taken();
    let told: BTreeSet<&str> = taken.iter().map(|event| event["data"]["user"]["userName"].as_str().unwrap()).collect();
    assert_eq!(told, BTreeSet::from(["ada", "eve", "kim", "lea"]));
}

#[tokio::test]
async fn records_that_come_again_late_or_the_other_way_round_tell_the_same() {
    let house = House::new().await;
    let id = house.create("ada").await;
    for name in ["Eve", "Bob"] {
        house.anyone().patch(&format!("/users/{id}"), &json!({"firstName": name})).await.expect(200);
    }
    let records = house.records();
    let (straight, shuffled) = (Bridge::new().await, Bridge::new().await);
    assert_eq!(straight.hand(&records).await, None);
    for place in [2, 0, 1, 2] {
        assert_eq!(shuffled.hand(&records[place..=place]).await, None);
    }
    let mut sorted = shuffled.taken();
    sorted.sort_by_key(|event| event["sequence"].as_str().unwrap().to_owned());
    sorted.dedup();
    assert_eq!(sorted, straight.taken(), "`sequence` gives the order back, and what came twice is the same");
}

#[tokio::test]
async fn who_has_a_name_after_another_is_told_apart() {
    let house = House::new().await;
    let first = house.create("ada").await;
    house.anyone().delete(&format!("/users/{first}")).await.expect(204);
    let second = house.create("ada").await;
    house.anyone().patch(&format!("/users/{second}"), &json!({"userName": "eve"})).await.expect(200);
    let third = house.create("ada").await;
    let bridge = Bridge::new().await;
    assert_eq!(bridge.hand(&house.records()).await, None);
    let expected = [
        format!("{first}/1/created"),
        format!("{first}/1/deleted"),
        format!("{second}/1/created"),
        format!("{second}/2/renamed"),
        format!("{third}/1/created"),
    ];
    assert_eq!(ids(&bridge.taken()), expected);
}

#[tokio::test]
async fn what_graphql_writes_is_told() {
    let house = House::new().await;
    let create = "mutation($u: CreateUserInput!) { createUser(input: $u) { user { id } } }";
    let input = json!({"userName": "ada", "firstName": "Ada", "lastName": "Lovelace", "passwordHash": HASH});
    let created = house.anyone().graphql(create, &json!({"u": input})).await.expect(200).json();
    let id = created["data"]["createUser"]["user"]["id"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
    let update = "mutation($id: ID!) { updateUser(id: $id, input: {userName: \"eve\"}) { user { version } } }";
    let updated = house.anyone().graphql(update, &json!({"id": id})).await.expect(200).json();
    assert_eq!(updated["data"]["updateUser"]["user"]["version"], 2, "{updated}");
    let bridge = Bridge::new().await;
    assert_eq!(bridge.hand(&house.records()).await, None);
    assert_eq!(ids(&bridge.taken()), [format!("{id}/1/created"), format!("{id}/2/renamed")]);
}

#[tokio::test]
async fn near_its_deadline_the_function_says_where_it_stopped() {
    let house = House::new().await;
    for name in ["ada", "eve"] {
        house.create(name).await;
    }
    let id = house.create("bob").await;
    for n in 0..3 {
        house.anyone().patch(&format!("/users/{id}"), &json!({"firstName": format!("Bob {n}")})).await.expect(200);
    }
    let records = house.records();
    let bridge = Bridge::new().await;
    // Bob's first change is refused each time; the third wait is 200 ms and more.
    bridge.refuse(move |_, event| event["data"]["user"]["version"] == 2);
    let limit = Duration::from_millis(300);
    let about = About { deadline: Some(Instant::now() + limit), ..About::default() };
    let event = json!({"Records": records});
    let (answer, _) = in_time("the function", limit, stream_events::work_on(&bridge.bus, event, &about)).await;
    let place = answer.unwrap()["batchItemFailures"][0]["itemIdentifier"].clone();
    assert_eq!(place, records[3]["dynamodb"]["SequenceNumber"]);
    assert_eq!(bridge.taken().len(), 3, "what came before is told");
    assert!(bridge.calls().len() < 1 + 4, "it was not tried as often as where there is time");

    // No call is begun after it.
    let before = bridge.calls().len();
    let about = About { deadline: Some(Instant::now()), ..About::default() };
    let answer = stream_events::work_on(&bridge.bus, json!({"Records": records}), &about).await.unwrap();
    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], records[0]["dynamodb"]["SequenceNumber"]);
    assert_eq!(bridge.calls().len(), before);
}
