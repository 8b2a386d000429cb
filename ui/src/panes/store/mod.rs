//! How the store of a virtual cluster is: who keeps it, how full it is, what is wrong with it, and what is not known.

mod blocks;
#[cfg(test)]
pub(crate) mod tests;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::health::Thresholds;
use v9s::health::store::Reading;

use self::blocks::Context;
use super::Move;
use super::lines::Line;
use super::page::{Page, Row, rule, single};
use crate::theme::{ASCII, Symbols, Theme};

/// What is shown of a store: readings of it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The newest.
    pub reading: &'a Reading,
    /// The one before it.
    pub before: Option<&'a Reading>,
    /// The first that was kept, to see growth.
    pub first: Option<&'a Reading>,
    /// When something counts.
    pub thresholds: &'a Thresholds,
}

/// Which part of the page is seen.
#[derive(Debug, Clone, Default)]
pub struct StorePane {
    page: Page,
}

impl StorePane {
    /// Moves through the page.
    pub fn go(&mut self, step: Move) {
        self.page.go(step);
    }

    /// Paints the page.
    pub fn render(
        &mut self,
        view: View<'_>,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        now: DateTime<Utc>,
    ) {
        let rows = page(view, usize::from(area.width), theme.symbols(), now);
        self.page.render(&rows, area, buf, theme);
    }

    /// The page as plain text.
    pub fn text(view: View<'_>, now: DateTime<Utc>) -> String {
        let rows = page(view, 119, &ASCII, now);
        rows.iter().map(|(line, _)| format!("{}\n", line.text().trim_end())).collect()
    }
}

fn page(view: View<'_>, columns: usize, symbols: &'static Symbols, now: DateTime<Utc>) -> Vec<Row> {
    let context = Context { view, symbols, now, columns };
    let mut lines: Vec<Line> = context.head();
    for (title, block) in [
        ("What is wrong", context.findings()),
        ("Members", context.members()),
        ("Volumes", context.volumes()),
        ("Not known", context.unknown()),
    ] {
        if !block.is_empty() {
            lines.push(rule(title, columns, symbols));
            lines.extend(block);
        }
    }
    single(lines)
}
