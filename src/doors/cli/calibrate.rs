//! `roster calibrate`: what a password hash should cost.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;

use crate::hashing::Parameters;
use crate::hashing::calibrate::{Advice, calibrate, measure};

/// No login reads a hash of more.
const MOST_MB: i64 = Parameters::MOST_MEMORY_KIB as i64 / 1024;

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Memory of one hash
    #[arg(long, value_name = "MB", default_value = "19", value_parser = clap::value_parser!(u32).range(7..=MOST_MB))]
    memory_mb: u32,

    /// How long one hash may take
    #[arg(long, value_name = "MS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    target_ms: u64,

    /// How often each choice is measured; the median counts
    #[arg(long, value_name = "COUNT", default_value = "9", value_parser = clap::value_parser!(u16).range(1..=1000))]
    samples: u16,
}

impl Flags {
    pub(super) fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let target = Duration::from_millis(self.target_ms);
        let samples = usize::from(self.samples);
        let advice = calibrate(self.memory_mb * 1024, target, |parameters| measure(parameters, samples));
        Ok(io::stdout().write_all(told(&advice, target).as_bytes())?)
    }
}

fn told(advice: &Advice, target: Duration) -> String {
    let Advice { parameters, time, function_mb } = advice;
    let mut text = format!(
        "# One hash takes {:.1} ms on a core of this machine.\n\
         ROSTER_ARGON2_MEMORY_KIB={}\nROSTER_ARGON2_PASSES={}\nROSTER_ARGON2_LANES={}\n\
         # A Lambda function whose core is as fast needs {function_mb} MB for that to take at most {} ms.\n",
        time.as_secs_f64() * 1e3,
        parameters.memory_kib,
        parameters.passes,
        parameters.lanes,
        target.as_millis(),
    );
    if *time > target {
        text.push_str("# This is over the target with one pass already: give it more time or less memory.\n");
    }
    if !meets_owasp(parameters.memory_kib, parameters.passes) {
        text.push_str(
            "# This is below what OWASP asks for (47 MB and 1 pass, 19 and 2, 12 and 3, 9 and 4, 7 and 5): \
             give it more time or more memory.\n",
        );
    }
    text
}

/// OWASP Password Storage Cheat Sheet, argon2id.
fn meets_owasp(memory_kib: u32, passes: u32) -> bool {
    [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)]
        .into_iter()
        .any(|(least_kib, least_passes)| memory_kib >= least_kib && passes >= least_passes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_or_slow_choices_are_told() {
        let told = |memory_kib, passes, ms| {
            let parameters = Parameters { memory_kib, passes, lanes: 1 };
            let advice = Advice { parameters, time: Duration::from_millis(ms), function_mb: 1769 };
            told(&advice, Duration::from_millis(60))
        };
        assert!(told(19_456, 2, 30).contains("ROSTER_ARGON2_MEMORY_KIB=19456\nROSTER_ARGON2_PASSES=2\n"));
        assert!(told(19_456, 2, 30).lines().count() == 5);
        assert!(told(19_456, 1, 30).contains("OWASP"));
        assert!(told(262_144, 1, 90).contains("over the target"));
    }
}
