//! The parts of the page.

use chrono::{DateTime, Utc};
use v9s::health::store::{Process, Reading, growth_a_day, judge};
use v9s::known::Known;
use v9s::store::{Engine, Kind, MemberStatus};

use super::super::lines::{Line, broken};
use super::View;
use crate::format::{age, bar, bytes, count, measured, percent};
use crate::text::{Align, clean, cut_middle};
use crate::theme::{Slot, Symbols};

/// What all parts are made from.
pub(super) struct Context<'a> {
    pub view: View<'a>,
    pub symbols: &'static Symbols,
    pub now: DateTime<Utc>,
    pub columns: usize,
}

/// Columns of sizes and times.
const SIZE: usize = 9;
/// From so many columns on there is room for what is looked at second.
const WIDE: usize = 110;
/// Columns of a bar.
const BAR: usize = 20;

/// What a kind of store is called.
pub fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::DeployedEtcd => "etcd of its own",
        Kind::EmbeddedEtcd => "etcd inside its control plane",
        Kind::ExternalEtcd => "etcd that somebody else runs",
        Kind::EmbeddedDatabase => "SQLite behind kine",
        Kind::ExternalDatabase => "a database that somebody else runs, behind kine",
    }
}

impl Context<'_> {
    fn reading(&self) -> &Reading {
        self.view.reading
    }

    /// What it is, how it is, and how old this is.
    pub fn head(&self) -> Vec<Line> {
        let (health, _) = judge(self.reading(), self.view.before, self.view.thresholds);
        let (slot, said) = match &health {
            Known::Yes(health) => (Slot::from(health.severity), clean(&health.summary).into_owned()),
            Known::No(why) => (Slot::Unknown, clean(why).into_owned()),
            Known::NotApplicable => (Slot::Unknown, "it was not looked at".to_owned()),
        };
        let what = match &self.reading().kind {
            Known::Yes(kind) => words(*kind),
            _ => "which store it has is not known",
        };
        let head = Line::new(format!(" {} ", self.symbols.of(slot)), slot);
        let mut lines = self.hung(head.with(format!("{what}  "), Slot::Title), &said, slot);
        if let Some((_, remedy)) = &self.reading().closed {
            lines.extend(self.hung(Line::new("   ", Slot::Text), remedy, Slot::Accent));
        }
        let mut read = format!("   looked at {} ago", age(self.reading().taken, self.now));
        if let Known::Yes(told) = &self.reading().told {
            read.push_str(&format!(
                "; its API server, asked whether it reaches its store, answered in {}",
                measured(told.took)
            ));
        }
        lines.extend(self.hung(Line::new("   ", Slot::Text), read.trim_start(), Slot::Muted));
        lines.extend(self.growth());
        lines
    }

    /// How fast it grows, once that can be told.
    fn growth(&self) -> Option<Line> {
        let grows = growth_a_day(self.view.first?, self.reading())?;
        if grows <= 0.0 {
            return None;
        }
        let free = self.reading().volumes.get().into_iter().flatten().map(|volume| volume.free()).min();
        let full = match free {
            Some(free) => {
                let days = free as f64 / grows;
                if days < 365.0 { format!(": its volume is full in {days:.0} days") } else { String::new() }
            }
            None => String::new(),
        };
        Some(Line::new(format!("   grows by {} a day as long as you look{full}", bytes(grows)), Slot::Text))
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

    /// What is wrong, worst first.
    pub fn findings(&self) -> Vec<Line> {
        let (health, found) = judge(self.reading(), self.view.before, self.view.thresholds);
        if found.is_empty() {
            let nothing = Line::new(
                format!(" {} nothing was found that is wrong", self.symbols.of(Slot::Ok)),
                Slot::Ok,
            );
            return if health.is_known() { vec![nothing] } else { Vec::new() };
        }
        let told = |finding: v9s::fleet::model::Finding| {
            let slot = Slot::from(finding.severity);
            self.hung(Line::new(format!(" {} ", self.symbols.of(slot)), slot), &finding.message, Slot::Text)
        };
        found.into_iter().flat_map(told).collect()
    }

    /// A line for each process and each member without a pod.
    pub fn members(&self) -> Vec<Line> {
        let reading = self.reading();
        if reading.processes.is_empty() && reading.absent.is_empty() {
            return Vec::new();
        }
        let etcd = reading.engine == Some(Engine::Etcd);
        let wide = self.columns >= WIDE;
        let mut titles = vec![("SIZE", SIZE)];
        if etcd {
            titles.extend([("IN USE", SIZE), ("QUOTA", SIZE), ("BEHIND", 7), ("FSYNC", SIZE)]);
        }
        if etcd && wide {
            titles.push(("COMMIT", SIZE));
        }
        titles.push(("ANSWER", SIZE));
        let fixed: usize = titles.iter().map(|(_, width)| width).sum();
        let role = if etcd { 9 } else { 0 };
        let version = if wide { 10 } else { 0 };
        let name = self.columns.saturating_sub(4 + fixed + role + version).clamp(10, 40);
        let mut head = Line::new("   ", Slot::Text).field("MEMBER", name, Align::Left, Slot::Header);
        if etcd {
            head = head.field(" ROLE", role, Align::Left, Slot::Header);
        }
        if wide {
            head = head.field(" VERSION", version, Align::Left, Slot::Header);
        }
        let head = titles
            .iter()
            .fold(head, |line, (title, width)| line.field(title, *width, Align::Right, Slot::Header));
        let mut lines = vec![head];
        for process in &reading.processes {
            lines.extend(self.member(process, (name, role, version), etcd, wide));
        }
        for absent in &reading.absent {
            let line = self.named(absent, Slot::Err, name).with(" no pod that runs", Slot::Err);
            lines.push(line);
        }
        lines
    }

    fn named(&self, text: &str, slot: Slot, columns: usize) -> Line {
        let text = cut_middle(&clean(text), columns, self.symbols.ellipsis).into_owned();
        Line::new(format!(" {} ", self.symbols.of(slot)), slot).field(&text, columns, Align::Left, Slot::Text)
    }

    fn member(
        &self,
        process: &Process,
        (name, role, version): (usize, usize, usize),
        etcd: bool,
        wide: bool,
    ) -> Vec<Line> {
        let status = match &process.status {
            Known::Yes(status) => status,
            Known::No(why) => {
                return self.hung(
                    self.named(&process.name, Slot::Err, name).with(" ", Slot::Text),
                    why,
                    Slot::Err,
                );
            }
            Known::NotApplicable => return vec![self.named(&process.name, Slot::Unknown, name)],
        };
        let alarmed =
            self.reading().alarms.get().into_iter().flatten().find(|alarm| alarm.member == status.id);
        let slot = if alarmed.is_some() { Slot::Err } else { Slot::Ok };
        let mut line = self.named(&process.name, slot, name);
        if etcd {
            let (word, slot) = part(status);
            line = line.field(&format!(" {word}"), role, Align::Left, slot);
        }
        if wide {
            line = line.field(&format!(" {}", clean(&status.version)), version, Align::Left, Slot::Muted);
        }
        line = self.size(line, Some(status.size));
        if etcd {
            line = self.size(self.size(line, status.in_use), Reading::quota(process));
            line = self.behind(line, status);
            let before = self.view.before.and_then(|then| {
                then.processes.iter().find(|other| other.name == process.name)?.figures.get()
            });
            let [fsync, commit] = process.figures.get().map(|it| it.p99(before)).unwrap_or_default();
            let limits =
                [self.view.thresholds.store_fsync_seconds, self.view.thresholds.store_commit_seconds];
            line = self.time(line, fsync, limits[0]);
            if wide {
                line = self.time(line, commit, limits[1]);
            }
        }
        vec![line.field(&measured(process.took), SIZE, Align::Right, Slot::Muted)]
    }

    fn size(&self, line: Line, size: Option<u64>) -> Line {
        match size {
            Some(size) => line.field(&bytes(size as f64), SIZE, Align::Right, Slot::Text),
            None => line.field(self.symbols.unknown, SIZE, Align::Right, Slot::Unknown),
        }
    }

    fn time(&self, line: Line, time: Option<std::time::Duration>, limit: f64) -> Line {
        match time {
            Some(time) => {
                let slot = if time.as_secs_f64() > limit { Slot::Warn } else { Slot::Text };
                line.field(&measured(time), SIZE, Align::Right, slot)
            }
            None => line.field(self.symbols.unknown, SIZE, Align::Right, Slot::Unknown),
        }
    }

    fn behind(&self, line: Line, status: &MemberStatus) -> Line {
        let newest = self.reading().known().map(|(_, status)| status.raft.0).max().unwrap_or_default();
        let behind = newest.saturating_sub(status.raft.1);
        let slot = if behind > self.view.thresholds.store_raft_lag { Slot::Warn } else { Slot::Muted };
        line.field(&count(behind), 7, Align::Right, slot)
    }

    /// How full each volume is.
    pub fn volumes(&self) -> Vec<Line> {
        let Known::Yes(volumes) = &self.reading().volumes else { return Vec::new() };
        let thresholds = self.view.thresholds;
        let name = self.columns.saturating_sub(BAR + 36).clamp(10, 40);
        let told = |volume: &v9s::health::store::Volume| {
            let share = volume.share();
            let slot = if share > thresholds.store_volume_critical {
                Slot::Err
            } else if share > thresholds.store_volume_warning {
                Slot::Warn
            } else {
                Slot::Ok
            };
            let (full, rest) = bar(share, BAR, self.symbols);
            self.named(&volume.claim, slot, name)
                .with(" ", Slot::Text)
                .with(full, slot)
                .with(rest, Slot::Muted)
                .field(&percent(share), 6, Align::Right, slot)
                .with(
                    format!("  {} of {}", bytes(volume.used as f64), bytes(volume.capacity as f64)),
                    Slot::Muted,
                )
        };
        volumes.iter().map(told).collect()
    }

    /// What could not be looked at, and why.
    pub fn unknown(&self) -> Vec<Line> {
        let reading = self.reading();
        let mut all: Vec<String> = Vec::new();
        for (what, why) in [
            ("members", reading.members.why()),
            ("alarms", reading.alarms.why()),
            ("volumes", reading.volumes.why()),
            ("what its API server says of it", reading.told.why()),
        ] {
            all.extend(why.map(|why| format!("{what}: {why}")));
        }
        let figures = reading.processes.iter().filter(|process| process.status.is_known());
        all.extend(
            figures.filter_map(|process| {
                Some(format!("figures of {}: {}", process.name, process.figures.why()?))
            }),
        );
        if reading.engine == Some(Engine::Kine) {
            all.push("write-ahead log, free pages and compaction: kine tells nobody".to_owned());
        }
        let line = |why: String| {
            self.hung(Line::new(format!(" {} ", self.symbols.unknown), Slot::Unknown), &why, Slot::Unknown)
        };
        all.into_iter().flat_map(line).collect()
    }
}

/// What a member is among the others.
fn part(status: &MemberStatus) -> (&'static str, Slot) {
    match status {
        status if status.learner => ("learner", Slot::Info),
        status if status.leader == 0 => ("no leader", Slot::Err),
        status if status.leader == status.id => ("leader", Slot::Text),
        _ => ("follower", Slot::Muted),
    }
}
