//! How much: quotas per caller, and the arithmetic of leases.
//!
//! A quota is a number of requests in a window of time. The windows of all sandboxes are the same: they begin at
//! multiples of their length. The table counts, for each caller and policy, what has been handed out in the current
//! window. A sandbox does not ask the table for each request: it takes a *lease* of several in one conditional
//! write, as many as it would use in half of the window, thirty seconds or the rest of the window at its latest pace,
//! whichever is the least, and serves from it.
//!
//! What holds, and is tested with fifty simulated sandboxes:
//!
//! - Every admitted request was handed out before, and never is more handed out in a window than the quota: admitted
//!   in one window is at most the quota, whatever the number of sandboxes.
//! - `burst` is how far use may run ahead of an even pace: after a part `p` of the window at most
//!   `burst + p x quota` has been handed out. So in any stretch of one window's length, wherever it begins, at most
//!   `quota + burst` is admitted.
//! - A lease ends with its window. A sandbox whose clock is `s` behind may serve the rest of its last lease for `s`
//!   longer: then one window can exceed its quota by at most one lease (a tenth of the quota) for each such sandbox,
//!   while the sum over windows stays within the sum of quotas.
//!
//! What it costs at a steady rate within the quota, in writes for each admitted request (the tests print it): 0.04 and
//! less where quotas are large, 0.2 and less where a sandbox serves twenty requests of a caller in a window and the
//! quota is a hundred or more. A lease ends with its window, so a sandbox that serves any request in a window asks at
//! least once: few requests over many sandboxes cost more, up to one write for each. A caller far beyond a small quota
//! costs more for each *admitted* request, as each sandbox must ask to learn that there is nothing left, and then waits.

use super::Timestamp;

/// Which operations a policy counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Every one that is not open to everyone.
    All,
    /// Those that only read.
    Reads,
    /// Those that do not.
    Writes,
    /// These, by `operationId`.
    Named(Vec<String>),
}

/// How much one caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    name: String,
    quota: u64,
    window_millis: i64,
    burst: u64,
    counted: Counted,
}

/// Largest quota: it still fits a structured header's integer, with room.
pub const MAX_QUOTA: u64 = 1_000_000_000;
/// Longest window in seconds: a day.
pub const MAX_WINDOW: u64 = 86_400;
/// A sandbox leases what it uses in this time, or in half of the window if that is shorter.
const HORIZON_MILLIS: i64 = 30_000;
/// No lease is larger than the quota divided by this.
const LARGEST_SHARE: u64 = 10;
/// By how much a lease may outgrow the one before.
const GROWTH: u64 = 4;

impl Policy {
    /// A policy; `None` unless 1 <= `burst` <= `quota` <= [`MAX_QUOTA`] and 1 <= `window_seconds` <= [`MAX_WINDOW`].
    pub fn new(name: &str, quota: u64, window_seconds: u64, burst: u64, counted: Counted) -> Option<Self> {
        let is_sound = (1..=MAX_QUOTA).contains(&quota)
            && (1..=MAX_WINDOW).contains(&window_seconds)
            && (1..=quota).contains(&burst)
            && (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let window_millis = i64::try_from(window_seconds).ok()? * 1000;
        is_sound.then(|| Self { name: name.to_owned(), quota, window_millis, burst, counted })
    }

    /// The policy's name, of letters, digits, `-` and `_`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Requests per window.
    pub fn quota(&self) -> u64 {
        self.quota
    }

    /// The window's length.
    pub fn window_seconds(&self) -> i64 {
        self.window_millis / 1000
    }

    /// Whether an operation counts; `is_read` says whether it only reads.
    pub fn counts(&self, operation: &str, is_read: bool) -> bool {
        match &self.counted {
            Counted::All => true,
            Counted::Reads => is_read,
            Counted::Writes => !is_read,
            Counted::Named(names) => names.iter().any(|name| name == operation),
        }
    }

    /// The number of the window at a time.
    pub fn window(&self, now: Timestamp) -> i64 {
        now.unix_millis() / self.window_millis
    }

    /// When a window ends.
    pub fn end(&self, window: i64) -> Timestamp {
        Timestamp::from_unix_millis((window + 1) * self.window_millis)
    }

    /// How much may have been handed out by `now` in `window`: all of the quota, or as much as `burst` allows so far. Of a
    /// window that has yet to begin by this clock, as much as at its beginning.
    pub fn ceiling(&self, window: i64, now: Timestamp) -> u64 {
        let elapsed = (now.unix_millis() - window * self.window_millis).clamp(0, self.window_millis);
        let paced = u128::from(self.quota) * u128::from(elapsed.unsigned_abs())
            / u128::from(self.window_millis.unsigned_abs().max(1));
        self.quota.min(self.burst.saturating_add(u64::try_from(paced).unwrap_or(u64::MAX)))
    }

    /// When, with `taken` handed out in `window`, `wanted` more may be: when the pace has caught up, or the window ends.
    pub fn next_chance(&self, window: i64, taken: u64, wanted: u64, now: Timestamp) -> Timestamp {
        let end = self.end(window);
        if taken >= self.quota {
            return end;
        }
        // Several at once are worth waiting for: one at a time would cost a write each.
        let wanted = (taken + wanted.max(self.burst / 4).clamp(1, self.burst)).min(self.quota);
        let needed = u128::from(wanted.saturating_sub(self.burst)) * u128::from(self.window_millis.unsigned_abs());
        let elapsed = i64::try_from(needed.div_ceil(u128::from(self.quota))).unwrap_or(self.window_millis);
        Timestamp::from_unix_millis(window * self.window_millis + elapsed).clamp(now.min(end), end)
    }

    /// How much the next lease should hold, after one of `asked` of which `used` were used in `took_millis`.
    fn next_lease(&self, asked: u64, used: u64, took_millis: i64, now: Timestamp) -> u64 {
        // What is left of a lease when the window ends is lost to everyone, so the last ones are small.
        let left = self.end(self.window(now)).unix_millis() - now.unix_millis();
        let horizon = u128::from(HORIZON_MILLIS.min(self.window_millis / 2).min(left).max(1).unsigned_abs());
        let ideal = u128::from(used) * horizon / u128::from(took_millis.max(1).unsigned_abs());
        let most = (self.quota / LARGEST_SHARE).max(1).min(asked.saturating_mul(GROWTH).max(1));
        u64::try_from(ideal).unwrap_or(u64::MAX).clamp(1, most)
    }
}

/// What one sandbox knows of one caller under one policy.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    window: i64,
    left: u64,
    /// Handed out to all sandboxes in this window, as last seen.
    taken: u64,
    /// What was asked for last, and what was given.
    asked: u64,
    size: u64,
    /// When it was given, and how long it lasted.
    since: i64,
    lasted: Option<i64>,
    /// Until when there is nothing to be had, as last seen.
    closed_until: i64,
}

