//! Where is the lag? A verdict with its evidence. Pure.

use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use super::sync::{Companion, NO_COMPANION, throttled, total};
use super::thresholds::Thresholds;
use crate::companion::{LagStatus, SyncerStatus};
use crate::fleet::model::{Severity, StoreHealth};
use crate::known::Known;

/// Where a change is held up on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Nowhere: changes arrive in time.
    Nowhere,
    /// It cannot be told.
    Unknown,
    /// The companion itself does not work.
    Companion,
    /// The virtual cluster's store.
    Store,
    /// The virtual cluster's API server.
    VirtualApi,
    /// The host's API server.
    HostApi,
    /// A server that asks for patience (429).
    Throttling,
    /// The companion's queue: the servers are fast and it does not keep up.
    Queue,
    /// Single objects that something else is in the way of.
    Objects,
    /// The host's scheduler: pods have arrived and have no node.
    Scheduler,
    /// A node: pods have one and do not start.
    Kubelet,
}

impl Place {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Place::Nowhere => "nowhere",
            Place::Unknown => "not known",
            Place::Companion => "the companion",
            Place::Store => "the virtual cluster's store",
            Place::VirtualApi => "the virtual API server",
            Place::HostApi => "the host's API server",
            Place::Throttling => "throttling",
            Place::Queue => "the companion's queue",
            Place::Objects => "single objects",
            Place::Scheduler => "the host's scheduler",
            Place::Kubelet => "the kubelet",
        }
    }
}

/// What is known about one virtual cluster.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Its companion.
    pub companion: &'a Known<std::sync::Arc<Companion>>,
    /// Its store.
    pub store: &'a Known<StoreHealth>,
    /// Its pods on the host that have been waiting for long: without a node, and with one.
    pub waiting: [u32; 2],
    /// What counts as slow.
    pub thresholds: &'a Thresholds,
}

/// Where the lag is, and why one thinks so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Where.
    pub place: Place,
    /// One sentence.
    pub sentence: SmolStr,
    /// What was looked at, one line each.
    pub evidence: Vec<SmolStr>,
}

/// Pods that wait longer than this have something in their way.
pub const WAITING: Duration = Duration::from_secs(120);
/// So many items in the queue are more than a moment's work.
const LONG_QUEUE: u32 = 50;

/// Says where a change is held up: the first place on its way at which something is wrong.
pub fn where_is_the_lag(evidence: &Evidence<'_>) -> Verdict {
    let companion = match evidence.companion {
        Known::Yes(companion) => companion,
        Known::No(why) => return verdict(Place::Unknown, why.clone(), Vec::new()),
        Known::NotApplicable => {
            return verdict(Place::Nowhere, "nothing is synced in this state".into(), Vec::new());
        }
    };
    let (place, sentence) = judge(evidence, companion);
    // What a silent one told is history.
    let lines = if companion.silent { Vec::new() } else { lines(evidence, companion) };
    verdict(place, sentence, lines)
}

fn verdict(place: Place, sentence: SmolStr, evidence: Vec<SmolStr>) -> Verdict {
    Verdict { place, sentence, evidence }
}

fn judge(evidence: &Evidence<'_>, companion: &Companion) -> (Place, SmolStr) {
    let status = &*companion.status;
    if companion.silent {
        return (
            Place::Companion,
            "the companion has not told anything for long: nobody may be mirroring".into(),
        );
    }
    broken(evidence, status)
        .or_else(|| slow(evidence, status))
        .or_else(|| held_up(evidence, status))
        .unwrap_or_else(|| rest(evidence, companion))
}

/// What does not work at all.
fn broken(evidence: &Evidence<'_>, status: &SyncerStatus) -> Option<(Place, SmolStr)> {
    let trouble = |at: usize| status.apis.as_ref()?.get(at)?.trouble.clone();
    if let Some(why) = trouble(0) {
        let store = evidence.store.get().filter(|store| store.severity >= Severity::Warning);
        return Some(match store {
            Some(store) => (
                Place::Store,
                format_smolstr!(
                    "the store is unwell ({}), and its API server is not ready: {why}",
                    store.summary
                ),
            ),
            None => (Place::VirtualApi, format_smolstr!("the virtual API server is not ready: {why}")),
        });
    }
    if let Some(why) = trouble(1) {
        return Some((Place::HostApi, format_smolstr!("the host's API server is not ready: {why}")));
    }
    let canary = status.canary.as_ref().and_then(|canary| canary.trouble.as_ref());
    match (&status.trouble, canary) {
        (Some(why), None) => Some((Place::Companion, format_smolstr!("the companion is in trouble: {why}"))),
        (None, None) if !status.synced => {
            Some((Place::Companion, "the companion has not listed both sides yet".into()))
        }
        _ => None,
    }
}

