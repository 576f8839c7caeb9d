//! Words: as they are, backwards, with capitals, and with digits and signs in place of letters.

use zeroize::Zeroizing;

use super::words;
use super::{Stretches, choose};

/// What stands for which letters.
const STAND_INS: [(char, &[char]); 20] = [
    ('4', &['a']),
    ('@', &['a']),
    ('8', &['b']),
    ('(', &['c']),
    ('{', &['c']),
    ('[', &['c']),
    ('<', &['c']),
    ('3', &['e']),
    ('6', &['g']),
    ('9', &['g']),
    ('1', &['i', 'l']),
    ('!', &['i']),
    ('|', &['i', 'l']),
    ('0', &['o']),
    ('$', &['s']),
    ('5', &['s']),
    ('7', &['l', 't']),
    ('+', &['t']),
    ('%', &['x']),
    ('2', &['z']),
];

/// How many spellings are looked at: each takes as long as the password itself.
const MOST_SPELLINGS: usize = 16;

/// A stretch and the rank of the word that it is.
type Word = (usize, usize, f64);

/// Notes all words of a password.
pub(super) fn find(text: &[char], names: &[Vec<char>], stretches: &mut Stretches) {
    let lower = Zeroizing::new(text.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect::<Vec<char>>());
    for (first, last, rank) in words_in(&lower, names, 0..text.len()) {
        stretches.note(first, last, rank * capitals(&text[first..=last]));
    }
    let backwards = Zeroizing::new(lower.iter().rev().copied().collect::<Vec<char>>());
    for (first, last, rank) in words_in(&backwards, names, 0..text.len()) {
        let (first, last) = (text.len() - 1 - last, text.len() - 1 - first);
        stretches.note(first, last, 2.0 * rank * capitals(&text[first..=last]));
    }
    let reach = names.iter().map(Vec::len).fold(words::LONGEST, usize::max);
    for spelled in spellings(&lower) {
        // Where nothing is spelled otherwise, the words are known.
        let is_new = |first: &usize| (*first..text.len()).take(reach).any(|place| spelled[place] != lower[place]);
        for (first, last, rank) in words_in(&spelled, names, (0..text.len()).filter(is_new)) {
            if spelled[first..=last] != lower[first..=last] {
                let stand_ins = stand_ins(&lower[first..=last], &spelled[first..=last]);
                stretches.note(first, last, rank * capitals(&text[first..=last]) * stand_ins);
            }
        }
    }
}

/// The words that begin at one of these places, of the lists, and names, the first of which is the first to be tried.
fn words_in(lower: &[char], names: &[Vec<char>], places: impl Iterator<Item = usize>) -> Vec<Word> {
    let mut found = Vec::new();
    for first in places {
        let mut word = Zeroizing::new(Vec::with_capacity(words::LONGEST + 1));
        for (last, character) in lower.iter().enumerate().skip(first) {
            let Some(byte) = u8::try_from(*character).ok().filter(u8::is_ascii) else { break };
            word.push(byte);
            let looked_up = words::find(&word);
            found.extend(looked_up.rank.map(|rank| (first, last, rank)));
            if !looked_up.has_more {
                break;
            }
        }
        let names = names.iter().zip(1_u8..).filter(|(name, _)| !name.is_empty());
        let here = names.filter(|(name, _)| lower[first..].starts_with(name));
        found.extend(here.map(|(name, rank)| (first, first + name.len() - 1, f64::from(rank))));
    }
    found
}

/// The password with letters where others stand for them: each of these stands for its letter, or for itself. If that makes
/// too many spellings, all stand for letters.
fn spellings(lower: &[char]) -> Vec<Zeroizing<Vec<char>>> {
    let here: Vec<(char, &[char])> = STAND_INS.iter().filter(|(c, _)| lower.contains(c)).copied().collect();
    let product = |more: usize| here.iter().map(|(_, letters)| letters.len() + more).product::<usize>();
    let itself = usize::from(product(1) <= MOST_SPELLINGS);
    let spelling = |number: usize| {
        let mut left = number;
        let mut spelled = Zeroizing::new(lower.to_vec());
        for (stand_in, letters) in &here {
            let letter = letters.get(left % (letters.len() + itself)).unwrap_or(stand_in);
            left /= letters.len() + itself;
            spelled.iter_mut().filter(|c| *c == stand_in).for_each(|c| *c = *letter);
        }
        spelled
    };
    // Of none there is one spelling, which is the password; as the last one is where each may stand for itself.
    (0..product(itself) - itself.max(usize::from(here.is_empty()))).map(spelling).collect()
}

/// How many ways of writing capitals are tried before this one.
fn capitals(word: &[char]) -> f64 {
    let upper = word.iter().filter(|c| c.is_uppercase()).count();
    let lower = word.iter().filter(|c| c.is_lowercase()).count();
    let is_upper = |c: Option<&char>| c.is_some_and(|c| c.is_uppercase());
    match upper {
        0 => 1.0,
        1 if is_upper(word.first()) || is_upper(word.last()) => 2.0,
        _ if lower == 0 => 2.0,
        _ => (1..=upper.min(lower)).map(|some| choose(upper + lower, some)).sum(),
    }
}

/// How many ways of putting others in place of letters are tried before this one.
fn stand_ins(word: &[char], spelled: &[char]) -> f64 {
    let mut ways = 1.0;
    for (place, (stand_in, letter)) in word.iter().zip(spelled).enumerate() {
        if stand_in == letter || word[..place].contains(stand_in) {
            continue;
        }
        let replaced = word.iter().filter(|c| *c == stand_in).count();
        let left = word.iter().filter(|c| *c == letter).count();
        // Where all are replaced, or could have been, it is this or none.
        ways *= if left == 0 { 2.0 } else { (1..=left.min(replaced)).map(|some| choose(left + replaced, some)).sum() };
    }
    ways
}
