//! bcrypt, bare and as Django wraps it. Passwords end at 72 bytes there, as they always did.

use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::is_equal;
use super::recipe::{too_costly, unknown_form};
use crate::domain::Flaw;
use crate::hex;

/// Most rounds, as a power of two: about 0.9 seconds of a core.
const MOST_COST: u32 = 14;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        // 16 and 23 bytes do not fill their last character, and some writers leave dirt there.
        .with_decode_allow_trailing_bits(true),
);

pub(super) struct BcryptHash {
    cost: u32,
    salt: [u8; 16],
    expected: Zeroizing<[u8; 23]>,
    /// Django's `bcrypt_sha256`: the password is first its SHA-256 in hexadecimal.
    is_over_sha256: bool,
}

impl BcryptHash {
    /// `$2a$`, `$2b$` or `$2y$`, two digits of cost, 22 characters of salt, 31 of hash.
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        let version = text.get(..4).ok_or_else(unknown_form)?;
        let cost = text.get(4..6).filter(|cost| cost.bytes().all(|b| b.is_ascii_digit())).ok_or_else(unknown_form)?;
        if text.len() != 60 || !["$2a$", "$2b$", "$2y$"].contains(&version) || text.get(6..7) != Some("$") {
            return Err(unknown_form());
        }
        let decode = |text: &str| BASE64.decode(text).map_err(|_| unknown_form());
        let cost: u32 = cost.parse().map_err(|_| unknown_form())?;
        if !(4..=31).contains(&cost) {
            return Err(unknown_form());
        }
        if cost > MOST_COST {
            return Err(too_costly("use a bcrypt cost of at most 14"));
        }
        Ok(Self {
            cost,
            salt: decode(&text[7..29])?.try_into().map_err(|_| unknown_form())?,
            expected: Zeroizing::new(decode(&text[29..])?.try_into().map_err(|_| unknown_form())?),
            is_over_sha256: false,
        })
    }

    pub(super) fn parse_over_sha256(text: &str) -> Result<Self, Flaw> {
        Ok(Self { is_over_sha256: true, ..Self::parse(text)? })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new(Vec::with_capacity(2 * password.len().max(64)));
        if self.is_over_sha256 {
            key.extend_from_slice(Zeroizing::new(hex::lower(&Sha256::digest(password))).as_bytes());
        } else {
            key.extend_from_slice(password);
        }
        key.push(0);
        key.truncate(72);
        is_equal(&bcrypt::bcrypt(self.cost, self.salt, &key)[..23], &*self.expected)
    }
}
