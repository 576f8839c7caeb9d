//! Points in time as the directory stores and shows them.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::Flaw;

/// A point in time in whole milliseconds, UTC; shown as RFC 3339 with three decimals, which sorts as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The largest moment that still has a four-digit year: 9999-12-31T23:59:59.999Z.
const MAX_MILLIS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment `millis` milliseconds after 1970-01-01T00:00:00Z, held between that day and the year 9999.
    pub fn from_unix_millis(millis: i64) -> Self {
        Self(millis.clamp(0, MAX_MILLIS))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, as DynamoDB's time-to-live counts.
    pub fn unix_seconds(self) -> i64 {
        self.0 / 1000
    }

    /// The moment `seconds` later.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_unix_millis(self.0 + seconds * 1000)
    }

    /// This many milliseconds later.
    pub fn plus_millis(self, millis: i64) -> Self {
        Self::from_unix_millis(self.0 + millis)
    }

    /// Reads an RFC 3339 date-time of any offset, from 1970 to 9999; digits past the millisecond are dropped.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let flaw = || Flaw::new("invalid_time", "give an RFC 3339 date-time such as 2026-11-22T07:00:00.000Z");
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| flaw())?;
        let millis = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).map_err(|_| flaw())?;
        if (0..=MAX_MILLIS).contains(&millis) { Ok(Self(millis)) } else { Err(flaw()) }
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_offset(UtcOffset::UTC);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second(),
            moment.millisecond()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_times_are_read_back_and_sort_as_text() {
        let earlier = Timestamp::from_unix_millis(1_795_330_800_000);
        let later = Timestamp::from_unix_millis(1_795_330_800_009);
        assert_eq!(earlier.to_string(), "2026-11-22T07:00:00.000Z");
        assert_eq!(Timestamp::parse(&later.to_string()), Ok(later));
        assert!(earlier.to_string() < later.to_string());
    }

    #[test]
    fn offsets_are_turned_into_utc_and_nonsense_is_refused() {
        assert_eq!(Timestamp::parse("2026-11-22T08:00:00+01:00"), Timestamp::parse("2026-11-22T07:00:00Z"));
        for text in ["", "2026-11-22", "yesterday", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert!(Timestamp::parse(text).is_err(), "{text:?}");
        }
    }
}
