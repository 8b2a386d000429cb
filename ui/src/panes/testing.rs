//! What the tests of the panes share.

use chrono::{DateTime, Utc};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use v9s::fleet::model::{Phase, PodRow};

use crate::columns::{Column, Look};
use crate::theme::{Appearance, Depth, Slot, Theme, parse};
use crate::widgets::table::{Table, TableState};

/// The present of every test: 2026-11-20 14:06:11 UTC.
pub const NOW: DateTime<Utc> = match DateTime::from_timestamp(1_795_183_571, 0) {
    Some(now) => now,
    None => DateTime::UNIX_EPOCH,
};

/// A pod of a tenant that runs.
pub fn pod(name: &str) -> PodRow {
    PodRow {
        name: format!("{name}-x-shop-x-team-alpha").into(),
        namespace: "team-alpha".into(),
        uid: format!("uid-{name}").into(),
        virtual_name: Some(name.into()),
        virtual_namespace: Some("shop".into()),
        status: "Running".into(),
        phase: Phase::Running,
        ready: 1,
        containers: 1,
        restarts: 0,
        node: Some("node-1".into()),
        created: Some(NOW - chrono::TimeDelta::hours(3)),
    }
}

/// A pod of a control plane that runs.
pub fn control_pod(name: &str) -> PodRow {
    PodRow { name: name.into(), virtual_name: None, virtual_namespace: None, ..pod(name) }
}

/// A table of rows sorted by a column as it likes to be sorted first.
pub fn table<R: 'static>(
    columns: &'static [Column<R>],
    rows: &[&R],
    sort: &str,
    empty: &str,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let column = columns.iter().find(|column| column.id == sort).unwrap();
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| column.order(a, b, column.first));
    let row = |at: usize| rows.get(at).copied();
    let shown = |column: &Column<R>| !column.wide || area.width >= 160;
    let look = Look { now: NOW, symbols: theme.symbols(), plain: false };
    let sorted = Some((sort, column.first));
    let table = Table { sorted, empty, shown: &shown, ..Table::new(columns, rows.len(), &row, look, theme) };
    table.draw(area, buf, &mut TableState::default());
}

/// Unicode, no colours.
pub fn plain() -> Theme {
    Theme::terminal(Appearance { depth: Depth::None, ascii: false })
}

/// ASCII, no colours.
pub fn ascii() -> Theme {
    Theme::terminal(Appearance { depth: Depth::None, ascii: true })
}

/// The characters on a screen.
pub fn shown(columns: u16, rows: u16, theme: &Theme, draw: impl FnOnce(Rect, &mut Buffer, &Theme)) -> String {
    let buf = painted(columns, rows, theme, draw);
    lines(&buf, |cell| cell.symbol().to_owned())
}

/// The characters on a screen, and below them what each of them means: one letter per slot, a blank for plain text;
/// what is reversed is a capital.
pub fn meanings(columns: u16, rows: u16, draw: impl FnOnce(Rect, &mut Buffer, &Theme)) -> String {
    let number = |slot: &Slot| *slot as u8 + 1;
    let file: String = Slot::ALL
        .iter()
        .map(|slot| format!("{} = {{ fg = \"#0000{:02x}\" }}\n", slot.name(), number(slot)))
        .collect();
    let (theme, problems) =
        parse("test", "test.toml", &format!("[theme]\n{file}"), Appearance::default(), |_| None);
    assert!(problems.is_empty(), "{problems:?}");
    let buf = painted(columns, rows, &theme, draw);
    let slot = |cell: &Cell| Slot::ALL.iter().find(|slot| cell.fg == Color::Rgb(0, 0, number(slot)));
    let letters = lines(&buf, |cell| {
        let letter = slot(cell).map_or(' ', |slot| letter(*slot));
        let reversed = cell.modifier.contains(Modifier::REVERSED);
        if reversed { letter.to_ascii_uppercase().to_string() } else { letter.to_string() }
    });
    format!("{}\n{letters}", lines(&buf, |cell| cell.symbol().to_owned()))
}

fn letter(slot: Slot) -> char {
    match slot {
        Slot::Text => ' ',
        Slot::Muted => '.',
        Slot::Match => 'f',
        Slot::Mark => '*',
        Slot::Bar => '#',
        Slot::BarRest => '-',
        Slot::Selection => 's',
        slot => slot.name().chars().next().unwrap_or('?'),
    }
}

fn lines(buf: &Buffer, show: impl Fn(&Cell) -> String) -> String {
    let mut out = String::new();
    for row in buf.area.rows() {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row.columns().filter_map(|at| buf.cell((at.x, at.y))) {
            if covered == 0 {
                line.push_str(&show(cell));
                covered = crate::text::width(cell.symbol()).saturating_sub(1);
            } else {
                covered -= 1;
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A screen with a margin on every side: what leaves its area shows.
pub fn painted(
    columns: u16,
    rows: u16,
    theme: &Theme,
    draw: impl FnOnce(Rect, &mut Buffer, &Theme),
) -> Buffer {
    let area = Rect::new(1, 1, columns, rows);
    let mut framed = Buffer::empty(Rect::new(0, 0, columns + 2, rows + 2));
    draw(area, &mut framed, theme);
    let mut inner = Buffer::empty(Rect::new(0, 0, columns, rows));
    for at in framed.area.positions() {
        let cell = &framed[at];
        if area.contains(at) {
            inner[(at.x - 1, at.y - 1)] = cell.clone();
        } else {
            assert_eq!(cell, &Cell::EMPTY, "something was painted at {at}, outside {area}");
        }
    }
    inner
}
