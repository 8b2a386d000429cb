//! The quotas of a virtual cluster: every key, the fullest first; which limit is hit first; who takes what, and who waits for room.

mod blocks;
mod keys;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::model::Vcluster;
use v9s::fleet::quota::{Quota, QuotaEntry};
use v9s::health::quota::Watch;
use v9s::known::Known;
use v9s::lifecycle::quota::Found;

use super::Move;
use super::lines::Line;
use super::page::{Page, Row, single};
use super::paint::notice;
use crate::columns::fleet::{QUOTA_CRITICAL, QUOTA_WARN};
use crate::format::{age, bar, percent};
use crate::text::clean;
use crate::theme::{Slot, Symbols, Theme};

/// What is shown of quotas.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Whose they are.
    pub vcluster: &'a Vcluster,
    /// What was seen of them over time.
    pub watch: Option<&'a Watch>,
    /// What takes them; none as long as it was not read.
    pub found: Option<&'a Found>,
    /// Why that cannot be read.
    pub failed: Option<&'a str>,
    /// The key that changes them, where that may be done.
    pub press: Option<&'a str>,
}

impl<'a> View<'a> {
    /// What the fleet alone knows.
    pub fn of(vcluster: &'a Vcluster) -> View<'a> {
        View { vcluster, watch: None, found: None, failed: None, press: None }
    }
}

/// Which part of the quotas is seen.
#[derive(Debug, Clone, Default)]
pub struct QuotaPane {
    page: Page,
}

impl QuotaPane {
    /// Moves through the page.
    pub fn go(&mut self, step: Move) {
        self.page.go(step);
    }

    /// Paints the quotas of a virtual cluster's namespace, or why there are none.
    pub fn render(
        &mut self,
        view: View<'_>,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        now: DateTime<Utc>,
    ) {
        let v = view.vcluster;
        let namespace = clean(&v.key.namespace);
        match &v.quota {
            Known::Yes(quota) if !quota.entries.is_empty() => {
                let mut rows = page(view, quota, usize::from(area.width), theme.symbols(), now);
                if let Some(since) = v.stale_since {
                    let words =
                        format!(" {} as they last were, {} ago", theme.symbols().stale, age(since, now));
                    rows.insert(0, (Line::new(words, Slot::Stale), None));
                }
                self.page.render(&rows, area, buf, theme);
            }
            Known::Yes(_) => {
                let words = format!("the ResourceQuotas of namespace {namespace} limit nothing yet");
                notice(area, Slot::Info, &words, buf, theme);
            }
            Known::NotApplicable => {
                let words = format!(
                    "no ResourceQuota in namespace {namespace}: nothing limits what this tenant takes"
                );
                notice(area, Slot::Info, &words, buf, theme);
            }
            Known::No(why) => notice(area, Slot::Unknown, &format!("not known: {}", clean(why)), buf, theme),
        }
    }

    /// The quotas as plain text: quota, key, used, hard and share, apart by tabs.
    pub fn text(quota: &Quota) -> String {
        let line = |entry: &QuotaEntry| {
            let share = entry.ratio.map_or_else(|| "?".to_owned(), percent);
            let fields = [&entry.quota, &entry.resource, &entry.used, &entry.hard]
                .map(|field| clean(field).into_owned());
            format!("{}\t{share}\n", fields.join("\t"))
        };
        quota.entries.iter().map(line).collect()
    }
}

/// What a share of a quota means.
pub(super) fn fullness(ratio: Option<f64>) -> Slot {
    match ratio {
        None => Slot::Unknown,
        Some(ratio) if ratio > QUOTA_CRITICAL => Slot::Err,
        Some(ratio) if ratio > QUOTA_WARN => Slot::Warn,
        Some(_) => Slot::Text,
    }
}

/// A bar; blank for a share that is not known, which is not nothing.
pub(super) fn share_bar(ratio: Option<f64>, columns: usize, symbols: &Symbols) -> (String, String) {
    ratio.map_or_else(|| (String::new(), " ".repeat(columns)), |ratio| bar(ratio, columns, symbols))
}

fn page(
    view: View<'_>,
    quota: &Quota,
    columns: usize,
    symbols: &'static Symbols,
    now: DateTime<Utc>,
) -> Vec<Row> {
    let mut lines = vec![keys::summary(quota, symbols)];
    lines.extend(blocks::outlook(view, quota, symbols, now));
    lines.extend(view.press.map(blocks::press));
    lines.extend(keys::tables(view, quota, columns, symbols, now));
    lines.extend(blocks::taken(view, columns, symbols, now));
    single(lines)
}
