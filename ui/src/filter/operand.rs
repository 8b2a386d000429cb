//! What a column is compared with: numbers with the units of their column.

use smol_str::{SmolStr, format_smolstr};

/// What a field holds, and thus what it can be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// A version, ordered by release.
    Version,
    /// A whole number.
    Count,
    /// A time span, in seconds; compared with `250ms`, `2s`, `1m30s`, `3h`, `2d`.
    Duration,
    /// A share of one; compared with `80%`.
    Share,
}

/// Reads a number in the units of its kind.
pub(super) fn number(kind: Kind, text: &str) -> Result<f64, SmolStr> {
    match kind {
        Kind::Count => text
            .parse::<u64>()
            .map(|n| n as f64)
            .map_err(|_| format_smolstr!("{text:?} is not a whole number such as 3")),
        Kind::Share => share(text).ok_or_else(|| format_smolstr!("{text:?} is not a percentage such as 80%")),
        Kind::Duration => seconds(text).ok_or_else(|| {
            format_smolstr!("{text:?} is not a duration with a unit such as 250ms, 2s, 1m30s, 3h or 2d")
        }),
        Kind::Text | Kind::Version => Err("words have no size; use : or =".into()),
    }
}

fn share(text: &str) -> Option<f64> {
    Some(decimal(text.strip_suffix('%')?)? / 100.0)
}

/// Digits with at most one point: no signs, exponents or names of numbers.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if plain { text.parse().ok() } else { None }
}

/// A duration in seconds: numbers with their units, such as `1m30s`.
pub fn seconds(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(digits);
        let unit_ends = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_ends);
        let factor = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "w" => 7.0 * 86_400.0,
            "y" => 365.0 * 86_400.0,
            _ => return None,
        };
        total += decimal(number)? * factor;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_the_units_of_their_column() {
        for (kind, text, expected) in [
            (Kind::Count, "3", Some(3.0)),
            (Kind::Count, "3.5", None),
            (Kind::Count, "-1", None),
            (Kind::Count, "", None),
            (Kind::Share, "80%", Some(0.8)),
            (Kind::Share, "12.5%", Some(0.125)),
            (Kind::Share, "80", None),
            (Kind::Share, "%", None),
            (Kind::Share, "nan%", None),
            (Kind::Duration, "250ms", Some(0.25)),
            (Kind::Duration, "2s", Some(2.0)),
            (Kind::Duration, "1m30s", Some(90.0)),
            (Kind::Duration, "1.5h", Some(5_400.0)),
            (Kind::Duration, "2d", Some(172_800.0)),
            (Kind::Duration, "0", Some(0.0)),
            (Kind::Duration, "2", None),
            (Kind::Duration, "s", None),
            (Kind::Duration, "", None),
            (Kind::Duration, "2x", None),
            (Kind::Text, "2", None),
        ] {
            assert_eq!(number(kind, text).ok(), expected, "{text:?} as {kind:?}");
        }
    }
}
