//! The columns of events.

use super::{Event, Kind};
use crate::columns::{Cell, Column, Cut, Direction, Look, Value};
use crate::format;
use crate::text::Align;
use crate::theme::Slot;

/// All columns, in the order they stand in.
pub static COLUMNS: &[Column<Event>] = &[
    Column {
        cell: |event, look| match event.last {
            Some(last) => Cell::new(format::age(last, look.now), Slot::Muted),
            None => Cell::unknown(look),
        },
        value: |event| Value::age(event.last),
        align: Align::Right,
        ..column("last", "LAST", 5, 0)
    },
    Column {
        cell: kind,
        value: |event| Value::Number(if event.kind == Kind::Warning { 0.0 } else { 1.0 }),
        ..column("type", "TYPE", 9, 0)
    },
    Column {
        cell: |event, _| {
            let slot = if event.kind == Kind::Warning { Slot::Warn } else { Slot::Text };
            Cell::foreign(&event.reason, slot)
        },
        value: |event| Value::Text(&event.reason),
        preferred: 18,
        grow: 10,
        cut: Cut::End,
        ..column("reason", "REASON", 14, 1)
    },
    Column {
        cell: |event, _| Cell::foreign(&event.object, Slot::Text),
        value: |event| Value::Text(&event.object),
        preferred: 34,
        grow: 30,
        ..column("object", "OBJECT", 14, 2)
    },
    Column {
        cell: |event, _| {
            let slot = if event.count > 1 { Slot::Text } else { Slot::Muted };
            Cell::new(format::count(u64::from(event.count)), slot)
        },
        value: |event| Value::Number(f64::from(event.count)),
        align: Align::Right,
        first: Direction::Down,
        ..column("count", "COUNT", 6, 3)
    },
    Column {
        cell: |event, _| Cell::foreign(&event.message, Slot::Text),
        value: |event| Value::Text(&event.message),
        preferred: 60,
        grow: 400,
        cut: Cut::End,
        ..column("message", "MESSAGE", 27, 1)
    },
    Column {
        cell: |event, _| Cell::foreign(&event.source, Slot::Muted),
        value: |event| Value::Text(&event.source),
        preferred: 20,
        wide: true,
        ..column("source", "FROM", 10, 5)
    },
    Column {
        cell: |event, look| match event.first {
            Some(first) => Cell::new(format::age(first, look.now), Slot::Muted),
            None => Cell::unknown(look),
        },
        value: |event| Value::age(event.first),
        align: Align::Right,
        wide: true,
        ..column("first", "FIRST", 5, 4)
    },
];

fn kind<'a>(event: &'a Event, look: &Look) -> Cell<'a> {
    match event.kind {
        Kind::Warning => Cell::status("Warning", Slot::Warn, look),
        Kind::Normal => Cell::new(if look.plain { "Normal" } else { "  Normal" }, Slot::Muted),
    }
}

const fn column(id: &'static str, title: &'static str, width: u16, drop: u8) -> Column<Event> {
    Column::words(id, title, width, drop, Cut::Middle)
}
