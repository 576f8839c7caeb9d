//! Passwords: their rules, what hashing may cost, how many wrong ones are too many.

use super::reader::Reader;
use crate::domain::{AttemptLimits, PasswordPolicy};
use crate::hashing::{Limits, Parameters, Pepper, Settings};

/// Memory for all hashes at once where nothing says how much there is, in MiB.
const USUAL_MEMORY_MIB: usize = 512;

/// What can be chosen about passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// `ROSTER_PASSWORD_MIN_LENGTH`: fewest code points of a new password, 8 to 64. Default 8; NIST SP 800-63B-4 asks
    /// for 15 where there is no second factor.
    pub policy: PasswordPolicy,
    /// `ROSTER_ATTEMPTS_PER_NAME`: wrong passwords for one name in 15 minutes, from all callers who have not got it right in
    /// the last 30 days. Default 100, which one wrong password each 9 seconds uses up.
    ///
    /// `ROSTER_ATTEMPTS_PER_CALLER`: wrong passwords from one caller in 15 minutes, over all names that it has not got right
    /// in the last 30 days. Default 1000, which 1.1 a second use up: while that goes on, the caller's first logins are turned
    /// away, and logins to names that it knows are not. Those are held to ten wrong passwords for each name and growing
    /// waits; how many names a caller may try is for `ROSTER_QUOTAS` to say, by a policy on `verify_password`.
    pub attempts: AttemptLimits,
    /// `ROSTER_ARGON2_MEMORY_KIB`, `ROSTER_ARGON2_PASSES`, `ROSTER_ARGON2_LANES`: what a new hash costs. Default 19456, 2
    /// and 1; hashes made with others are written anew at the next login. `roster calibrate` measures them. From 7168 to
    /// 262144, 1 to 64 and 1 to 16, where memory times passes is at most 1048576: no login works out a hash of more.
    ///
    /// `ROSTER_MAX_PARALLEL_HASHES`: how many passwords are hashed at once. Default: one per core.
    ///
    /// `ROSTER_HASHING_MEMORY_MB`: memory for all hashes at once. Default: half of the function's
    /// (`AWS_LAMBDA_FUNCTION_MEMORY_SIZE`), elsewhere 512. An imported hash may take half of this.
    ///
    /// `ROSTER_PASSWORD_PEPPER`: keys beside the salts, `ID:BASE64` with commas between them, the current one first;
    /// `,ID:BASE64` knows the key and hashes without one. Default: none.
    pub hashing: Settings,
    /// `ROSTER_PASSWORD_PEPPER_SSM`: the name of a parameter (a `SecureString`) in AWS Systems Manager that holds the same,
    /// read once while the function starts. Default: none.
    pub pepper_parameter: Option<String>,
}

/// Reads it all.
pub(super) fn read(reader: &mut Reader<'_>) -> Passwords {
    let parameters = parameters(reader);
    Passwords {
        policy: policy(reader),
        attempts: AttemptLimits {
            per_name: number(reader, "ROSTER_ATTEMPTS_PER_NAME", 100, 10..=100_000),
            per_caller: number(reader, "ROSTER_ATTEMPTS_PER_CALLER", 1000, 10..=10_000_000),
            ..AttemptLimits::default()
        },
        hashing: Settings { parameters, limits: limits(reader, parameters), pepper: pepper(reader) },
        pepper_parameter: pepper_parameter(reader),
    }
}

/// What new hashes cost, which is no more than a login works out.
fn parameters(reader: &mut Reader<'_>) -> Parameters {
    const MEMORY: &str = "ROSTER_ARGON2_MEMORY_KIB";
    const PASSES: &str = "ROSTER_ARGON2_PASSES";
    let usual = Parameters::default();
    let mistakes = reader.mistakes();
    let memory_kib = number(reader, MEMORY, usual.memory_kib as usize, 7168..=Parameters::MOST_MEMORY_KIB as usize);
    let passes = number(reader, PASSES, usual.passes as usize, 1..=Parameters::MOST_CHOSEN_PASSES as usize);
    let lanes = number(reader, "ROSTER_ARGON2_LANES", usual.lanes as usize, 1..=Parameters::MOST_LANES as usize);
    let most = Parameters::most_passes(memory_kib);
    // Of what is out of its own range, the default stands here.
    if passes > most && reader.mistakes() == mistakes {
        reader.mistake(format!(
            "{PASSES} must be at most {most} where {MEMORY} is {memory_kib}, since no login works out a hash that takes more: \
             lower one of them"
        ));
    }
    Parameters { memory_kib, passes, lanes }
}

fn policy(reader: &mut Reader<'_>) -> PasswordPolicy {
    let min_code_points = reader.number("ROSTER_PASSWORD_MIN_LENGTH", 8, 8..=64);
    PasswordPolicy::new(min_code_points).unwrap_or_default()
}

