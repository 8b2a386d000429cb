//! One virtual cluster on one page: what is wrong first, and what to press.

mod blocks;
mod network;
mod wrong;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::model::Vcluster;

use self::blocks::{Block, Context};
use super::Move;
use super::lines::Line;
use super::page::{Page, Row, rule, single};
use crate::theme::{ASCII, Symbols, Theme};

/// Where to look, or what to do, about something that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The control plane's log.
    Logs,
    /// The control plane's log before its last restart.
    PreviousLogs,
    /// The tab of the sync.
    Sync,
    /// The tab of the store.
    Store,
    /// The tab of the control plane.
    Control,
    /// The quota tab.
    Quota,
    /// The events tab.
    Events,
    /// The pods tab.
    Pods,
    /// The object as YAML.
    Yaml,
    /// When each certificate ends; from the overview.
    Certificates,
}

impl Remedy {
    /// The tab of the virtual cluster that it is on.
    pub fn place(self) -> &'static str {
        match self {
            Remedy::Logs => "logs",
            Remedy::PreviousLogs => "previous",
            Remedy::Sync => "sync",
            Remedy::Store => "store",
            Remedy::Control => "control",
            Remedy::Quota => "quota",
            Remedy::Events => "events",
            Remedy::Pods => "pods",
            Remedy::Yaml => "yaml",
            Remedy::Certificates => "overview",
        }
    }

    /// What helps with a finding, by its code.
    pub fn of_finding(code: &str) -> Option<Remedy> {
        wrong::finding_remedy(code)
    }

    /// Its words.
    pub fn words(self) -> &'static str {
        match self {
            Remedy::Logs => "logs",
            Remedy::PreviousLogs => "log before the restart",
            Remedy::Sync => "sync",
            Remedy::Store => "store",
            Remedy::Control => "control plane",
            Remedy::Quota => "quota",
            Remedy::Events => "events",
            Remedy::Pods => "pods",
            Remedy::Yaml => "yaml",
            Remedy::Certificates => "certificates",
        }
    }
}

/// Which key leads to a remedy; none if there is no key for it now.
pub type Keys<'a> = &'a dyn Fn(Remedy) -> Option<String>;

/// From so many columns on, the page has two columns.
const WIDE: u16 = 120;
/// Space between them.
const GAP: usize = 3;

/// Which part of the page is seen.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    page: Page,
}

impl Overview {
    /// Moves through the page.
    pub fn go(&mut self, step: Move) {
        self.page.go(step);
    }

    /// Paints the page.
    pub fn render(
        &mut self,
        vcluster: &Vcluster,
        keys: Keys<'_>,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        now: DateTime<Utc>,
    ) {
        let context = Context { vcluster, keys, symbols: theme.symbols(), now };
        self.page.render(&page(&context, area.width), area, buf, theme);
    }

    /// The page as plain text for the clipboard.
    pub fn text(vcluster: &Vcluster, now: DateTime<Utc>) -> String {
        let context = Context { vcluster, keys: &|_| None, symbols: &ASCII, now };
        let mut out = String::new();
        for (line, _) in page(&context, WIDE - 1) {
            out.push_str(line.text().trim_end());
            out.push('\n');
        }
        out
    }
}

fn page(context: &Context<'_>, columns: u16) -> Vec<Row> {
    let width = usize::from(columns);
    let mut rows: Vec<Row> = single(context.head(width));
    rows.extend(single(stacked(&[context.findings(width)], width, context.symbols)));
    if columns < WIDE {
        let blocks = [
            context.control_plane(width),
            context.synced(width),
            context.quota(width),
            context.network(width),
            context.health(width),
            context.identity(width),
        ];
        rows.extend(single(stacked(&blocks, width, context.symbols)));
        return rows;
    }
    let left = (width - GAP) * 3 / 5;
    let right = width - GAP - left;
    let left_lines = stacked(
        &[context.control_plane(left), context.synced(left), context.health(left)],
        left,
        context.symbols,
    );
    let right_lines = stacked(
        &[context.quota(right), context.network(right), context.identity(right)],
        right,
        context.symbols,
    );
    let mut right_lines = right_lines.into_iter();
    rows.extend(left_lines.into_iter().map(|line| (line, right_lines.next().map(|line| (left + GAP, line)))));
    rows.extend(right_lines.map(|line| (Line::default(), Some((left + GAP, line)))));
    rows
}

/// Blocks below each other, each under a rule with its title.
fn stacked(blocks: &[Block], width: usize, symbols: &Symbols) -> Vec<Line> {
    let mut lines = Vec::new();
    for block in blocks {
        lines.push(rule(&block.title, width, symbols));
        lines.extend(block.lines.iter().cloned());
    }
    lines
}

#[cfg(test)]
mod tests;
