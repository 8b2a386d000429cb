//! One virtual cluster on one page: what is wrong first, and what to press.

mod blocks;
mod wrong;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::model::Vcluster;

use self::blocks::{Block, Context};
use super::Move;
use super::lines::Line;
use super::paint::Pen;
use crate::theme::{ASCII, Slot, Symbols, Theme};

/// Where to look, or what to do, about something that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The control plane's log.
    Logs,
    /// The control plane's log before its last restart.
    PreviousLogs,
    /// The quota tab.
    Quota,
    /// The events tab.
    Events,
    /// The pods tab.
    Pods,
    /// The object as YAML.
    Yaml,
}

impl Remedy {
    fn words(self) -> &'static str {
        match self {
            Remedy::Logs => "logs",
            Remedy::PreviousLogs => "log before the restart",
            Remedy::Quota => "quota",
            Remedy::Events => "events",
            Remedy::Pods => "pods",
            Remedy::Yaml => "yaml",
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
    top: usize,
    height: usize,
    rows: usize,
}

impl Overview {
    /// Moves through the page.
    pub fn go(&mut self, step: Move) {
        let page = self.height.saturating_sub(1).max(1);
        self.top = match step {
            Move::Up => self.top.saturating_sub(1),
            Move::Down => self.top + 1,
            Move::PageUp => self.top.saturating_sub(page),
            Move::PageDown => self.top + page,
            Move::Top => 0,
            Move::Bottom => self.rows,
            Move::Left | Move::Right => self.top,
        };
        self.settle();
    }

    fn settle(&mut self) {
        self.top = self.top.min(self.rows.saturating_sub(self.height));
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
        let area = area.intersection(buf.area);
        let context = Context { vcluster, keys, symbols: theme.symbols(), now };
        let page = page(&context, area.width);
        (self.height, self.rows) = (usize::from(area.height), page.len());
        self.settle();
        for (row, (left, right)) in page.iter().skip(self.top).take(self.height).enumerate() {
            let mut pen = Pen::at(area, row, buf, theme);
            left.draw(&mut pen);
            if let Some((at, right)) = right {
                let mut pen = Pen::at(area, row, buf, theme);
                pen.blank(*at);
                right.draw(&mut pen);
            }
        }
        self.render_more(area, buf, theme);
    }

    /// A sign at the edge where the page goes on.
    fn render_more(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let mut sign = |row: usize, sign: &str| {
            let mut pen = Pen::at(area, row, buf, theme);
            pen.blank(pen.room().saturating_sub(1));
            pen.slot(sign, Slot::Accent);
        };
        if self.top > 0 {
            sign(0, theme.symbols().sort_up);
        }
        if self.top + self.height < self.rows && self.height > 0 {
            sign(self.height - 1, theme.symbols().sort_down);
        }
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

/// The rows of the page: a line, and beside it another one and where that begins.
type Row = (Line, Option<(usize, Line)>);

fn page(context: &Context<'_>, columns: u16) -> Vec<Row> {
    let width = usize::from(columns);
    let mut rows: Vec<Row> = single(context.head(width));
    rows.extend(single(stacked(&[context.findings(width)], width, context.symbols)));
    if columns < WIDE {
        let blocks = [
            context.control_plane(width),
            context.synced(width),
            context.quota(width),
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
    let right_lines = stacked(&[context.quota(right), context.identity(right)], right, context.symbols);
    let mut right_lines = right_lines.into_iter();
    rows.extend(left_lines.into_iter().map(|line| (line, right_lines.next().map(|line| (left + GAP, line)))));
    rows.extend(right_lines.map(|line| (Line::default(), Some((left + GAP, line)))));
    rows
}

fn single(lines: Vec<Line>) -> Vec<Row> {
    lines.into_iter().map(|line| (line, None)).collect()
}

/// Blocks below each other, each under a rule with its title.
fn stacked(blocks: &[Block], width: usize, symbols: &Symbols) -> Vec<Line> {
    let mut lines = Vec::new();
    for block in blocks {
        let title = format!(" {} ", block.title);
        let rule = symbols.rule.repeat(width.saturating_sub(crate::text::width(&title) + 1));
        lines.push(Line::new(symbols.rule, Slot::Border).with(title, Slot::Title).with(rule, Slot::Border));
        lines.extend(block.lines.iter().cloned());
    }
    lines
}

#[cfg(test)]
mod tests;
