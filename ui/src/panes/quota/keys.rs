//! The table of keys, one for each quota.

use chrono::{DateTime, Utc};
use smol_str::SmolStr;
use v9s::fleet::quantity::Quantity;
use v9s::fleet::quota::{Quota, QuotaEntry};
use v9s::health::quota::trend::about;
use v9s::health::quota::{Course, Watch};

use super::super::lines::Line;
use super::super::page::rule;
use super::super::paint::counted;
use super::{View, fullness, share_bar};
use crate::columns::fleet::QUOTA_WARN;
use crate::format::{count, elapsed, percent, quantity};
use crate::text::{Align, clean, cut_end, cut_middle, width};
use crate::theme::{Slot, Symbols};

/// Each quota with its keys.
pub(super) fn tables(
    view: View<'_>,
    quota: &Quota,
    columns: usize,
    symbols: &Symbols,
    now: DateTime<Utc>,
) -> Vec<Line> {
    let widths = Widths::of(quota, view.watch.is_some(), columns);
    let mut lines = Vec::new();
    for (name, entries) in sections(quota) {
        let title = format!("{} {}", clean(name), count(entries.len() as u64));
        lines.push(rule(&cut_end(&title, columns.saturating_sub(4), symbols.ellipsis), columns, symbols));
        lines.push(widths.headings());
        lines.extend(entries.into_iter().map(|entry| widths.line(entry, view.watch, symbols, now)));
    }
    lines
}

/// Where a key goes, in a word or two.
fn course(entry: &QuotaEntry, course: Course, now: DateTime<Utc>) -> (String, Slot) {
    match course {
        Course::Unknown => ("?".to_owned(), Slot::Unknown),
        Course::Full => ("full".to_owned(), Slot::Err),
        Course::TooShort(_) => ("too early to say".to_owned(), Slot::Muted),
        Course::Steady => ("stands still".to_owned(), Slot::Muted),
        Course::Wavers => ("up and down".to_owned(), Slot::Muted),
        Course::Falls => ("falls".to_owned(), Slot::Muted),
        Course::Grows { per_hour, full } => {
            let full = full.map(|at| format!(", full in {}", about(elapsed(now, at)))).unwrap_or_default();
            (format!("+{} an hour{full}", rate(entry, per_hour)), Slot::Info)
        }
    }
}

/// So much of a key in an hour.
pub(super) fn rate(entry: &QuotaEntry, per_hour: f64) -> String {
    let digits = match per_hour {
        rate if rate >= 10.0 => return quantity(&entry.resource, &format!("{rate:.0}")),
        rate if rate >= 1.0 => 1,
        _ => 3,
    };
    let written = format!("{per_hour:.digits$}");
    quantity(&entry.resource, written.trim_end_matches('0').trim_end_matches('.'))
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

/// How full they are, in a line.
pub(super) fn summary(quota: &Quota, symbols: &Symbols) -> Line {
    let quotas = sections(quota).len();
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
pub(super) fn free_of(entry: &QuotaEntry) -> String {
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
/// From so many on, also for where it goes.
const WIDE: usize = 110;
/// Columns of that.
const COURSE: usize = 34;

/// How wide the parts of a line are.
struct Widths {
    key: usize,
    bar: usize,
    number: usize,
    /// Zero where what is free is left out.
    free: usize,
    /// Zero where it is left out where it goes.
    course: usize,
}

impl Widths {
    fn of(quota: &Quota, watched: bool, columns: usize) -> Widths {
        let widest = |of: fn(&QuotaEntry) -> usize| quota.entries.iter().map(of).max().unwrap_or(0);
        let number = widest(|entry| width(&used_of(entry)).max(width(&hard_of(entry)))).clamp(5, 14);
        let key = widest(|entry| width(&clean(&entry.resource))).clamp(8, 44);
        let free = if columns < ROOMY { 0 } else { widest(|entry| width(&free_of(entry))).clamp(4, 14) + 2 };
        let course = if watched && columns >= WIDE { COURSE } else { 0 };
        let fixed = 3 + 2 + 6 + 2 * (number + 2) + free + course + 1;
        let left = columns.saturating_sub(fixed);
        let bar = left.saturating_sub(key).clamp(10, 60);
        Widths { key: key.min(left.saturating_sub(bar)).max(8), bar, number, free, course }
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
            .with(if self.course > 0 { "  GOES" } else { "" }, heading)
    }

    fn line(&self, entry: &QuotaEntry, watch: Option<&Watch>, symbols: &Symbols, now: DateTime<Utc>) -> Line {
        let slot = fullness(entry.ratio);
        let (used, free) = share_bar(entry.ratio, self.bar, symbols);
        let share = entry.ratio.map_or_else(|| symbols.unknown.to_owned(), percent);
        let key = clean(&entry.resource);
        let amount = |text: String| cut_end(&text, self.number, symbols.ellipsis).into_owned();
        let free_amount = if self.free > 0 { free_of(entry) } else { String::new() };
        let free_amount = cut_end(&free_amount, self.free.saturating_sub(2), symbols.ellipsis);
        let line = Line::new(format!(" {} ", symbols.of(slot)), slot)
            .field(&cut_middle(&key, self.key, symbols.ellipsis), self.key + 2, Align::Left, Slot::Text)
            .with(used, if slot == Slot::Text { Slot::Bar } else { slot })
            .with(free, Slot::BarRest)
            .field(&share, 6, Align::Right, slot)
            .field(&amount(used_of(entry)), self.number + 2, Align::Right, Slot::Text)
            .field(&amount(hard_of(entry)), self.number + 2, Align::Right, Slot::Muted)
            .field(&free_amount, self.free, Align::Right, slot);
        match watch.filter(|_| self.course > 0) {
            Some(watch) => {
                let (said, slot) = course(entry, watch.course(entry), now);
                line.with(cut_end(&format!("  {said}"), self.course, symbols.ellipsis).into_owned(), slot)
            }
            None => line,
        }
    }
}
