//! sha512-crypt (<https://www.akkadia.org/drepper/SHA-crypt.txt>), as `/etc/shadow` holds it.

use sha_crypt::Params;
use zeroize::Zeroizing;

use super::is_equal;
use super::recipe::{number, too_costly, unknown_form};
use crate::domain::Flaw;

/// Most rounds: about 0.8 seconds of a core.
const MOST_ROUNDS: u32 = 1_000_000;
/// What a hash without a number means.
const USUAL_ROUNDS: u32 = 5_000;

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) struct Sha512CryptHash {
    params: Params,
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
        Ok(Self { params, salt: salt.to_owned(), expected: Zeroizing::new(expected.to_owned()) })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
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
