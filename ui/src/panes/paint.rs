//! Strokes that every pane uses. Nothing here ever leaves its area.

use std::borrow::Cow;
use std::ops::Range;

use super::lines::broken;
use super::wrap::{Place, exceeds, places};
use crate::format::count;
use crate::text::{cut_end, width};
use crate::theme::{Slot, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Writes one row from left to right.
pub(super) struct Pen<'b> {
    buf: &'b mut Buffer,
    theme: &'b Theme,
    x: u16,
    y: u16,
    right: u16,
}

impl<'b> Pen<'b> {
    /// At the left end of a row of an area, counted from its top.
    pub fn at(area: Rect, row: usize, buf: &'b mut Buffer, theme: &'b Theme) -> Self {
        let area = area.intersection(buf.area);
        let y =
            u16::try_from(row).ok().and_then(|row| area.y.checked_add(row)).filter(|y| *y < area.bottom());
        match y {
            Some(y) => Pen { x: area.x, y, right: area.right(), buf, theme },
            None => Pen { x: 0, y: 0, right: 0, buf, theme },
        }
    }

    /// Columns that are left.
    pub fn room(&self) -> usize {
        usize::from(self.right.saturating_sub(self.x))
    }

    /// Leaves columns blank.
    pub fn blank(&mut self, columns: usize) {
        self.x = self.x.saturating_add(u16::try_from(columns).unwrap_or(u16::MAX)).min(self.right);
    }

    /// Writes clean text as far as there is room.
    pub fn put(&mut self, text: &str, style: Style) {
        if self.room() > 0 {
            (self.x, _) = self.buf.set_stringn(self.x, self.y, text, self.room(), style);
        }
    }

    /// Writes clean text with a meaning.
    pub fn slot(&mut self, text: &str, slot: Slot) {
        self.put(text, self.theme.style(slot));
    }

    /// Writes clean text with a meaning into so many columns: cut at its end, or followed by blanks.
    pub fn field(&mut self, text: &str, columns: usize, slot: Slot) {
        let columns = columns.min(self.room());
        let start = self.x;
        self.slot(&cut_end(text, columns, self.theme.symbols().ellipsis), slot);
        self.x = start;
        self.blank(columns);
    }

    /// Writes part of a clean line, each grapheme in the style of its bytes; what was found stands out, the current
    /// one most. Where the row is too short, a sign at its end says so.
    pub fn styled(
        &mut self,
        line: &str,
        part: Range<usize>,
        spans: &[(Range<usize>, Slot)],
        found: &Found<'_>,
    ) {
        let Some(text) = line.get(part.clone()) else { return };
        let right = self.right;
        let cut = exceeds(text, self.room());
        if cut {
            self.right = right.saturating_sub(1).max(self.x);
        }
        self.runs(text, part.start, spans, found);
        if cut {
            self.x = right.saturating_sub(1).max(self.x);
            self.right = right;
            self.slot(self.theme.symbols().more_right, Slot::Muted);
        }
    }

    fn runs(&mut self, text: &str, start: usize, spans: &[(Range<usize>, Slot)], found: &Found<'_>) {
        let mut run = 0..0;
        let mut run_style = Style::default();
        for Place { at, len, .. } in places(text) {
            if self.room() == 0 {
                return;
            }
            let style = self.style_of(start + at, len, spans, found);
            if style != run_style {
                self.put(text.get(run.clone()).unwrap_or_default(), run_style);
                (run, run_style) = (at..at, style);
            }
            run.end = at + len;
            // Nothing beyond the edge is looked at, however long the line is.
            if run.len() > 4096 {
                self.put(text.get(run.clone()).unwrap_or_default(), run_style);
                run.start = run.end;
            }
        }
        self.put(text.get(run).unwrap_or_default(), run_style);
    }

    fn style_of(&self, at: usize, len: usize, spans: &[(Range<usize>, Slot)], found: &Found<'_>) -> Style {
        let slot = spans.iter().find(|(range, _)| range.contains(&at)).map_or(Slot::Text, |(_, slot)| *slot);
        let style = self.theme.style(slot);
        let touches = |range: &Range<usize>| range.start < at + len && at < range.end;
        if found.current.as_ref().is_some_and(touches) {
            style.patch(self.theme.style(Slot::Match)).add_modifier(Modifier::REVERSED)
        } else if found.all.iter().any(touches) {
            style.patch(self.theme.style(Slot::Match))
        } else {
            style
        }
    }
}

/// What a search found in one line.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// All places, in order.
    pub all: &'a [Range<usize>],
    /// The one that one stands on.
    pub current: Option<Range<usize>>,
}

/// So many of something: `1 line`, `1,204 lines`.
pub(super) fn counted(n: u64, word: &str) -> String {
    format!("{} {word}{}", count(n), if n == 1 { "" } else { "s" })
}

/// One fact of a line of facts.
pub(super) type Fact = (Cow<'static, str>, Slot);

/// A row of facts with dots between them; those that do not fit are left out, the last ones first.
pub(super) fn facts(area: Rect, row: usize, facts: &[Fact], buf: &mut Buffer, theme: &Theme) {
    let mut pen = Pen::at(area, row, buf, theme);
    for (at, (text, slot)) in facts.iter().enumerate() {
        let gap = if at == 0 { 1 } else { 3 };
        if at > 0 && gap + width(text) > pen.room() {
            return;
        }
        if at > 0 {
            pen.blank(1);
            pen.slot(theme.symbols().dot, Slot::Muted);
        }
        pen.blank(1);
        let text = cut_end(text, pen.room(), theme.symbols().ellipsis);
        pen.slot(&text, *slot);
    }
}

/// Says instead of contents why there are none: sign and words, broken between words.
pub(super) fn notice(area: Rect, slot: Slot, words: &str, buf: &mut Buffer, theme: &Theme) {
    let lines = broken(words, usize::from(area.width).saturating_sub(3));
    for (row, line) in lines.iter().enumerate().take(usize::from(area.height)) {
        let mut pen = Pen::at(area, row, buf, theme);
        pen.blank(1);
        pen.slot(if row == 0 { theme.symbols().of(slot) } else { " " }, slot);
        pen.blank(1);
        pen.slot(line, slot);
    }
}
