//! Which trace a request belongs to: W3C Trace Context (<https://www.w3.org/TR/trace-context/>) in and out, and X-Ray's id.

use crate::ids::Ids;
use crate::telemetry::span::At;

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// 32 hexadecimal digits: the caller's, X-Ray's in this form, or a new one.
    pub id: String,
    /// 16 hexadecimal digits of our own.
    span: String,
    /// The caller's flags: 01 asks to record.
    flags: String,
    /// The span of whoever called, if it is known.
    parent: Option<At>,
    /// X-Ray's own id, as Lambda gave it.
    pub xray: Option<String>,
}

/// What Lambda says in its trace header: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
#[derive(Clone, Debug)]
pub struct XRay(pub String);

impl Trace {
    /// Goes on with the caller's trace, or else with Lambda's, or begins one.
    pub fn of(traceparent: Option<&str>, xray: Option<&XRay>, ids: &Ids) -> Self {
        let mut random = [0; 24];
        ids.fill(&mut random);
        let span = crate::hex::lower(&random[..8]);
        let header = xray.map(|XRay(header)| header.as_str());
        let xray = header.and_then(|header| part(header, "Root="));
        let of_xray = || {
            let id = xray?.strip_prefix("1-")?.replace('-', "");
            let is_sampled = header.and_then(|header| part(header, "Sampled=")) == Some("1");
            let span = header.and_then(|header| part(header, "Parent=")).filter(|span| is_hex(span, 16));
            let parent = span.map(|span| At { trace: id.clone(), span: span.to_owned(), is_sampled });
            is_hex(&id, 32).then(|| (id, "00".to_owned(), parent))
        };
        let caller = traceparent.and_then(parse).map(|(at, flags)| (at.trace.clone(), flags, Some(at)));
        let begin = || (crate::hex::lower(&random[8..]), "00".to_owned(), None);
        let (id, flags, parent) = caller.or_else(of_xray).unwrap_or_else(begin);
        Self { id, span, flags, parent, xray: xray.map(str::to_owned) }
    }

    /// The span beneath which ours is.
    pub fn parent(&self) -> Option<&At> {
        self.parent.as_ref()
    }

    /// The same at the span that was begun, if one was.
    pub fn at(self, at: Option<At>) -> Self {
        let Some(At { trace, span, is_sampled }) = at else { return self };
        Self { id: trace, span, flags: if is_sampled { "01" } else { "00" }.to_owned(), ..self }
    }

    /// The header that tells the caller where its request went.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{}", self.id, self.span, self.flags)
    }
}

/// The caller's span, and its flags. A later version may have more behind a dash; version ff is none.
fn parse(text: &str) -> Option<(At, String)> {
    let mut parts = text.trim().splitn(5, '-');
    let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let is_set = |digits: &str, length| is_hex(digits, length) && digits.bytes().any(|digit| digit != b'0');
    let fits = is_known && is_set(id, 32) && is_set(parent, 16) && is_hex(flags, 2);
    let is_sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
    fits.then(|| (At { trace: id.to_owned(), span: parent.to_owned(), is_sampled }, flags.to_owned()))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// One part of Lambda's trace header.
fn part<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let value = header.split(';').find_map(|part| part.trim().strip_prefix(name))?;
    let fits = value.len() <= 64 && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_trace_goes_on() {
        let ids = Ids::seeded(1);
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (header, goes_on) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            (" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
            ("4bf92f3577b34da6a3ce929d0e0e4736", false),
            ("", false),
        ] {
            let trace = Trace::of(Some(header), None, &ids);
            assert_eq!(trace.id == id, goes_on, "{header}");
            assert!(parse(&trace.traceparent()).is_some(), "{header}");
            assert!(!trace.traceparent().contains("00f067aa0ba902b7"), "our own span: {header}");
            assert_eq!(trace.traceparent().ends_with("-01"), goes_on, "{header}");
        }
    }

    #[test]
    fn lambdas_trace_has_the_same_id_in_both_forms() {
        let header = XRay("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".to_owned());
        let trace = Trace::of(None, Some(&header), &Ids::seeded(1));
        assert_eq!(trace.id, "5759e988bd862e3fe1be46a994272793");
        assert_eq!(trace.xray.as_deref(), Some("1-5759e988-bd862e3fe1be46a994272793"));
        assert_eq!(Trace::of(None, Some(&XRay("Root=a\"b".to_owned())), &Ids::seeded(1)).xray, None);
    }
}
