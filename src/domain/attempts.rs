//! How many wrong passwords are too many. Pure: what is remembered comes in, what is to be remembered goes out.
//!
//! Three counts bound a guesser:
//!
//! - a **streak** for each name and caller: ten wrong passwords are free, then each further one waits longer than the
//!   last, 1, 2, 4, 8 and then 15 minutes. A right password ends it, and so do 15 minutes of rest.
//! - a **tally** for each name over all callers, and one for each caller over all names, of wrong passwords in any 15
//!   minutes. They are for strangers: a caller who has got this very name right in the last 30 days is held to the streak
//!   alone, and uses up neither tally. So no flood, on this name from elsewhere or on other names through this caller,
//!   locks out who has been let in before.
//!
//! A tally rolls: it keeps a count for each minute or so, and a count is forgotten 15 minutes after the last wrong
//! password in it. So a wrong password counts for 15 minutes at least and 16 at most, no 15 minutes ever see more than
//! the limit, and 15 minutes after the last one nothing counts.
//!
//! Names are counted whether or not a user has them. A try that is turned away is told nothing. One that is turned away by
//! the streak counts nowhere; one that finds a tally full after the work has counted in the streak, and perhaps in the
//! other tally.
//!
//! A try is settled after the work. A wrong one is told only if it found room in all three counts. A right one is told
//! only if both tallies still have room then, and if it ends the streak: by a write that takes its turn with the writes of
//! the wrong ones, or by finding that nobody has been wrong since the last right one. So of tries at once at one name,
//! by one caller, those are told that come first at the table, right or wrong, as many as would be in a row, whatever
//! sandbox they run in. A right one takes no room in the tallies, and waits for no turn there.

use super::Timestamp;

/// How long wrong passwords are remembered, in seconds; also the longest wait.
pub const WINDOW_SECONDS: i64 = 15 * 60;
/// The first wait, in seconds; each wrong password after it doubles the next.
const FIRST_WAIT_SECONDS: i64 = 60;
/// How long a slot of a tally grows.
const SLOT_SECONDS: i64 = 60;
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

/// Wrong passwords of the last 15 minutes, oldest slot first. Only the last slot still grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// None where nothing is remembered.
    pub slots: Vec<Slot>,
}

/// Wrong passwords within about a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// When it began; no two slots of a tally begin together.
    pub since: Timestamp,
    /// How many.
    pub failures: u32,
    /// When the last one was.
    pub last_failure: Timestamp,
}

/// What is written to count one more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counting {
    /// The last slot has one more.
    Within(Slot),
    /// A new slot begins with one, and these are forgotten.
    Anew {
        /// When it begins.
        since: Timestamp,
        /// What counts no more.
        over: Vec<Slot>,
    },
}

/// What is remembered about a name and a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// This name by this caller.
    pub pair: Option<Streak>,
    /// This name by anyone.
    pub name: Tally,
    /// Any name by this caller.
    pub caller: Tally,
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
    /// For all names that one caller does not know, in a window.
    pub per_caller: u32,
}

