//! 93,855 words by their rank: common passwords, English words, names and surnames, as zxcvbn has them.
//! `scripts/make-common-passwords` builds the table.

use std::cmp::Ordering;

/// The number of words; where each block of words begins among them; of each word its rank, as eighths of its power of two;
/// the words, sorted. Numbers have 32 bits. Of a word a byte says how many of its first bytes are those of the word before; the
/// rest follows, the last byte with its upper bit set. In the first word of a block all bytes follow.
static TABLE: &[u8] = include_bytes!("../words.bin");
const BLOCK: usize = 64;
const NUMBER_BYTES: usize = 4;
/// The longest word, in bytes.
pub(super) const LONGEST: usize = 23;

/// What is known of some text.
pub(super) struct Found {
    /// The rank of the word that it is, from 1 for what is tried first.
    pub(super) rank: Option<f64>,
    /// Whether a longer word begins with it.
    pub(super) has_more: bool,
}

/// Looks a text up, which is in lower case.
pub(super) fn find(text: &[u8]) -> Found {
    let words = number(0);
    let blocks = words.div_ceil(BLOCK);
    let mut word = Word::default();
    // The last block whose first word is not after the text.
    let (mut low, mut high) = (0, blocks);
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        word.read(start_of(middle, blocks, words));
        if word.bytes() <= text { low = middle } else { high = middle }
    }
    let mut rank = None;
    let mut at = start_of(low, blocks, words);
    // What is longer comes right after it, perhaps in the next block.
    for place in low * BLOCK..words {
        at = word.read(at);
        match word.bytes().cmp(text) {
            Ordering::Less => {}
            Ordering::Equal => rank = Some(rank_of(place, blocks)),
            Ordering::Greater => return Found { rank, has_more: word.bytes().starts_with(text) },
        }
    }
    Found { rank, has_more: false }
}

fn number(place: usize) -> usize {
    TABLE[place * NUMBER_BYTES..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize)
}

fn rank_of(place: usize, blocks: usize) -> f64 {
    (f64::from(TABLE[(1 + blocks) * NUMBER_BYTES + place]) / 8.0).exp2()
}

fn start_of(block: usize, blocks: usize, words: usize) -> usize {
    (1 + blocks) * NUMBER_BYTES + words + number(1 + block)
}

/// A word as it is read, over the one before.
#[derive(Default)]
struct Word {
    buffer: [u8; LONGEST],
    length: usize,
}

impl Word {
    /// Reads the word at a place of the table, and gives the place of the next one.
    fn read(&mut self, at: usize) -> usize {
        self.length = usize::from(TABLE[at]);
        let rest = TABLE[at + 1..].iter().position(|byte| byte & 0x80 != 0).map_or(0, |last| last + 1);
        for byte in &TABLE[at + 1..][..rest] {
            self.buffer[self.length] = byte & 0x7f;
            self.length += 1;
        }
        at + 1 + rest
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_and_nothing_else() {
        let (words, mut word) = (number(0), Word::default());
        let blocks = words.div_ceil(BLOCK);
        let (mut at, mut before) = (start_of(0, blocks, words), Vec::new());
        for place in 0..words {
            at = word.read(at);
            assert!(before.as_slice() < word.bytes(), "{place}");
            assert_eq!(find(word.bytes()).rank, Some(rank_of(place, blocks)), "{place}");
            assert!(find(&word.bytes()[..word.length - 1]).has_more, "{place}");
            before = word.bytes().to_vec();
        }
        assert_eq!((words, at), (93_855, TABLE.len()));
        for text in ["", "0", "zzzzzzzzz", "passwort1", "~"] {
            assert!(find(text.as_bytes()).rank.is_none(), "{text}");
        }
    }

    #[test]
    fn ranks_are_those_of_the_lists_within_five_percent() {
        for (word, rank) in [("123456", 1.0), ("password", 2.0), ("the", 1.0), ("smith", 1.0), ("lovelace", 2216.0)] {
            let found = find(word.as_bytes()).rank.unwrap();
            assert!((found / rank - 1.0).abs() < 0.05, "{word}: {found}");
        }
    }
}
