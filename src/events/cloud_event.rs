//! Changes as CloudEvents 1.0 in JSON (<https://github.com/cloudevents/spec>); `schemas/` describes each type.

use serde_json::{Value, json};

use super::feed::{Entry, Position};
use crate::domain::change::{Change, Kind};
use crate::domain::{Timestamp, User};

/// The digits of the longest sequence number. All are written with as many, so that they sort as text.
const SEQUENCE_DIGITS: usize = 40;

/// One event, ready to be sent.
#[derive(Clone, Debug)]
pub struct CloudEvent {
    /// `type`
    pub event_type: &'static str,
    /// `source`
    pub source: String,
    /// `subject`: the user's id.
    pub subject: String,
    /// `time`
    pub time: Timestamp,
    /// The whole event.
    pub json: String,
    sequence: String,
}

impl CloudEvent {
    /// The event of a change that stands at `sequence` in the stream.
    pub fn of(change: &Change, source: &str, sequence: &str) -> Self {
        let subject = change.user.id.to_string();
        let event = json!({
            "specversion": "1.0",
            "id": change.id(),
            "source": source,
            "type": change.kind.event_type(),
            "subject": subject,
            "time": change.time.to_string(),
            "sequence": format!("{sequence:0>SEQUENCE_DIGITS$}"),
            "datacontenttype": "application/json",
            "data": data(change),
        });
        Self {
            event_type: change.kind.event_type(),
            source: source.to_owned(),
            subject,
            time: change.time,
            json: event.to_string(),
            sequence: sequence.to_owned(),
        }
    }

    /// The event as a feed keeps it.
    pub(super) fn to_entry(&self) -> Entry {
        let position = Position::parse(&self.sequence).unwrap_or_default();
        Entry { position, event_type: self.event_type, json: self.json.as_str().into() }
    }
}

fn data(change: &Change) -> Value {
    let user = &change.user;
    match change.kind {
        Kind::Created => json!({"user": profile(user)}),
        Kind::Updated | Kind::AvatarChanged => json!({"user": profile(user), "changed": change.changed}),
        Kind::Renamed => {
            json!({"user": profile(user), "changed": change.changed, "formerUserName": change.former_user_name})
        }
        // Who only has to drop a session or a user need not be told the names.
        Kind::PasswordChanged | Kind::Deleted => json!({"user": {"id": user.id.to_string(), "version": user.version}}),
    }
}

/// A user as the API shows it, but for the picture: a presigned link would soon be dead, so it is where to ask for one.
fn profile(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "userName": user.profile.user_name.shown(),
        "firstName": user.profile.first_name.as_str(),
        "lastName": user.profile.last_name.as_str(),
        "avatar": user.avatar.as_ref().map(|_| format!("/users/{}/avatar", user.id)),
        "version": user.version,
        "createdAt": user.created_at.to_string(),
        "updatedAt": user.updated_at.to_string(),
    })
}

#[cfg(test)]
impl CloudEvent {
    /// An event with any content at all.
    pub(super) fn sample(subject: &str, json: String, time: Timestamp) -> Self {
        let (source, subject) = ("/roster/test".to_owned(), subject.to_owned());
        Self { event_type: "user.updated", source, subject, time, json, sequence: String::new() }
    }
}
