//! How a virtual cluster is kept in step with its host: where the lag is, lag by kind and direction, what has drifted.

mod blocks;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::model::{Phase, Vcluster};
use v9s::health::{Evidence, Thresholds, Verdict, lag, where_is_the_lag};

use self::blocks::Context;
use super::Move;
use super::page::{PLAIN, Page, Row, plain, sections};
use crate::format;
use crate::theme::{ASCII, Symbols, Theme};

/// Which part of the page is seen.
#[derive(Debug, Clone, Default)]
pub struct SyncPane {
    page: Page,
}

impl SyncPane {
    /// Moves through the page.
    pub fn go(&mut self, step: Move) {
        self.page.go(step);
    }

    /// Paints the page.
    pub fn render(
        &mut self,
        vcluster: &Vcluster,
        thresholds: &Thresholds,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        now: DateTime<Utc>,
    ) {
        let rows = page(vcluster, thresholds, usize::from(area.width), theme.symbols(), now);
        self.page.render(&rows, area, buf, theme);
    }

    /// The page as plain text for the clipboard.
    pub fn text(vcluster: &Vcluster, thresholds: &Thresholds, now: DateTime<Utc>) -> String {
        plain(&page(vcluster, thresholds, PLAIN, &ASCII, now))
    }
}

/// Where the lag of a virtual cluster is.
pub fn verdict(vcluster: &Vcluster, thresholds: &Thresholds, now: DateTime<Utc>) -> Verdict {
    let waits = |placed: bool| {
        let long = vcluster.pods.iter().filter(|pod| {
            pod.phase == Phase::Pending
                && pod.node.is_some() == placed
                && pod.created.is_some_and(|created| format::elapsed(created, now) > lag::WAITING)
        });
        u32::try_from(long.count()).unwrap_or(u32::MAX)
    };
    where_is_the_lag(&Evidence {
        companion: &vcluster.companion,
        store: &vcluster.store_health,
        waiting: [waits(false), waits(true)],
        thresholds,
    })
}

fn page(
    vcluster: &Vcluster,
    thresholds: &Thresholds,
    columns: usize,
    symbols: &'static Symbols,
    now: DateTime<Utc>,
) -> Vec<Row> {
    let context = Context { vcluster, symbols, now, columns };
    let blocks = [
        ("Where is the lag?", context.verdict(&verdict(vcluster, thresholds, now))),
        ("Lag by kind", context.kinds()),
        ("Apart on the two sides", context.drift()),
        ("On the host alone", context.orphans()),
        ("Writes", context.writes()),
        ("Companion", context.companion()),
    ];
    sections(Vec::new(), blocks, columns, symbols)
}

#[cfg(test)]
mod tests;
