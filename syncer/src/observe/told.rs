//! What an observer tells: readiness, metrics, and what it publishes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::Utc;
use smol_str::SmolStr;
use tokio::time::Instant;
use v9s::companion::{self, DriftStatus, DriftedObject, KindLag, Mode, SyncerStatus};

use super::pairs::Found;
use super::{Observer, Shared, State};
use crate::engine::drift::{AFTER, NAMED};
use crate::engine::key::{KindId, Side};
use crate::serve::checks::{self, Check};
use crate::serve::metrics::{self, Families, flag, kind, side};
use crate::serve::{Told, mirroring};
use crate::status::lag;

const SIDES: [Side; 2] = [Side::Virtual, Side::Host];

/// How an observer's watches are, and what they have told.
struct View {
    partial: Vec<SmolStr>,
    blind: Vec<SmolStr>,
    /// What is apart, by kind.
    apart: Vec<(SmolStr, Found)>,
    now: Instant,
}

impl Observer {
    fn checks_by(&self, view: &View) -> Vec<Check> {
        let mut checks = self.probes.checks();
        checks.extend(checks::of_watches(&view.partial, &view.blind));
        checks
    }
}

impl Told for Observer {
    fn alive(&self) {
        drop(self.shared.lock());
    }

    fn checks(&self) -> Vec<Check> {
        let state = self.shared.lock();
        self.checks_by(&view(&self.shared, &state))
    }

    fn metrics(&self) -> Result<String, fmt::Error> {
        let mut families = Families::default();
        self.measured(&mut families);
        metrics::process::probes(&mut families, &self.probes);
        metrics::process::process(&mut families, "observe");
        families.text()
    }

    fn status(&self) -> SyncerStatus {
        let state = self.shared.lock();
        let view = view(&self.shared, &state);
        let checks = self.checks_by(&view);
        let is_known = view.partial.is_empty();
        let (orphans, drifted): (Vec<_>, Vec<_>) = view.old().partition(|(_, found)| found.orphan);
        let mut pending = BTreeMap::<SmolStr, u32>::new();
        for (kind, _) in &view.apart {
            *pending.entry(kind.clone()).or_default() += 1;
        }
        let oldest = view.apart.iter().map(|(_, found)| view.now.duration_since(found.since)).max();
        let recent = |of: Side| lag(&state.lags.recent(of, view.now, |_| true));
        SyncerStatus {
            version: companion::VERSION,
            syncer: env!("CARGO_PKG_VERSION").into(),
            mode: Mode::Observe,
            identity: self.identity.clone(),
            time: Some(Utc::now()),
            synced: is_known && view.blind.is_empty(),
            trouble: checks::trouble(&checks).map(SmolStr::from),
            unknown: checks::unknown(&checks).into_iter().map(SmolStr::from).collect(),
            pending,
            oldest_pending_seconds: oldest.map(|oldest| oldest.as_secs()),
            to_host: recent(Side::Host),
            to_virtual: recent(Side::Virtual),
            kinds: self.lags(&state, view.now),
            drift: is_known.then(|| status_of(&drifted, view.now)),
            orphans: is_known.then(|| status_of(&orphans, view.now)),
            apis: mirroring::apis(&self.probes),
            ..SyncerStatus::default()
        }
    }
}

impl Observer {
    fn lags(&self, state: &State, now: Instant) -> BTreeMap<SmolStr, KindLag> {
        let mut kinds = BTreeMap::<SmolStr, KindLag>::new();
        for (id, written, times) in state.lags.iter() {
            let recent = lag(&times.recent(now));
            if recent.count > 0 {
                let of = kinds.entry(name_of(&self.shared, id)).or_default();
                match written {
                    Side::Host => of.to_host = recent,
                    Side::Virtual => of.to_virtual = recent,
                }
            }
        }
        kinds
    }

