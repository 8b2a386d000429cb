//! Which part of many lines is seen. Costs depend on the size of the window, never on the number of lines.

use std::ops::Range;

use super::Move;
use super::wrap::{columns, row_count, rows};

/// Lines at growing positions. Those at the front may be gone.
pub(super) trait Lines {
    /// The positions there are.
    fn span(&self) -> Range<u64>;
    /// The clean line at a position; empty outside the span.
    fn line(&self, at: u64) -> &str;
    /// How wide the widest line is, or was.
    fn widest(&self) -> usize;
}

/// A window on lines. The place is held by line, so that what comes and goes elsewhere does not move the text.
#[derive(Debug, Clone, Default)]
pub(super) struct Scroll {
    /// The line at the top.
    line: u64,
    /// How many rows of it lie above the top; only while long lines are broken.
    row: usize,
    left: usize,
    wrap: bool,
    height: usize,
    columns: usize,
}

/// How many columns one step to the side goes.
const SIDE_STEP: usize = 8;

impl Scroll {
    /// The window has this size now.
    pub fn fit(&mut self, columns: usize, height: usize) {
        (self.columns, self.height) = (columns, height);
    }

    /// The first line seen.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Columns that lie to the left of the window.
    pub fn left(&self) -> usize {
        if self.wrap { 0 } else { self.left }
    }

    /// Whether long lines are broken.
    pub fn wraps(&self) -> bool {
        self.wrap
    }

    /// Breaks long lines, or no longer.
    pub fn toggle_wrap(&mut self) {
        self.wrap = !self.wrap;
        self.row = 0;
        self.left = 0;
    }

    /// Moves the window.
    pub fn go(&mut self, step: Move, lines: &impl Lines) {
        // Lines may have come and gone since the last frame.
        self.settle(lines);
        let page = self.height.saturating_sub(1).max(1);
        match step {
            Move::Up => self.up(1, lines),
            Move::Down => self.down(1, lines),
            Move::PageUp => self.up(page, lines),
            Move::PageDown => self.down(page, lines),
            Move::Top => (self.line, self.row) = (lines.span().start, 0),
            Move::Bottom => self.show_end(lines),
            Move::Left => self.left = self.left.saturating_sub(SIDE_STEP),
            Move::Right => self.left = (self.left + SIDE_STEP).min(self.furthest(lines)),
        }
        self.settle(lines);
    }

    /// Goes to a line and keeps it at the top as far as there is enough below.
    pub fn set_line(&mut self, at: u64, lines: &impl Lines) {
        (self.line, self.row) = (at, 0);
        self.settle(lines);
    }

    /// Shows the end.
    pub fn show_end(&mut self, lines: &impl Lines) {
        (self.line, self.row) = self.bottom(lines);
    }

    /// Whether the end is seen.
    pub fn at_bottom(&self, lines: &impl Lines) -> bool {
        (self.line, self.row) >= self.bottom(lines)
    }

    /// Brings the window back to where lines are, after they or its size have changed.
    pub fn settle(&mut self, lines: &impl Lines) {
        let span = lines.span();
        if self.line < span.start {
            (self.line, self.row) = (span.start, 0);
        }
        if self.line < span.end {
            self.row = self.row.min(self.rows_of(self.line, lines).saturating_sub(1));
        }
        let bottom = self.bottom(lines);
        if (self.line, self.row) > bottom {
            (self.line, self.row) = bottom;
        }
        self.left = self.left.min(self.furthest(lines));
    }

    /// Brings a place of a line into the window; moves only if it is outside.
    pub fn reveal(&mut self, at: u64, place: Range<usize>, lines: &impl Lines) {
        let line = lines.line(at);
        // Before the first frame nobody knows how wide the window is.
        if !self.wrap && self.columns > 0 {
            self.reveal_columns(line, place.clone());
        }
        let row = if self.wrap {
            rows(line, self.columns).take_while(|row| row.end <= place.start).count()
        } else {
            0
        };
        if self.shows(at, row, lines) {
            return;
        }
        (self.line, self.row) = (at, row);
        self.up(self.height / 3, lines);
        self.settle(lines);
    }

