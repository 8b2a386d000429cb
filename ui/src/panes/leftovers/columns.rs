//! The columns of leftovers.

use v9s::gc::Reclaims;

use super::held;
use super::rows::{Is, Row};
use crate::columns::{Cell, Column, Cut, Direction, Look, Value};
use crate::format;
use crate::text::Align;
use crate::theme::Slot;

/// All columns, in the order they stand in.
pub static COLUMNS: &[Column<Row>] = &[
    Column {
        cell: |row, look| Cell::status(word(row.is), slot(row.is), look),
        value: |row| Value::Number(f64::from(row.is as u8)),
        ..column("is", "IS", 9, 0)
    },
    Column {
        cell: |row, look| some(&row.name, Slot::Text, look),
        value: |row| text(&row.name),
        preferred: 32,
        grow: 40,
        ..column("name", "NAME ON HOST", 16, 0)
    },
    Column {
        cell: |row, look| some(&row.kind, Slot::Muted, look),
        value: |row| text(&row.kind),
        preferred: 12,
        grow: 10,
        ..column("kind", "KIND", 9, 5)
    },
    Column {
        cell: |row, look| some(&row.vcluster, Slot::Text, look),
        value: |row| text(&row.vcluster),
        preferred: 14,
        grow: 24,
        ..column("vcluster", "VCLUSTER", 10, 2)
    },
    Column {
        cell: |row, look| some(&row.was, Slot::Text, look),
        value: |row| text(&row.was),
        preferred: 20,
        grow: 24,
        ..column("was", "WAS", 10, 4)
    },
    Column {
        cell: |row, look| {
            some(&row.proof, if row.is == Is::Proven { Slot::Text } else { slot(row.is) }, look)
        },
        value: |row| text(&row.proof),
        preferred: 32,
        grow: 90,
        cut: Cut::End,
        ..column("proof", "PROOF", 22, 0)
    },
    Column {
        cell: |row, look| match row.created {
            Some(created) => Cell::new(format::age(created, look.now), Slot::Muted),
            None => Cell::not_applicable(look),
        },
        value: |row| Value::age(row.created),
        align: Align::Right,
        ..column("age", "AGE", 5, 1)
    },
    Column {
        cell: |row, look| match held(Reclaims::default().and(&row.holds)) {
            held if held.is_empty() => Cell::not_applicable(look),
            held => Cell::new(held, Slot::Text),
        },
        value: |row| match row.holds.cpu_millis + row.holds.memory + row.holds.storage {
            0 => Value::NotApplicable,
            // A core weighs as much as four gibibytes: what nodes have of both.
            _ => Value::Number(
                row.holds.cpu_millis as f64 * 4.3e6 + row.holds.memory as f64 + row.holds.storage as f64,
            ),
        },
        align: Align::Right,
        first: Direction::Down,
        ..column("holds", "HOLDS", 16, 3)
    },
    Column {
        cell: |row, look| some(row.node(), Slot::Muted, look),
        value: |row| text(row.node()),
        preferred: 14,
        grow: 10,
        ..column("node", "NODE", 10, 6)
    },
    Column {
        cell: |row, look| some(&row.label, Slot::Muted, look),
        value: |row| text(&row.label),
        preferred: 14,
        wide: true,
        ..column("label", "LABEL", 10, 7)
    },
    Column {
        cell: |row, look| match row.answered {
            Some(at) => Cell::new(at.format("%H:%M:%S").to_string(), Slot::Muted),
            None => Cell::not_applicable(look),
        },
        value: |row| Value::age(row.answered),
        wide: true,
        ..column("answered", "ANSWERED", 8, 8)
    },
    Column {
        cell: |row, look| some(&row.origin_uid, Slot::Muted, look),
        value: |row| text(&row.origin_uid),
        preferred: 12,
        grow: 24,
        wide: true,
        ..column("uid", "UID INSIDE", 10, 10)
    },
    Column {
        cell: |row, look| some(&row.owners, Slot::Muted, look),
        value: |row| text(&row.owners),
        preferred: 12,
        grow: 24,
        wide: true,
        ..column("owner", "OWNER UID", 10, 11)
    },
    Column {
        cell: |row, look| some(&row.host, Slot::Muted, look),
        value: |row| text(&row.host),
        preferred: 12,
        wide: true,
        ..column("host", "HOST", 10, 9)
    },
];

/// What a row is, in a word.
pub(super) fn word(is: Is) -> &'static str {
    match is {
        Is::Proven => "proven",
        Is::Stuck => "stuck",
        Is::Suspect => "suspect",
        Is::Unknown => "unknown",
        Is::Unseen => "unseen",
        Is::Inside => "inside",
    }
}

fn slot(is: Is) -> Slot {
    match is {
        Is::Proven | Is::Stuck => Slot::Warn,
        Is::Suspect => Slot::Pending,
        Is::Unknown | Is::Unseen => Slot::Unknown,
        Is::Inside => Slot::Info,
    }
}

fn some<'a>(words: &'a str, slot: Slot, look: &Look) -> Cell<'a> {
    if words.is_empty() { Cell::not_applicable(look) } else { Cell::foreign(words, slot) }
}

fn text(words: &str) -> Value<'_> {
    if words.is_empty() { Value::NotApplicable } else { Value::Text(words) }
}

const fn column(id: &'static str, title: &'static str, width: u16, drop: u8) -> Column<Row> {
    Column::words(id, title, width, drop, Cut::Middle)
}