impl Streak {
    /// Whether the caller has got the name right of late.
    pub fn is_known(&self, now: Timestamp) -> bool {
        now < self.good_until
    }
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
        if history.pair.is_some_and(|streak| streak.is_known(now)) {
            return Ok(());
        }
        history.caller.admit(self.per_caller, now)?;
        history.name.admit(self.per_name, now)
    }

    /// The streak after one more wrong password, if there is room for it.
    pub fn lengthen(&self, streak: Option<Streak>, now: Timestamp) -> Result<Streak, Wait> {
        self.admit_streak(streak, now)?;
        let good_until = streak.map_or(Timestamp::from_unix_millis(0), |streak| streak.good_until);
        let failures = streak.filter(|streak| !is_over(streak.last_failure, now)).map_or(0, |streak| streak.failures);
        let last_failure = streak.map_or(now, |streak| streak.last_failure.max(now));
        Ok(Streak { failures: failures.saturating_add(1), last_failure, good_until })
    }

    /// The streak after a right password, or nothing where it need not be written, if there is room for a try.
    pub fn forgive(&self, streak: Option<Streak>, now: Timestamp) -> Result<Option<Streak>, Wait> {
        self.admit_streak(streak, now)?;
        let is_clean = streak
            .is_some_and(|streak| streak.failures == 0 && now.plus_seconds(GOOD_RENEWED_SECONDS) < streak.good_until);
        let last_failure = Timestamp::from_unix_millis(0);
        Ok((!is_clean).then(|| Streak { failures: 0, last_failure, good_until: now.plus_seconds(GOOD_SECONDS) }))
    }

    fn admit_streak(&self, streak: Option<Streak>, now: Timestamp) -> Result<(), Wait> {
        let Some(streak) = streak else { return Ok(()) };
        let Some(beyond) = streak.failures.checked_sub(self.per_pair) else { return Ok(()) };
        let wait = (FIRST_WAIT_SECONDS << beyond.min(8)).min(WINDOW_SECONDS);
        until(streak.last_failure.plus_seconds(wait), now)
    }
}

impl Tally {
    /// All that is remembered, over or not.
    pub fn failures(&self) -> u32 {
        self.slots.iter().fold(0, |sum, slot| sum.saturating_add(slot.failures))
    }

    /// How to count one more, if there is room for it below `limit`.
    pub fn count(&self, limit: u32, now: Timestamp) -> Result<Counting, Wait> {
        self.admit(limit, now)?;
        let over: Vec<Slot> = self.slots.iter().filter(|slot| is_over(slot.last_failure, now)).copied().collect();
        Ok(match self.slots.last() {
            Some(slot) if over.is_empty() && now < slot.since.plus_seconds(SLOT_SECONDS) => Counting::Within(Slot {
                failures: slot.failures.saturating_add(1),
                last_failure: slot.last_failure.max(now),
                ..*slot
            }),
            Some(slot) => Counting::Anew { since: now.max(slot.since.plus_millis(1)), over },
            None => Counting::Anew { since: now, over },
        })
    }

    /// Whether there is room below `limit`; if not, how long until there is.
    fn admit(&self, limit: u32, now: Timestamp) -> Result<(), Wait> {
        let mut ends: Vec<(Timestamp, u32)> = self
            .slots
            .iter()
            .filter(|slot| !is_over(slot.last_failure, now))
            .map(|slot| (slot.last_failure.plus_seconds(WINDOW_SECONDS), slot.failures))
            .collect();
        ends.sort();
        let mut left = ends.iter().fold(0_u32, |sum, (_, failures)| sum.saturating_add(*failures));
        let mut room_at = now;
        for (end, failures) in ends {
            if left < limit {
                break;
            }
            (left, room_at) = (left - failures, end);
        }
        until(room_at, now)
    }
}

