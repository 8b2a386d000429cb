//! The table: only rows that show build cells, so that its cost does not grow with the fleet.
//!
//! The first column is frozen; columns leave in their declared order as the screen gets narrower, and can be
//! scrolled to. The row under the cursor has a sign in front, so that it shows without any colour.

mod layout;
mod state;

pub use layout::{Claim, GAP, Layout, Placed, layout};
pub use state::{Hit, TableState};

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use self::state::{Drawn, Measured};
use crate::columns::{Cell, Column, Direction, Look, Value};
use crate::text::{self, Align};
use crate::theme::{Slot, Theme};

/// In front of the first column: cursor and mark.
const GUTTER: u16 = 2;
/// Added to the rank of columns that have nothing to say: they leave before all that have.
const SILENT: u8 = 128;
/// Behind the last column: scroll bar, and the sign that there is more.
const MARGIN: u16 = 1;

/// A table over rows that somebody else holds.
pub struct Table<'a, R: ?Sized> {
    /// All columns, in their order.
    pub columns: &'a [Column<R>],
    /// How many rows there are.
    pub len: usize,
    /// The row at an index.
    pub row: &'a dyn Fn(usize) -> Option<&'a R>,
    /// Whether the person marked a row.
    pub marked: &'a dyn Fn(&R) -> bool,
    /// Whether a row is only what it last was, and is greyed.
    pub stale: &'a dyn Fn(&R) -> bool,
    /// Whether a column shows at all, apart from space.
    pub shown: &'a dyn Fn(&Column<R>) -> bool,
    /// Where in a text of a row a filter found something, as ranges of bytes.
    pub found: &'a dyn Fn(&R, &str) -> Vec<Range<usize>>,
    /// Which column rows are sorted by (its id), and which way.
    pub sorted: Option<(&'a str, Direction)>,
    /// Whether keys go to this table.
    pub focused: bool,
    /// Changes when the rows change: columns of words are measured anew then, and only then.
    pub revision: u64,
    /// What stands in place of rows when there are none.
    pub empty: &'a str,
    /// How cells look.
    pub look: Look,
    /// Colours.
    pub theme: &'a Theme,
}

impl<'a, R: ?Sized> Table<'a, R> {
    /// A focused, unsorted table without marks that shows every column.
    pub fn new(
        columns: &'a [Column<R>],
        len: usize,
        row: &'a dyn Fn(usize) -> Option<&'a R>,
        look: Look,
        theme: &'a Theme,
    ) -> Self {
        Table {
            columns,
            len,
            row,
            marked: &|_| false,
            stale: &|_| false,
            shown: &|_| true,
            found: &|_, _| Vec::new(),
            sorted: None,
            focused: true,
            revision: 0,
            empty: "",
            look,
            theme,
        }
    }

