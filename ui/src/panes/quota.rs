//! Every key of every ResourceQuota, the fullest first.

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::fleet::model::Vcluster;
use v9s::fleet::quantity::Quantity;
use v9s::fleet::quota::{Quota, QuotaEntry};
use v9s::known::Known;

use super::Move;
use super::lines::Line;
use super::page::{Page, Row, rule, single};
use super::paint::{counted, notice};
use crate::columns::fleet::{QUOTA_CRITICAL, QUOTA_WARN};
use crate::format::{age, bar, count, percent, quantity};
use crate::text::{Align, clean, cut_end, cut_middle, width};
use crate::theme::{Slot, Symbols, Theme};

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
    pub fn render(&mut self, v: &Vcluster, area: Rect, buf: &mut Buffer, theme: &Theme, now: DateTime<Utc>) {
        let namespace = clean(&v.key.namespace);
        match &v.quota {
            Known::Yes(quota) if !quota.entries.is_empty() => {
                let mut rows = page(quota, usize::from(area.width), theme.symbols());
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

fn page(quota: &Quota, columns: usize, symbols: &Symbols) -> Vec<Row> {
    let sections = sections(quota);
    let mut lines = vec![summary(quota, sections.len(), symbols)];
    let widths = Widths::of(quota, columns);
    for (name, entries) in sections {
        let title = format!("{} {}", clean(name), count(entries.len() as u64));
        lines.push(rule(&cut_end(&title, columns.saturating_sub(4), symbols.ellipsis), columns, symbols));
        lines.push(widths.headings());
        lines.extend(entries.into_iter().map(|entry| widths.line(entry, symbols)));
    }
    single(lines)
}

/// The entries by quota; the quota with the fullest key first, as its entries are.
fn sections(quota: &Quota) -> Vec<(&SmolStr, Vec<&QuotaEntry>)> {
    let mut sections: Vec<(&SmolStr, Vec<&QuotaEntry>)> = Vec::new();
    for entry in &quota.entries {
        match sections.iter_mut().find(|(name, _)| *name == &entry.quota) {
            Some((_, entries)) => entries.push(entry),
            None => sections.push((&entry.quota, vec![entry])),
        }
    }
    sections
}

fn summary(quota: &Quota, quotas: usize, symbols: &Symbols) -> Line {
    let over = |limit: f64| {
        quota.entries.iter().filter(|entry| entry.ratio.is_some_and(|ratio| ratio > limit)).count()
    };
    let keys = match quotas {
        1 => counted(quota.entries.len() as u64, "key"),
        quotas => {
            format!("{} in {} quotas", counted(quota.entries.len() as u64, "key"), count(quotas as u64))
        }
    };
    let Some(worst) = quota.worst() else {
        return Line::new(format!(" {} none of {keys} can be compared", symbols.unknown), Slot::Unknown);
    };
    let share = percent(worst.ratio.unwrap_or(0.0));
    let slot = match fullness(worst.ratio) {
        Slot::Text => Slot::Ok,
        slot => slot,
    };
    let head = Line::new(format!(" {} {} {share}", symbols.of(slot), clean(&worst.resource)), slot).with(
        if quota.entries.len() == 1 {
            ", the only key".to_owned()
        } else {
            format!(" is the fullest of {keys}")
        },
        Slot::Text,
    );
    match over(QUOTA_WARN) {
        _ if quota.entries.len() == 1 => head,
        0 => head,
        n => head.with(format!(" {} {} above {}", symbols.dot, count(n as u64), percent(QUOTA_WARN)), slot),
    }
}

fn used_of(entry: &QuotaEntry) -> String {
    quantity(&entry.resource, &entry.used)
}

fn hard_of(entry: &QuotaEntry) -> String {
    quantity(&entry.resource, &entry.hard)
}

/// How much more fits; `?` if that cannot be told.
fn free_of(entry: &QuotaEntry) -> String {
    let (Some(used), Some(hard)) = (Quantity::parse(&entry.used), Quantity::parse(&entry.hard)) else {
        return "?".to_owned();
    };
    match hard.to_f64() - used.to_f64() {
        free if free > 0.0 => quantity(&entry.resource, &format!("{free:.3}")),
        _ => "none".to_owned(),
    }
}

/// From so many columns on, there is room for what is free.
const ROOMY: usize = 70;

/// How wide the parts of a line are.
struct Widths {
    key: usize,
    bar: usize,
    number: usize,
    /// Zero where what is free is left out.
    free: usize,
}

impl Widths {
    fn of(quota: &Quota, columns: usize) -> Widths {
        let widest = |of: fn(&QuotaEntry) -> usize| quota.entries.iter().map(of).max().unwrap_or(0);
        let number = widest(|entry| width(&used_of(entry)).max(width(&hard_of(entry)))).clamp(5, 14);
        let key = widest(|entry| width(&clean(&entry.resource))).clamp(8, 44);
        let free = if columns < ROOMY { 0 } else { widest(|entry| width(&free_of(entry))).clamp(4, 14) + 2 };
        let fixed = 3 + 2 + 6 + 2 * (number + 2) + free + 1;
        let left = columns.saturating_sub(fixed);
        let bar = left.saturating_sub(key).clamp(10, 60);
        Widths { key: key.min(left.saturating_sub(bar)).max(8), bar, number, free }
    }

    fn headings(&self) -> Line {
        let heading = Slot::Header;
        Line::new("   ", heading)
            .field("KEY", self.key + 2, Align::Left, heading)
            .field("USE", self.bar, Align::Left, heading)
            .field("SHARE", 6, Align::Right, heading)
            .field("USED", self.number + 2, Align::Right, heading)
            .field("HARD", self.number + 2, Align::Right, heading)
            .field(if self.free > 0 { "FREE" } else { "" }, self.free, Align::Right, heading)
    }

    fn line(&self, entry: &QuotaEntry, symbols: &Symbols) -> Line {
        let slot = fullness(entry.ratio);
        let (used, free) = share_bar(entry.ratio, self.bar, symbols);
        let share = entry.ratio.map_or_else(|| symbols.unknown.to_owned(), percent);
        let key = clean(&entry.resource);
        let amount = |text: String| cut_end(&text, self.number, symbols.ellipsis).into_owned();
        let free_amount = if self.free > 0 { free_of(entry) } else { String::new() };
        let free_amount = cut_end(&free_amount, self.free.saturating_sub(2), symbols.ellipsis);
        Line::new(format!(" {} ", symbols.of(slot)), slot)
            .field(&cut_middle(&key, self.key, symbols.ellipsis), self.key + 2, Align::Left, Slot::Text)
            .with(used, if slot == Slot::Text { Slot::Bar } else { slot })
            .with(free, Slot::BarRest)
            .field(&share, 6, Align::Right, slot)
            .field(&amount(used_of(entry)), self.number + 2, Align::Right, Slot::Text)
            .field(&amount(hard_of(entry)), self.number + 2, Align::Right, Slot::Muted)
            .field(&free_amount, self.free, Align::Right, slot)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixture::vcluster;
    use crate::panes::testing::{NOW, ascii, meanings, plain, shown};

    fn entry(quota: &str, resource: &str, used: &str, hard: &str, ratio: Option<f64>) -> QuotaEntry {
        QuotaEntry {
            quota: quota.into(),
            resource: resource.into(),
            used: used.into(),
            hard: hard.into(),
            ratio,
        }
    }

    fn full() -> Vcluster {
        let quota = Quota {
            entries: vec![
                entry("vc-quota", "requests.storage", "200Gi", "200Gi", Some(1.0)),
                entry("vc-quota", "requests.cpu", "8300m", "10", Some(0.83)),
                entry("objects", "count/deployments.apps", "20", "50", Some(0.4)),
                entry(
                    "objects",
                    "count/verylongnames.of.a.group.example.com.with.a.tail",
                    "1",
                    "5",
                    Some(0.2),
                ),
                entry("vc-quota", "pods", "12", "100", Some(0.12)),
                entry("vc-quota", "services.loadbalancers", "0", "1", Some(0.0)),
                entry("vc-quota", "limits.memory", "1Gi", "what\x1b[2J?", None),
            ],
        };
        Vcluster { quota: Known::Yes(Arc::new(quota)), ..vcluster("team-alpha", "team-alpha") }
    }

    fn draw(v: &Vcluster, columns: u16, rows: u16) -> String {
        shown(columns, rows, &plain(), |area, buf, theme| {
            QuotaPane::default().render(v, area, buf, theme, NOW)
        })
    }

    #[test]
    fn quotas_at_80_columns() {
        insta::assert_snapshot!(shown(80, 24, &ascii(), |area, buf, theme| {
            QuotaPane::default().render(&full(), area, buf, theme, NOW);
        }));
    }

    #[test]
    fn quotas_at_200_columns() {
        insta::assert_snapshot!(draw(&full(), 200, 50));
    }

    #[test]
    fn fullness_is_more_than_colour() {
        insta::assert_snapshot!(meanings(80, 14, |area, buf, theme| {
            QuotaPane::default().render(&full(), area, buf, theme, NOW);
        }));
    }

    #[test]
    fn no_quota_and_an_unknown_one_are_told_apart() {
        let with = |quota| Vcluster { quota, ..vcluster("team-a", "a") };
        let none = draw(&with(Known::NotApplicable), 100, 3);
        assert!(none.contains("i no ResourceQuota in namespace team-a: nothing limits"), "{none}");
        let unknown = draw(&with(Known::unknown("forbidden: needs list resourcequotas in team-a")), 80, 3);
        assert!(unknown.contains("? not known: forbidden: needs list resourcequotas in team-a"), "{unknown}");
        let empty = draw(&with(Known::Yes(Arc::default())), 80, 3);
        assert!(empty.contains("limit nothing yet"), "{empty}");
    }

    #[test]
    fn what_is_free_is_what_still_fits() {
        for (resource, used, hard, expected) in [
            ("requests.cpu", "8300m", "10", "1.7"),
            ("requests.memory", "1536Mi", "2Gi", "512 MiB"),
            ("pods", "12", "1k", "988"),
            ("pods", "100", "100", "none"),
            ("pods", "130", "100", "none"),
            ("pods", "1", "many", "?"),
        ] {
            assert_eq!(
                free_of(&entry("q", resource, used, hard, None)),
                expected,
                "{used} of {hard} {resource}"
            );
        }
    }

    #[test]
    fn a_stale_quota_says_so() {
        let stale = Vcluster { stale_since: Some(NOW - chrono::TimeDelta::seconds(42)), ..full() };
        assert!(draw(&stale, 80, 24).contains("◌ as they last were, 42s ago"));
    }

    #[test]
    fn the_text_has_every_key_and_nothing_harmful() {
        let v = full();
        let text = QuotaPane::text(v.quota.get().unwrap());
        assert_eq!(text.lines().count(), 7);
        assert!(
            text.contains("vc-quota\trequests.cpu\t8300m\t10\t83%\n") && !text.contains('\x1b'),
            "{text}"
        );
    }
}