    fn reveal_columns(&mut self, line: &str, place: Range<usize>) {
        let from = columns(line.get(..place.start).unwrap_or_default());
        let to = columns(line.get(..place.end).unwrap_or(line));
        if from < self.left || to > self.left + self.columns {
            self.left = if to <= self.columns { 0 } else { from.saturating_sub(self.columns / 3) };
        }
    }

    /// Whether a row is in the window.
    fn shows(&self, at: u64, row: usize, lines: &impl Lines) -> bool {
        if (at, row) < (self.line, self.row) || at - self.line > self.height as u64 {
            return false;
        }
        let above: usize = (self.line..at).map(|line| self.rows_of(line, lines)).sum();
        above + row < self.row + self.height
    }

    /// The rows in the window: position of the line, which row of it, and its bytes from there on.
    pub fn window<'a, L: Lines>(
        &'a self,
        lines: &'a L,
    ) -> impl Iterator<Item = (u64, usize, Range<usize>)> + 'a {
        let end = lines.span().end;
        let all = (self.line..end).flat_map(move |at| {
            let line = lines.line(at);
            let rows =
                if self.wrap { rows(line, self.columns) } else { Box::new(std::iter::once(0..line.len())) };
            rows.enumerate().map(move |(row, range)| (at, row, range))
        });
        all.skip(self.row).take(self.height)
    }

    fn furthest(&self, lines: &impl Lines) -> usize {
        lines.widest().saturating_sub(self.columns)
    }

    fn rows_of(&self, at: u64, lines: &impl Lines) -> usize {
        if self.wrap { row_count(lines.line(at), self.columns) } else { 1 }
    }

    /// Where the window stands when the last row is its last.
    fn bottom(&self, lines: &impl Lines) -> (u64, usize) {
        let span = lines.span();
        let mut missing = self.height.max(1);
        for at in span.clone().rev() {
            let rows = self.rows_of(at, lines);
            if rows >= missing {
                return (at, rows - missing);
            }
            missing -= rows;
        }
        (span.start, 0)
    }

    fn down(&mut self, by: usize, lines: &impl Lines) {
        let end = lines.span().end;
        let mut left = by;
        while self.line < end {
            let below = self.rows_of(self.line, lines) - self.row;
            if left < below {
                self.row += left;
                return;
            }
            left -= below;
            (self.line, self.row) = (self.line + 1, 0);
        }
    }

    fn up(&mut self, by: usize, lines: &impl Lines) {
        let start = lines.span().start;
        let mut left = by;
        while left > self.row && self.line > start {
            left -= self.row + 1;
            self.line -= 1;
            self.row = self.rows_of(self.line, lines) - 1;
        }
        self.row -= left.min(self.row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::width;
    use proptest::prelude::*;

    struct Sheet {
        first: u64,
        lines: Vec<String>,
    }

    impl Lines for Sheet {
        fn span(&self) -> Range<u64> {
            self.first..self.first + self.lines.len() as u64
        }
        fn line(&self, at: u64) -> &str {
            at.checked_sub(self.first).and_then(|at| self.lines.get(at as usize)).map_or("", String::as_str)
        }
        fn widest(&self) -> usize {
            self.lines.iter().map(|line| width(line)).max().unwrap_or(0)
        }
    }

    fn seen(scroll: &Scroll, sheet: &Sheet) -> Vec<String> {
        scroll.window(sheet).map(|(at, _, range)| sheet.line(at)[range].to_owned()).collect()
    }

    fn sheet(lines: &[&str]) -> Sheet {
        Sheet { first: 0, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn broken_lines_scroll_row_by_row() {
        let sheet = sheet(&["abcdef", "g", "hijk"]);
        let mut scroll = Scroll::default();
        scroll.fit(3, 2);
        scroll.toggle_wrap();
        let mut tops = vec![seen(&scroll, &sheet)];
        for _ in 0..4 {
            scroll.go(Move::Down, &sheet);
            tops.push(seen(&scroll, &sheet));
        }
        assert_eq!(tops, [["abc", "def"], ["def", "g"], ["g", "hij"], ["hij", "k"], ["hij", "k"]]);
        assert!(scroll.at_bottom(&sheet));
        scroll.go(Move::Up, &sheet);
        assert_eq!(seen(&scroll, &sheet), ["g", "hij"]);
    }

    #[test]
    fn a_place_outside_is_brought_in_and_one_inside_moves_nothing() {
        let lines: Vec<String> = (0..100).map(|n| format!("line {n:03} and a tail")).collect();
        let sheet = Sheet { first: 0, lines };
        let mut scroll = Scroll::default();
        scroll.fit(10, 9);
        scroll.reveal(5, 0..4, &sheet);
        assert_eq!((scroll.line(), scroll.left()), (0, 0));
        scroll.reveal(50, 13..19, &sheet);
        assert!(scroll.window(&sheet).any(|(at, _, _)| at == 50));
        assert!(scroll.left() <= 13 && scroll.left() + 10 >= 19, "{}", scroll.left());
        scroll.reveal(99, 0..4, &sheet);
        assert_eq!((scroll.line(), scroll.left()), (91, 0));
    }

    #[test]
    fn lines_that_are_gone_leave_no_trace() {
        let mut scroll = Scroll::default();
        scroll.fit(2, 1);
        scroll.toggle_wrap();
        scroll.go(Move::Bottom, &sheet(&["abcdefgh"]));
        for step in [Move::Down, Move::Up] {
            scroll.go(step, &sheet(&[]));
            assert_eq!(seen(&scroll, &sheet(&["x"])), ["x"]);
        }
        scroll.go(Move::Bottom, &sheet(&["a", "b", "c"]));
        let later = Sheet { first: 7, lines: vec!["x".to_owned(), "y".to_owned()] };
        scroll.go(Move::Down, &later);
        assert_eq!(seen(&scroll, &later), ["y"]);
    }

    fn moves() -> impl Strategy<Value = Move> {
        prop::sample::select(vec![
            Move::Up,
            Move::Down,
            Move::PageUp,
            Move::PageDown,
            Move::Top,
            Move::Bottom,
            Move::Left,
            Move::Right,
        ])
    }

    proptest! {
        #[test]
        fn the_window_is_full_whenever_there_is_enough(
            lines in prop::collection::vec("\\PC{0,20}", 0..30),
            steps in prop::collection::vec((moves(), 0usize..12, 0usize..9, any::<bool>()), 0..20),
            first in 0u64..5,
        ) {
            let sheet = Sheet { first, lines };
            let mut scroll = Scroll::default();
            for (step, columns, height, wrap) in steps {
                scroll.fit(columns, height);
                if wrap {
                    scroll.toggle_wrap();
                }
                scroll.settle(&sheet);
                scroll.go(step, &sheet);
                let rows: usize = sheet.span().map(|at| scroll.rows_of(at, &sheet)).sum();
                prop_assert_eq!(scroll.window(&sheet).count(), rows.min(height));
                prop_assert!(step != Move::Bottom || scroll.at_bottom(&sheet));
            }
        }

        #[test]
        fn up_undoes_down(lines in prop::collection::vec("[a-c]{0,9}", 1..20), by in 0usize..30) {
            let sheet = Sheet { first: 3, lines };
            let mut scroll = Scroll::default();
            scroll.fit(3, 4);
            scroll.toggle_wrap();
            scroll.settle(&sheet);
            let rows: usize = sheet.span().map(|at| scroll.rows_of(at, &sheet)).sum();
            let by = by.min(rows - 1);
            scroll.down(by, &sheet);
            scroll.up(by, &sheet);
            prop_assert_eq!((scroll.line, scroll.row), (3, 0));
        }
    }
}