/// What works and takes its time.
fn slow(evidence: &Evidence<'_>, status: &SyncerStatus) -> Option<(Place, SmolStr)> {
    let limits = evidence.thresholds;
    for (writes, which) in status.writes.iter().flatten().zip(["virtual", "host's"]) {
        if throttled(writes) > limits.throttled_share {
            let sentence = format_smolstr!(
                "the {which} API server answers {} of {} writes with 429",
                writes.throttled,
                writes.answered
            );
            return Some((Place::Throttling, sentence));
        }
    }
    let ready = |at: usize| status.apis.as_ref().and_then(|apis| apis.get(at)?.answered_millis);
    let canary = status.canary.as_ref();
    let legs = [canary.and_then(|c| c.to_virtual_millis), canary.and_then(|c| c.to_host_millis)];
    let took = |at: usize| ready(at).max(legs[at]).map(|millis| millis as f64 / 1000.0);
    let slowest =
        [0, 1].into_iter().filter_map(|at| Some((at, took(at)?))).max_by(|a, b| a.1.total_cmp(&b.1));
    let (at, seconds) = slowest.filter(|(_, seconds)| *seconds > limits.api_warning_seconds)?;
    let (place, which) = match at {
        0 => (Place::VirtualApi, "virtual"),
        _ => (Place::HostApi, "host's"),
    };
    let store = evidence.store.get().filter(|store| at == 0 && store.severity >= Severity::Warning);
    Some(match store {
        Some(store) => (
            Place::Store,
            format_smolstr!(
                "the virtual API server takes {seconds:.1} s, and its store is unwell: {}",
                store.summary
            ),
        ),
        None => (place, format_smolstr!("the {which} API server takes {seconds:.1} s for one answer")),
    })
}

/// What waits although the servers are fast.
fn held_up(evidence: &Evidence<'_>, status: &SyncerStatus) -> Option<(Place, SmolStr)> {
    if status.queued >= LONG_QUEUE {
        let sentence =
            format_smolstr!("{} items wait for their turn while both API servers answer fast", status.queued);
        return Some((Place::Queue, sentence));
    }
    let drifted = status.drift.as_ref().map_or(0, total);
    if drifted > 0 {
        let why = status.drift.iter().flat_map(|drift| &drift.objects).map(|object| &object.why).next();
        let why = why.or(status.reasons.first()).map(|why| format_smolstr!(": {why}")).unwrap_or_default();
        return Some((
            Place::Objects,
            format_smolstr!("{drifted} objects do not get through, the others do{why}"),
        ));
    }
    match evidence.waiting {
        [homeless, _] if homeless > 0 => {
            Some((Place::Scheduler, format_smolstr!("{homeless} pods are on the host and get no node")))
        }
        [_, placed] if placed > 0 => {
            Some((Place::Kubelet, format_smolstr!("{placed} pods have a node and do not start there")))
        }
        _ => None,
    }
}

fn rest(evidence: &Evidence<'_>, companion: &Companion) -> (Place, SmolStr) {
    let limit = evidence.thresholds.lag_warning_seconds;
    match companion.p99() {
        Known::Yes(p99) if p99.as_secs_f64() <= limit => {
            (Place::Nowhere, format_smolstr!("changes arrive within {} (p99)", time(p99)))
        }
        Known::Yes(p99) => {
            let kind = slowest_kind(&companion.status).map(|kind| format_smolstr!(", slowest are {kind}"));
            let sentence =
                format_smolstr!("p99 is {} and nothing stands out{}", time(p99), kind.unwrap_or_default());
            (Place::Unknown, sentence)
        }
        Known::No(why) => (Place::Unknown, why),
        Known::NotApplicable => (Place::Unknown, NO_COMPANION.into()),
    }
}

fn slowest_kind(status: &SyncerStatus) -> Option<&SmolStr> {
    let worst = |lag: &crate::companion::KindLag| lag.to_host.p99_millis.max(lag.to_virtual.p99_millis);
    status.kinds.iter().max_by_key(|(_, lag)| worst(lag)).map(|(kind, _)| kind)
}

fn lines(evidence: &Evidence<'_>, companion: &Companion) -> Vec<SmolStr> {
    let status = &*companion.status;
    let mut lines = Vec::new();
    for (lag, way) in [(&status.to_host, "to the host"), (&status.to_virtual, "to the tenant")] {
        lines.push(format_smolstr!("{way}: {}", figures(lag)));
    }
    for (api, which) in status.apis.iter().flatten().zip(["virtual API server", "host's API server"]) {
        lines.push(match (&api.trouble, api.answered_millis) {
            (Some(trouble), _) => format_smolstr!("{which}: {trouble}"),
            (None, Some(millis)) => {
                format_smolstr!("{which}: ready in {}", time(Duration::from_millis(millis)))
            }
            (None, None) => format_smolstr!("{which}: not asked yet"),
        });
    }
    for (writes, which) in status.writes.iter().flatten().zip(["virtual", "host"]) {
        lines.push(format_smolstr!(
            "writes, {which}: {} lately, {} answered with 429, {} refused, {} failed, {} at once",
            writes.answered,
            writes.throttled,
            writes.refused,
            writes.failed,
            writes.limit
        ));
    }
    lines.push(format_smolstr!("queue: {} waiting", status.queued));
    if let Some(store) = evidence.store.get().filter(|store| !store.summary.is_empty()) {
        lines.push(format_smolstr!("store: {}", store.summary));
    }
    let [homeless, placed] = evidence.waiting;
    lines.push(format_smolstr!(
        "pods waiting on the host for long: {homeless} without a node, {placed} with one"
    ));
    lines
}

/// What is known of the lag in one direction.
pub fn figures(lag: &LagStatus) -> SmolStr {
    let part = |millis: Option<u64>| millis.map_or("?".into(), |millis| time(Duration::from_millis(millis)));
    match lag.count {
        0 => "nothing written lately".into(),
        count => format_smolstr!(
            "{count} written lately, p50 {}, p99 {}, longest {}",
            part(lag.p50_millis),
            part(lag.p99_millis),
            part(lag.max_millis)
        ),
    }
}

/// A measured time in words.
fn time(took: Duration) -> SmolStr {
    match took {
        took if took < Duration::from_secs(1) => format_smolstr!("{} ms", took.as_millis()),
        took => format_smolstr!("{:.1} s", took.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests;
