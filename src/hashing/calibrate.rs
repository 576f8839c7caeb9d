//! What argon2id costs on this machine, and which Lambda function that asks for.

use std::time::{Duration, Instant};

use super::argon2_phc::Argon2Hash;
use super::{Make, Parameters, Pepper, SALT_BYTES};

/// A Lambda function has one whole core from this much memory on.
pub const MEMORY_MB_OF_A_CORE: u32 = 1769;

/// What was measured and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Parameters to set.
    pub parameters: Parameters,
    /// How long one hash takes on a whole core of this machine.
    pub time: Duration,
    /// Memory of a Lambda function, in MB, that needs no longer than the target, if its core is as fast as this one.
    pub function_mb: u32,
}

/// The median time of one hash, of `samples`, in memory that is used again.
#[must_use]
pub fn measure(parameters: Parameters, samples: usize) -> Duration {
    let mut memory = Vec::new();
    let mut times: Vec<Duration> = (0..=samples)
        .filter_map(|_| {
            let start = Instant::now();
            let hash = Argon2Hash::unfilled(Make { parameters, key_id: None }, [7; SALT_BYTES]).ok()?;
            hash.fill(b"correct horse battery staple", &Pepper::default(), &mut memory).ok()?;
            Some(start.elapsed())
        })
        // The first one finds no memory.
        .skip(1)
        .collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The most passes over `memory_kib` that a whole core makes within `target` and a login reads again; one at least.
#[must_use]
pub fn calibrate(memory_kib: u32, target: Duration, time_of: impl Fn(Parameters) -> Duration) -> Advice {
    let with = |passes| Parameters { memory_kib, passes, lanes: 1 };
    let mut best = (with(1), time_of(with(1)));
    for passes in 2..=Parameters::MOST_CHOSEN_PASSES.min(Parameters::most_passes(memory_kib)) {
        let time = time_of(with(passes));
        if time > target {
            break;
        }
        best = (with(passes), time);
    }
    let (parameters, time) = best;
    Advice { parameters, time, function_mb: function_mb(memory_kib, time, target) }
}

/// Enough memory that a hash takes at most a quarter of it, and the share of a core that keeps the target.
fn function_mb(memory_kib: u32, time: Duration, target: Duration) -> u32 {
    let share = time.as_secs_f64() / target.as_secs_f64().max(0.001);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held within what Lambda sells")]
    let by_time = (share * f64::from(MEMORY_MB_OF_A_CORE)).ceil().clamp(128.0, f64::from(MEMORY_MB_OF_A_CORE)) as u32;
    by_time.max(memory_kib.div_ceil(1024) * 4).clamp(128, 10_240)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_passes_as_the_target_allows() {
        let advise = |memory_mib: u32, target_ms| {
            let time_of = |p: Parameters| Duration::from_millis(u64::from(p.passes * p.memory_kib / 1024));
            let advice = calibrate(memory_mib * 1024, Duration::from_millis(target_ms), time_of);
            (advice.parameters.passes, advice.function_mb)
        };
        assert_eq!(advise(19, 60), (3, 1681));
        assert_eq!(advise(19, 19), (1, 1769));
        assert_eq!(advise(19, 5), (1, 1769), "one pass at least, on a whole core");
        assert_eq!(advise(7, 1000), (64, 793));
        assert_eq!(advise(256, 2000), (4, 1024), "a hash takes at most a quarter, and no more work than a login does");
        assert_eq!(advise(19, 2000).0, 53, "no more work than a login does");
    }

    #[test]
    fn this_machine_is_measured() {
        assert!(measure(Parameters { memory_kib: 64, passes: 1, lanes: 1 }, 3) > Duration::ZERO);
    }
}
