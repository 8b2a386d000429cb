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
use super::page::{PLAIN, Page, Row, plain, sections};
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
        plain(&page(view, PLAIN, &ASCII, now))
    }
}

fn page(view: View<'_>, columns: usize, symbols: &'static Symbols, now: DateTime<Utc>) -> Vec<Row> {
    let context = Context { view, symbols, now, columns };
    let blocks = [
        ("What is wrong", context.findings()),
        ("Members", context.members()),
        ("Volumes", context.volumes()),
        ("Not known", context.unknown()),
    ];
    sections(context.head(), blocks, columns, symbols)
}
