//! Which trace a request belongs to: W3C Trace Context (<https://www.w3.org/TR/trace-context/>) in and out, and X-Ray's id.

use crate::ids::Ids;

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// 32 hexadecimal digits: the caller's, X-Ray's in this form, or a new one.
    pub id: String,
    /// 16 hexadecimal digits of our own.
    span: String,
    /// The caller's flags: 01 asks to record.
    flags: String,
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
        let xray = xray.and_then(|XRay(header)| root(header));
        let of_xray = || {
            let id = xray?.strip_prefix("1-")?.replace('-', "");
            is_hex(&id, 32).then(|| (id, "00".to_owned()))
        };
        let caller = traceparent.and_then(parse);
        let (id, flags) = caller.or_else(of_xray).unwrap_or_else(|| (crate::hex::lower(&random[8..]), "00".to_owned()));
        Self { id, span, flags, xray: xray.map(str::to_owned) }
    }

    /// The header that tells the caller where its request went.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{}", self.id, self.span, self.flags)
    }
}

/// Trace id and flags. A later version may have more behind a dash; version ff is none.
fn parse(text: &str) -> Option<(String, String)> {
    let mut parts = text.trim().splitn(5, '-');
    let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let is_set = |digits: &str, length| is_hex(digits, length) && digits.bytes().any(|digit| digit != b'0');
    let fits = is_known && is_set(id, 32) && is_set(parent, 16) && is_hex(flags, 2);
    fits.then(|| (id.to_owned(), flags.to_owned()))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn root(header: &str) -> Option<&str> {
    let id = header.split(';').find_map(|part| part.trim().strip_prefix("Root="))?;
    let fits = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    fits.then_some(id)
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
