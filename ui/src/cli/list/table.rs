//! Plain tables, as wide as their contents.

use chrono::{DateTime, Utc};
use v9s::fleet::model::Vcluster;

use crate::columns::{Column, Look, find, fleet::COLUMNS};
use crate::text;
use crate::theme::ASCII;

/// Space between columns.
const GAP: &str = "   ";

/// Columns of `-o table`; the host only where there are several. The reason comes last: it is long.
const SHORT: [&str; 12] = [
    "name",
    "namespace",
    "host",
    "state",
    "ready",
    "pods",
    "lag",
    "quota",
    "orphans",
    "version",
    "age",
    "why",
];

/// The most telling columns.
pub(super) fn short(many_hosts: bool) -> Vec<&'static Column<Vcluster>> {
    let wanted = SHORT.iter().filter(|id| many_hosts || **id != "host");
    wanted.filter_map(|id| find(COLUMNS, id)).collect()
}

/// Every column that is not a picture.
pub(super) fn wide() -> Vec<&'static Column<Vcluster>> {
    COLUMNS.iter().filter(|column| column.id != "trend").collect()
}

/// A table in plain ASCII words and numbers, apart from what clusters call themselves.
pub(super) fn render(
    rows: &[&Vcluster],
    columns: &[&Column<Vcluster>],
    headings: bool,
    now: DateTime<Utc>,
) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let look = Look { now, symbols: &ASCII, plain: true };
    let mut lines: Vec<Vec<String>> = Vec::with_capacity(rows.len() + 1);
    if headings {
        lines.push(columns.iter().map(|column| column.title.to_uppercase()).collect());
    }
    lines.extend(rows.iter().map(|v| columns.iter().map(|column| (column.cell)(v, &look).text()).collect()));
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            lines.iter().filter_map(|line| line.get(at)).map(|cell| text::width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for line in &lines {
        let cells = line.iter().zip(columns).zip(&widths).map(|((cell, column), width)| {
            // Empty cells would shift the fields that scripts count.
            let cell = if cell.is_empty() { look.symbols.not_applicable } else { cell };
            text::pad(cell, *width, column.align).into_owned()
        });
        out.push_str(cells.collect::<Vec<_>>().join(GAP).trim_end());
        out.push('\n');
    }
    out
}
