//! How many guesses a password takes of one who tries first what people choose: the estimate of zxcvbn (Wheeler, USENIX
//! Security 2016). A password is covered by words, runs on a keyboard, repeats, sequences and dates, and by characters at
//! random in between; the cover that is guessed soonest counts.
//!
//! The crate `zxcvbn` does the same by regular expressions, and by dictionaries that are hashed at the first use, at a price in
//! zip, start and memory (docs/PERFORMANCE.md). A test holds one against the other (`beside_zxcvbn`).

#[cfg(test)]
mod beside_zxcvbn;
mod patterns;
mod spatial;
mod variations;
mod words;

use zeroize::Zeroizing;

/// The guesses of a character at random: fewer than there are, for people do not choose at random.
const OF_A_CHARACTER: f64 = 10.0;
/// The least guesses of a pattern of one character, and of several, beside others.
const LEAST_OF_ONE: f64 = 10.0;
const LEAST_OF_SEVERAL: f64 = 50.0;
/// What one part more costs: a cracker does not know how many there are.
const OF_A_PART: f64 = 10_000.0;

/// The guesses as a power of ten; the words of `names` are the first that are tried. Its time grows with the cube of the
/// password's length.
pub(super) fn guesses_log10(password: &str, names: &[&str]) -> f64 {
    // With room for all of it: what grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(password.len()));
    text.extend(password.chars());
    let names: Vec<Vec<char>> = names.iter().map(|name| name.to_lowercase().chars().collect()).collect();
    guesses(&text, &names).log10()
}

fn guesses(text: &[char], names: &[Vec<char>]) -> f64 {
    let mut stretches = Stretches::of(text.len());
    variations::find(text, names, &mut stretches);
    spatial::find(text, &mut stretches);
    patterns::repeats(text, names, &mut stretches);
    patterns::sequences(text, &mut stretches);
    patterns::years(text, &mut stretches);
    patterns::dates(text, &mut stretches);
    stretches.fewest_guesses()
}

/// The fewest guesses of any pattern over each stretch of a password, from its first to its last character.
struct Stretches {
    length: usize,
    guesses: Vec<Option<f64>>,
}

/// A cover of the password's beginning, in some number of parts.
#[derive(Clone, Copy)]
struct Cover {
    /// The guesses of its parts, multiplied.
    product: f64,
    /// All guesses, in any order of the parts.
    total: f64,
    ends_at_random: bool,
}

impl Stretches {
    fn of(length: usize) -> Self {
        Self { length, guesses: vec![None; length * length] }
    }

    /// Notes that the characters `first` to `last` make a pattern of so many guesses.
    fn note(&mut self, first: usize, last: usize, guesses: f64) {
        let least = match last - first + 1 {
            length if length == self.length => 1.0,
            1 => LEAST_OF_ONE,
            _ => LEAST_OF_SEVERAL,
        };
        let known = &mut self.guesses[first * self.length + last];
        let guesses = guesses.max(least);
        *known = Some(known.map_or(guesses, |known| known.min(guesses)));
    }

    fn fewest_guesses(&self) -> f64 {
        // By the last character that is covered, and the number of parts less one.
        let mut covers: Vec<Vec<Option<Cover>>> = Vec::with_capacity(self.length);
        for last in 0..self.length {
            let mut ending_here = vec![None; last + 1];
            for first in 0..=last {
                if let Some(guesses) = self.guesses[first * self.length + last] {
                    extend(first.checked_sub(1).map(|before| &*covers[before]), guesses, false, &mut ending_here);
                }
            }
            for first in 0..=last {
                let guesses = at_random(last - first + 1);
                extend(first.checked_sub(1).map(|before| &*covers[before]), guesses, true, &mut ending_here);
            }
            covers.push(ending_here);
        }
        let whole = covers.last().into_iter().flatten().flatten();
        whole.map(|cover| cover.total).reduce(f64::min).unwrap_or(1.0)
    }
}

/// Adds one part to each cover of what comes before it (`None`: nothing does), and keeps what is guessed sooner than what
/// is known with as many parts or fewer.
fn extend(before: Option<&[Option<Cover>]>, guesses: f64, at_random: bool, known: &mut [Option<Cover>]) {
    let start = [Some(Cover { product: 1.0, total: 1.0, ends_at_random: false })];
    let (before, parts_before) = before.map_or((&start[..], 0), |covers| (covers, 1));
    for (place, cover) in before.iter().enumerate() {
        let Some(cover) = cover else { continue };
        // Two stretches at random side by side are one.
        if at_random && cover.ends_at_random {
            continue;
        }
        let parts = place + parts_before + 1;
        let product = cover.product * guesses;
        let total = factorial(parts) * product + OF_A_PART.powi(exponent(parts - 1));
        if known[..parts].iter().flatten().all(|other| other.total > total) {
            known[parts - 1] = Some(Cover { product, total, ends_at_random: at_random });
        }
    }
}

/// The guesses of so many characters at random; a few more than the least of a pattern, which so goes first.
fn at_random(length: usize) -> f64 {
    let least = if length == 1 { LEAST_OF_ONE } else { LEAST_OF_SEVERAL };
    OF_A_CHARACTER.powi(exponent(length)).max(least + 1.0)
}

fn factorial(number: usize) -> f64 {
    (2..=number).map(count).product()
}

/// In how many ways `chosen` of `all` can be chosen.
fn choose(all: usize, chosen: usize) -> f64 {
    if chosen > all {
        return 0.0;
    }
    (1..=chosen).fold(1.0, |ways, nth| ways * count(all - chosen + nth) / count(nth))
}

/// A count of characters or parts, of which there are a hundred at most.
#[expect(clippy::cast_precision_loss, reason = "small")]
fn count(number: usize) -> f64 {
    number as f64
}

fn exponent(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
