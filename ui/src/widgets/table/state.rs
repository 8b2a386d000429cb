//! Where one is in a table, and what lies under the mouse.

use ratatui::layout::{Position, Rect};

/// The place in a table. The cursor is an index of the rows as they are sorted and filtered now; who keeps a
/// selection by identity sets it anew when the rows change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableState {
    /// The row under the cursor.
    pub cursor: usize,
    /// Columns scrolled out behind the frozen one; drawing limits it to what there is.
    pub scroll: usize,
    /// First row that shows.
    pub(super) offset: usize,
    /// What was drawn last.
    pub(super) drawn: Drawn,
    /// What was found in all rows.
    pub(super) measured: Measured,
}

/// What was found in all rows, and of which rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) revision: Option<(u64, usize)>,
    /// How wide the words of a column are, if it has words.
    pub(super) words: Vec<Option<u16>>,
    /// Whether a column has something to say of any row.
    pub(super) telling: Vec<bool>,
}

/// Where things were drawn last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) body: Rect,
    pub(super) rows: usize,
    pub(super) headings: Vec<(Rect, usize)>,
}

/// What lies under a point of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// The heading of a column: its index in the table's columns.
    Heading(usize),
    /// A row: its index.
    Row(usize),
}

impl TableState {
    /// What lies at this point, as drawn last.
    pub fn hit(&self, at: Position) -> Option<Hit> {
        if let Some((_, column)) = self.drawn.headings.iter().find(|(area, _)| area.contains(at)) {
            return Some(Hit::Heading(*column));
        }
        if !self.drawn.body.contains(at) {
            return None;
        }
        let row = self.offset + usize::from(at.y - self.drawn.body.y);
        (row < self.drawn.rows).then_some(Hit::Row(row))
    }

    /// How many rows show at once, at least one.
    pub fn page(&self) -> usize {
        usize::from(self.drawn.body.height).max(1)
    }

    /// Moves the cursor by so many rows, not beyond the ends of `rows` rows.
    pub fn step(&mut self, by: isize, rows: usize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(rows.saturating_sub(1));
    }

    /// Moves by whole pages.
    pub fn step_pages(&mut self, pages: isize, rows: usize) {
        let page = isize::try_from(self.page()).unwrap_or(isize::MAX);
        self.step(pages.saturating_mul(page), rows);
    }

    /// To the first row.
    pub fn top(&mut self) {
        self.cursor = 0;
    }

    /// To the last row.
    pub fn bottom(&mut self, rows: usize) {
        self.cursor = rows.saturating_sub(1);
    }

    /// Scrolls columns to the left (negative) or right.
    pub fn scroll_columns(&mut self, by: isize) {
        self.scroll = self.scroll.saturating_add_signed(by);
    }

    /// Brings cursor and window into bounds: the cursor shows, and no space is wasted behind the last row.
    pub(super) fn settle(&mut self, rows: usize, height: usize) {
        self.cursor = self.cursor.min(rows.saturating_sub(1));
        let last_start = rows.saturating_sub(height);
        let earliest = (self.cursor + 1).saturating_sub(height);
        self.offset = self.offset.min(last_start).clamp(earliest.min(self.cursor), self.cursor.max(earliest));
    }
}