    /// Draws headings and the rows that fit, and remembers where they are.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, state: &mut TableState) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            state.drawn = Drawn::default();
            state.settle(self.len, 0);
            return;
        }
        let columns: Vec<usize> =
            self.columns.iter().enumerate().filter(|(_, c)| (self.shown)(c)).map(|(at, _)| at).collect();
        self.measure(state);
        let claims: Vec<Claim> = columns
            .iter()
            .filter_map(|&at| {
                let words = state.measured.words.get(at).copied().flatten();
                let telling = state.measured.telling.get(at).copied().unwrap_or(true);
                Some(claim(self.columns.get(at)?, words, telling))
            })
            .collect();
        let layout = layout(&claims, area.width.saturating_sub(GUTTER + MARGIN), state.scroll);
        state.scroll = layout.scroll;

        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        state.settle(self.len, usize::from(body.height));
        let placed: Vec<(&Column<R>, usize, Placed)> = layout
            .placed
            .iter()
            .filter_map(|p| {
                let at = *columns.get(p.column)?;
                Some((self.columns.get(at)?, at, *p))
            })
            .collect();
        let headings = self.draw_headings(area, buffer, &placed, &layout);
        state.drawn = Drawn { body, rows: self.len, headings };

        for line in 0..body.height {
            let at = state.offset + usize::from(line);
            let Some(row) = (self.row)(at).filter(|_| at < self.len) else { break };
            let area = Rect { y: body.y + line, height: 1, ..body };
            self.draw_row(area, buffer, &placed, row, at == state.cursor);
        }
        if self.len == 0 && body.height > 0 {
            let x = area.x + GUTTER.min(area.width - 1);
            let text = text::cut_end(self.empty, usize::from(area.right() - x), self.look.symbols.ellipsis);
            buffer.set_string(x, body.y, text, self.theme.style(Slot::Muted));
        }
        self.draw_scroll_bar(body, buffer, state.offset);
    }

    /// Looks at all rows, if they have changed: how wide the words of columns are that can grow, and which columns
    /// say anything at all.
    fn measure(&self, state: &mut TableState) {
        if state.measured.revision == Some((self.revision, self.len)) {
            return;
        }
        let mut words: Vec<Option<u16>> = vec![None; self.columns.len()];
        let mut telling = vec![self.len == 0; self.columns.len()];
        for row in (0..self.len).filter_map(|at| (self.row)(at)) {
            for ((column, widest), telling) in self.columns.iter().zip(&mut words).zip(&mut telling) {
                if column.grow == 0 && *telling {
                    continue;
                }
                let value = (column.value)(row);
                *telling |= !matches!(value, Value::Unknown | Value::NotApplicable);
                if let (1.., Value::Text(word) | Value::Version(word)) = (column.grow, value) {
                    let width = u16::try_from(text::width(word)).unwrap_or(u16::MAX);
                    *widest = Some(widest.unwrap_or(0).max(width));
                }
            }
        }
        state.measured = Measured { revision: Some((self.revision, self.len)), words, telling };
    }

    fn draw_headings(
        &self,
        area: Rect,
        buffer: &mut Buffer,
        placed: &[(&Column<R>, usize, Placed)],
        layout: &Layout,
    ) -> Vec<(Rect, usize)> {
        let (symbols, header) = (self.look.symbols, self.theme.style(Slot::Header));
        let line = Rect { height: 1, ..area };
        buffer.set_style(line, header);
        let mut areas = Vec::with_capacity(placed.len());
        for (column, index, placed) in placed {
            let x = area.x + GUTTER + placed.x;
            let heading = Rect { x, width: placed.width, ..line }.intersection(line);
            areas.push((heading, *index));
            let sorted = self.sorted.filter(|(id, _)| *id == column.id);
            let (title, style, room) = match sorted {
                Some((_, direction)) => {
                    let sign = if direction == Direction::Up { symbols.sort_up } else { symbols.sort_down };
                    // The sign may stand in the gap beside the column.
                    (
                        format!("{}{sign}", column.title),
                        self.theme.style(Slot::HeaderSorted),
                        heading.width + 1,
                    )
                }
                None => (column.title.to_owned(), header, heading.width),
            };
            let title = text::cut_end(&title, usize::from(room), symbols.ellipsis);
            let free = usize::from(heading.width).saturating_sub(text::width(&title)) as u16;
            let overhang = text::width(&title) > usize::from(heading.width);
            let x = match column.align {
                Align::Left => x,
                Align::Right if overhang => x - 1,
                Align::Right => x + free,
            };
            put(buffer, line, x, &title, style);
        }
        let accent = self.theme.style(Slot::Accent);
        if layout.more_left
            && let Some((_, _, first)) = placed.first()
        {
            put(buffer, line, area.x + GUTTER + first.width, symbols.more_left, accent);
        }
        if layout.more_right {
            put(buffer, line, area.right() - 1, symbols.more_right, accent);
        }
        areas
    }

    fn draw_row(
        &self,
        area: Rect,
        buffer: &mut Buffer,
        placed: &[(&Column<R>, usize, Placed)],
        row: &R,
        cursor: bool,
    ) {
        let symbols = self.look.symbols;
        let marked = (self.marked)(row);
        let stale = (self.stale)(row);
        // On the cursor's row the selection's own colours say everything: others would be illegible on it.
        let over = cursor.then_some(if self.focused { Slot::Selection } else { Slot::Accent });
        if let Some(slot) = over.filter(|slot| *slot == Slot::Selection) {
            buffer
                .set_style(Rect { width: area.width.saturating_sub(MARGIN), ..area }, self.theme.style(slot));
        }
        let style = |slot: Slot| match (over, stale) {
            (Some(over), _) => self.theme.style(over),
            (None, true) => self.theme.style(Slot::Stale),
            (None, false) => self.theme.style(slot),
        };
        if cursor {
            put(buffer, area, area.x, symbols.cursor, style(Slot::Accent));
        }
        if marked {
            put(buffer, area, area.x + 1, symbols.mark, style(Slot::Mark));
        }
        for (at, (column, _, placed)) in placed.iter().enumerate() {
            let width = usize::from(placed.width);
            let cell = (column.cell)(row, &self.look).fit(width, column.cut, symbols.ellipsis);
            let used = cell.width() as u16;
            let free = match column.align {
                Align::Left => 0,
                Align::Right => placed.width.saturating_sub(used),
            };
            let name_of_marked = (marked && at == 0).then_some(Slot::Mark);
            let x = area.x + GUTTER + placed.x + free;
            draw_cell(buffer, area, x, &cell, |slot| style(name_of_marked.unwrap_or(slot)));
            // The selection keeps its colours: what was found is only underlined and bold there.
            let found = self.theme.style(Slot::Match);
            let found = if over.is_some() { Style::new().add_modifier(found.add_modifier) } else { found };
            for (column, width) in self.columns_found(row, &cell) {
                let area = Rect { x: x.saturating_add(column), width, ..area }.intersection(area);
                buffer.set_style(area, found);
            }
        }
    }

    /// Where in a cell something was found: columns from its left edge, and how many. Only texts that fit as a whole
    /// are looked at.
    fn columns_found(&self, row: &R, cell: &Cell<'_>) -> Vec<(u16, u16)> {
        let [part] = cell.parts.as_slice() else { return Vec::new() };
        let columns = |range: Range<usize>| {
            let before = text::width(part.text.get(..range.start)?);
            Some((before as u16, text::width(part.text.get(range)?) as u16))
        };
        (self.found)(row, &part.text).into_iter().filter_map(columns).collect()
    }

    fn draw_scroll_bar(&self, body: Rect, buffer: &mut Buffer, offset: usize) {
        let height = usize::from(body.height);
        if self.len <= height || height < 2 || body.width <= GUTTER {
            return;
        }
        let thumb = (height * height / self.len).max(1);
        let start = offset * (height - thumb) / (self.len - height);
        for line in 0..height {
            let on = (start..start + thumb).contains(&line);
            let (sign, slot) = match on {
                true => (self.look.symbols.scroll_thumb, Slot::BorderFocus),
                false => (self.look.symbols.scroll_track, Slot::Border),
            };
            let area = Rect { y: body.y + line as u16, height: 1, ..body };
            put(buffer, area, area.right() - 1, sign, self.theme.style(slot));
        }
    }
}

