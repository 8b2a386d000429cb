//! A list of objects: sorted, filtered, marked; the cursor follows the object and not the place.

mod keys;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;

use super::popup;
use crate::app::World;
use crate::app::line::Line;
use crate::columns::{Column, Direction, Look, Value};
use crate::filter::{Filter, Language};
use crate::text;
use crate::theme::Slot;
use crate::widgets::table::{Table, TableState};

/// A row that a list can hold.
pub trait Item: 'static {
    /// What tells one object from all others, for as long as it lives.
    type Key: Clone + Eq + Hash + Send + 'static;

    /// Which object.
    fn key(&self) -> Self::Key;

    /// What `copy-name` copies.
    fn name(&self) -> &str;

    /// Whether it is shown when only faults are.
    fn is_fault(&self) -> bool {
        true
    }

    /// Whether it is only what it last was.
    fn is_stale(&self) -> bool {
        false
    }

    /// What can be typed into the filter.
    fn language() -> &'static Language<Self>
    where
        Self: Sized;
}

/// The rows of the moment, and a number that changes with them.
#[derive(Debug)]
pub struct Rows<'a, B> {
    /// The rows in the order of their owner.
    pub all: &'a [B],
    /// Equal numbers mean equal rows.
    pub revision: u64,
}

impl<B> Clone for Rows<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Rows<'_, B> {}

/// What the order of a list was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    revision: u64,
    len: usize,
    filter: String,
    /// Filters may ask for ages: those are looked at again every minute.
    minute: i64,
    sort: (&'static str, Direction),
    faults: bool,
}

/// The view state of one list.
pub struct List<R: Item> {
    title: &'static str,
    columns: &'static [Column<R>],
    table: TableState,
    /// Indices of the rows that show, in their order.
    order: Vec<u32>,
    made: Option<Made>,
    /// None until the person moves: the cursor then stays on the first row.
    selected: Option<R::Key>,
    marks: HashSet<R::Key>,
    /// Where a range of marks begins.
    anchor: Option<R::Key>,
    filter: Line,
    /// What was typed last that could be read, and what is wrong with what is typed now.
    wanted: Option<Filter<R>>,
    mistake: Option<String>,
    typing: bool,
    sort: (&'static str, Direction),
    faults: bool,
    /// How often the list was drawn differently: with the revision, a key for widths.
    changes: u64,
}

impl<R: Item> List<R> {
    /// A list sorted by a column.
    pub fn new(title: &'static str, columns: &'static [Column<R>], sort: &'static str) -> Self {
        let direction =
            columns.iter().find(|column| column.id == sort).map_or(Direction::Up, |column| column.first);
        Self {
            title,
            columns,
            table: TableState::default(),
            order: Vec::new(),
            made: None,
            selected: None,
            marks: HashSet::new(),
            anchor: None,
            filter: Line::default(),
            wanted: None,
            mistake: None,
            typing: false,
            sort: (sort, direction),
            faults: false,
            changes: 0,
        }
    }

    /// Whether keys go into the filter now.
    pub fn typing(&self) -> bool {
        self.typing
    }

    /// Narrows the list from outside, such as by `:fleet /team`.
    pub fn set_filter(&mut self, typed: &str) {
        self.filter.set(typed);
        self.read_filter();
    }

    /// Reads what is typed. While it cannot be read, the filter before it stays.
    fn read_filter(&mut self) {
        match Filter::parse(R::language(), self.filter.text()) {
            Ok(filter) => {
                self.wanted = (!filter.is_empty()).then_some(filter);
                self.mistake = None;
            }
            Err(error) => self.mistake = Some(error.to_string()),
        }
    }

    /// Whether not all rows show.
    fn narrowed(&self) -> bool {
        self.faults || self.wanted.is_some()
    }

