//! Where the use of a quota goes: what was seen of it while somebody looked, and which limit it meets first. Pure.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use super::code;
use super::fit::{Run, line};
use crate::fleet::model::{Finding, Severity};
use crate::fleet::quantity::Quantity;
use crate::fleet::quota::{Quota, QuotaEntry};
use crate::health::Thresholds;

/// How far back a trend looks.
const WINDOW: TimeDelta = TimeDelta::hours(3);
/// As long as nobody has looked for that long, nothing is said.
pub const NEEDED: TimeDelta = TimeDelta::minutes(10);
/// Values within such a time count as one.
const STEP: u32 = 30;
/// Most values that are kept of a key; the oldest go first.
const MOST: usize = 60;
/// After so long without a sign of the host, what was seen before counts no more.
const GAP: TimeDelta = TimeDelta::minutes(2);
/// Fewer values than these make no line: one release is no growth.
const FEWEST: usize = 4;
/// Share of what moves that a line must explain.
const CERTAIN: f64 = 0.6;
/// Share of the limit: what changes by less over all that was seen stands still.
const STILL: f64 = 0.01;
/// Share of the limit: what comes and goes by more is not still.
const WAVES: f64 = 0.05;
/// Nobody plans for longer.
const FAR: f64 = 365.0 * 86_400.0;

/// What was seen of the quotas of one namespace. What does not move takes no room.
#[derive(Debug, Clone)]
pub struct Watch {
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    /// As it was seen last.
    quota: Arc<Quota>,
    /// Whether the host gave no sign after that.
    lost: bool,
    moved: Vec<Moved>,
}

/// A key whose use has changed since somebody looks.
#[derive(Debug, Clone)]
struct Moved {
    quota: SmolStr,
    resource: SmolStr,
    /// The oldest first; the last one holds until the watch ends.
    runs: Vec<Run>,
}

/// Where one key goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// Its amounts cannot be compared.
    Unknown,
    /// All of it is used.
    Full,
    /// It was not looked at for long enough: so much longer is needed.
    TooShort(TimeDelta),
    /// It stands still.
    Steady,
    /// It moves, but along no line.
    Wavers,
    /// Less and less is used.
    Falls,
    /// More and more is used.
    Grows {
        /// So much in an hour, in the unit of the key.
        per_hour: f64,
        /// When all of it is used if it goes on so; none where nobody plans for so long.
        full: Option<DateTime<Utc>>,
    },
}

/// What the keys of a quota come to together.
#[derive(Debug, Clone, PartialEq)]
pub enum Outlook<'q> {
    /// These are full now.
    Full(Vec<&'q QuotaEntry>),
    /// This one is full first.
    Hits {
        /// Which.
        entry: &'q QuotaEntry,
        /// So much more in an hour.
        per_hour: f64,
        /// When it is full.
        at: DateTime<Utc>,
    },
    /// It was not looked at for long enough: so much longer is needed.
    TooShort(TimeDelta),
    /// Nothing grows towards a limit.
    Nothing,
}

impl Watch {
    /// Begins with what is seen now.
    pub fn begin(quota: &Arc<Quota>, now: DateTime<Utc>) -> Watch {
        Watch { since: now, until: now, quota: Arc::clone(quota), lost: false, moved: Vec::new() }
    }

    /// Takes in what is seen now.
    pub fn see(&mut self, quota: &Arc<Quota>, now: DateTime<Utc>) {
        if now < self.until || (self.lost && now - self.until > GAP) {
            *self = Watch::begin(quota, now);
            return;
        }
        self.lost = false;
        if !Arc::ptr_eq(&self.quota, quota) {
            for entry in &quota.entries {
                self.compare(entry, now);
            }
            self.moved.retain(|moved| quota.entries.iter().any(|entry| moved.is_of(entry)));
            self.quota = Arc::clone(quota);
        }
        self.until = now;
        let oldest = stamp(now - WINDOW);
        for moved in &mut self.moved {
            moved.forget(oldest);
        }
        self.moved.retain(|moved| moved.runs.len() > 1);
    }

    /// The host gives no sign: what is shown may be old.
    pub fn lose(&mut self) {
        self.lost = true;
    }

    fn compare(&mut self, entry: &QuotaEntry, now: DateTime<Utc>) {
        let Some(used) = amount(&entry.used) else { return };
        if let Some(moved) = self.moved.iter_mut().find(|moved| moved.is_of(entry)) {
            return moved.see(used as f32, stamp(now));
        }
        let same = |known: &&QuotaEntry| (&known.quota, &known.resource) == (&entry.quota, &entry.resource);
        let before = self.quota.entries.iter().find(same).and_then(|known| amount(&known.used));
        if let Some(before) = before.filter(|before| *before as f32 != used as f32) {
            let runs = [(self.since, before), (now, used)];
            let runs = runs.map(|(from, used)| Run { from: stamp(from), used: used as f32 }).to_vec();
            self.moved.push(Moved { quota: entry.quota.clone(), resource: entry.resource.clone(), runs });
        }
    }

