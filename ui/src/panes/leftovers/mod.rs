//! What virtual clusters have left on their hosts: rows with their proof, and the line above them.
//!
//! A list shows them: this is what the list needs to know.

mod columns;
mod evidence;
mod language;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::gc::{Place, Reclaims, Survey};

pub use self::columns::COLUMNS;
pub use self::evidence::text;
pub use self::language::LANGUAGE;
pub use self::rows::{Is, Row};

use super::paint::{Fact, counted, facts, notice};
use crate::format::{age, bytes};
use crate::text::clean;
use crate::theme::{Slot, Theme};

/// What is known of one host.
#[derive(Debug, Clone, Default)]
struct Host {
    /// What is being done there, while it is looked at.
    doing: Option<SmolStr>,
    /// What was found, and when that was.
    found: Option<(DateTime<Utc>, Arc<Survey>)>,
    /// Why the last look told nothing.
    failed: Option<String>,
}

/// What is left, of all hosts or of one virtual cluster, and a number that changes only when it does.
#[derive(Debug, Clone, Default)]
pub struct Leftovers {
    only: Option<Place>,
    hosts: BTreeMap<SmolStr, Host>,
    rows: Vec<Row>,
    revision: u64,
}

impl Leftovers {
    /// Nothing is known yet. With a place, only what is of that virtual cluster will be shown.
    pub fn new(only: Option<Place>) -> Self {
        Leftovers { only, ..Leftovers::default() }
    }

    /// A host is being looked at. What it told before stays.
    pub fn wait(&mut self, host: &SmolStr, doing: impl Into<SmolStr>) {
        self.hosts.entry(host.clone()).or_default().doing = Some(doing.into());
    }

    /// Nobody waits for a host any more.
    pub fn stop(&mut self, host: &SmolStr) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.doing = None;
        }
    }

    /// What a host has told.
    pub fn set(&mut self, host: &SmolStr, found: Arc<Survey>, at: DateTime<Utc>) {
        self.hosts.insert(host.clone(), Host { doing: None, found: Some((at, found)), failed: None });
        let found = self.hosts.iter().filter_map(|(host, it)| Some((host, &it.found.as_ref()?.1)));
        self.rows = found.flat_map(|(host, survey)| rows::rows(host, survey, self.only.as_ref())).collect();
        self.rows.sort_by(|a, b| rows::order(a).cmp(&rows::order(b)));
        self.revision += 1;
    }

    /// A host has told nothing, and why. What it told before stays.
    pub fn fail(&mut self, host: &SmolStr, why: &str) {
        let host = self.hosts.entry(host.clone()).or_default();
        host.doing = None;
        host.failed = Some(clean(why).into_owned());
    }

    /// What a host has told last.
    pub fn found(&self, host: &SmolStr) -> Option<&Arc<Survey>> {
        Some(&self.hosts.get(host)?.found.as_ref()?.1)
    }

    /// Whether a host has told something, or why it does not.
    pub fn is_told(&self, host: &SmolStr) -> bool {
        self.hosts.get(host).is_some_and(|it| it.found.is_some() || it.failed.is_some())
    }

    /// Whether any host is being looked at.
    pub fn is_looking(&self) -> bool {
        self.hosts.values().any(|it| it.doing.is_some())
    }

    /// All rows, the proven ones first.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Equal numbers mean equal rows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many are proven; none while nothing was found.
    pub fn proven(&self) -> Option<usize> {
        let told = self.hosts.values().any(|it| it.found.is_some());
        told.then(|| self.count(Is::Proven))
    }

    fn count(&self, is: Is) -> usize {
        self.rows.iter().filter(|row| row.is == is).count()
    }

    /// What stands instead of rows when there are none.
    pub fn emptiness(&self) -> &'static str {
        if self.is_looking() {
            ""
        } else if self.hosts.values().any(|it| it.failed.is_some()) || self.hosts.is_empty() {
            "not known"
        } else {
            "nothing is left behind"
        }
    }

    /// Paints one line above the list: how much is left and of when, what is being done, or why it is not known.
    pub fn render_head(&self, area: Rect, buf: &mut Buffer, theme: &Theme, now: DateTime<Utc>) {
        let area = area.intersection(buf.area);
        let doing = || self.hosts.iter().filter_map(|(host, it)| Some((host, it.doing.as_ref()?)));
        let failed = || self.hosts.iter().filter_map(|(host, it)| Some((host, it.failed.as_ref()?)));
        if self.proven().is_none() {
            if let Some((host, doing)) = doing().next() {
                notice(area, Slot::Pending, &clean(&format!("{host}: {doing}")), buf, theme);
            } else if let Some((host, why)) = failed().next() {
                notice(area, Slot::Unknown, &clean(&format!("not known of {host}: {why}")), buf, theme);
            }
            return;
        }
        let mut said = self.facts(theme, now);
        if let Some((host, doing)) = doing().next() {
            said.insert(
                0,
                (clean(&format!("looking at {host}: {doing}")).into_owned().into(), Slot::Pending),
            );
        } else if let Some((host, why)) = failed().next() {
            let why = clean(&format!("{} not known of {host}: {why}", theme.symbols().unknown)).into_owned();
            said.insert(0, (why.into(), Slot::Unknown));
        }
        facts(area, 0, &said, buf, theme);
    }

    fn facts(&self, theme: &Theme, now: DateTime<Utc>) -> Vec<Fact> {
        let symbols = theme.symbols();
        let proven = self.count(Is::Proven);
        let mut facts: Vec<Fact> = vec![match proven {
            0 => (format!("{} nothing proven", symbols.ok).into(), Slot::Ok),
            _ => (format!("{} {proven} proven", symbols.warn).into(), Slot::Warn),
        }];
        let proofs = self.rows.iter().filter(|row| row.is == Is::Proven);
        let held = held(proofs.fold(Reclaims::default(), |sum, row| sum.and(&row.holds)));
        if !held.is_empty() {
            facts.push((format!("{held} held by them").into(), Slot::Text));
        }
        let stuck = self.count(Is::Stuck);
        if stuck > 0 {
            facts.push((format!("{} {stuck} stuck", symbols.warn).into(), Slot::Warn));
        }
        let suspects = self.count(Is::Suspect);
        if suspects > 0 {
            facts.push((counted(suspects as u64, "suspect").into(), Slot::Text));
        }
        let unknown = self.count(Is::Unknown) + self.count(Is::Unseen);
        if unknown > 0 {
            facts.push((format!("{} {unknown} not known", symbols.unknown).into(), Slot::Unknown));
        }
        let oldest = self.hosts.values().filter_map(|it| Some(it.found.as_ref()?.0)).min();
        facts.extend(oldest.map(|at| (format!("as of {} ago", age(at, now)).into(), Slot::Muted)));
        facts
    }
}

/// CPU, memory and storage as people write them, such as `5.2 CPU 9.8 GiB`; empty when it is nothing.
pub fn held(reclaims: Reclaims) -> String {
    let mut parts = Vec::new();
    match reclaims.cpu_millis {
        0 => {}
        millis if millis % 1000 == 0 => parts.push(format!("{} CPU", millis / 1000)),
        millis if millis < 1000 => parts.push(format!("{millis}m CPU")),
        millis => parts.push(format!("{:.1} CPU", millis as f64 / 1000.0)),
    }
    if reclaims.memory > 0 {
        parts.push(bytes(reclaims.memory as f64));
    }
    if reclaims.storage > 0 {
        parts.push(format!("{} storage", bytes(reclaims.storage as f64)));
    }
    parts.join(" ")
}