    /// Brings order and cursor up to date. Costs nothing when nothing has changed.
    pub fn sync<B: Borrow<R>>(&mut self, rows: Rows<'_, B>, now: DateTime<Utc>) {
        let made = Made {
            revision: rows.revision,
            len: rows.all.len(),
            filter: self.wanted.as_ref().map(ToString::to_string).unwrap_or_default(),
            minute: if self.wanted.is_some() { now.timestamp() / 60 } else { 0 },
            sort: self.sort,
            faults: self.faults,
        };
        if self.made.as_ref() == Some(&made) {
            return;
        }
        let row = |at: u32| -> &R { rows.all[at as usize].borrow() };
        let all = 0..u32::try_from(rows.all.len()).unwrap_or(u32::MAX);
        self.order = match &self.wanted {
            None => all.collect(),
            Some(wanted) => {
                let found = wanted.select(rows.all.iter().map(Borrow::borrow), now);
                found.into_iter().filter_map(|found| u32::try_from(found.index).ok()).collect()
            }
        };
        if self.faults {
            self.order.retain(|at| row(*at).is_fault());
        }
        if let Some(column) = self.columns.iter().find(|column| column.id == self.sort.0) {
            // Looked up once for each row: it is compared with a dozen others.
            let values: Vec<Value<'_>> = rows.all.iter().map(|row| (column.value)(row.borrow())).collect();
            // Stable, and rows come sorted by key: equals keep that order in either direction.
            self.order.sort_by(|a, b| values[*a as usize].order(&values[*b as usize], self.sort.1));
        }
        let there: HashSet<R::Key> = if self.marks.is_empty() {
            HashSet::new()
        } else {
            rows.all.iter().map(|row| row.borrow().key()).collect()
        };
        self.marks.retain(|key| there.contains(key));
        self.changes += 1;
        self.made = Some(made);
        self.follow(rows);
    }

    /// Puts the cursor where the selected object is now; if it is gone, what came after it is selected.
    fn follow<B: Borrow<R>>(&mut self, rows: Rows<'_, B>) {
        let Some(selected) = &self.selected else { return };
        let place = self.order.iter().position(|at| rows.all[*at as usize].borrow().key() == *selected);
        match place {
            Some(place) => self.table.cursor = place,
            None => {
                self.table.step(0, self.order.len());
                // An object that a filter hides is not forgotten: it is selected again when it shows.
                let hidden = rows.all.iter().any(|row| row.borrow().key() == *selected);
                if !hidden {
                    self.remember(rows);
                }
            }
        }
    }

    /// The object under the cursor becomes the selected one.
    fn remember<B: Borrow<R>>(&mut self, rows: Rows<'_, B>) {
        self.selected = self.current(rows).map(Item::key);
    }

