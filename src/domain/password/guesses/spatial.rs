//! Runs of keys that lie side by side.

use zeroize::Zeroizing;

use super::{Stretches, choose, exponent};

/// A keyboard, or the block of digits beside it.
struct Board {
    /// The keys of each row, without and with shift; where the row begins, in keys.
    rows: &'static [(&'static str, &'static str, i8)],
    /// Whether a key lies between two of the row above, and not below one.
    is_slanted: bool,
    /// Characters to begin with, and the neighbours of a key on average.
    starts: f64,
    neighbours: f64,
}

const BOARDS: [Board; 4] = [
    Board {
        rows: &[
            ("`1234567890-=", "~!@#$%^&*()_+", 0),
            ("qwertyuiop[]\\", "QWERTYUIOP{}|", 1),
            ("asdfghjkl;'", "ASDFGHJKL:\"", 1),
            ("zxcvbnm,./", "ZXCVBNM<>?", 1),
        ],
        is_slanted: true,
        starts: 94.0,
        neighbours: 4.0,
    },
    Board {
        rows: &[
            ("`1234567890[]", "~!@#$%^&*(){}", 0),
            ("',.pyfgcrl/=\\", "\"<>PYFGCRL?+|", 1),
            ("aoeuidhtns-", "AOEUIDHTNS_", 1),
            (";qjkxbmwvz", ":QJKXBMWVZ", 1),
        ],
        is_slanted: true,
        starts: 94.0,
        neighbours: 4.0,
    },
    Board {
        rows: &[("/*-", "", 1), ("789+", "", 0), ("456", "", 0), ("123", "", 0), ("0.", "", 1)],
        is_slanted: false,
        starts: 15.0,
        neighbours: 5.0,
    },
    Board {
        rows: &[("=/*", "", 1), ("789-", "", 0), ("456+", "", 0), ("123", "", 0), ("0.", "", 1)],
        is_slanted: false,
        starts: 15.0,
        neighbours: 5.0,
    },
];

/// A key: how many are to its left, its row, and whether shift is held.
type Key = (i8, i8, bool);

/// Notes all runs of three keys and more.
pub(super) fn find(text: &[char], stretches: &mut Stretches) {
    for board in &BOARDS {
        let keys = Zeroizing::new(text.iter().map(|c| board.key(*c)).collect::<Vec<Option<Key>>>());
        let mut first = 0;
        while first < keys.len() {
            let (length, turns) = board.run(&keys[first..]);
            if length > 2 {
                let shifted = keys[first..first + length].iter().flatten().filter(|key| key.2).count();
                stretches.note(first, first + length - 1, board.guesses(length, turns, shifted));
            }
            first += length;
        }
    }
}

impl Board {
    fn key(&self, character: char) -> Option<Key> {
        self.rows.iter().zip(0..).find_map(|((plain, shifted, start), row)| {
            let on =
                |keys: &str| keys.chars().zip(*start..).find(|(key, _)| *key == character).map(|(_, column)| column);
            on(plain).map(|column| (column, row, false)).or_else(|| on(shifted).map(|column| (column, row, true)))
        })
    }

    /// The length of the run that begins here, and how often it turns.
    fn run(&self, keys: &[Option<Key>]) -> (usize, usize) {
        let (mut direction, mut turns) = (None, 0);
        for (place, pair) in keys.windows(2).enumerate() {
            let &[Some(from), Some(to)] = pair else { return (place + 1, turns) };
            let step = (to.0 - from.0, to.1 - from.1);
            let is_next = step != (0, 0) && step.0.abs() <= 1 && step.1.abs() <= 1;
            // Of the eight keys around one, a slanted board has no more than six.
            if !is_next || self.is_slanted && (step == (-1, -1) || step == (1, 1)) {
                return (place + 1, turns);
            }
            if direction != Some(step) {
                (direction, turns) = (Some(step), turns + 1);
            }
        }
        (keys.len(), turns)
    }

    /// The runs of that length and shorter ones, with as many turns or fewer, and the ways to hold shift.
    fn guesses(&self, length: usize, turns: usize, shifted: usize) -> f64 {
        let of_length = |length: usize| -> f64 {
            let with_turns =
                |turns: usize| choose(length - 1, turns - 1) * self.starts * self.neighbours.powi(exponent(turns));
            (1..=turns.min(length - 1)).map(with_turns).sum()
        };
        let runs: f64 = (2..=length).map(of_length).sum();
        let plain = length - shifted;
        match (shifted, plain) {
            (0, _) => runs,
            (_, 0) => 2.0 * runs,
            _ => runs * (1..=shifted.min(plain)).map(|some| choose(length, some)).sum::<f64>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::count;
    use super::*;

    #[test]
    fn boards_have_the_keys_and_neighbours_that_are_reckoned_with() {
        for board in &BOARDS {
            let all: Vec<char> =
                board.rows.iter().flat_map(|(plain, shifted, _)| plain.chars().chain(shifted.chars())).collect();
            let key = |c: &char| board.key(*c);
            let is_run = |from: &char, to: &char| board.run(&[key(from), key(to)]).0 == 2;
            // A key counts once, with shift or without.
            let neighbours = all.iter().flat_map(|from| all.iter().map(move |to| (from, to)));
            let neighbours =
                neighbours.filter(|(from, to)| is_run(from, to) && !key(to).is_some_and(|key| key.2)).count();
            // zxcvbn takes all blocks of digits for one.
            assert!((count(all.len()) - board.starts).abs() < 1.1, "{}", all.len());
            assert!((count(neighbours / all.len()) - board.neighbours).abs() < 0.1, "{neighbours} of {}", all.len());
        }
    }
}
