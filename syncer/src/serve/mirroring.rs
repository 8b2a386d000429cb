//! How a companion that mirrors is doing: its engine, its canary, and both API servers.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;
use tokio::sync::watch;
use v9s::companion::{
    self, ApiStatus, CanaryStatus, DriftStatus, DriftedObject, KindLag, Mode, SyncerStatus, WriteStatus,
};

use super::Told;
use super::checks::{self, Check, Health};
use super::metrics::{self, Families};
use super::probes::Probes;
use crate::engine::Engine;
use crate::engine::drift::Drift;
use crate::engine::gate::StoreIdentity;
use crate::engine::key::Side;
use crate::engine::report::Report;
use crate::resources::canary::Course;
use crate::status::{lag, millis};

/// All that can be told of a companion that mirrors.
pub struct Mirroring {
    /// What mirrors.
    pub engine: Arc<Engine>,
    /// The canary's record.
    pub canary: Arc<Course>,
    /// What both API servers answered.
    pub probes: Arc<Probes>,
    /// Whether this replica leads; none where there is one only.
    pub leads: Option<watch::Receiver<bool>>,
    /// What this replica calls itself.
    pub identity: SmolStr,
}

impl Mirroring {
    fn checks_by(&self, report: &Report) -> Vec<Check> {
        let mut checks = self.probes.checks();
        checks.extend(of_engine(report));
        let parts = self.engine.told().into_iter();
        checks.extend(parts.map(|(part, trouble)| Check::new(part, Health::of(trouble))));
        // The leader's canary is seen by followers, too; without a leader there is none.
        let canary = match (&report.suspended, self.canary.trouble()) {
            (_, None) => Health::Good,
            (Some(why), Some(_)) => Health::Unknown(format!("the virtual cluster is {why}")),
            (None, Some(trouble)) => Health::Bad(trouble),
        };
        if self.canary.every().is_some() {
            checks.push(Check::new("canary", canary));
        }
        checks
    }
}

impl Told for Mirroring {
    fn alive(&self) {
        let _ = self.engine.counts();
    }

    fn checks(&self) -> Vec<Check> {
        self.checks_by(&self.engine.report())
    }

    fn metrics(&self) -> Result<String, fmt::Error> {
        let leads = self.leads.as_ref().is_none_or(|leads| *leads.borrow());
        let mut families = Families::default();
        metrics::mirroring::engine(&mut families, &self.engine.report());
        metrics::mirroring::replica(&mut families, leads);
        metrics::mirroring::canary(&mut families, &self.canary);
        metrics::process::probes(&mut families, &self.probes);
        metrics::process::process(&mut families, "sync");
        families.text()
    }

    fn status(&self) -> SyncerStatus {
        let report = self.engine.report();
        let checks = self.checks_by(&report);
        let now = Utc::now();
        SyncerStatus {
            version: companion::VERSION,
            syncer: env!("CARGO_PKG_VERSION").into(),
            mode: Mode::Sync,
            identity: self.identity.clone(),
            time: Some(now),
            synced: report.partial.is_empty() && report.blind.is_empty(),
            trouble: checks::trouble(&checks).map(SmolStr::from),
            unknown: checks::unknown(&checks).into_iter().map(SmolStr::from).collect(),
            oldest_pending_seconds: report.oldest_pending.map(|oldest| oldest.as_secs()),
            queued: u32::try_from(report.queued).unwrap_or(u32::MAX),
            to_host: lag(&report.to_host),
            to_virtual: lag(&report.to_virtual),
            kinds: kinds(&report),
            leader: self.leads.as_ref().map(|leads| *leads.borrow()),
            canary: self.canary.every().map(|every| canary(&self.canary, every, now)),
            drift: report.drift.as_ref().map(|drift| drift_status(drift, now)),
            apis: apis(&self.probes),
            orphans: None,
            writes: Some(writes(&report)),
            reasons: report.reasons,
            pending: report.pending,
        }
    }
}

fn of_engine(report: &Report) -> Vec<Check> {
    let store = match &report.store {
        StoreIdentity::Known => None,
        StoreIdentity::Unknown => Some("not asked yet".to_owned()),
        StoreIdentity::Replaced { remembered, found } => {
            Some(format!("another than before (kube-system {found}, remembered {remembered})"))
        }
    };
    let [lists, watches] = checks::of_watches(&report.partial, &report.blind);
    vec![lists, watches, Check::new("store", Health::of(store))]
}

fn kinds(report: &Report) -> std::collections::BTreeMap<SmolStr, KindLag> {
    let mut kinds = std::collections::BTreeMap::<SmolStr, KindLag>::new();
    let now = tokio::time::Instant::now();
    for (kind, written, times) in
        report.lags.iter().filter(|(kind, ..)| kind != crate::resources::canary::KIND)
    {
        let recent = lag(&times.recent(now));
        if recent.count == 0 {
            continue;
        }
        let of = kinds.entry(kind.clone()).or_default();
        match written {
            Side::Host => of.to_host = recent,
            Side::Virtual => of.to_virtual = recent,
        }
    }
    kinds
}

fn writes(report: &Report) -> [WriteStatus; 2] {
    let of = |side: Side| {
        let (answers, limit) = (report.answers[side as usize], report.budgets[side as usize]);
        WriteStatus {
            answered: answers.all,
            throttled: answers.busy,
            conflicts: answers.conflicts,
            refused: answers.refused,
            failed: answers.failed,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        }
    };
    [of(Side::Virtual), of(Side::Host)]
}

fn canary(course: &Course, every: std::time::Duration, now: DateTime<Utc>) -> CanaryStatus {
    let record = course.record();
    CanaryStatus {
        every_seconds: every.as_secs(),
        flights: record.flights,
        home: record.seen.then(|| before(now, record.home.elapsed())),
        round_trip_millis: record.last.map(|flight| millis(flight.round_trip)),
        to_virtual_millis: record.last.map(|flight| millis(flight.to_virtual)),
        to_host_millis: record.last.map(|flight| millis(flight.to_host)),
        trouble: course.trouble().map(SmolStr::from),
    }
}

fn drift_status(drift: &Drift, now: DateTime<Utc>) -> DriftStatus {
    let named = drift.named.iter().map(|drifted| DriftedObject {
        kind: drifted.kind.clone(),
        namespace: drifted.object.namespace.clone(),
        name: drifted.object.name.clone(),
        since: before(now, drifted.age),
        why: drifted.why.clone(),
        quarantined: drifted.quarantined,
    });
    DriftStatus { counts: drift.counts.clone(), quarantined: drift.quarantined, objects: named.collect() }
}

/// A time so long before another, to the second: what is told again is the same then.
pub fn before(now: DateTime<Utc>, age: std::time::Duration) -> DateTime<Utc> {
    let then = TimeDelta::from_std(age).ok().and_then(|age| now.checked_sub_signed(age)).unwrap_or(now);
    DateTime::from_timestamp(then.timestamp(), 0).unwrap_or(then)
}

/// What both API servers answered last.
pub fn apis(probes: &Probes) -> Option<[ApiStatus; 2]> {
    let of = |side: Side| {
        probes.answer(side).map(|answer| ApiStatus {
            answered_millis: answer.trouble.is_none().then(|| millis(answer.took)),
            trouble: answer.trouble.map(SmolStr::from),
        })
    };
    Some([of(Side::Virtual)?, of(Side::Host)?])
}