/// What is to be done about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is admitted.
    Admitted,
    /// It is refused, until then at least.
    Refused(Timestamp),
    /// The table must be asked for so many first.
    Ask(u64),
}

impl Lease {
    /// Takes one request from the lease, if it has one.
    pub fn take(&mut self, policy: &Policy, now: Timestamp) -> Verdict {
        let millis = now.unix_millis();
        if millis < policy.end(self.window).unix_millis() && self.left > 0 {
            self.left -= 1;
            if self.left == 0 {
                self.lasted = Some(millis - self.since);
            }
            return Verdict::Admitted;
        }
        if millis < self.closed_until {
            return Verdict::Refused(Timestamp::from_unix_millis(self.closed_until));
        }
        // Of a lease that ended with its window perhaps only a part was used.
        let lasted = self.lasted.unwrap_or(millis - self.since);
        Verdict::Ask(policy.next_lease(self.asked, self.size - self.left, lasted, now))
    }

    /// Notes what the table has handed out: of `asked`, `granted` in `window`, where now `taken` are gone.
    pub fn grant(&mut self, window: i64, asked: u64, granted: u64, taken: u64, now: Timestamp) {
        let since = now.unix_millis();
        *self = Self { window, left: granted, taken, asked, size: granted, since, lasted: None, closed_until: 0 };
    }

    /// Notes that the table has nothing to hand out in `window` now, and says when to ask again.
    pub fn close(&mut self, policy: &Policy, window: i64, taken: u64, now: Timestamp) -> Timestamp {
        let until = policy.next_chance(window, taken, self.asked, now);
        self.closed_until = until.unix_millis();
        (self.window, self.taken, self.left, self.size) = (window, taken, 0, self.size - self.left);
        until
    }

    /// What the caller has left in this window, as far as this sandbox knows.
    pub fn remaining(&self, policy: &Policy, now: Timestamp) -> u64 {
        if self.window == policy.window(now) {
            policy.quota - self.taken.min(policy.quota) + self.left
        } else {
            policy.quota
        }
    }

    /// Seconds until the window ends, rounded up.
    pub fn resets_in(&self, policy: &Policy, now: Timestamp) -> i64 {
        let window = self.window.max(policy.window(now));
        (policy.end(window).unix_millis() - now.unix_millis() + 999) / 1000
    }
}

/// A caller's count in the table, and what a lease makes of it: the table's own arithmetic, without the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The window that is counted.
    pub window: i64,
    /// Handed out in it.
    pub taken: u64,
}

/// What to do with a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Add so many, if the window still is this one and no more than `limit` were taken.
    Add {
        /// The window.
        window: i64,
        /// How many.
        granted: u64,
        /// Most that may have been taken.
        limit: u64,
    },
    /// Begin this window with so many, in place of what was seen.
    Begin {
        /// The window.
        window: i64,
        /// How many.
        granted: u64,
    },
    /// There is nothing to be had.
    Closed(Count),
}

impl Policy {
    /// What to do for a lease of `asked`, after `seen` in the table; before anything was seen, the likely thing.
    pub fn step(&self, asked: u64, seen: Option<Option<Count>>, now: Timestamp) -> Step {
        let window = self.window(now);
        let count = match seen {
            None => {
                let granted = asked.min(self.burst);
                return Step::Add { window, granted, limit: self.ceiling(window, now) - granted };
            }
            // Another clock may be a little ahead, and its window counts; one that is far ahead is wrong.
            Some(Some(count)) if count.window == window || count.window == window + 1 => count,
            Some(_) => return Step::Begin { window, granted: asked.min(self.ceiling(window, now)) },
        };
        let ceiling = self.ceiling(count.window, now);
        let granted = asked.min(ceiling.saturating_sub(count.taken));
        if granted == 0 {
            return Step::Closed(count);
        }
        Step::Add { window: count.window, granted, limit: ceiling - granted }
    }
}
