//! How many wrong passwords are too many. Pure: what is remembered comes in, what is to be remembered goes out.
//!
//! Three counts bound a guesser:
//!
//! - a **streak** for each name and caller: ten wrong passwords are free, then each further one waits longer than the
//!   last, 1, 2, 4, 8 and then 15 minutes. A right password ends it, and so do 15 minutes of rest.
//! - a **tally** for each name over all callers, and one for each caller over all names, of wrong passwords in 15 minutes.
//!   A caller who has got this very name right in the last 30 days is not held to the name's tally, so a flood from
//!   elsewhere cannot lock it out.
//!
//! Names are counted whether or not a user has them. A try that is turned away is not a try: it is told nothing and it
//! counts nowhere. A try is settled after the work: a wrong one is told only if it found room in all three counts, a
//! right one only if all three still have room when it is done. So many tries at once learn no more than as many in a
//! row, whatever sandbox they run in.

use super::Timestamp;

/// How long wrong passwords are remembered, in seconds; also the longest wait.
pub const WINDOW_SECONDS: i64 = 15 * 60;
/// The first wait, in seconds; each wrong password after it doubles the next.
const FIRST_WAIT_SECONDS: i64 = 60;
/// How long a right password makes a caller a known one, and from when on that is written anew.
const GOOD_SECONDS: i64 = 30 * 24 * 3600;
const GOOD_RENEWED_SECONDS: i64 = 15 * 24 * 3600;

/// Wrong passwords in a row for one name by one caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// How many.
    pub failures: u32,
    /// When the last one was.
    pub last_failure: Timestamp,
    /// Until when an earlier right password counts for the caller.
    pub good_until: Timestamp,
}

/// Wrong passwords since the first of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub failures: u32,
    /// When the window began.
    pub since: Timestamp,
}

/// What is remembered about a name and a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// This name by this caller.
    pub pair: Option<Streak>,
    /// This name by anyone.
    pub name: Option<Tally>,
    /// Any name by this caller.
    pub caller: Option<Tally>,
}

/// Turned away: whole seconds until it is worth another try, one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub u32);

/// How many wrong passwords are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// For one name by one caller, before waits begin.
    pub per_pair: u32,
    /// For one name by all callers who do not know it, in a window.
    pub per_name: u32,
    /// For all names by one caller, in a window.
    pub per_caller: u32,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self { per_pair: 10, per_name: 100, per_caller: 1000 }
    }
}

impl AttemptLimits {
    /// Whether a try may be made, or may be told, now.
    pub fn admit(&self, history: &History, now: Timestamp) -> Result<(), Wait> {
        self.admit_streak(history.pair, now)?;
        admit_tally(history.caller, self.per_caller, now)?;
        if history.pair.is_some_and(|streak| now < streak.good_until) {
            return Ok(());
        }
        admit_tally(history.name, self.per_name, now)
    }

    /// The streak after one more wrong password, if there is room for it.
    pub fn lengthen(&self, streak: Option<Streak>, now: Timestamp) -> Result<Streak, Wait> {
        self.admit_streak(streak, now)?;
        let good_until = streak.map_or(Timestamp::from_unix_millis(0), |streak| streak.good_until);
        let failures = streak.filter(|streak| !is_over(streak.last_failure, now)).map_or(0, |streak| streak.failures);
        let last_failure = streak.map_or(now, |streak| streak.last_failure.max(now));
        Ok(Streak { failures: failures.saturating_add(1), last_failure, good_until })
    }

    /// The tally after one more wrong password, if there is room for it below `limit`.
    pub fn count(tally: Option<Tally>, limit: u32, now: Timestamp) -> Result<Tally, Wait> {
        admit_tally(tally, limit, now)?;
        let tally = tally.filter(|tally| !is_over(tally.since, now)).unwrap_or(Tally { failures: 0, since: now });
        Ok(Tally { failures: tally.failures + 1, ..tally })
    }