    fn measured(&self, families: &mut Families) {
        let state = self.shared.lock();
        let view = view(&self.shared, &state);
        let objects =
            self.shared.kinds.iter().zip(&state.pairs).flat_map(|(of, pairs)| {
                SIDES.map(|on| (vec![kind(of.name), side(on)], pairs.count(on) as f64))
            });
        families.gauges("v9s_syncer_objects", "Objects as they were last seen", objects.collect());
        let synced = view.partial.is_empty() && view.blind.is_empty();
        families.gauge(
            "v9s_syncer_synced",
            "1 when both sides were listed whole and can be watched",
            flag(synced),
        );
        families.gauge("v9s_syncer_pending", "Pairs that are not in agreement", view.apart.len() as f64);
        // While nothing is known of it, it is not told: zero would be a lie.
        if view.partial.is_empty() {
            let count = |orphan: bool| view.old().filter(|(_, found)| found.orphan == orphan).count() as f64;
            families.gauge(
                "v9s_syncer_drifted",
                "Pairs that have disagreed for longer than a minute",
                count(false),
            );
            families.gauge(
                "v9s_syncer_orphans",
                "Objects on the host alone for longer than a minute",
                count(true),
            );
        }
        let lags = state.lags.iter().map(|(id, written, lag)| {
            (vec![kind(&name_of(&self.shared, id)), ("written", written.to_string())], lag.total)
        });
        let help = "From the arrival of a change on one side to its arrival on the other";
        families.times("v9s_syncer_lag", help, lags.collect());
    }
}

impl View {
    /// What has been apart for long.
    fn old(&self) -> impl Iterator<Item = &(SmolStr, Found)> {
        self.apart.iter().filter(|(_, found)| self.now.duration_since(found.since) > AFTER)
    }
}

fn view(shared: &Shared, state: &State) -> View {
    let mut view = View { partial: Vec::new(), blind: Vec::new(), apart: Vec::new(), now: Instant::now() };
    for ((id, kind), pairs) in shared.ids().zip(&state.pairs) {
        if !pairs.is_whole() {
            view.partial.push(kind.name.into());
        }
        if SIDES.into_iter().any(|side| state.live.get(&(id, side)) != Some(&true)) {
            view.blind.push(kind.name.into());
        }
        view.apart.extend(pairs.apart().map(|found| (SmolStr::from(kind.name), found)));
    }
    view
}

fn name_of(shared: &Shared, id: KindId) -> SmolStr {
    shared.kinds.get(usize::from(id.0)).map_or(SmolStr::default(), |kind| kind.name.into())
}

fn status_of(found: &[&(SmolStr, Found)], now: Instant) -> DriftStatus {
    let mut status = DriftStatus::default();
    let mut found = found.to_vec();
    found.sort_by_key(|(_, found)| found.since);
    for (kind, Found { object, since, why, .. }) in found {
        *status.counts.entry(kind.clone()).or_default() += 1;
        if status.objects.len() < NAMED {
            let age: Duration = now.duration_since(*since);
            status.objects.push(DriftedObject {
                kind: kind.clone(),
                namespace: object.namespace.clone(),
                name: object.name.clone(),
                since: mirroring::before(Utc::now(), age),
                why: SmolStr::from(*why),
                quarantined: false,
            });
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use v9s::names::VirtualName;

    #[test]
    fn the_oldest_are_named_and_all_are_counted() {
        let now = Instant::now() + Duration::from_secs(1000);
        let found = |at: usize| {
            let object = VirtualName::namespaced("default", format!("pod-{at}"));
            let since = now - Duration::from_secs(70 + at as u64);
            (SmolStr::new("pods"), Found { object, since, why: "it is on the host alone", orphan: true })
        };
        let all: Vec<_> = (0..30).map(found).collect();
        let view = View { partial: Vec::new(), blind: Vec::new(), apart: all, now };
        let old: Vec<_> = view.old().collect();
        let status = status_of(&old, now);
        assert_eq!((status.counts.get("pods"), status.objects.len()), (Some(&30), NAMED));
        assert_eq!(status.objects.first().map(|first| first.name.as_str()), Some("pod-29"));
        let young = View { now: now - Duration::from_secs(30), ..view };
        assert_eq!(young.old().count(), 9, "what has been so for less than a minute is under way");
    }
}
