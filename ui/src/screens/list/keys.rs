//! Keys and mouse of a list.

use std::borrow::Borrow;

use crossterm::event::{KeyCode, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{Item, List, Rows};
use crate::actions::ActionId;
use crate::app::messages::Level;
use crate::app::{Cmd, Effect, Effects, Input, World};
use crate::columns::{Column, Look};
use crate::keymap::Key;
use crate::widgets::table::Hit;

impl<R: Item> List<R> {
    /// Does an action that all lists know.
    pub fn act<B: Borrow<R>>(
        &mut self,
        action: ActionId,
        rows: Rows<'_, B>,
        world: &World,
        out: &mut Effects,
    ) -> bool {
        self.sync(rows, world.now);
        let count = self.order.len();
        match action {
            ActionId::Up => self.table.step(-1, count),
            ActionId::Down => self.table.step(1, count),
            ActionId::PageUp => self.table.step_pages(-1, count),
            ActionId::PageDown => self.table.step_pages(1, count),
            ActionId::Top => self.table.top(),
            ActionId::Bottom => self.table.bottom(count),
            ActionId::ColumnsLeft => self.table.scroll_columns(-1),
            ActionId::ColumnsRight => self.table.scroll_columns(1),
            ActionId::Filter => self.typing = true,
            ActionId::Faults => self.faults = !self.faults,
            ActionId::SortNext => self.sort_step(1, world),
            ActionId::SortPrevious => self.sort_step(-1, world),
            ActionId::SortReverse => self.sort.1 = self.sort.1.turned(),
            ActionId::Mark => self.mark(rows),
            ActionId::MarkRange => self.mark_range(rows),
            ActionId::MarkClear => {
                self.marks.clear();
                self.anchor = None;
            }
            ActionId::CopyName => self.copy_names(rows, out),
            ActionId::CopyRow => self.copy_rows(rows, world, out),
            ActionId::Back if !self.narrowed() => return false,
            ActionId::Back => {
                // Esc takes the narrowing away before it leaves the screen.
                self.set_filter("");
                self.faults = false;
            }
            _ => return false,
        }
        let moves = matches!(
            action,
            ActionId::Up
                | ActionId::Down
                | ActionId::PageUp
                | ActionId::PageDown
                | ActionId::Top
                | ActionId::Bottom
        );
        if moves {
            self.remember(rows);
        }
        self.sync(rows, world.now);
        true
    }

    /// Takes what is typed into the filter, and the mouse.
    pub fn input<B: Borrow<R>>(
        &mut self,
        input: &Input,
        rows: Rows<'_, B>,
        world: &World,
        out: &mut Effects,
    ) -> bool {
        self.sync(rows, world.now);
        let took = match input {
            Input::Key(key) if self.typing => self.filter_key(*key),
            Input::Paste(pasted) if self.typing => {
                self.filter.insert(pasted);
                self.read_filter();
                true
            }
            Input::Mouse(event) => self.mouse(*event, rows, out),
            Input::Key(_) | Input::Paste(_) => false,
        };
        self.sync(rows, world.now);
        took
    }

    fn filter_key(&mut self, key: Key) -> bool {
        match key.code() {
            // What cannot be read is mended or dropped first.
            KeyCode::Enter => self.typing = self.mistake.is_some(),
            KeyCode::Esc => {
                self.typing = false;
                self.set_filter("");
            }
            KeyCode::Backspace if self.filter.text().is_empty() => self.typing = false,
            _ => {
                let took = self.filter.key(key);
                self.read_filter();
                return took;
            }
        }
        true
    }

    fn shows(column: &Column<R>, world: &World) -> bool {
        world.wide || !column.wide
    }

    fn sort_step(&mut self, by: isize, world: &World) {
        let columns: Vec<&Column<R>> =
            self.columns.iter().filter(|column| Self::shows(column, world)).collect();
        let at = columns.iter().position(|column| column.id == self.sort.0).unwrap_or(0);
        let next = (at as isize + by).rem_euclid(columns.len().max(1) as isize) as usize;
        if let Some(column) = columns.get(next) {
            self.sort = (column.id, column.first);
        }
    }

    fn sort_by(&mut self, column: usize) {
        let Some(column) = self.columns.get(column) else { return };
        self.sort = if self.sort.0 == column.id {
            (column.id, self.sort.1.turned())
        } else {
            (column.id, column.first)
        };
    }

    fn mark<B: Borrow<R>>(&mut self, rows: Rows<'_, B>) {
        let Some(key) = self.current(rows).map(Item::key) else { return };
        if !self.marks.remove(&key) {
            self.marks.insert(key.clone());
        }
        self.anchor = Some(key);
        self.table.step(1, self.order.len());
        self.remember(rows);
    }

    /// Marks all rows of a kind, those that a filter hides left out.
    pub fn mark_all<B: Borrow<R>>(&mut self, rows: Rows<'_, B>, wanted: impl Fn(&R) -> bool) {
        let shown = self.order.iter().filter_map(|at| rows.all.get(*at as usize)).map(Borrow::borrow);
        self.marks.extend(shown.filter(|row| wanted(row)).map(Item::key));
    }

    fn mark_range<B: Borrow<R>>(&mut self, rows: Rows<'_, B>) {
        let key_at = |at: &u32| rows.all[*at as usize].borrow().key();
        let from =
            self.anchor.as_ref().and_then(|anchor| self.order.iter().position(|at| key_at(at) == *anchor));
        let here = self.table.cursor;
        let from = from.unwrap_or(here);
        let range = from.min(here)..=from.max(here);
        let keys: Vec<R::Key> = self.order.get(range).unwrap_or_default().iter().map(key_at).collect();
        self.marks.extend(keys);
        self.anchor = self.current(rows).map(Item::key);
    }

    fn copy_names<B: Borrow<R>>(&self, rows: Rows<'_, B>, out: &mut Effects) {
        let names: Vec<&str> = self.chosen(rows).into_iter().map(Item::name).collect();
        let what = match names.as_slice() {
            [] => return out.say(Level::Info, "nothing to copy"),
            [one] => (*one).to_owned(),
            many => format!("{} names", many.len()),
        };
        out.cmd(Cmd::Copy { text: names.join("\n"), what });
    }

    /// The row as a person would write it down: columns apart by tabs, ages as moments.
    fn copy_rows<B: Borrow<R>>(&self, rows: Rows<'_, B>, world: &World, out: &mut Effects) {
        let look = Look { now: world.now, symbols: world.theme.symbols(), plain: true };
        let line = |row: &R| {
            let cells: Vec<String> =
                self.columns.iter().map(|column| (column.cell)(row, &look).text()).collect();
            cells.join("\t")
        };
        let lines: Vec<String> = self.chosen(rows).into_iter().map(line).collect();
        let what = match lines.len() {
            0 => return out.say(Level::Info, "nothing to copy"),
            1 => "the row".to_owned(),
            many => format!("{many} rows"),
        };
        out.cmd(Cmd::Copy { text: lines.join("\n"), what });
    }

    fn mouse<B: Borrow<R>>(&mut self, event: MouseEvent, rows: Rows<'_, B>, out: &mut Effects) -> bool {
        let hit = self.table.hit(Position { x: event.column, y: event.row });
        match (event.kind, hit) {
            (MouseEventKind::ScrollUp, _) => self.table.step(-3, self.order.len()),
            (MouseEventKind::ScrollDown, _) => self.table.step(3, self.order.len()),
            (MouseEventKind::Down(MouseButton::Left), Some(Hit::Heading(column))) => {
                self.sort_by(column);
                return true;
            }
            (MouseEventKind::Down(MouseButton::Left), Some(Hit::Row(row))) => {
                // A second press on the same row opens it.
                if self.table.cursor == row && self.selected.is_some() {
                    out.push(Effect::Act(ActionId::Open));
                }
                self.table.cursor = row;
            }
            _ => return false,
        }
        self.remember(rows);
        true
    }
}
