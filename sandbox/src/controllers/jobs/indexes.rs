//! Sets of completion indexes, as the status of an indexed Job writes them: `0,2-4`.

use std::collections::BTreeSet;
use std::fmt;

/// A set of indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Indexes(pub(super) BTreeSet<i64>);

impl Indexes {
    /// Reads a list of numbers and ranges below `bound`; what cannot be read is left out.
    pub(super) fn parse(text: &str, bound: i64) -> Self {
        let parts = text.split(',').filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some((first.trim().parse::<i64>().ok()?, last.trim().parse::<i64>().ok()?))
        });
        Indexes(parts.flat_map(|(first, last)| first.max(0)..=last.min(bound - 1)).collect())
    }

    pub(super) fn len(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    pub(super) fn contains(&self, index: i64) -> bool {
        self.0.contains(&index)
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for index in &self.0 {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == *index => *last = *index,
                _ => runs.push((*index, *index)),
            }
        }
        let texts = runs.iter().map(|(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first},{last}"),
            _ => format!("{first}-{last}"),
        });
        f.write_str(&texts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_three_become_ranges() {
        let cases = [
            ("", ""),
            ("0", "0"),
            ("0,1", "0,1"),
            ("0,1,2", "0-2"),
            ("5,0-2,7,8", "0-2,5,7,8"),
            ("0-9", "0-8"),
        ];
        for (text, expected) in cases {
            assert_eq!(Indexes::parse(text, 9).to_string(), expected, "{text}");
        }
    }
}
