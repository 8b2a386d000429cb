//! The parts of the page. What is not known says why; what its companion does not tell has no block.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;
use v9s::companion::{CanaryStatus, DriftStatus, LagStatus, Mode, SyncerStatus};
use v9s::fleet::model::Vcluster;
use v9s::health::{Companion, Place, Verdict};

use super::super::lines::{Line, broken};
use crate::format::{age, count, measured, sparkline};
use crate::text::{Align, clean, cut_end, cut_middle};
use crate::theme::{Slot, Symbols};

/// What all parts are made from.
pub(super) struct Context<'a> {
    pub vcluster: &'a Vcluster,
    pub symbols: &'static Symbols,
    pub now: DateTime<Utc>,
    pub columns: usize,
}

/// Top of the chart of lags in milliseconds; the same as in the fleet, so that both look alike.
const TREND_TOP: u32 = 2_000;
/// Columns for a number, and for a time.
const NUMBER: usize = 7;
const TIME: usize = 8;

impl Context<'_> {
    fn known(&self) -> Option<&Companion> {
        self.vcluster.companion.get().map(|companion| &**companion)
    }

    /// What it tells, as long as that counts.
    fn status(&self) -> Option<&SyncerStatus> {
        self.known().filter(|companion| !companion.silent).map(|companion| &*companion.status)
    }

    /// The place, the sentence, and the evidence for it.
    pub fn verdict(&self, verdict: &Verdict) -> Vec<Line> {
        let slot = match verdict.place {
            Place::Nowhere => Slot::Ok,
            Place::Unknown => Slot::Unknown,
            Place::Objects | Place::Queue | Place::Throttling | Place::Scheduler | Place::Kubelet => {
                Slot::Warn
            }
            Place::Companion | Place::Store | Place::VirtualApi | Place::HostApi => Slot::Err,
        };
        let head = format!(" {} {}", self.symbols.of(slot), verdict.place.words());
        let mut lines =
            self.hung(Line::new(head, slot).with("  ", Slot::Text), &verdict.sentence, Slot::Text);
        if let Some(lag) = self.vcluster.lag.get() {
            let trend = sparkline(&lag.history, TREND_TOP, lag.history.len().min(40), self.symbols);
            let line = Line::new(format!("   p99 {}  ", measured(lag.p99)), Slot::Text);
            lines.push(line.with(trend, Slot::Spark));
        }
        for evidence in &verdict.evidence {
            lines.extend(self.hung(Line::new("   ", Slot::Text), evidence, Slot::Muted));
        }
        lines
    }

    /// A head, and words behind it that hang.
    fn hung(&self, head: Line, words: &str, slot: Slot) -> Vec<Line> {
        let indent = head.width().min(self.columns / 2);
        let mut texts =
            broken(&clean(words), self.columns.saturating_sub(head.width() + 1).max(8)).into_iter();
        let mut lines = vec![head.with(texts.next().unwrap_or_default(), slot)];
        lines.extend(texts.map(|text| Line::new(" ".repeat(indent), Slot::Text).with(text, slot)));
        lines
    }

    /// A line for each kind that was written lately, is waiting, or has drifted, and one for the canary.
    pub fn kinds(&self) -> Vec<Line> {
        let Some(status) = self.status() else { return Vec::new() };
        let name = self.columns.saturating_sub(2 + 2 * (NUMBER + 1) + 6 * TIME).clamp(10, 40);
        let mut head = Line::new(" ", Slot::Text).field("KIND", name, Align::Left, Slot::Header);
        head = self.fields(head, &[("WAITING", NUMBER), ("APART", NUMBER)], Slot::Header);
        for way in ["HOST", "TENANT"] {
            let first = format!("{}{way}", self.symbols.arrow);
            let titles = [first.as_str(), "p99", "max"];
            head = titles
                .into_iter()
                .fold(head, |line, title| line.field(title, TIME, Align::Right, Slot::Header));
        }
        let mut lines = vec![head];
        let drifted =
            |kind: &str| status.drift.as_ref().map(|drift| drift.counts.get(kind).copied().unwrap_or(0));
        let mut kinds: BTreeSet<&SmolStr> = status.kinds.keys().chain(status.pending.keys()).collect();
        kinds.extend(status.drift.iter().flat_map(|drift| drift.counts.keys()));
        for kind in kinds {
            let label = cut_end(&clean(kind), name, self.symbols.ellipsis).into_owned();
            let mut line = Line::new(" ", Slot::Text).field(&label, name, Align::Left, Slot::Text);
            line = self.number(line, Some(status.pending.get(kind).copied().unwrap_or(0)));
            line = self.number(line, drifted(kind));
            let lag = status.kinds.get(kind).copied().unwrap_or_default();
            lines.push(self.times(self.times(line, &lag.to_host), &lag.to_virtual));
        }
        lines.extend(status.canary.as_ref().map(|canary| self.canary(canary, name)));
        if let Some(oldest) = status.oldest_pending_seconds {
            let words =
                format!("   the oldest that waits has waited for {}", measured(Duration::from_secs(oldest)));
            lines.push(Line::new(words, Slot::Muted));
        }
        lines
    }

    fn fields(&self, line: Line, titles: &[(&str, usize)], slot: Slot) -> Line {
        titles.iter().fold(line, |line, (title, width)| line.field(title, *width + 1, Align::Right, slot))
    }

    fn number(&self, line: Line, number: Option<u32>) -> Line {
        let (text, slot) = match number {
            None => (self.symbols.unknown.to_owned(), Slot::Unknown),
            Some(0) => ("0".to_owned(), Slot::Muted),
            Some(number) => (count(u64::from(number)), Slot::Warn),
        };
        line.field(&text, NUMBER + 1, Align::Right, slot)
    }

    fn times(&self, line: Line, lag: &LagStatus) -> Line {
        let all = [lag.p50_millis, lag.p99_millis, lag.max_millis];
        all.into_iter().fold(line, |line, millis| self.time(line, millis.filter(|_| lag.count > 0)))
    }

    fn time(&self, line: Line, millis: Option<u64>) -> Line {
        match millis {
            Some(millis) => {
                line.field(&measured(Duration::from_millis(millis)), TIME, Align::Right, Slot::Text)
            }
            None => line.field(self.symbols.not_applicable, TIME, Align::Right, Slot::Muted),
        }
    }

    fn canary(&self, canary: &CanaryStatus, name: usize) -> Line {
        let line = Line::new(" ", Slot::Text).field("canary", name, Align::Left, Slot::Text);
        if let Some(trouble) = &canary.trouble {
            return line.with(format!(" {} {}", self.symbols.err, clean(trouble)), Slot::Err);
        }
        let line = line.with(" ".repeat(2 * (NUMBER + 1)), Slot::Text);
        let line = self.time(self.time(self.time(line, canary.to_host_millis), None), None);
        let line = self.time(line, canary.to_virtual_millis);
        match canary.round_trip_millis {
            Some(turn) if self.columns >= 120 => {
                let turn = measured(Duration::from_millis(turn));
                line.with(
                    format!("   there and back in {turn}, every {} s", canary.every_seconds),
                    Slot::Muted,
                )
            }
            _ => line,
        }
    }

    /// What has disagreed for long.
    pub fn drift(&self) -> Vec<Line> {
        let Some(status) = self.status() else { return Vec::new() };
        match &status.drift {
            Some(drift) => self.objects(drift, "nothing has been apart for more than a minute"),
            None => self.hung(
                Line::new(format!(" {} ", self.symbols.unknown), Slot::Unknown),
                "not known: not everything has been listed",
                Slot::Unknown,
            ),
        }
    }

    /// What the host has and the tenant has not.
    pub fn orphans(&self) -> Vec<Line> {
        let orphans = self.status().and_then(|status| status.orphans.as_ref());
        orphans.map(|orphans| self.objects(orphans, "nothing")).unwrap_or_default()
    }

    fn objects(&self, drift: &DriftStatus, none: &str) -> Vec<Line> {
        let all = v9s::health::sync::total(drift);
        if all == 0 {
            return vec![Line::new(format!(" {} {none}", self.symbols.of(Slot::Ok)), Slot::Ok)];
        }
        let companion = self.known();
        let mut lines: Vec<Line> = Vec::new();
        for object in &drift.objects {
            let since = companion.map_or(object.since, |one| one.local(object.since));
            let place =
                object.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
            let name = format!("{} {place}{}", object.kind, object.name);
            let room = (self.columns / 2).min(60);
            let name = cut_middle(&clean(&name), room, self.symbols.ellipsis).into_owned();
            let sign = if object.quarantined { "left alone" } else { "" };
            let head = Line::new(format!(" {} ", self.symbols.of(Slot::Warn)), Slot::Warn)
                .field(&name, room, Align::Left, Slot::Text)
                .field(&age(since, self.now), 6, Align::Right, Slot::Muted)
                .with("  ", Slot::Text);
            let why =
                if sign.is_empty() { object.why.to_string() } else { format!("{sign}: {}", object.why) };
            lines.extend(self.hung(head, &why, Slot::Text));
        }
        let named = u32::try_from(drift.objects.len()).unwrap_or(u32::MAX);
        if all > named {
            lines.push(Line::new(format!("   and {} more", count(u64::from(all - named))), Slot::Muted));
        }
        lines
    }

    /// How writes were answered, what waits, and why.
    pub fn writes(&self) -> Vec<Line> {
        let Some(status) = self.status() else { return Vec::new() };
        let mut lines = Vec::new();
        for (writes, side) in status.writes.iter().flatten().zip(["tenant", "host"]) {
            let head = format!(" to the {side:<7}{:>7} answered  ", count(writes.answered));
            let failures = [
                ("throttled (429)", writes.throttled),
                ("conflicts (409)", writes.conflicts),
                ("refused", writes.refused),
                ("failed", writes.failed),
            ];
            let failures = failures.into_iter().filter(|(_, number)| *number > 0);
            let mut words: Vec<String> =
                failures.map(|(word, number)| format!("{} {word}", count(number))).collect();
            let slot = if words.is_empty() { Slot::Muted } else { Slot::Warn };
            words.push(format!("{} at once", writes.limit));
            lines.extend(self.hung(Line::new(head, Slot::Text), &words.join(", "), slot));
        }
        lines.push(Line::new(format!(" in the queue  {}", count(u64::from(status.queued))), Slot::Text));
        for reason in &status.reasons {
            lines.extend(self.hung(
                Line::new(format!(" {} ", self.symbols.of(Slot::Warn)), Slot::Warn),
                reason,
                Slot::Text,
            ));
        }
        lines
    }

    /// Who tells all this.
    pub fn companion(&self) -> Vec<Line> {
        let Some(companion) = self.known() else { return Vec::new() };
        let status = &companion.status;
        let mode = match status.mode {
            Mode::Sync => "mirrors",
            Mode::Observe => "observes a syncer of somebody else",
        };
        let who = format!("{} v9s-syncer {}: {mode}", status.identity, status.syncer);
        let mut lines = self.hung(Line::new(" ", Slot::Text), &who, Slot::Text);
        let heard = format!("last heard {} ago", age(companion.heard, self.now));
        let slot = if companion.silent { Slot::Err } else { Slot::Muted };
        let word = if companion.silent { ", and nothing since" } else { "" };
        lines.push(Line::new(format!(" {heard}{word}"), slot));
        for unknown in &status.unknown {
            let sign = Line::new(format!(" {} ", self.symbols.unknown), Slot::Unknown);
            lines.extend(self.hung(sign, unknown, Slot::Unknown));
        }
        lines
    }
}