    /// Where a key of it goes.
    pub fn course(&self, entry: &QuotaEntry) -> Course {
        let (Some(used), Some(hard)) = (amount(&entry.used), amount(&entry.hard)) else {
            return Course::Unknown;
        };
        if used >= hard {
            // A limit of nothing is a ban, and no pressure until something breaks it.
            return if used > 0.0 { Course::Full } else { Course::Steady };
        }
        let watched = self.until - self.since;
        if watched < NEEDED {
            return Course::TooShort(NEEDED - watched);
        }
        let Some(moved) = self.moved.iter().find(|moved| moved.is_of(entry)) else { return Course::Steady };
        moved.course(used, hard, self.until)
    }
}

impl Moved {
    fn is_of(&self, entry: &QuotaEntry) -> bool {
        self.resource == entry.resource && self.quota == entry.quota
    }

    fn see(&mut self, used: f32, now: u32) {
        match self.runs.last_mut() {
            Some(newest) if newest.used == used => {}
            Some(newest) if now.saturating_sub(newest.from) < STEP => newest.used = used,
            _ => self.runs.push(Run { from: now, used }),
        }
        if self.runs.len() > MOST {
            self.runs.remove(0);
        }
    }

    /// Leaves out what ended before that.
    fn forget(&mut self, oldest: u32) {
        let ended = self.runs.iter().skip(1).take_while(|next| next.from <= oldest).count();
        self.runs.drain(..ended);
        if let Some(first) = self.runs.first_mut() {
            first.from = first.from.max(oldest);
        }
    }

    fn course(&self, used: f64, hard: f64, until: DateTime<Utc>) -> Course {
        let end = stamp(until);
        let (Some(line), Some(first)) = (line(&self.runs, end), self.runs.first()) else {
            return Course::Steady;
        };
        let changed = line.slope * f64::from(end.saturating_sub(first.from));
        if changed.abs() < STILL * hard {
            return if line.spread < WAVES * hard { Course::Steady } else { Course::Wavers };
        }
        if line.certainty < CERTAIN || self.runs.len() < FEWEST {
            return Course::Wavers;
        }
        if line.slope < 0.0 {
            return Course::Falls;
        }
        let left = (hard - used) / line.slope;
        let full = (left < FAR).then(|| until.checked_add_signed(TimeDelta::seconds(left as i64))).flatten();
        Course::Grows { per_hour: line.slope * 3600.0, full }
    }
}

/// The first limit that is hit, and when, if all goes on as it did.
pub fn outlook<'q>(quota: &'q Quota, course: impl Fn(&QuotaEntry) -> Course) -> Outlook<'q> {
    let courses: Vec<(&QuotaEntry, Course)> =
        quota.entries.iter().map(|entry| (entry, course(entry))).collect();
    let full: Vec<&QuotaEntry> =
        courses.iter().filter(|(_, course)| *course == Course::Full).map(|(entry, _)| *entry).collect();
    if !full.is_empty() {
        return Outlook::Full(full);
    }
    let hits = courses.iter().filter_map(|(entry, course)| match course {
        Course::Grows { per_hour, full: Some(at) } => Some((*entry, *per_hour, *at)),
        _ => None,
    });
    if let Some((entry, per_hour, at)) = hits.min_by_key(|(_, _, at)| *at) {
        return Outlook::Hits { entry, per_hour, at };
    }
    let short = courses.iter().find_map(|(_, course)| match course {
        Course::TooShort(needed) => Some(*needed),
        _ => None,
    });
    short.map_or(Outlook::Nothing, Outlook::TooShort)
}

impl Outlook<'_> {
    /// The first limit as a finding, where it is near. What is full is one of another kind.
    pub fn finding(&self, thresholds: &Thresholds, now: DateTime<Utc>) -> Option<Finding> {
        let Outlook::Hits { entry, at, .. } = self else { return None };
        let left = (*at - now).to_std().unwrap_or_default();
        let hours = left.as_secs_f64() / 3600.0;
        let severity = if hours < thresholds.quota_full_critical_hours {
            Severity::Critical
        } else if hours < thresholds.quota_full_warning_hours {
            Severity::Warning
        } else {
            return None;
        };
        let message = format_smolstr!(
            "quota {} is full in about {} if it goes on so: {} of {} ({})",
            entry.resource,
            about(left),
            entry.used,
            entry.hard,
            entry.quota
        );
        Some(Finding::new(severity, code::RUNS_OUT, message, None))
    }
}

/// A time that is only guessed, as people say it: `5 min or less`, `25 min`, `3 h`, `4 d`.
pub fn about(time: Duration) -> SmolStr {
    let minutes = time.as_secs() / 60;
    match minutes {
        0..5 => "5 min or less".into(),
        5..90 => format_smolstr!("{} min", minutes / 5 * 5),
        90..2880 => format_smolstr!("{} h", (minutes + 30) / 60),
        _ => format_smolstr!("{} d", (minutes + 720) / 1440),
    }
}

fn amount(text: &str) -> Option<f64> {
    Quantity::parse(text).map(Quantity::to_f64)
}

fn stamp(time: DateTime<Utc>) -> u32 {
    u32::try_from(time.timestamp()).unwrap_or_default()
}

#[cfg(test)]
#[path = "trend_tests.rs"]
mod tests;
