//! Tables as data: one value per column says how it is called, how wide it is, what it shows and how it sorts.
//!
//! The dashboard and `v9s list` show the same columns.

mod cell;
pub mod fleet;
mod order;

pub use cell::{Cell, Part};
pub use order::{Direction, Value, natural};

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use crate::text::Align;
use crate::theme::Symbols;

/// How cells are to look, apart from colours.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The present, for ages.
    pub now: DateTime<Utc>,
    /// The set of signs.
    pub symbols: &'static Symbols,
    /// Words and numbers only, no signs and no charts: for pipes.
    pub plain: bool,
}

/// What gives way when a cell is too narrow for its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The middle: names differ at both ends.
    Middle,
    /// The end: what matters most comes first.
    End,
}

/// One column of a table with rows of type `R`.
pub struct Column<R: ?Sized> {
    /// Stable name, for configuration, sorting and filter terms.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// At which edge text and heading stand.
    pub align: Align,
    /// Narrower than this it is not worth showing.
    pub min: u16,
    /// As wide as it likes to be.
    pub preferred: u16,
    /// How much more than that it can make use of, where there is space left over. A column that grows and sorts
    /// by words takes no more than its longest word needs.
    pub grow: u16,
    /// Columns with the highest number leave first when space runs out; those with zero stay.
    pub drop: u8,
    /// Only shown when the person asks for everything.
    pub wide: bool,
    /// What gives way in a cell that is too narrow.
    pub cut: Cut,
    /// What a cell shows.
    pub cell: for<'a> fn(&'a R, &Look) -> Cell<'a>,
    /// What rows sort by.
    pub value: for<'a> fn(&'a R) -> Value<'a>,
    /// Which way rows sort when the column is first chosen.
    pub first: Direction,
}

impl<R: ?Sized> Column<R> {
    /// What columns of words have in common. The cell is a place holder: every column names its own.
    pub const fn words(id: &'static str, title: &'static str, width: u16, drop: u8, cut: Cut) -> Self {
        Column {
            id,
            title,
            align: Align::Left,
            min: width,
            preferred: width,
            grow: 0,
            drop,
            wide: false,
            cut,
            cell: |_, _| Cell { parts: Vec::new() },
            value: |_| Value::NotApplicable,
            first: Direction::Up,
        }
    }

    /// Order of two rows by this column. What is not known, or not applicable, comes last in either direction.
    pub fn order(&self, a: &R, b: &R, direction: Direction) -> Ordering {
        (self.value)(a).order(&(self.value)(b), direction)
    }
}

impl<R: ?Sized> std::fmt::Debug for Column<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The column with this id.
pub fn find<'a, R: ?Sized>(columns: &'a [Column<R>], id: &str) -> Option<&'a Column<R>> {
    columns.iter().find(|column| column.id == id)
}
