//! How the HTTP door behaves: who may call from a browser, and how long a request may take.

use std::time::Duration;

use super::reader::Reader;

/// The HTTP door.
#[derive(Clone, Debug)]
pub struct Door {
    /// `ROSTER_CORS_ORIGINS`: origins whose pages may call the API, such as `https://app.example`, with commas between
    /// them, or `*`. Default: none, so that browsers keep other pages out.
    pub cors_origins: Vec<String>,
    /// `ROSTER_DEADLINE_SECONDS`: how long a request may take, 1 to 900; shorter than the function's timeout, so that the
    /// caller hears 504 and not silence. Default 14, a second before the template's functions end.
    pub deadline: Duration,
    /// `ROSTER_GRAPHQL_INTROSPECTION`: whether GraphQL tells its schema, `on` or `off`. Default `off` on Lambda, `on` in local
    /// mode.
    pub introspection: bool,
}

/// Reads it.
pub(super) fn door(reader: &mut Reader<'_>, is_lambda: bool) -> Door {
    let cors_origins = reader.list("ROSTER_CORS_ORIGINS");
    let is_any = cors_origins.len() == 1 && cors_origins[0] == "*";
    if !is_any && !cors_origins.iter().all(|origin| is_origin(origin)) {
        reader.mistake("ROSTER_CORS_ORIGINS must be * or origins such as https://app.example, without a path");
    }
    let seconds = reader.number("ROSTER_DEADLINE_SECONDS", 14, 1..=900);
    let deadline = Duration::from_secs(u64::try_from(seconds).unwrap_or(14));
    let introspection = reader.choice("ROSTER_GRAPHQL_INTROSPECTION", !is_lambda, "on", "off");
    Door { cors_origins, deadline, introspection }
}

/// Scheme, host and perhaps port, as a browser writes them (RFC 6454, section 6.1).
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b))
        && text.parse::<http::Uri>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (text, fits) in [
            ("https://app.example", true),
            ("http://localhost:3000", true),
            ("http://[::1]:3000", true),
            ("https://app.example/", false),
            ("https://App.example", false),
            ("app.example", false),
            ("https://", false),
            ("null", false),
        ] {
            assert_eq!(is_origin(text), fits, "{text}");
        }
    }
}