    /// The row under the cursor.
    pub fn current<'a, B: Borrow<R>>(&self, rows: Rows<'a, B>) -> Option<&'a R> {
        let at = *self.order.get(self.table.cursor)?;
        rows.all.get(at as usize).map(Borrow::borrow)
    }

    /// The marked rows, those that a filter hides too, else the one under the cursor.
    pub fn chosen<'a, B: Borrow<R>>(&self, rows: Rows<'a, B>) -> Vec<&'a R> {
        if self.marks.is_empty() {
            return self.current(rows).into_iter().collect();
        }
        rows.all.iter().map(Borrow::borrow).filter(|row| self.marks.contains(&row.key())).collect()
    }

    /// How many of the marked rows do not show.
    pub fn hidden_marks<B: Borrow<R>>(&self, rows: Rows<'_, B>) -> usize {
        let shown =
            self.order.iter().filter(|at| self.marks.contains(&rows.all[**at as usize].borrow().key()));
        self.marks.len() - shown.count()
    }

    /// Draws the title line and the table.
    pub fn draw<B: Borrow<R>>(
        &mut self,
        area: Rect,
        buf: &mut Buffer,
        world: &World,
        rows: Rows<'_, B>,
        empty: &str,
    ) {
        self.sync(rows, world.now);
        if area.height == 0 {
            return;
        }
        self.draw_title(Rect { height: 1, ..area }, buf, world, rows.all.len());
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let empty = if self.narrowed() { "nothing fits the filter; esc clears it" } else { empty };
        let Self { order, marks, table, columns, sort, changes, wanted, .. } = self;
        let look = Look { now: world.now, symbols: world.theme.symbols(), plain: false };
        let row = |at: usize| order.get(at).and_then(|at| rows.all.get(*at as usize)).map(Borrow::borrow);
        let marked = |row: &R| !marks.is_empty() && marks.contains(&row.key());
        let shown = |column: &Column<R>| world.wide || !column.wide || area.width >= 160;
        let found =
            |row: &R, text: &str| wanted.as_ref().map(|wanted| wanted.found(row, text)).unwrap_or_default();
        let drawn = Table {
            columns,
            len: order.len(),
            row: &row,
            marked: &marked,
            stale: &|row| row.is_stale(),
            shown: &shown,
            found: &found,
            sorted: Some(*sort),
            focused: true,
            revision: *changes,
            empty,
            look,
            theme: &world.theme,
        };
        drawn.draw(body, buf, table);
    }

    fn draw_title(&self, area: Rect, buf: &mut Buffer, world: &World, all: usize) {
        let theme = &world.theme;
        let symbols = theme.symbols();
        let rule = theme.style(Slot::Border);
        Text::styled(symbols.rule.repeat(usize::from(area.width)), rule).render(area, buf);
        let (column, direction) = self.sort;
        let title = self.columns.iter().find(|c| c.id == column).map_or(column, |c| c.title);
        let sign = if direction == Direction::Up { symbols.sort_up } else { symbols.sort_down };
        let mut right = Vec::new();
        if !self.marks.is_empty() {
            right.push(Span::styled(format!(" {} marked ", self.marks.len()), theme.style(Slot::Mark)));
        }
        if self.faults {
            right.push(Span::styled(" faults only ", theme.style(Slot::Warn)));
        }
        let count = if self.order.len() == all {
            format!(" {all} ")
        } else {
            format!(" {} of {all} ", self.order.len())
        };
        right.push(Span::styled(format!(" by {title} {sign} "), theme.style(Slot::Muted)));
        right.push(Span::styled(count, theme.style(Slot::Text)));
        let right = Text::from(right);
        let right_width = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
        right.render(Rect { x: area.right() - right_width, width: right_width, ..area }, buf);

        let left = Span::styled(format!(" {} ", self.title), theme.style(Slot::Title));
        let left_width = u16::try_from(text::width(self.title) + 2).unwrap_or(u16::MAX);
        let start = area.x.saturating_add(1).min(area.right());
        let under = Rect { x: start, width: left_width.min(area.right() - start), ..area };
        popup::blank(under, buf, world);
        buf.set_span(start, area.y, &left, area.width.saturating_sub(1));
        let x = start.saturating_add(left_width).saturating_add(1);
        let room = area.right().saturating_sub(right_width).saturating_sub(x);
        let filter = Rect { x: x.min(area.right()), width: room, ..area };
        if self.typing {
            ratatui::widgets::Clear.render(filter, buf);
            popup::input(filter, buf, world, "/", &self.filter);
            self.draw_mistake(filter, buf, world);
        } else if self.wanted.is_some() && room > 3 {
            let said = format!(" /{} ", self.filter.text().trim());
            let said = text::cut_end(&said, usize::from(room), symbols.ellipsis);
            buf.set_span(
                filter.x,
                filter.y,
                &Span::styled(said.into_owned(), theme.style(Slot::Input)),
                room,
            );
        }
    }

    /// What is wrong with what is typed, behind it.
    fn draw_mistake(&self, area: Rect, buf: &mut Buffer, world: &World) {
        let Some(mistake) = &self.mistake else { return };
        let skip = u16::try_from(text::width(self.filter.text()) + 4).unwrap_or(u16::MAX).min(area.width);
        let room = area.width - skip;
        let said = text::cut_end(mistake, usize::from(room), world.theme.symbols().ellipsis).into_owned();
        buf.set_span(area.x + skip, area.y, &Span::styled(said, world.theme.style(Slot::Warn)), room);
    }
}
