//! PBKDF2 (RFC 8018) as Django and passlib write it, and as a PHC string.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::is_equal;
use super::recipe::{number, too_costly, unknown_form};
use crate::domain::Flaw;

/// Most iterations: about a second of a core for SHA-256.
const MOST_ITERATIONS: u32 = 3_000_000;

#[derive(Clone, Copy)]
enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

pub(super) struct Pbkdf2Hash {
    digest: Digest,
    iterations: u32,
    salt: Vec<u8>,
    expected: Zeroizing<Vec<u8>>,
}

impl Pbkdf2Hash {
    /// Django: `iterations$salt$base64`, the salt being its own bytes.
    pub(super) fn parse_django(name: &str, rest: &str) -> Result<Self, Flaw> {
        let digest = if name == "pbkdf2_sha1" { Digest::Sha1 } else { Digest::Sha256 };
        let [iterations, salt, expected] = rest.split('$').collect::<Vec<_>>()[..] else { return Err(unknown_form()) };
        let expected = STANDARD.decode(expected).map_err(|_| unknown_form())?;
        Self::new(digest, number(iterations)?, salt.as_bytes().to_vec(), expected)
    }

    /// PHC: `i=iterations[,l=length]$salt$hash`; passlib: `iterations$salt$hash` with `.` for `+`.
    pub(super) fn parse_phc(name: &str, rest: &str) -> Result<Self, Flaw> {
        let digest = match name {
            "pbkdf2-sha256" => Digest::Sha256,
            "pbkdf2-sha512" => Digest::Sha512,
            _ => Digest::Sha1,
        };
        let [parameters, salt, expected] = rest.split('$').collect::<Vec<_>>()[..] else { return Err(unknown_form()) };
        let decode = |text: &str| STANDARD_NO_PAD.decode(text.replace('.', "+")).map_err(|_| unknown_form());
        let expected = decode(expected)?;
        let iterations = match parameters.strip_prefix("i=") {
            None => parameters,
            Some(parameters) => {
                let (iterations, length) = parameters.split_once(",l=").unwrap_or((parameters, ""));
                if !length.is_empty() && number(length)? as usize != expected.len() {
                    return Err(unknown_form());
                }
                iterations
            }
        };
        Self::new(digest, number(iterations)?, decode(salt)?, expected)
    }

    fn new(digest: Digest, iterations: u32, salt: Vec<u8>, expected: Vec<u8>) -> Result<Self, Flaw> {
        // Longer than the digest would be several times the work for the one who checks, and none for the one who steals.
        let length = match digest {
            Digest::Sha1 => 20,
            Digest::Sha256 => 32,
            Digest::Sha512 => 64,
        };
        if iterations == 0 || !(1..=128).contains(&salt.len()) || !(16..=length).contains(&expected.len()) {
            return Err(unknown_form());
        }
        if iterations > MOST_ITERATIONS {
            return Err(too_costly("use at most 3,000,000 iterations"));
        }
        Ok(Self { digest, iterations, salt, expected: Zeroizing::new(expected) })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut found = Zeroizing::new(vec![0; self.expected.len()]);
        match self.digest {
            Digest::Sha1 => pbkdf2_hmac::<Sha1>(password, &self.salt, self.iterations, &mut found),
            Digest::Sha256 => pbkdf2_hmac::<Sha256>(password, &self.salt, self.iterations, &mut found),
            Digest::Sha512 => pbkdf2_hmac::<Sha512>(password, &self.salt, self.iterations, &mut found),
        }
        is_equal(&found, &self.expected)
    }
}
