//! How old the last good backup is, and whether it may be.

use v9s::fleet::model::Vcluster;
use v9s::known::Known;

use super::{number, text};
use crate::columns::{Cell, Column, Cut, Direction, Look, Value};
use crate::format;
use crate::theme::Slot;

/// The age of the last good backup.
pub(super) const AGE: Column<Vcluster> = Column {
    cell: age,
    value: by_age,
    min: 6,
    preferred: 11,
    first: Direction::Down,
    ..number("backup", "BACKUP", 9)
};

/// How it stands against what it may be.
pub(super) const RPO: Column<Vcluster> = Column {
    cell: rpo,
    value: until,
    min: 6,
    preferred: 11,
    wide: true,
    first: Direction::Up,
    cut: Cut::End,
    ..text("rpo", "RPO", 15)
};

/// `3h`, `none`, and with its sign and word when it is too old: `! 3d late`.
fn age<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    let late = v.backups.standing.get().is_some_and(|standing| standing.late);
    Cell::known(&v.backups.good, look, |good| {
        let age = match good {
            Some(good) => format::age(good.at, look.now),
            None => "none".to_owned(),
        };
        if late {
            return Cell::status(age, Slot::Warn, look).with_optional(" late", Slot::Warn);
        }
        Cell::new(age, if good.is_some() { Slot::Text } else { Slot::Muted })
    })
}

/// By age; without one, as old as anything.
fn by_age(v: &Vcluster) -> Value<'_> {
    Value::known(&v.backups.good, |good| match good {
        Some(good) => Value::age(Some(good.at)),
        None => Value::Number(f64::MAX),
    })
}

/// How much time is left until the last good backup is too old, or since when it is: `✓ 5h left`, `! late 2d`.
fn rpo<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    Cell::known(&v.backups.standing, look, |standing| {
        if standing.late {
            let since = format::short(format::elapsed(standing.until, look.now));
            return Cell::status(format!("late {since}"), Slot::Warn, look);
        }
        let left = format::short(format::elapsed(look.now, standing.until));
        Cell::status(format!("{left} left"), Slot::Ok, look)
    })
}

/// The latest first, then those that will be.
fn until(v: &Vcluster) -> Value<'_> {
    match &v.backups.standing {
        Known::Yes(standing) => Value::Number(standing.until.timestamp() as f64),
        Known::No(_) => Value::Unknown,
        Known::NotApplicable => Value::NotApplicable,
    }
}