    /// The streak after a right password, or nothing where it need not be written.
    pub fn forgive(streak: Option<Streak>, now: Timestamp) -> Option<Streak> {
        let is_clean = streak
            .is_some_and(|streak| streak.failures == 0 && now.plus_seconds(GOOD_RENEWED_SECONDS) < streak.good_until);
        let last_failure = Timestamp::from_unix_millis(0);
        (!is_clean).then(|| Streak { failures: 0, last_failure, good_until: now.plus_seconds(GOOD_SECONDS) })
    }

    fn admit_streak(&self, streak: Option<Streak>, now: Timestamp) -> Result<(), Wait> {
        let Some(streak) = streak else { return Ok(()) };
        let Some(beyond) = streak.failures.checked_sub(self.per_pair) else { return Ok(()) };
        let wait = (FIRST_WAIT_SECONDS << beyond.min(8)).min(WINDOW_SECONDS);
        until(streak.last_failure.plus_seconds(wait), now)
    }
}

fn admit_tally(tally: Option<Tally>, limit: u32, now: Timestamp) -> Result<(), Wait> {
    match tally {
        Some(tally) if tally.failures >= limit => until(tally.since.plus_seconds(WINDOW_SECONDS), now),
        _ => Ok(()),
    }
}

/// Whether what began at `start` is forgotten. Clocks of sandboxes differ: a start in the future has just begun.
fn is_over(start: Timestamp, now: Timestamp) -> bool {
    start.plus_seconds(WINDOW_SECONDS) <= now
}

fn until(end: Timestamp, now: Timestamp) -> Result<(), Wait> {
    match u64::try_from(end.unix_millis() - now.unix_millis()) {
        Err(_) | Ok(0) => Ok(()),
        Ok(millis) => Err(Wait(u32::try_from(millis.div_ceil(1000)).unwrap_or(u32::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AttemptLimits = AttemptLimits { per_pair: 10, per_name: 100, per_caller: 1000 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_795_330_800_000).plus_seconds(seconds)
    }

    #[test]
    fn waits_grow_after_ten_and_end_with_the_window() {
        let (mut streak, mut now, mut waits) = (None, at(0), Vec::new());
        for _ in 0..15 {
            match LIMITS.lengthen(streak, now) {
                Ok(longer) => streak = Some(longer),
                Err(Wait(seconds)) => {
                    waits.push(seconds);
                    now = now.plus_seconds(i64::from(seconds));
                    streak = Some(LIMITS.lengthen(streak, now).expect("Retry-After is the truth"));
                }
            }
        }
        assert_eq!(waits, [60, 120, 240, 480, 900]);
        assert_eq!(streak.map(|streak| streak.failures), Some(1), "the last wait is a rest, and it begins anew");
    }

    #[test]
    fn a_right_password_is_remembered_and_rarely_written() {
        let good = AttemptLimits::forgive(None, at(0)).expect("the first one is written");
        assert_eq!(AttemptLimits::forgive(Some(good), at(60)), None);
        assert_eq!(AttemptLimits::forgive(Some(good), at(14 * 86_400)), None);
        assert!(AttemptLimits::forgive(Some(good), at(16 * 86_400)).is_some());
        let failed = LIMITS.lengthen(Some(good), at(60)).unwrap();
        assert_eq!(AttemptLimits::forgive(Some(failed), at(61)).map(|streak| streak.failures), Some(0));
    }

    #[test]
    fn a_flood_from_elsewhere_stops_strangers_and_not_known_callers() {
        let mut name = None;
        for _ in 0..100 {
            name = Some(AttemptLimits::count(name, LIMITS.per_name, at(0)).unwrap());
        }
        let stranger = History { name, ..History::default() };
        assert_eq!(LIMITS.admit(&stranger, at(1)), Err(Wait(899)));
        assert_eq!(AttemptLimits::count(name, LIMITS.per_name, at(1)), Err(Wait(899)));
        let known = History { pair: AttemptLimits::forgive(None, at(0)), ..stranger };
        assert_eq!(LIMITS.admit(&known, at(1)), Ok(()));
        assert_eq!(LIMITS.admit(&known, at(31 * 86_400)), Ok(()));
        assert_eq!(LIMITS.admit(&stranger, at(WINDOW_SECONDS)), Ok(()));
    }
}
