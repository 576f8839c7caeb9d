//! `schemas/events` says what events look like, and refuses everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use roster::domain::change::Kind;
use serde_json::{Value, json};

use crate::harness::bridge::Bridge;
use crate::harness::{House, PASSWORD};

/// A validator of each type, and of its formats.
pub fn validators() -> BTreeMap<String, Validator> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/events");
    let schemas = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = schemas.map(|path| {
        let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(schema["properties"]["type"]["const"], name, "a schema is named after its type");
        (name, jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
    });
    named.collect()
}

/// Holds each event to the schema of its type.
#[track_caller]
pub fn hold(events: &[Value]) {
    let validators = validators();
    for event in events {
        let validator = &validators[event["type"].as_str().unwrap()];
        let errors: Vec<String> = validator.iter_errors(event).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{event:#}: {errors:?}");
    }
}

#[test]
fn every_type_has_a_schema() {
    let types: BTreeSet<String> = Kind::ALL.into_iter().map(|kind| kind.event_type().to_owned()).collect();
    assert_eq!(types, validators().into_keys().collect());
}

#[tokio::test]
async fn real_events_fit_and_others_do_not() {
    let house = House::new().await;
    let id = house.create("ada").await;
    let path = format!("/users/{id}");
    house.anyone().patch(&path, &json!({"firstName": "Augusta"})).await.expect(200);
    house.anyone().patch(&path, &json!({"userName": "countess", "lastName": "King"})).await.expect(200);
    house
        .anyone()
        .put(&format!("{path}/password"), &json!({"newPassword": "zarzuela okapi thribble"}))
        .await
        .expect(204);
    house.anyone().delete(&path).await.expect(204);
    let bridge = Bridge::new().await;
    assert_eq!(bridge.hand(&house.records()).await, None);
    let events = bridge.taken();
    assert_eq!(events.len(), 5);
    hold(&events);

    let renamed = &events[2];
    assert_eq!(renamed["data"]["changed"], json!(["userName", "lastName"]));
    assert_eq!(renamed["data"]["formerUserName"], "ada");
    assert_eq!(renamed["data"]["user"]["userName"], "countess");
    assert_eq!(renamed["time"], renamed["data"]["user"]["updatedAt"]);
    assert_eq!((&renamed["subject"], &renamed["source"]), (&json!(id), &json!("/roster/users")));
    assert_eq!(events[3]["data"], json!({"user": {"id": id, "version": 3}}));

    let validators = validators();
    for event in &events {
        let validator = &validators[event["type"].as_str().unwrap()];
        for (pointer, name, value) in [
            ("/data", "hash", json!("$argon2id$")),
            ("/data/user", "password", json!(PASSWORD)),
            ("", "extra", json!(1)),
            ("", "specversion", json!("0.3")),
            ("", "id", json!(id)),
            ("", "subject", json!("ada")),
            ("", "time", json!("yesterday")),
            ("/data/user", "version", json!(0)),
        ] {
            let mut wrong = event.clone();
            wrong.pointer_mut(pointer).unwrap()[name] = value;
            assert!(!validator.is_valid(&wrong), "{wrong:#}");
        }
        for name in ["specversion", "id", "source", "type", "subject", "time", "sequence", "data"] {
            let mut wrong = event.clone();
            wrong.as_object_mut().unwrap().remove(name);
            assert!(!validator.is_valid(&wrong), "without {name}: {wrong:#}");
        }
    }
}
