//! How typed values sort: numbers as numbers, names as people count, what is not known apart.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use v9s::known::Known;

/// Which way rows sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest, worst state, A first.
    Up,
    /// Largest, newest, Z first.
    Down,
}

impl Direction {
    /// The other way.
    pub fn turned(self) -> Direction {
        match self {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        }
    }
}

/// What a row sorts by. One column always yields the same kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A count, a rank, a ratio, seconds.
    Number(f64),
    /// A name.
    Text(&'a str),
    /// A version, with or without `v`; a pre-release comes before its release.
    Version(&'a str),
    /// Not known.
    Unknown,
    /// The question does not arise.
    NotApplicable,
}

impl<'a> Value<'a> {
    /// A fact that may be missing.
    pub fn known<T>(fact: &'a Known<T>, value: impl FnOnce(&'a T) -> Value<'a>) -> Value<'a> {
        match fact {
            Known::Yes(fact) => value(fact),
            Known::No(_) => Value::Unknown,
            Known::NotApplicable => Value::NotApplicable,
        }
    }

    /// The age of something that began at this moment, if that is known: upwards is youngest first.
    pub fn age(since: Option<DateTime<Utc>>) -> Value<'a> {
        since.map_or(Value::Unknown, |since| Value::Number(-(since.timestamp_millis() as f64)))
    }

    /// Total order: known values by kind and size, turned by the direction; then unknown, then not applicable,
    /// whichever the direction. Unknown is thus never among the zeros.
    pub fn order(&self, other: &Value<'_>, direction: Direction) -> Ordering {
        let (a, b) = (self.group(), other.group());
        if a != b || a >= UNKNOWN {
            return a.cmp(&b);
        }
        let order = match (self, other) {
            (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
            (Value::Text(a), Value::Text(b)) => natural(a, b),
            (Value::Version(a), Value::Version(b)) => version(a, b),
            _ => Ordering::Equal,
        };
        match direction {
            Direction::Up => order,
            Direction::Down => order.reverse(),
        }
    }

    fn group(&self) -> u8 {
        match self {
            Value::Number(_) => 0,
            Value::Text(_) => 1,
            Value::Version(_) => 2,
            Value::Unknown => UNKNOWN,
            Value::NotApplicable => UNKNOWN + 1,
        }
    }
}

const UNKNOWN: u8 = 3;

/// Order of names as people count: `team-2` before `team-10`, case only decides between equals.
pub fn natural(a: &str, b: &str) -> Ordering {
    chunks(a).cmp(chunks(b)).then_with(|| a.cmp(b))
}

/// Versions by their numbers; `1.2.0-rc.1` before `1.2.0`; build data after `+` last.
fn version(a: &str, b: &str) -> Ordering {
    fn split(version: &str) -> (&str, bool, &str) {
        let version = version.strip_prefix('v').unwrap_or(version);
        let core_ends = version.find(['-', '+']).unwrap_or(version.len());
        let (core, rest) = version.split_at(core_ends);
        (core, !rest.starts_with('-'), rest)
    }
    let ((a_core, a_released, a_rest), (b_core, b_released, b_rest)) = (split(a), split(b));
    let order = chunks(a_core).cmp(chunks(b_core)).then(a_released.cmp(&b_released));
    order.then_with(|| chunks(a_rest).cmp(chunks(b_rest))).then_with(|| a.cmp(b))
}

/// Runs of digits and single other characters. A run of digits compares by length without leading zeros, then by
/// digits: numbers of any size. Digits come before letters.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Chunk<'a> {
    Digits(usize, &'a str),
    Other(char),
}

fn chunks(text: &str) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (chunk, taken) = match digits {
            0 => (Chunk::Other(first.to_lowercase().next().unwrap_or(first)), first.len_utf8()),
            _ => {
                let run = rest.get(..digits)?.trim_start_matches('0');
                (Chunk::Digits(run.len(), run), digits)
            }
        };
        rest = rest.get(taken..)?;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = ["team-10", "team-2", "Team-2", "team", "team-02", "10", "alpha", "2"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["2", "10", "alpha", "team", "Team-2", "team-02", "team-2", "team-10"]);
    }

    #[test]
    fn versions_sort_by_release() {
        let mut versions =
            ["v0.37.0", "0.4.1", "0.37.0-rc.2", "v0.37.0-rc.10", "0.37.0-beta.1", "0.37.1", "1.0.0+k3s1"];
        versions.sort_by(|a, b| version(a, b));
        assert_eq!(
            versions,
            ["0.4.1", "0.37.0-beta.1", "0.37.0-rc.2", "v0.37.0-rc.10", "v0.37.0", "0.37.1", "1.0.0+k3s1"]
        );
    }

    #[test]
    fn what_is_not_known_comes_last_in_either_direction() {
        for direction in [Direction::Up, Direction::Down] {
            let mut values = [Value::NotApplicable, Value::Number(0.0), Value::Unknown, Value::Number(7.0)];
            values.sort_by(|a, b| a.order(b, direction));
            assert_eq!(values[2..], [Value::Unknown, Value::NotApplicable], "{direction:?}");
        }
    }

    fn any_value() -> impl Strategy<Value = (u8, f64, String)> {
        (0u8..5, any::<f64>(), "[vV]?[a-cA-C0-2.+-]{0,8}")
    }

    fn value((kind, number, text): &(u8, f64, String)) -> Value<'_> {
        match kind {
            0 => Value::Number(*number),
            1 => Value::Text(text),
            2 => Value::Version(text),
            3 => Value::Unknown,
            _ => Value::NotApplicable,
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in any_value(), b in any_value(), c in any_value(), up in any::<bool>()) {
            let direction = if up { Direction::Up } else { Direction::Down };
            let (a, b, c) = (value(&a), value(&b), value(&c));
            prop_assert_eq!(a.order(&b, direction), b.order(&a, direction).reverse());
            prop_assert_eq!(a.order(&a, direction), Ordering::Equal);
            if a.order(&b, direction).is_le() && b.order(&c, direction).is_le() {
                prop_assert!(a.order(&c, direction).is_le());
            }
        }
    }
}
