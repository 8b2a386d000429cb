//! What the word of a companion comes to: lag, orphans, findings, and what they make of the state. Pure.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::thresholds::Thresholds;
use crate::companion::{ApiStatus, DriftStatus, Mode, SyncerStatus};
use crate::fleet::model::{Finding, Severity};
use crate::fleet::state::State;
use crate::known::Known;

/// Codes of what a companion's word can come to.
pub mod code {
    /// It has not told anything for long.
    pub const SILENT: &str = "companion-silent";
    /// What it tells cannot be read.
    pub const UNREADABLE: &str = "companion-unreadable";
    /// It cannot do its work.
    pub const TROUBLE: &str = "companion-trouble";
    /// Changes take long.
    pub const LAG: &str = "sync-lag";
    /// The canary does not come round.
    pub const CANARY: &str = "canary";
    /// An API server does not answer, or says that it is not ready.
    pub const API: &str = "api-trouble";
    /// An API server answers slowly.
    pub const API_SLOW: &str = "api-slow";
    /// An API server asks for patience.
    pub const THROTTLED: &str = "throttled";
    /// The two sides disagree for long.
    pub const DRIFT: &str = "drift";
    /// Somebody keeps undoing what is written.
    pub const QUARANTINED: &str = "quarantined";
    /// The host has what the tenant has not.
    pub const ORPHANS: &str = "orphans";
}

/// What to do where nobody measures.
pub const NO_COMPANION: &str = "no companion measures it: `v9s observe` (key o) puts one beside it";

/// The companion of a virtual cluster: what it told last, and when that was.
#[derive(Debug, Clone, PartialEq)]
pub struct Companion {
    /// What it told.
    pub status: Arc<SyncerStatus>,
    /// When it was last heard, by our clock.
    pub heard: DateTime<Utc>,
    /// Whether that is too long ago.
    pub silent: bool,
}

impl Companion {
    /// A time that the companion told, by our clock: both were read from its own.
    pub fn local(&self, told: DateTime<Utc>) -> DateTime<Utc> {
        self.status.time.and_then(|now| self.heard.checked_sub_signed(now - told)).unwrap_or(told)
    }

    fn mirrors(&self) -> bool {
        self.status.mode == Mode::Sync
    }

    /// Sync lag p99 of now: of what was written lately, else of the canary, the slower direction.
    pub fn p99(&self) -> Known<Duration> {
        if self.silent {
            return Known::unknown("its companion is silent");
        }
        let status = &self.status;
        if let Some(slower) = measured(status) {
            return Known::Yes(Duration::from_millis(slower));
        }
        match &status.canary {
            Some(canary) => match &canary.trouble {
                Some(trouble) => Known::No(format_smolstr!("the canary {trouble}")),
                None => Known::unknown("nothing was written yet, and the canary is on its first turn"),
            },
            None => Known::unknown("nothing was written lately, and there is no canary"),
        }
    }

    /// Objects on the host whose virtual object is not there.
    pub fn orphans(&self) -> Known<u32> {
        match &self.status.orphans {
            _ if self.silent => Known::unknown("its companion is silent"),
            Some(orphans) => Known::Yes(total(orphans)),
            None if self.mirrors() => {
                Known::unknown("its companion collects them and counts none; `v9s gc --dry-run` looks")
            }
            None => Known::unknown("its companion has not listed both sides whole"),
        }
    }

    /// All findings, in no order.
    pub fn findings(&self, thresholds: &Thresholds) -> Vec<Finding> {
        if self.silent {
            return vec![self.silence()];
        }
        let mut found = Vec::new();
        found.extend(self.apis(thresholds));
        found.extend(self.trouble());
        found.extend(self.canary());
        found.extend(self.lag(thresholds));
        found.extend(self.throttled(thresholds));
        found.extend(self.drift(thresholds));
        found.extend(self.quarantined());
        found.extend(self.orphaned());
        found
    }

