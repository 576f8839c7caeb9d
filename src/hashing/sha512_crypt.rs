//! sha512-crypt (<https://www.akkadia.org/drepper/SHA-crypt.txt>), as `/etc/shadow` holds it.

use sha_crypt::Params;
use zeroize::Zeroizing;

use super::is_equal;
use super::recipe::{number, too_costly, unknown_form};
use crate::domain::Flaw;

/// Most rounds: about a second of a core for a password of usual length.
const MOST_ROUNDS: u32 = 1_000_000;
/// Most work for one password. Each round reads all of it, so a long one costs a multiple; this is about five seconds.
const MOST_WORK: u64 = 2 * MOST_ROUNDS as u64;
/// How many bytes of a password are as much work again as a round is without any.
const BYTES_OF_WORK: usize = 64;
/// What a hash without a number means.
const USUAL_ROUNDS: u32 = 5_000;

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) struct Sha512CryptHash {
    params: Params,
    rounds: u32,
    salt: String,
    /// 86 characters.
    expected: Zeroizing<String>,
}

impl Sha512CryptHash {
    /// `[rounds=N$]salt$hash`.
    pub(super) fn parse(rest: &str) -> Result<Self, Flaw> {
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            None => (USUAL_ROUNDS, rest),
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$').ok_or_else(unknown_form)?;
                (number(rounds)?, rest)
            }
        };
        let (salt, expected) = rest.split_once('$').ok_or_else(unknown_form)?;
        let fits =
            (1..=16).contains(&salt.len()) && expected.len() == 86 && expected.bytes().all(|b| ALPHABET.contains(&b));
        if !fits {
            return Err(unknown_form());
        }
        if rounds > MOST_ROUNDS {
            return Err(too_costly("use at most 1,000,000 rounds"));
        }
        let params = Params::new(rounds).map_err(|_| unknown_form())?;
        Ok(Self { params, rounds, salt: salt.to_owned(), expected: Zeroizing::new(expected.to_owned()) })
    }

    /// A password that takes more than [`MOST_WORK`] is never right: with the usual 5,000 rounds none does.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let work = u64::from(self.rounds) * (1 + password.len() / BYTES_OF_WORK) as u64;
        if work > MOST_WORK {
            return false;
        }
        let digest = Zeroizing::new(sha_crypt::sha512_crypt(password, self.salt.as_bytes(), self.params));
        is_equal(encoded(&digest).as_bytes(), self.expected.as_bytes())
    }
}

/// The format's own base64: three columns of 21 bytes, turned by one from line to line, lowest bits first.
fn encoded(digest: &[u8; 64]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(86));
    let mut push = |mut bits: u32, characters: usize| {
        for _ in 0..characters {
            text.push(char::from(ALPHABET[(bits & 63) as usize]));
            bits >>= 6;
        }
    };
    for line in 0..21 {
        let mut columns = [digest[line], digest[line + 21], digest[line + 42]];
        columns.rotate_left(line % 3);
        push(u32::from(columns[0]) << 16 | u32::from(columns[1]) << 8 | u32::from(columns[2]), 4);
    }
    push(u32::from(digest[63]), 2);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash that a password has.
    fn hash(rounds: u32, password: &[u8]) -> Sha512CryptHash {
        let digest = sha_crypt::sha512_crypt(password, b"salt", Params::new(rounds).unwrap());
        Sha512CryptHash::parse(&format!("rounds={rounds}$salt${}", &*encoded(&digest))).ok().unwrap()
    }

    #[test]
    fn a_password_that_would_take_minutes_is_not_worked_on() {
        let long = "\u{1F600}".repeat(256);
        assert!(hash(5_000, long.as_bytes()).matches(long.as_bytes()), "the usual rounds take any password");
        let dear = Sha512CryptHash::parse(&format!("rounds=1000000$salt${}", "a".repeat(86))).ok().unwrap();
        let began = std::time::Instant::now();
        assert!(!dear.matches(long.as_bytes()));
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "it takes some 20 seconds if it is worked on");
    }
}
