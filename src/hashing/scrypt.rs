//! scrypt (RFC 7914) as Django writes it, and as a PHC string.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use scrypt::Params;
use zeroize::Zeroizing;

use super::is_equal;
use super::recipe::{number, too_costly, unknown_form};
use super::turns::MOST_IMPORTED_KIB;
use crate::domain::Flaw;

/// Most work: N times r times p, about 0.7 seconds of a core.
const MOST_WORK: u64 = 1 << 21;

pub(super) struct ScryptHash {
    params: Params,
    memory_kib: u32,
    salt: Vec<u8>,
    expected: Zeroizing<Vec<u8>>,
}

impl ScryptHash {
    /// Django: `N$salt$r$p$base64`, the salt being its own bytes.
    pub(super) fn parse_django(rest: &str) -> Result<Self, Flaw> {
        let [n, salt, r, p, expected] = rest.split('$').collect::<Vec<_>>()[..] else { return Err(unknown_form()) };
        let n = number(n)?;
        if !n.is_power_of_two() {
            return Err(unknown_form());
        }
        let expected = STANDARD.decode(expected).map_err(|_| unknown_form())?;
        Self::new(n.trailing_zeros(), number(r)?, number(p)?, salt.as_bytes().to_vec(), expected)
    }

    /// PHC: `ln=log2 N,r=r,p=p$salt$hash`.
    pub(super) fn parse_phc(rest: &str) -> Result<Self, Flaw> {
        let [parameters, salt, expected] = rest.split('$').collect::<Vec<_>>()[..] else { return Err(unknown_form()) };
        let [ln, r, p] = parameters.split(',').collect::<Vec<_>>()[..] else { return Err(unknown_form()) };
        let value = |text: &str, name: &str| number(text.strip_prefix(name).ok_or_else(unknown_form)?);
        let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| unknown_form());
        Self::new(value(ln, "ln=")?, value(r, "r=")?, value(p, "p=")?, decode(salt)?, decode(expected)?)
    }

    fn new(log_n: u32, r: u32, p: u32, salt: Vec<u8>, expected: Vec<u8>) -> Result<Self, Flaw> {
        if !(1..=128).contains(&salt.len()) || !(16..=64).contains(&expected.len()) {
            return Err(unknown_form());
        }
        let work = (1_u64 << log_n.min(40)).saturating_mul(u64::from(r)).saturating_mul(u64::from(p));
        // 128 bytes for each of N + p blocks of r.
        let memory = ((1_u64 << log_n.min(40)) + u64::from(p)).saturating_mul(u64::from(r)).saturating_mul(128);
        let memory_kib = u32::try_from(memory.div_ceil(1024)).unwrap_or(u32::MAX);
        if work > MOST_WORK || memory_kib > MOST_IMPORTED_KIB {
            return Err(too_costly("use at most N r p of 2,097,152 and 256 MiB"));
        }
        let params = Params::new(u8::try_from(log_n).map_err(|_| unknown_form())?, r, p).map_err(|_| unknown_form())?;
        Ok(Self { params, memory_kib, salt, expected: Zeroizing::new(expected) })
    }

    pub(super) fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, &'static str> {
        let mut found = Zeroizing::new(vec![0; self.expected.len()]);
        scrypt::scrypt(password, &self.salt, &self.params, &mut found).map_err(|_| "hashing failed")?;
        Ok(is_equal(&found, &self.expected))
    }
}