    fn silence(&self) -> Finding {
        let (severity, what) = match self.status.mode {
            Mode::Sync => {
                (Severity::Critical, "what the tenant changes may not reach the host, nor the reverse")
            }
            Mode::Observe => (Severity::Warning, "nothing is known of its sync"),
        };
        Finding::new(
            severity,
            code::SILENT,
            format_smolstr!("its companion is silent: {what}"),
            Some(self.heard),
        )
    }

    fn apis(&self, thresholds: &Thresholds) -> Vec<Finding> {
        let apis = self.status.apis.iter().flatten().zip(["virtual", "host's"]);
        apis.filter_map(|(api, which)| slow_or_worse(api, which, thresholds)).collect()
    }

    /// What is not told by a finding of its own.
    fn trouble(&self) -> Option<Finding> {
        let status = &self.status;
        let severity = if self.mirrors() { Severity::Critical } else { Severity::Warning };
        let told_elsewhere = |trouble: &str| {
            ["virtual-api:", "host-api:", "canary:"].iter().any(|part| trouble.starts_with(part))
        };
        let what = match &status.trouble {
            Some(trouble) if told_elsewhere(trouble) => return None,
            Some(trouble) => trouble.clone(),
            None if !status.synced => "not everything has been listed or can be watched".into(),
            None => return None,
        };
        Some(Finding::new(
            severity,
            code::TROUBLE,
            format_smolstr!("its companion is in trouble: {what}"),
            None,
        ))
    }

    fn canary(&self) -> Option<Finding> {
        let canary = self.status.canary.as_ref()?;
        let trouble = canary.trouble.as_ref()?;
        let message = format_smolstr!("the canary {trouble}: writes do not go through both API servers");
        Some(Finding::new(
            Severity::Critical,
            code::CANARY,
            message,
            canary.home.map(|home| self.local(home)),
        ))
    }

    fn lag(&self, thresholds: &Thresholds) -> Option<Finding> {
        let Known::Yes(p99) = self.p99() else { return None };
        let seconds = p99.as_secs_f64();
        let severity = over(seconds, thresholds.lag_warning_seconds, thresholds.lag_critical_seconds)?;
        let message =
            format_smolstr!("sync lag p99 is {seconds:.1} s (goal {} s)", thresholds.lag_warning_seconds);
        Some(Finding::new(severity, code::LAG, message, None))
    }

    fn throttled(&self, thresholds: &Thresholds) -> Vec<Finding> {
        let sides = self.status.writes.iter().flatten().zip(["virtual", "host's"]);
        let throttled = sides.filter(|(writes, _)| throttled(writes) > thresholds.throttled_share);
        throttled
            .map(|(writes, which)| {
                let message = format_smolstr!(
                    "the {which} API server throttles: 429 on {:.0} % of {} writes, {} at once now",
                    (100.0 * throttled_share(writes)).ceil(),
                    writes.answered,
                    writes.limit
                );
                Finding::new(Severity::Warning, code::THROTTLED, message, None)
            })
            .collect()
    }

    fn drift(&self, thresholds: &Thresholds) -> Option<Finding> {
        let drift = self.status.drift.as_ref()?;
        let patience = TimeDelta::seconds(i64::from(thresholds.drift_seconds));
        let oldest = drift.objects.iter().min_by_key(|object| object.since)?;
        let age = self.status.time? - oldest.since;
        if age <= patience || total(drift) <= drift.quarantined {
            return None;
        }
        let object = match &oldest.namespace {
            Some(namespace) => format_smolstr!("{} {namespace}/{}", oldest.kind, oldest.name),
            None => format_smolstr!("{} {}", oldest.kind, oldest.name),
        };
        let message = format_smolstr!(
            "{} apart on the two sides, the oldest is {object}: {}",
            objects(total(drift)),
            oldest.why
        );
        Some(Finding::new(Severity::Warning, code::DRIFT, message, Some(self.local(oldest.since))))
    }

