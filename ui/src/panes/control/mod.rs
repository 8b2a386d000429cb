//! How the control plane of a virtual cluster is: what its API server says, who acts on what is stored, who resolves names, how its
//! containers fare and what they use.

mod blocks;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::health::Thresholds;
use v9s::health::control::Reading;

use self::blocks::Context;
use super::Move;
use super::page::{PLAIN, Page, Row, plain, sections};
use crate::theme::{ASCII, Symbols, Theme};

/// What is shown of a control plane: readings of it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The newest.
    pub reading: &'a Reading,
    /// All that are kept, the oldest first.
    pub kept: &'a VecDeque<Arc<Reading>>,
    /// When something counts.
    pub thresholds: &'a Thresholds,
    /// What to press about a finding with this code: a key and words.
    pub press: &'a dyn Fn(&str) -> Option<(String, &'static str)>,
}

/// Which part of the page is seen.
#[derive(Debug, Clone, Default)]
pub struct ControlPane {
    page: Page,
}

impl ControlPane {
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
        ("API server", context.api()),
        ("Controllers", context.controllers()),
        ("Name server", context.dns()),
        ("Containers", context.containers()),
        ("Trend", context.trend()),
        ("Not known", context.unknown()),
    ];
    sections(context.head(), blocks, columns, symbols)
}
