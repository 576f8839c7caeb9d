//! 120,000 common passwords in 307 kB: of each, 32 bits of its SHA-256. `scripts/make-common-passwords` builds the table.
//!
//! Every password of the list is found. One that is not on it is taken for one of them once in about 36,000 times, and
//! its user then chooses another.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// For each value of the upper 8 bits how many entries come before it, as 32 bits; for each of the upper 16 bits how many
/// entries it has, as a byte; then the lower 16 bits of all entries in order.
static TABLE: &[u8] = include_bytes!("common.bin");
const INDEX_BYTES: usize = 4 << 8;
const BUCKETS: usize = 1 << 16;

/// How many passwords the list has.
pub const ENTRIES: usize = 120_000;

/// Whether a password is a common one, without regard to case.
pub fn is_common(password: &str) -> bool {
    let digest = Sha256::digest(Zeroizing::new(password.to_lowercase()).as_bytes());
    let (bucket, rest) = (usize::from(u16::from_be_bytes([digest[0], digest[1]])), [digest[2], digest[3]]);
    let (index, rest_of_table) = TABLE.split_at(INDEX_BYTES);
    let (counts, rests) = rest_of_table.split_at(BUCKETS);
    let page = bucket >> 8;
    let of_pages_before = index[4 * page..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize);
    let of_buckets_before: usize = counts[page << 8..bucket].iter().map(|count| usize::from(*count)).sum();
    let before = of_pages_before + of_buckets_before;
    rests[2 * before..].chunks_exact(2).take(usize::from(counts[bucket])).any(|found| found == rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    #[test]
    fn the_table_is_whole() {
        let counts = &TABLE[INDEX_BYTES..][..BUCKETS];
        let counted: usize = counts.iter().map(|count| usize::from(*count)).sum();
        assert_eq!(TABLE.len(), INDEX_BYTES + BUCKETS + 2 * counted);
        assert!((ENTRIES - 10..=ENTRIES).contains(&counted), "{counted}: a few share their 32 bits");
    }

    #[test]
    fn common_ones_are_found_in_any_case() {
        for text in ["password", "Password1", "QWERTYUIOP", "iloveyou", "trustno1", "sunshine"] {
            assert!(is_common(text), "{text}");
        }
        for text in ["correct horse battery staple", "", "plumose quagga vexillum 41"] {
            assert!(!is_common(text), "{text}");
        }
    }

    #[test]
    fn others_are_rarely_taken_for_one() {
        let ids = Ids::seeded(5);
        let taken = (0..200_000).filter(|_| is_common(&ids.write_mark())).count();
        assert!((1..20).contains(&taken), "{taken} of 200,000; 6 are to be expected");
    }
}