    fn quarantined(&self) -> Option<Finding> {
        let drift = self.status.drift.as_ref().filter(|drift| drift.quarantined > 0)?;
        let first = drift.objects.iter().find(|object| object.quarantined);
        let example = first.map(|object| format_smolstr!(", such as {} {}", object.kind, object.name));
        let message = format_smolstr!(
            "{} left alone because somebody keeps undoing what is written{}",
            objects(drift.quarantined),
            example.unwrap_or_default()
        );
        let since = first.map(|object| self.local(object.since));
        Some(Finding::new(Severity::Warning, code::QUARANTINED, message, since))
    }

    fn orphaned(&self) -> Option<Finding> {
        let orphans = self.status.orphans.as_ref().filter(|orphans| total(orphans) > 0)?;
        let since = orphans.objects.iter().map(|object| object.since).min();
        let message =
            format_smolstr!("{} on the host alone: `v9s gc` proves and collects", objects(total(orphans)));
        Some(Finding::new(Severity::Warning, code::ORPHANS, message, since.map(|since| self.local(since))))
    }
}

/// The finding of a companion whose word cannot be read, for this reason.
pub fn unreadable(why: &str) -> Finding {
    Finding::new(Severity::Warning, code::UNREADABLE, why.to_smolstr(), None)
}

/// What findings make of the state of a virtual cluster whose control plane runs, and why: the worst of those that are
/// about what the tenant sees.
pub fn state(findings: &[Finding]) -> Option<(State, SmolStr)> {
    let of = |finding: &Finding| match (finding.code, finding.severity) {
        (code::SILENT | code::TROUBLE, Severity::Critical) | (code::API | code::CANARY, _) => {
            Some(State::Degraded)
        }
        (code::LAG, _) => Some(State::Lagging),
        _ => None,
    };
    findings
        .iter()
        .filter_map(|found| Some((of(found)?, found.message.clone())))
        .min_by_key(|(state, _)| *state)
}

fn measured(status: &SyncerStatus) -> Option<u64> {
    let written = status.to_host.p99_millis.max(status.to_virtual.p99_millis);
    let canary = status.canary.as_ref().filter(|canary| canary.trouble.is_none());
    written.or_else(|| canary.and_then(|canary| canary.to_host_millis.max(canary.to_virtual_millis)))
}

fn slow_or_worse(api: &ApiStatus, which: &str, thresholds: &Thresholds) -> Option<Finding> {
    if let Some(trouble) = &api.trouble {
        let message = format_smolstr!("the {which} API server is not ready: {trouble}");
        return Some(Finding::new(Severity::Critical, code::API, message, None));
    }
    let seconds = api.answered_millis? as f64 / 1000.0;
    let severity = over(seconds, thresholds.api_warning_seconds, thresholds.api_critical_seconds)?;
    let message = format_smolstr!("the {which} API server takes {seconds:.1} s to answer");
    Some(Finding::new(severity, code::API_SLOW, message, None))
}

fn over(value: f64, warning: f64, critical: f64) -> Option<Severity> {
    match value {
        value if value > critical => Some(Severity::Critical),
        value if value > warning => Some(Severity::Warning),
        _ => None,
    }
}

/// The share of writes that were answered with 429, of enough writes to tell.
pub fn throttled(writes: &crate::companion::WriteStatus) -> f64 {
    if writes.throttled < FEW { 0.0 } else { throttled_share(writes) }
}

/// So few 429s are no throttling yet.
const FEW: u64 = 3;

fn throttled_share(writes: &crate::companion::WriteStatus) -> f64 {
    writes.throttled as f64 / writes.answered.max(1) as f64
}

/// All objects of it, of every kind.
pub fn total(drift: &DriftStatus) -> u32 {
    drift.counts.values().fold(0, |sum, count| sum.saturating_add(*count))
}

fn objects(count: u32) -> SmolStr {
    if count == 1 { "1 object is".into() } else { format_smolstr!("{count} objects are") }
}

#[cfg(test)]
mod tests;
