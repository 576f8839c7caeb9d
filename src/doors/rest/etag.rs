//! Entity tags of users: `"{version}"`, or `"{version}.{slot}"` where the body holds an avatar link of a time slot.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::problem::Problem;
use crate::app::App;
use crate::domain::{Flaw, IfMatch, User};

/// The strong tag of a user as it is shown now.
pub fn of_shown(app: &App, user: &User) -> String {
    of_user(user, app.avatar_link_slot(user))
}

/// The strong tag of a user as shown. The link's slot is in it, so a 304 never leaves a client with a link about to expire.
fn of_user(user: &User, slot: Option<u64>) -> String {
    match slot {
        Some(slot) => format!("\"{}.{slot:x}\"", user.version),
        None => format!("\"{}\"", user.version),
    }
}

/// A tag as a header's value.
pub fn header_value(tag: &str) -> HeaderValue {
    HeaderValue::from_str(tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Reads `If-Match`: the versions it admits. Only strong tags count (RFC 9110, section 13.1.1).
pub fn if_match(headers: &HeaderMap) -> Result<IfMatch, Problem> {
    Ok(match tags(headers, &header::IF_MATCH, "If-Match")? {
        None => IfMatch::Absent,
        Some(Tags::Any) => IfMatch::Any,
        Some(Tags::These(tags)) => IfMatch::Versions(tags.into_iter().filter_map(|tag| version(tag.strong?)).collect()),
    })
}

/// Whether `If-None-Match` says that the client already has this representation.
pub fn is_known(headers: &HeaderMap, tag: &str) -> Result<bool, Problem> {
    Ok(match tags(headers, &header::IF_NONE_MATCH, "If-None-Match")? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::These(tags)) => tags.iter().any(|t| t.opaque == tag),
    })
}

enum Tags<'a> {
    Any,
    These(Vec<Tag<'a>>),
}

/// One tag: with its quotes, and once more without them if it is strong.
struct Tag<'a> {
    opaque: &'a str,
    strong: Option<&'a str>,
}

fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName, shown: &'static str) -> Result<Option<Tags<'a>>, Problem> {
    let flaw =
        || Problem::bad_header(shown, Flaw::new("invalid_etag", "give * or entity tags in quotes, such as \"3\""));
    let mut found = Vec::new();
    let mut lines = headers.get_all(name).iter().peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    for line in lines {
        let mut rest = line.to_str().map_err(|_| flaw())?.trim();
        if rest == "*" {
            return Ok(Some(Tags::Any));
        }
        while !rest.is_empty() {
            let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
            let inner = quoted.strip_prefix('"').ok_or_else(flaw)?;
            let end = inner.find('"').ok_or_else(flaw)?;
            found.push(Tag { opaque: &quoted[..end + 2], strong: (!is_weak).then_some(&inner[..end]) });
            rest = inner[end + 1..].trim_start();
            rest = match rest.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if rest.is_empty() => rest,
                None => return Err(flaw()),
            };
        }
    }
    if found.is_empty() { Err(flaw()) } else { Ok(Some(Tags::These(found))) }
}

/// The version part of one of our tags.
fn version(tag: &str) -> Option<u64> {
    let digits = tag.split_once('.').map_or(tag, |(version, _slot)| version);
    let version: u64 = digits.parse().ok()?;
    (version.to_string() == digits).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<IfMatch, &'static str> {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_str(value).unwrap())]);
        if_match(&headers).map_err(|problem| problem.kind().slug)
    }

    #[test]
    fn if_match_compares_versions_of_strong_tags_alone() {
        assert_eq!(read("\"3\""), Ok(IfMatch::Versions(vec![3])));
        assert_eq!(read("\"3.1a\" , \"4\""), Ok(IfMatch::Versions(vec![3, 4])));
        assert_eq!(read("W/\"3\""), Ok(IfMatch::Versions(vec![])));
        assert_eq!(read("\"03\", \"x\", \"\", \"+3\""), Ok(IfMatch::Versions(vec![])));
        assert_eq!(read("*"), Ok(IfMatch::Any));
        for bad in ["3", "\"3", "\"3\" \"4\"", "\"3\",4", "w/\"3\"", "", ","] {
            assert_eq!(read(bad), Err("malformed-request"), "{bad:?}");
        }
    }
}