fn limits(reader: &mut Reader<'_>, parameters: Parameters) -> Limits {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let function_mb = reader.text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mb| mb.parse::<usize>().ok());
    let usual = function_mb.map_or(USUAL_MEMORY_MIB, |mb| mb / 2).clamp(16, 65_536);
    let memory_mib = number(reader, "ROSTER_HASHING_MEMORY_MB", usual, 16..=65_536);
    if memory_mib.saturating_mul(1024) < parameters.memory_kib {
        reader.mistake(
            "ROSTER_ARGON2_MEMORY_KIB does not fit into ROSTER_HASHING_MEMORY_MB, which is half of the function's memory \
             unless it is set",
        );
    }
    Limits::new(reader.number("ROSTER_MAX_PARALLEL_HASHES", cores, 1..=1024), memory_mib)
}

fn pepper(reader: &mut Reader<'_>) -> Pepper {
    let text = zeroize::Zeroizing::new(reader.text("ROSTER_PASSWORD_PEPPER").unwrap_or_default());
    Pepper::parse(&text).unwrap_or_else(|mistake| {
        reader.mistake(format!("ROSTER_PASSWORD_PEPPER: {mistake}"));
        Pepper::default()
    })
}

fn pepper_parameter(reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.text("ROSTER_PASSWORD_PEPPER_SSM")?;
    if reader.text("ROSTER_PASSWORD_PEPPER").is_some() {
        reader.mistake("set either ROSTER_PASSWORD_PEPPER or ROSTER_PASSWORD_PEPPER_SSM, not both");
    }
    Some(name)
}

fn number(reader: &mut Reader<'_>, name: &str, default: usize, range: std::ops::RangeInclusive<usize>) -> u32 {
    u32::try_from(reader.number(name, default, range)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::hashing::{Parameters, parse_imported};

    fn local(vars: &[(&str, &str)]) -> Result<Config, String> {
        Config::for_local(&|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
            .map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn hashing_takes_half_of_a_functions_memory() {
        for (function, half) in [("1769", 884), ("512", 256), ("128", 64)] {
            let limits = local(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function)]).unwrap().passwords.hashing.limits;
            assert_eq!(limits.memory_mib, half);
        }
        let config = local(&[("ROSTER_HASHING_MEMORY_MB", "64"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")]).unwrap();
        assert_eq!(config.passwords.hashing.limits.memory_mib, 64);
    }

    #[test]
    fn whatever_is_accepted_makes_hashes_that_a_login_reads() {
        const MOST: u32 = Parameters::MOST_MEMORY_KIB;
        // Across the corner of the largest memory and of the most passes, and what they once could be.
        for memory_kib in [7168, 16_384, 16_385, 19_456, 65_536, MOST - 1, MOST, MOST + 1, 1024 * 1024] {
            for passes in [1, 2, 4, 5, 16, 17, 53, 54, 63, 64, 65] {
                let (memory, count) = (memory_kib.to_string(), passes.to_string());
                let config = local(&[
                    ("ROSTER_ARGON2_MEMORY_KIB", &memory),
                    ("ROSTER_ARGON2_PASSES", &count),
                    ("ROSTER_ARGON2_LANES", "16"),
                    ("ROSTER_HASHING_MEMORY_MB", "2048"),
                ]);
                let hash = format!("$argon2id$v=19$m={memory},t={count},p=16$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ");
                let is_read = parse_imported(&hash).is_ok();
                assert_eq!(config.is_ok(), is_read && passes <= 64, "{memory_kib} KiB, {passes} passes");
            }
        }
    }

    #[test]
    fn parameters_that_cannot_be_paid_for_are_a_mistake() {
        for (vars, told) in [
            (&[("ROSTER_ARGON2_MEMORY_KIB", "102400"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")][..], "does not fit"),
            (&[("ROSTER_ARGON2_MEMORY_KIB", "1024"), ("ROSTER_ARGON2_PASSES", "64")], "a number from 7168 to 262144"),
            (&[("ROSTER_ARGON2_MEMORY_KIB", "262145"), ("ROSTER_HASHING_MEMORY_MB", "1024")], "to 262144"),
            (&[("ROSTER_ARGON2_PASSES", "0")], "from 1"),
            (&[("ROSTER_ARGON2_PASSES", "54")], "at most 53 where ROSTER_ARGON2_MEMORY_KIB is 19456"),
            (&[("ROSTER_PASSWORD_PEPPER", "secret")], "ID:BASE64"),
            (&[("ROSTER_PASSWORD_PEPPER", "1:c2hvcnQ=")], "16 to 64 bytes"),
            (
                &[("ROSTER_PASSWORD_PEPPER", "1:MDEyMzQ1Njc4OWFiY2RlZg=="), ("ROSTER_PASSWORD_PEPPER_SSM", "/pepper")],
                "not both",
            ),
        ] {
            let mistake = local(vars).map(|_| ()).unwrap_err();
            assert!(mistake.contains(told) && !mistake.contains("c2hvcnQ"), "{vars:?}: {mistake}");
        }
    }
}
