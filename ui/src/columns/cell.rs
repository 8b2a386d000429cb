//! What stands in one cell: pieces of text, each with its meaning.

use std::borrow::Cow;

use v9s::known::Known;

use super::{Cut, Look};
use crate::text;
use crate::theme::Slot;

/// A piece of text with one meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// What it says; safe for a terminal.
    pub text: Cow<'a, str>,
    /// What it means.
    pub slot: Slot,
    /// Left out as a whole when the cell is too narrow, rather than cut.
    pub optional: bool,
}

/// The pieces of one cell, from left to right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell<'a> {
    /// The pieces.
    pub parts: Vec<Part<'a>>,
}

impl<'a> Cell<'a> {
    /// A cell with nothing in it.
    pub fn empty() -> Self {
        Cell::default()
    }

    /// Words of our own, or numbers.
    pub fn new(text: impl Into<Cow<'a, str>>, slot: Slot) -> Self {
        Cell::empty().with(text, slot)
    }

    /// Text that a cluster sent: cleaned first.
    pub fn foreign(text: &'a str, slot: Slot) -> Self {
        Cell::new(text::clean(text), slot)
    }

    /// Adds a piece.
    pub fn with(mut self, text: impl Into<Cow<'a, str>>, slot: Slot) -> Self {
        self.parts.push(Part { text: text.into(), slot, optional: false });
        self
    }

    /// Adds a piece that leaves first.
    pub fn with_optional(mut self, text: impl Into<Cow<'a, str>>, slot: Slot) -> Self {
        self.parts.push(Part { text: text.into(), slot, optional: true });
        self
    }

    /// The status sign and its word.
    pub fn status(word: impl Into<Cow<'a, str>>, slot: Slot, look: &Look) -> Self {
        let cell =
            if look.plain { Cell::empty() } else { Cell::new(look.symbols.of(slot), slot).with(" ", slot) };
        cell.with(word, slot)
    }

    /// A fact, or the sign for why there is none.
    pub fn known<T>(fact: &'a Known<T>, look: &Look, show: impl FnOnce(&'a T) -> Cell<'a>) -> Self {
        match fact {
            Known::Yes(value) => show(value),
            Known::No(_) => Cell::unknown(look),
            Known::NotApplicable => Cell::not_applicable(look),
        }
    }

    /// The sign for a fact that is not known.
    pub fn unknown(look: &Look) -> Self {
        Cell::new(look.symbols.unknown, Slot::Unknown)
    }

    /// The sign for a question that does not arise.
    pub fn not_applicable(look: &Look) -> Self {
        Cell::new(look.symbols.not_applicable, Slot::Muted)
    }

    /// All text of the cell.
    pub fn text(&self) -> String {
        self.parts.iter().map(|part| part.text.as_ref()).collect()
    }

    /// Columns that the whole cell takes.
    pub fn width(&self) -> usize {
        self.parts.iter().map(|part| text::width(&part.text)).sum()
    }

    /// The cell in so many columns: optional pieces go first, last one first, then the text is cut.
    pub fn fit(mut self, columns: usize, cut: Cut, ellipsis: &str) -> Self {
        while self.width() > columns {
            match self.parts.iter().rposition(|part| part.optional) {
                Some(at) => drop(self.parts.remove(at)),
                None => return self.cut(columns, cut, ellipsis),
            }
        }
        self
    }

    fn cut(self, columns: usize, cut: Cut, ellipsis: &str) -> Self {
        let mut left = columns;
        let mut following = self.width();
        let mut parts = Vec::with_capacity(self.parts.len());
        for mut part in self.parts {
            let width = text::width(&part.text);
            following -= width;
            if width < left || (width == left && following == 0) {
                left -= width;
                parts.push(part);
                continue;
            }
            part.text = match (following, cut) {
                (0, Cut::Middle) => text::cut_middle(&part.text, left, ellipsis).into_owned(),
                (0, Cut::End) => text::cut_end(&part.text, left, ellipsis).into_owned(),
                // It may fit by itself, but what follows does not: say so.
                _ => match left.checked_sub(text::width(ellipsis)) {
                    None | Some(0) => text::head(&part.text, left).to_owned(),
                    Some(room) => format!("{}{ellipsis}", text::head(&part.text, room)),
                },
            }
            .into();
            parts.push(part);
            break;
        }
        Cell { parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fitted(cell: Cell<'_>, columns: usize, cut: Cut) -> String {
        cell.fit(columns, cut, "…").text()
    }

    #[test]
    fn optional_pieces_leave_whole_before_anything_is_cut() {
        let quota = || {
            Cell::new("████", Slot::Bar).with(" 83%", Slot::Warn).with_optional(" requests.cpu", Slot::Muted)
        };
        assert_eq!(fitted(quota(), 21, Cut::End), "████ 83% requests.cpu");
        assert_eq!(fitted(quota(), 20, Cut::End), "████ 83%");
        assert_eq!(fitted(quota(), 6, Cut::End), "████ …");
        assert_eq!(fitted(quota(), 4, Cut::End), "███…");
    }

    #[test]
    fn a_status_keeps_its_sign_and_the_head_of_its_word() {
        let status = || Cell::new("✗", Slot::Err).with(" ", Slot::Err).with("Degraded", Slot::Err);
        assert_eq!(fitted(status(), 10, Cut::End), "✗ Degraded");
        assert_eq!(fitted(status(), 6, Cut::End), "✗ Deg…");
        assert_eq!(fitted(status(), 1, Cut::End), "✗");
    }

    #[test]
    fn text_from_a_cluster_is_cleaned_on_its_way_in() {
        assert_eq!(Cell::foreign("\x1b[31mevil\nname", Slot::Text).text(), "evil name");
    }

    proptest! {
        #[test]
        fn a_fitted_cell_fits(
            pieces in proptest::collection::vec(("\\PC{0,12}", any::<bool>()), 0..5),
            columns in 0usize..30,
            middle in any::<bool>(),
        ) {
            let mut cell = Cell::empty();
            for (text, optional) in pieces {
                cell = if optional { cell.with_optional(text, Slot::Text) } else { cell.with(text, Slot::Text) };
            }
            let cut = if middle { Cut::Middle } else { Cut::End };
            prop_assert!(cell.fit(columns, cut, "…").width() <= columns);
        }
    }
}