/// Whether what was at `start` is forgotten. Clocks of sandboxes differ: what is in the future was just now.
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
        let forgive = |streak, now| LIMITS.forgive(Some(streak), now);
        let good = LIMITS.forgive(None, at(0)).unwrap().expect("the first one is written");
        assert_eq!(forgive(good, at(60)), Ok(None));
        assert_eq!(forgive(good, at(14 * 86_400)), Ok(None));
        assert!(forgive(good, at(16 * 86_400)).unwrap().is_some());
        let mut failed = LIMITS.lengthen(Some(good), at(60)).unwrap();
        assert_eq!(forgive(failed, at(61)).map(|streak| streak.map(|streak| streak.failures)), Ok(Some(0)));
        for _ in 0..9 {
            failed = LIMITS.lengthen(Some(failed), at(60)).unwrap();
        }
        assert_eq!(
            forgive(failed, at(61)),
            Err(Wait(59)),
            "a right one after ten wrong ones waits as a wrong one does"
        );
    }

    /// The tally after one more, as the store writes it.
    fn counted(tally: &Tally, limit: u32, now: Timestamp) -> Result<Tally, Wait> {
        let mut slots = tally.slots.clone();
        match tally.count(limit, now)? {
            Counting::Within(slot) => *slots.last_mut().unwrap() = slot,
            Counting::Anew { since, over } => {
                slots.retain(|slot| !over.contains(slot));
                slots.push(Slot { since, failures: 1, last_failure: now });
            }
        }
        Ok(Tally { slots })
    }

    #[test]
    fn a_flood_stops_strangers_and_not_known_callers() {
        let mut name = Tally::default();
        for _ in 0..100 {
            name = counted(&name, LIMITS.per_name, at(0)).unwrap();
        }
        assert_eq!(name.count(LIMITS.per_name, at(1)), Err(Wait(899)));
        let stranger = History { name, ..History::default() };
        assert_eq!(LIMITS.admit(&stranger, at(1)), Err(Wait(899)));
        let mut caller = Tally::default();
        for _ in 0..1000 {
            caller = counted(&caller, LIMITS.per_caller, at(0)).unwrap();
        }
        let new_here = History { caller: caller.clone(), ..History::default() };
        assert_eq!(LIMITS.admit(&new_here, at(1)), Err(Wait(899)));
        let known = History { pair: LIMITS.forgive(None, at(0)).unwrap(), caller, ..stranger.clone() };
        assert_eq!(LIMITS.admit(&known, at(1)), Ok(()));
        assert_eq!(LIMITS.admit(&known, at(31 * 86_400)), Ok(()));
        assert_eq!(LIMITS.admit(&stranger, at(WINDOW_SECONDS)), Ok(()));
    }

    #[test]
    fn the_edge_of_a_window_gives_no_second_helping() {
        // One at first and nine just before the first is forgotten: then there is room for that one alone.
        let mut tally = counted(&Tally::default(), 10, at(0)).unwrap();
        for _ in 0..9 {
            tally = counted(&tally, 10, at(WINDOW_SECONDS - 1)).unwrap();
        }
        assert_eq!(tally.count(10, at(WINDOW_SECONDS - 1)), Err(Wait(1)));
        tally = counted(&tally, 10, at(WINDOW_SECONDS)).unwrap();
        assert_eq!(tally.count(10, at(WINDOW_SECONDS)), Err(Wait(899)));
    }

    proptest::proptest! {
        #[test]
        fn no_window_ever_sees_more_than_the_limit(
            limit in 1_u32..40,
            gaps in proptest::collection::vec(proptest::prop_oneof![0_i64..5_000, 0_i64..90_000, 0_i64..900_000], 1..300),
        ) {
            let (mut tally, mut millis, mut times) = (Tally::default(), 0, Vec::new());
            for gap in gaps {
                millis += gap;
                match counted(&tally, limit, at(0).plus_millis(millis)) {
                    Ok(next) => {
                        tally = next;
                        times.push(millis);
                    }
                    Err(Wait(seconds)) => {
                        proptest::prop_assert!(i64::from(seconds) <= WINDOW_SECONDS, "{seconds} is longer than the window");
                        let then = at(0).plus_millis(millis).plus_seconds(i64::from(seconds));
                        proptest::prop_assert!(tally.count(limit, then).is_ok(), "Retry-After is the truth");
                        proptest::prop_assert!(tally.slots.len() < 40);
                    }
                }
                let in_window = times.iter().filter(|time| millis - **time < 1000 * WINDOW_SECONDS).count();
                proptest::prop_assert!(in_window <= limit as usize, "{in_window} in a window, {limit} allowed");
            }
            proptest::prop_assert!(tally.count(limit, at(0).plus_millis(millis).plus_seconds(WINDOW_SECONDS)).is_ok());
        }
    }
}
