//! Records of the table's stream, as Lambda hands them over and as the embedded engine shows them, read as changes.
//!
//! User items alone are read. What the stream tells of credentials, receipts and counters is passed by unread.

use serde_json::{Map, Value};

use super::item::{self, Item, n, s};
use crate::domain::change::Snapshot;
use crate::domain::{Change, Timestamp};
use crate::error::Error;

/// The sort key of user items. `template.yaml` filters by it, so that no hash ever reaches the function.
pub const USER: &str = "USER";

/// One write, as the stream tells of it.
#[derive(Debug)]
pub struct Record {
    /// Its place in the stream: 21 to 40 digits, larger for later writes of the same item.
    pub sequence: String,
    /// What it did to a user; nothing, if it was about something else.
    pub changes: Vec<Change>,
}

/// The place in the stream of a record, which may be all that can be read of it.
pub fn sequence(record: &Value) -> &str {
    record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default()
}

/// Reads a record of a stream with both images.
pub fn read(record: &Value) -> Result<Record, Error> {
    let sequence = sequence(record).to_owned();
    let body = &record["dynamodb"];
    if body["Keys"]["sk"]["S"] != USER {
        return Ok(Record { sequence, changes: Vec::new() });
    }
    let (before, after) = (snapshot(&body["OldImage"])?, snapshot(&body["NewImage"])?);
    let is_whole = match record["eventName"].as_str() {
        Some("INSERT") => after.is_some(),
        Some("MODIFY") => before.is_some() && after.is_some(),
        Some("REMOVE") => before.is_some(),
        _ => false,
    };
    if !is_whole {
        return Err(Error::internal("a record lacks an image: the stream must show new and old images"));
    }
    Ok(Record { sequence, changes: Change::between(before, after, written_at(body)) })
}

fn snapshot(image: &Value) -> Result<Option<Snapshot>, Error> {
    let Some(attributes) = image.as_object() else { return Ok(None) };
    let item = to_item(attributes);
    Ok(Some(Snapshot {
        user: item::to_user(&item)?,
        password_changes: item::number(&item, "passwordChanges").unwrap_or(0),
        password_changed_at: item::text(&item, "passwordChangedAt").and_then(|text| Timestamp::parse(text).ok()),
    }))
}

/// The texts and numbers of an image; a user item holds nothing else.
fn to_item(attributes: &Map<String, Value>) -> Item {
    let read = |value: &Value| match (value["S"].as_str(), value["N"].as_str()) {
        (Some(text), _) => Some(s(text)),
        (_, Some(number)) => Some(n(number)),
        _ => None,
    };
    attributes.iter().filter_map(|(name, value)| Some((name.clone(), read(value)?))).collect()
}

/// When the table took the write, to the second.
fn written_at(body: &Value) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "the timestamp's own bounds are narrower")]
    let millis = (body["ApproximateCreationDateTime"].as_f64().unwrap_or_default() * 1000.0) as i64;
    Timestamp::from_unix_millis(millis)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(version: u64) -> Value {
        json!({
            "pk": {"S": "USER#01980000-0000-7000-8000-000000000001"}, "sk": {"S": "USER"}, "shard": {"N": "3"},
            "id": {"S": "01980000-0000-7000-8000-000000000001"}, "version": {"N": version.to_string()},
            "userName": {"S": "ada"}, "userNameKey": {"S": "ada"}, "firstName": {"S": "Ada"},
            "lastName": {"S": "Lovelace"}, "createdAt": {"S": "2026-11-22T07:00:00.000Z"},
            "updatedAt": {"S": "2026-11-22T07:00:00.000Z"},
        })
    }

    fn record(name: &str, sk: &str, images: &Value) -> Value {
        let mut body = json!({"Keys": {"pk": {"S": "x"}, "sk": {"S": sk}}, "SequenceNumber": "100000000000000000001",
            "ApproximateCreationDateTime": 1_795_330_800.0});
        body.as_object_mut().unwrap().extend(images.as_object().unwrap().clone());
        json!({"eventName": name, "dynamodb": body})
    }

    #[test]
    fn user_items_are_read_and_others_are_not() {
        let created = read(&record("INSERT", "USER", &json!({"NewImage": image(1)}))).unwrap();
        assert_eq!(created.changes[0].id(), "01980000-0000-7000-8000-000000000001/1/created");
        let gone = read(&record("REMOVE", "USER", &json!({"OldImage": image(4)}))).unwrap();
        assert_eq!(gone.changes[0].time.to_string(), "2026-11-22T07:00:00.000Z");
        let credential = read(&record("MODIFY", "CRED", &json!({"NewImage": {"hash": {"S": "secret"}}}))).unwrap();
        assert!(credential.changes.is_empty());
    }

    #[test]
    fn a_record_without_what_it_should_have_is_refused_and_has_its_place() {
        for (name, images) in [
            ("MODIFY", json!({"NewImage": image(2)})),
            ("INSERT", json!({})),
            ("REMOVE", json!({"NewImage": image(2)})),
            ("UPSERT", json!({"NewImage": image(2)})),
            ("INSERT", json!({"NewImage": {"version": {"N": "1"}}})),
        ] {
            let record = record(name, "USER", &images);
            assert!(read(&record).is_err(), "{record}");
            assert_eq!(sequence(&record), "100000000000000000001");
        }
    }
}
