//! A page of lines that is read from top to bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Move;
use super::lines::Line;
use super::paint::Pen;
use crate::theme::{Slot, Symbols, Theme};

/// One row of a page: a line, and beside it another one and the column where that begins.
pub(super) type Row = (Line, Option<(usize, Line)>);

/// Which part of a page is seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    top: usize,
    height: usize,
    rows: usize,
}

impl Page {
    /// Moves through the page.
    pub fn go(&mut self, step: Move) {
        let page = self.height.saturating_sub(1).max(1);
        self.top = match step {
            Move::Up => self.top.saturating_sub(1),
            Move::Down => self.top + 1,
            Move::PageUp => self.top.saturating_sub(page),
            Move::PageDown => self.top + page,
            Move::Top => 0,
            Move::Bottom => self.rows,
            Move::Left | Move::Right => self.top,
        };
        self.settle();
    }

    fn settle(&mut self) {
        self.top = self.top.min(self.rows.saturating_sub(self.height));
    }

    /// Paints as many rows as fit, with a sign at the edge where the page goes on.
    pub fn render(&mut self, rows: &[Row], area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = area.intersection(buf.area);
        (self.height, self.rows) = (usize::from(area.height), rows.len());
        self.settle();
        for (at, (left, right)) in rows.iter().skip(self.top).take(self.height).enumerate() {
            left.draw(&mut Pen::at(area, at, buf, theme));
            if let Some((column, right)) = right {
                let mut pen = Pen::at(area, at, buf, theme);
                pen.blank(*column);
                right.draw(&mut pen);
            }
        }
        let mut sign = |row: usize, sign: &str| {
            let mut pen = Pen::at(area, row, buf, theme);
            pen.blank(pen.room().saturating_sub(1));
            pen.slot(sign, Slot::Accent);
        };
        if self.top > 0 {
            sign(0, theme.symbols().sort_up);
        }
        if self.top + self.height < self.rows && self.height > 0 {
            sign(self.height - 1, theme.symbols().sort_down);
        }
    }
}

/// Columns of a page as plain text.
pub(super) const PLAIN: usize = 119;

/// A page of titled blocks behind its head; what is empty has no title.
pub(super) fn sections(
    head: Vec<Line>,
    blocks: impl IntoIterator<Item = (&'static str, Vec<Line>)>,
    width: usize,
    symbols: &Symbols,
) -> Vec<Row> {
    let mut lines = head;
    for (title, block) in blocks {
        if !block.is_empty() {
            lines.push(rule(title, width, symbols));
            lines.extend(block);
        }
    }
    single(lines)
}

/// A page as plain text.
pub(super) fn plain(rows: &[Row]) -> String {
    rows.iter().map(|(line, _)| format!("{}\n", line.text().trim_end())).collect()
}

/// Lines one below the other.
pub(super) fn single(lines: Vec<Line>) -> Vec<Row> {
    lines.into_iter().map(|line| (line, None)).collect()
}

/// A rule with a title in it.
pub(super) fn rule(title: &str, width: usize, symbols: &Symbols) -> Line {
    let title = format!(" {title} ");
    let rest = symbols.rule.repeat(width.saturating_sub(crate::text::width(&title) + 1));
    Line::new(symbols.rule, Slot::Border).with(title, Slot::Title).with(rest, Slot::Border)
}
