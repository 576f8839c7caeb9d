//! Where changes are told, and under which name.

use super::reader::Reader;

/// What can be set about change events.
#[derive(Clone, Debug)]
pub struct EventSettings {
    /// `ROSTER_EVENT_BUS`: name or ARN of the EventBridge bus that takes change events. Required by the function `changes`;
    /// nothing else reads it.
    pub bus: Option<String>,
    /// `ROSTER_EVENTS_SOURCE`: the `source` of change events, a URI reference of 1 to 256 characters that does not begin with
    /// `aws.`. Default `/roster/` and the table's name. Name another one after the table was restored to an earlier time: the
    /// same ids then tell of other changes.
    pub source: String,
    /// `AWS_ENDPOINT_URL_EVENTBRIDGE`: another EventBridge endpoint.
    pub endpoint: Option<String>,
}

/// Reads them.
pub(super) fn read(reader: &mut Reader<'_>, table: &str) -> EventSettings {
    let source = reader.text("ROSTER_EVENTS_SOURCE").unwrap_or_else(|| format!("/roster/{table}"));
    let is_plain = source.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    if !is_plain || source.len() > 256 || source.starts_with("aws.") {
        reader.mistake("ROSTER_EVENTS_SOURCE must be a URI reference of 1 to 256 characters, and not begin with aws.");
    }
    EventSettings {
        bus: reader.text("ROSTER_EVENT_BUS"),
        source,
        endpoint: reader.endpoint("AWS_ENDPOINT_URL_EVENTBRIDGE"),
    }
}
