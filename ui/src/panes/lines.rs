//! Lines made of pieces with a meaning each, for panes that are read rather than searched.

use std::borrow::Cow;

use super::paint::Pen;
use super::wrap::rows;
use crate::columns::Cell;
use crate::text::{Align, pad, width};
use crate::theme::Slot;

/// One line: clean pieces from left to right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    parts: Vec<(String, Slot)>,
}

impl Line {
    /// A line of one piece.
    pub fn new(text: impl Into<String>, slot: Slot) -> Line {
        Line::default().with(text, slot)
    }

    /// Adds a piece.
    pub fn with(mut self, text: impl Into<String>, slot: Slot) -> Line {
        self.parts.push((text.into(), slot));
        self
    }

    /// Adds a piece that takes at least so many columns.
    pub fn field(self, text: &str, columns: usize, align: Align, slot: Slot) -> Line {
        let text = pad(text, columns, align).into_owned();
        self.with(text, slot)
    }

    /// Adds a cell of a table in so many columns.
    pub fn cell(self, cell: Cell<'_>, columns: usize, align: Align) -> Line {
        let blank = " ".repeat(columns.saturating_sub(cell.width()));
        let (before, after) = match align {
            Align::Left => (String::new(), blank),
            Align::Right => (blank, String::new()),
        };
        let mut line = self.with(before, Slot::Text);
        line.parts.extend(cell.parts.into_iter().map(|part| (part.text.into_owned(), part.slot)));
        line.with(after, Slot::Text)
    }

    /// Adds all pieces of another line.
    pub fn and(mut self, other: Line) -> Line {
        self.parts.extend(other.parts);
        self
    }

    /// Columns it takes.
    pub fn width(&self) -> usize {
        self.parts.iter().map(|(text, _)| width(text)).sum()
    }

    /// What it says.
    pub fn text(&self) -> String {
        self.parts.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// Writes it.
    pub fn draw(&self, pen: &mut Pen<'_>) {
        for (text, slot) in &self.parts {
            pen.slot(text, *slot);
        }
    }
}

/// Clean prose broken between words; a word wider than a line is broken anywhere.
pub(super) fn broken(words: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let pieces = words.split(' ').filter(|word| !word.is_empty()).flat_map(|word| {
        let split: Vec<Cow<'_, str>> =
            rows(word, columns).filter_map(|row| Some(word.get(row)?.into())).collect();
        split
    });
    for piece in pieces {
        let needed = width(&line) + 1 + width(&piece);
        if !line.is_empty() && needed > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&piece);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prose_breaks_between_words() {
        assert_eq!(broken("writes are refused", 10), ["writes are", "refused"]);
        assert_eq!(broken("a verylongword b", 6), ["a", "verylo", "ngword", "b"]);
        assert_eq!(broken("", 6), [""]);
    }

    proptest! {
        #[test]
        fn broken_prose_fits_and_loses_no_letter(words in "[a-z日 ]{0,60}", columns in 2usize..20) {
            let lines = broken(&words, columns);
            for line in &lines {
                prop_assert!(width(line) <= columns, "{line:?}");
            }
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&lines.concat()), letters(&words));
        }
    }
}
