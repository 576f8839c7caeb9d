//! Repeats, sequences, years and dates.

use super::{Stretches, count, guesses};

/// The year from which others are counted; it need not be this one.
const REFERENCE_YEAR: u32 = 2026;
/// Years that are as near as that are tried together.
const NEAR_YEARS: u32 = 20;
/// Least and greatest year of a date.
const YEARS: std::ops::RangeInclusive<u32> = 1000..=2050;
/// The farthest step of a sequence.
const FARTHEST_STEP: u32 = 5;

/// Notes what is said again and again at once: `aaa`, `abcabc`.
pub(super) fn repeats(text: &[char], names: &[Vec<char>], stretches: &mut Stretches) {
    let mut first = 0;
    while first < text.len() {
        let rest = &text[first..];
        let times = |base: usize| rest.chunks_exact(base).take_while(|chunk| *chunk == &rest[..base]).count();
        let bases = || (1..=rest.len() / 2).filter(|base| times(*base) > 1);
        let (Some(shortest), Some(longest)) = (bases().min(), bases().max()) else {
            first += 1;
            continue;
        };
        // `aabaab` is `aab` twice, and not `a` twice; `aaaa` is `a` four times.
        let length = (shortest * times(shortest)).max(longest * times(longest));
        let whole = |base: &usize| length.is_multiple_of(*base) && times(*base) >= length / base;
        let base = (1..=length).find(whole).unwrap_or(length);
        stretches.note(first, first + length - 1, guesses(&rest[..base], names) * count(length / base));
        first += length;
    }
}

/// Notes characters that follow each other at equal steps: `abcd`, `97531`.
pub(super) fn sequences(text: &[char], stretches: &mut Stretches) {
    let step = |place: usize| i64::from(u32::from(text[place + 1])) - i64::from(u32::from(text[place]));
    let mut first = 0;
    while first + 1 < text.len() {
        let step_here = step(first);
        let last = (first + 1..text.len() - 1).find(|place| step(*place) != step_here).unwrap_or(text.len() - 1);
        let size = step_here.unsigned_abs();
        if (last - first > 1 || size == 1) && (1..=u64::from(FARTHEST_STEP)).contains(&size) {
            let start = match text[first] {
                'a' | 'A' | 'z' | 'Z' | '0' | '1' | '9' => 4.0,
                digit if digit.is_ascii_digit() => 10.0,
                _ => 26.0,
            };
            let directions = if step_here < 0 { 2.0 } else { 1.0 };
            stretches.note(first, last, start * directions * count(last - first + 1));
        }
        first = last;
    }
}

/// Notes years of the last century and of this one.
pub(super) fn years(text: &[char], stretches: &mut Stretches) {
    for (first, digits) in text.windows(4).enumerate() {
        if let Some(year @ 1900..=2099) = number(digits) {
            stretches.note(first, first + 3, f64::from(distance(year)));
        }
    }
}

/// Notes dates, with a separator and without: day and month in any order, and a year of two or four digits before or behind.
pub(super) fn dates(text: &[char], stretches: &mut Stretches) {
    let mut found: Vec<(usize, usize, f64)> = Vec::new();
    for first in 0..text.len() {
        for last in first + 3..text.len().min(first + 10) {
            let token = &text[first..=last];
            let guesses = match token.len() {
                4..=8 if token.iter().all(char::is_ascii_digit) => unseparated(token),
                6..=10 => separated(token).map(|guesses| 4.0 * guesses),
                _ => None,
            };
            found.extend(guesses.map(|guesses| (first, last, guesses)));
        }
    }
    let is_within =
        |a: &(usize, usize, f64), b: &(usize, usize, f64)| (a.0, a.1) != (b.0, b.1) && b.0 <= a.0 && b.1 >= a.1;
    for date in &found {
        // 1.1.99 is not noted in 11.1.99.
        if !found.iter().any(|other| is_within(date, other)) {
            stretches.note(date.0, date.1, date.2);
        }
    }
}

/// The guesses of the likeliest date that these digits can be.
fn unseparated(digits: &[char]) -> Option<f64> {
    let splits: &[(usize, usize)] = match digits.len() {
        4 => &[(1, 2), (2, 3)],
        5 => &[(1, 3), (2, 3)],
        6 => &[(1, 2), (2, 4), (4, 5)],
        7 => &[(1, 3), (2, 3), (4, 5), (4, 6)],
        _ => &[(2, 4), (4, 6)],
    };
    let years = splits.iter().filter_map(|(second, third)| {
        year_of([number(&digits[..*second])?, number(&digits[*second..*third])?, number(&digits[*third..])?])
    });
    years.min_by_key(|year| year.abs_diff(REFERENCE_YEAR)).map(of_a_date)
}

fn separated(token: &[char]) -> Option<f64> {
    let separator = token.iter().find(|c| !c.is_ascii_digit())?;
    if !(separator.is_whitespace() || "/\\_.-".contains(*separator)) {
        return None;
    }
    let parts: Vec<&[char]> = token.split(|c| c == separator).collect();
    let &[first, second, third] = &parts[..] else { return None };
    if first.len() > 4 || second.len() > 2 || third.len() > 4 {
        return None;
    }
    year_of([number(first)?, number(second)?, number(third)?]).map(of_a_date)
}

/// The year of a date in these parts, if they are one. The 31st of February is a date here.
fn year_of([first, second, third]: [u32; 3]) -> Option<u32> {
    let parts = [first, second, third];
    let over = |limit: u32| parts.iter().filter(|part| **part > limit).count();
    let is_no_part = |part: &u32| *part > 99 && !YEARS.contains(part);
    if !(1..=31).contains(&second) || parts.iter().any(is_no_part) || over(31) > 1 || over(12) == 3 || over(0) < 2 {
        return None;
    }
    let is_day_and_month =
        |a: u32, b: u32| [(a, b), (b, a)].iter().any(|(day, month)| (1..=31).contains(day) && (1..=12).contains(month));
    let orders = [(third, first), (first, third)];
    if let Some((year, other)) = orders.into_iter().find(|(year, _)| YEARS.contains(year)) {
        return is_day_and_month(other, second).then_some(year);
    }
    let (year, _) = orders.into_iter().find(|(_, other)| is_day_and_month(*other, second))?;
    Some(if year > 50 { 1900 + year } else { 2000 + year })
}

fn of_a_date(year: u32) -> f64 {
    f64::from(distance(year)) * 365.0
}

fn distance(year: u32) -> u32 {
    year.abs_diff(REFERENCE_YEAR).max(NEAR_YEARS)
}

fn number(digits: &[char]) -> Option<u32> {
    let mut value = 0;
    for digit in digits {
        value = value * 10 + digit.to_digit(10)?;
    }
    (!digits.is_empty()).then_some(value)
}
