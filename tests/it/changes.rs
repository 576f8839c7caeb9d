//! Every change of a user is told once under one id, in the user's order, whatever is refused or comes twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use image::ImageFormat;
use roster::domain::change::Kind;
use roster::domain::{Actor, ClientId, NewCredential, NewUser, PersonName, Profile, UserName};
use roster::operations::{Duplicates, Row, Settings, import_users};
use serde_json::{Value, json};

use crate::event_schemas::hold;
use crate::harness::bridge::{Bridge, ids};
use crate::harness::{Gallery, HASH, House, PASSWORD, new_user, picture};

/// Passwords that no other test uses, so that a trace of them is a leak of these.
const SECOND: &str = "velvet quincunx marmot 53";
const THIRD: &str = "sorrel bandicoot zenith 68";

fn with_hash(user_name: &str) -> Value {
    json!({"userName": user_name, "firstName": "Ada", "lastName": "Lovelace", "passwordHash": HASH})
}

/// What one user's callers were told: ids that must come, and how many changes of pictures, whose versions no answer names.
#[derive(Default)]
struct Journal {
    ids: BTreeSet<String>,
    pictures: usize,
}

/// A life with several callers at once; some users are deleted in the end.
async fn live(gallery: &Gallery, n: usize) -> (String, Journal) {
    let mut journal = Journal::default();
    let created = gallery.anyone().post("/users", &with_hash(&format!("user{n}"))).await.expect(201).json();
    let id = created["id"].as_str().unwrap().to_owned();
    journal.ids.insert(format!("{id}/1/created"));
    let path = format!("/users/{id}");
    let patch = |kind: &'static str, body: Value| {
        let path = &path;
        async move {
            let user = gallery.anyone().patch(path, &body).await.expect(200).json();
            format!("{}/{}/{kind}", user["id"].as_str().unwrap(), user["version"])
        }
    };
    let passwords = format!("{path}/password");
    let change = |new: &'static str| {
        let passwords = &passwords;
        async move { gallery.anyone().put(passwords, &json!({"newPassword": new})).await }
    };
    let patches = (0..4).map(|k| patch("updated", json!({"firstName": format!("Ada {k}")})));
    let renames = (0..2).map(|k| patch("renamed", json!({"userName": format!("user{n}x{k}"), "lastName": "King"})));
    let (updated, renamed, first, second, state) =
        tokio::join!(join_all(patches), join_all(renames), change(SECOND), change(THIRD), async {
            if n.is_multiple_of(2) {
                gallery.upload(&id, "image/png", &picture(ImageFormat::Png, 8, 8, [7, 0, 0])).await
            } else {
                "none".to_owned()
            }
        },);
    journal.ids.extend(updated.into_iter().chain(renamed));
    first.expect(204);
    second.expect(204);
    journal.ids.extend([1, 2].map(|k| format!("{id}/{k}/password-changed")));
    if state == "attached" {
        gallery.anyone().delete(&format!("{path}/avatar")).await.expect(204);
        journal.pictures = 2;
    }
    let version = gallery.anyone().get(&path).await.expect(200).json()["version"].as_u64().unwrap();
    if n.is_multiple_of(3) {
        gallery.anyone().delete(&path).await.expect(204);
        journal.ids.insert(format!("{id}/{version}/deleted"));
    }
    (id, journal)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_a_concurrent_run_is_told_once_and_in_order() {
    const USERS: usize = 6;
    let gallery = Gallery::new().await;
    let bridge = Bridge::new().await;
    // Some events are refused the first five times, which is more than one delivery tries.
    let offered = Mutex::new(BTreeMap::<String, usize>::new());
    bridge.refuse(move |_, event| {
        let id = event["id"].as_str().unwrap();
        let mut offered = offered.lock().unwrap();
        let times = offered.entry(id.to_owned()).or_default();
        *times += 1;
        *times <= 5 && id.bytes().map(usize::from).sum::<usize>().is_multiple_of(5)
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let (mut stream, teller, run) = (gallery.stream(), bridge.clone(), Arc::clone(&is_over));
    let told = tokio::spawn(async move {
        let (mut resumed, mut done) = (0, 0);
        loop {
            let was_over = run.load(Ordering::SeqCst);
            let batch = stream.read().unwrap();
            if batch.records.is_empty() && was_over {
                return resumed;
            }
            match teller.hand(&batch.records).await {
                Some(sequence) => {
                    resumed += 1;
                    stream.move_to(&sequence, false).unwrap();
                }
                // One time in four what was told is handed over again, as after an answer that got lost.
                None if !batch.records.is_empty() && done % 4 == 0 => done += 1,
                None => {
                    done += usize::from(!batch.records.is_empty());
                    stream.move_on(batch.next);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let lives = join_all((0..USERS).map(|n| live(&gallery, n))).await;
    is_over.store(true, Ordering::SeqCst);
    let resumed = told.await.unwrap();
    assert!(resumed > 0, "nothing was refused in the whole run");

    let taken = bridge.taken();
    hold(&taken);
    let mut once: BTreeMap<String, Value> = BTreeMap::new();
    let mut order: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in &taken {
        let id = event["id"].as_str().unwrap();
        if let Some(first) = once.get(id) {
            assert_eq!(first, event, "what is told again is told in the same words");
            continue;
        }
        once.insert(id.to_owned(), event.clone());
        order.entry(event["subject"].as_str().unwrap().to_owned()).or_default().push(event.clone());
    }
    assert_eq!(order.len(), USERS);
    assert!(once.len() < taken.len(), "nothing came twice in the whole run");
    for (id, Journal { ids: mut expected, pictures }) in lives {
        let events = &order[&id];
        let found: BTreeSet<String> = ids(events).into_iter().collect();
        let of_pictures = |id: &String| id.ends_with("/avatar-changed");
        assert_eq!(found.iter().filter(|id| of_pictures(id)).count(), pictures, "{found:?}");
        expected.extend(found.iter().filter(|id| of_pictures(id)).cloned());
        assert_eq!(found, expected);
        in_order(events);
    }
}

/// Versions follow each other without a gap, passwords are counted, a deletion comes last, and `sequence` says the same.
fn in_order(events: &[Value]) {
    let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
    let number = |event: &Value| event["id"].as_str().unwrap().split('/').nth(1).unwrap().parse::<u64>().unwrap();
    let passwords = events.iter().filter(|event| kind(event) == "user.password-changed");
    assert!(passwords.map(number).eq(1..=2), "{:?}", ids(events));
    let profile = |event: &&Value| !["user.password-changed", "user.deleted"].contains(&kind(event).as_str());
    let versions: Vec<u64> = events.iter().filter(profile).map(number).collect();
    assert!(versions.iter().copied().eq(1..=versions.len() as u64), "{:?}", ids(events));
    let deleted = events.iter().position(|event| kind(event) == "user.deleted");
    assert!(deleted.is_none_or(|place| place == events.len() - 1), "{:?}", ids(events));
    assert!(events.is_sorted_by(|a, b| a["sequence"].as_str() < b["sequence"].as_str()), "{:?}", ids(events));
}

#[tokio::test]
async fn nothing_of_a_user_is_told_after_what_was_refused() {
    let house = House::new().await;
    let mut users = Vec::new();
    for name in ["ada", "eve", "bob"] {
        users.push(house.anyone().post("/users", &with_hash(name)).await.expect(201).json()["id"].clone());
    }
    for k in 0..3 {
        for id in &users {
            let path = format!("/users/{}", id.as_str().unwrap());
            house.anyone().patch(&path, &json!({"firstName": format!("Name {k}")})).await.expect(200);
        }
    }
    let records = house.records();
    let bridge = Bridge::new().await;
    let eve = users[1].clone();
    // Eve's second event is refused until it is told otherwise.
    bridge.refuse(move |_, event| event["subject"] == eve && event["data"]["user"]["version"] == 2);
    let sequence = bridge.hand(&records).await.expect("a place to begin again");
    let place = records.iter().position(|record| record["dynamodb"]["SequenceNumber"] == sequence.as_str()).unwrap();
    assert_eq!(place, 4, "the second event of the second user");
    let eves = bridge.taken().into_iter().filter(|event| event["subject"] == users[1]).collect::<Vec<_>>();
    assert_eq!(eves.len(), 1, "{eves:?}");
    for call in bridge.calls() {
        let subjects: BTreeSet<_> = call.iter().map(|event| event["subject"].as_str().unwrap()).collect();
        assert_eq!(subjects.len(), call.len(), "a call holds one event of each user");
    }

    bridge.refuse(|_, _| false);
    assert_eq!(bridge.hand(&records[place..]).await, None);
    let (mut seen, mut order) = (BTreeSet::new(), BTreeMap::<String, Vec<u64>>::new());
    for event in bridge.taken().iter().filter(|event| seen.insert(event["id"].to_string())) {
        let version = event["data"]["user"]["version"].as_u64().unwrap();
        order.entry(event["subject"].to_string()).or_default().push(version);
    }
    assert!(order.len() == 3 && order.values().all(|versions| versions == &[1, 2, 3, 4]), "{order:?}");
}

#[tokio::test]
async fn a_bus_that_is_down_begins_again_at_the_first_and_a_broken_record_at_itself() {
    let house = House::new().await;
    house.create("ada").await;
    house.create("eve").await;
    let records = house.records();
    let sequence = |record: &Value| record["dynamodb"]["SequenceNumber"].as_str().map(str::to_owned);
    let bridge = Bridge::new().await;
    bridge.refuse(|_, _| true);
    assert_eq!(bridge.hand(&records).await, sequence(&records[0]));
    assert_eq!(bridge.calls().len(), 4, "it was tried four times");

    bridge.refuse(|_, _| false);
    let mut broken = records.clone();
    broken[1]["dynamodb"]["NewImage"].as_object_mut().unwrap().remove("userName");
    assert_eq!(bridge.hand(&broken).await, sequence(&records[1]));
    assert_eq!(bridge.taken().len(), 1, "what stands before it is told");
    assert_eq!(bridge.hand(&[]).await, None);
}

#[tokio::test]
async fn what_is_delivered_again_is_told_again_in_the_same_words() {
    let house = House::new().await;
    let id = house.create("ada").await;
    house.anyone().patch(&format!("/users/{id}"), &json!({"userName": "eve"})).await.expect(200);
    house.anyone().delete(&format!("/users/{id}")).await.expect(204);
    let bridge = Bridge::new().await;
    for _ in 0..2 {
        assert_eq!(bridge.hand(&house.records()).await, None);
    }
    let taken = bridge.taken();
    assert_eq!(ids(&taken[..3]), [format!("{id}/1/created"), format!("{id}/2/renamed"), format!("{id}/2/deleted")]);
    assert_eq!(taken[..3], taken[3..]);
}

#[tokio::test]
async fn a_hash_that_is_written_anew_is_no_new_password() {
    let house = House::new().await;
    let vectors: Value = serde_json::from_str(include_str!("../data/legacy-hashes.json")).unwrap();
    let legacy = vectors["vectors"].as_array().unwrap().iter();
    let bcrypt = legacy.clone().find(|vector| vector["hash"].as_str().unwrap().starts_with("bcrypt$")).unwrap();
    let mut user = with_hash("ada");
    user["passwordHash"] = bcrypt["hash"].clone();
    let id = house.anyone().post("/users", &user).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let stored = async || house.items().await.iter().find_map(|item| item.get("hash").cloned()).unwrap();
    let before = stored().await;
    let claim = json!({"userName": "ada", "password": bcrypt["password"]});
    house.anyone().post("/users/verify-password", &claim).await.expect(200);
    assert_ne!(stored().await, before, "the login wrote the hash anew");
    house.anyone().put(&format!("/users/{id}/password"), &json!({"newPassword": SECOND})).await.expect(204);
    let bridge = Bridge::new().await;
    assert_eq!(bridge.hand(&house.records()).await, None);
    assert_eq!(ids(&bridge.taken()), [format!("{id}/1/created"), format!("{id}/1/password-changed")]);
}

#[tokio::test]
async fn an_import_that_updates_is_told() {
    let house = House::new().await;
    let id = house.create("ada").await;
    let name = |text| PersonName::parse(text).unwrap();
    let profile = Profile {
        user_name: UserName::parse("ada").unwrap(),
        first_name: name("Augusta"),
        last_name: name("Lovelace"),
    };
    let credential = NewCredential::Hash(roster::hashing::parse_imported(HASH).unwrap());
    let rows = [Row { line: 1, new: NewUser { profile, credential } }];
    let settings = Settings { duplicates: Duplicates::Update, dry_run: false, concurrency: 1 };
    let actor = Actor::all_powerful(ClientId::anonymous());
    let told = |_, outcome: roster::operations::Outcome| assert!(outcome.is_ok());
    import_users(&house.app, &actor, rows.into_iter(), settings, std::future::pending(), told).await.unwrap();
    let bridge = Bridge::new().await;
    assert_eq!(bridge.hand(&house.records()).await, None);
    let expected = ["1/created", "2/updated", "1/password-changed"].map(|end| format!("{id}/{end}"));
    assert_eq!(ids(&bridge.taken()), expected);
}

#[tokio::test]
async fn no_event_and_no_record_holds_a_password_or_a_hash() {
    let house = House::new().await;
    house.anyone().with("idempotency-key", "k").post("/users", &new_user("ada")).await.expect(201);
    let id = house.anyone().get("/users").await.json()["users"][0]["id"].as_str().unwrap().to_owned();
    let mut hashes = vec![stored_hash(&house).await];
    let passwords = format!("/users/{id}/password");
    house.anyone().put(&passwords, &json!({"currentPassword": PASSWORD, "newPassword": SECOND})).await.expect(204);
    hashes.push(stored_hash(&house).await);
    house.anyone().put(&passwords, &json!({"newPassword": THIRD})).await.expect(204);
    hashes.push(stored_hash(&house).await);
    house.anyone().delete(&format!("/users/{id}")).await.expect(204);
    let records = house.records();
    let bridge = Bridge::new().await;
    assert_eq!(bridge.hand(&records).await, None);
    assert_eq!(bridge.taken().len(), 4);
    let texts = [json!(bridge.calls()).to_string(), json!(records).to_string()];
    hashes.extend([PASSWORD, SECOND, THIRD, "$argon2", "CRED#", "IDEM#"].map(str::to_owned));
    for secret in hashes {
        assert!(texts.iter().all(|text| !text.contains(&secret)), "{secret}");
    }
}

async fn stored_hash(house: &House) -> String {
    let items = house.items().await;
    let credential = items.iter().find(|item| item["pk"].as_s().unwrap().starts_with("CRED#")).unwrap();
    credential["hash"].as_s().unwrap().clone()
}

#[tokio::test]
async fn the_recorded_life_of_a_user_is_understood() {
    let event: Value = serde_json::from_str(include_str!("../../events/dynamodb/life_of_a_user.json")).unwrap();
    let bridge = Bridge::new().await;
    assert_eq!(bridge.hand(event["Records"].as_array().unwrap()).await, None);
    let taken = bridge.taken();
    hold(&taken);
    let types: Vec<&str> = taken.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, Kind::ALL.map(Kind::event_type));
    let id = taken[0]["subject"].as_str().unwrap();
    assert_eq!(taken[3]["data"]["user"]["avatar"], format!("/users/{id}/avatar"));
}