/// What a column asks for when nothing is known of its contents.
impl<R: ?Sized> From<&Column<R>> for Claim {
    fn from(column: &Column<R>) -> Claim {
        Claim {
            min: column.min,
            preferred: column.preferred,
            grow: column.grow,
            drop: column.drop,
            words: column.grow > 0,
        }
    }
}

/// What a column asks for. One of words asks for no more than its longest word, so that others get the space; one
/// of which nothing is known in any row leaves before all others.
fn claim<R: ?Sized>(column: &Column<R>, words: Option<u16>, telling: bool) -> Claim {
    let claim = Claim::from(column);
    let title = text::width(column.title) as u16;
    let most = words.map_or(u16::MAX, |words| words.max(title));
    let preferred = claim.preferred.min(most);
    let leaves_first = !telling && claim.drop > 0;
    Claim {
        min: claim.min.min(most),
        preferred,
        grow: claim.preferred.saturating_add(claim.grow).min(most) - preferred,
        drop: if leaves_first { claim.drop.saturating_add(SILENT) } else { claim.drop },
        words: claim.words,
    }
}

fn draw_cell(buffer: &mut Buffer, area: Rect, x: u16, cell: &Cell<'_>, style: impl Fn(Slot) -> Style) {
    let mut x = x;
    for part in &cell.parts {
        put(buffer, area, x, &part.text, style(part.slot));
        x = x.saturating_add(text::width(&part.text) as u16);
    }
}

/// Writes on the first line of an area, and nowhere outside it.
fn put(buffer: &mut Buffer, area: Rect, x: u16, text: &str, style: Style) {
    if x >= area.left() && x < area.right() && area.height > 0 {
        buffer.set_stringn(x, area.y, text, usize::from(area.right() - x), style);
    }
}

#[cfg(test)]
mod tests;
