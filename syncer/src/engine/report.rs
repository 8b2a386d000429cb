//! How the engine is doing, for status, metrics and readiness.

use std::collections::BTreeMap;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::Shared;
use super::drift::{self, Drift};
use super::gate::{StoreIdentity, may_delete};
use super::key::Side;
use super::lag::{Lag, Spread};
use super::state::Counts;
use super::tally::{Answers, Outcome, Verb};

/// How the engine is doing.
#[derive(Debug, Clone)]
pub struct Report {
    /// Kinds of which a side has not been listed whole.
    pub partial: Vec<SmolStr>,
    /// Kinds of which a side cannot be watched.
    pub blind: Vec<SmolStr>,
    /// Whether the tenant's store is the one we knew.
    pub store: StoreIdentity,
    /// Why nothing is written at all.
    pub suspended: Option<SmolStr>,
    /// Keys that wait for their turn.
    pub queued: usize,
    /// Keys under way.
    pub under_way: usize,
    /// Pairs that are not in agreement, by kind.
    pub pending: BTreeMap<SmolStr, u32>,
    /// The reasons, each once.
    pub reasons: Vec<SmolStr>,
    /// How long the oldest of them has been waiting.
    pub oldest_pending: Option<Duration>,
    /// Objects by kind, virtual and host.
    pub objects: Vec<(SmolStr, [usize; 2])>,
    /// What has been done.
    pub counts: Counts,
    /// Lag since the process began, by kind and the side that was written.
    pub lags: Vec<(SmolStr, Side, Lag)>,
    /// Lag of the last minute or two, without probes: what was written on the host, and what on the virtual side.
    pub to_host: Spread,
    /// See `to_host`.
    pub to_virtual: Spread,
    /// How many writes may be under way, virtual and host.
    pub budgets: [usize; 2],
    /// Writes by kind, and how they went.
    pub writes: Vec<(SmolStr, Side, Verb, Outcome, u64)>,
    /// How writes of the last minute or two were answered, virtual and host.
    pub answers: [Answers; 2],
    /// Whether what is gone on one side may be deleted on the other, by kind.
    pub gates: Vec<(SmolStr, bool)>,
    /// Pairs that disagree for long; none while that cannot be known.
    pub drift: Option<Drift>,
}

/// Reasons that are told.
const REASONS: usize = 5;

pub(super) fn of(shared: &Shared) -> Report {
    let state = shared.lock();
    let now = Instant::now();
    let name = |kind| SmolStr::from(shared.kind_name(kind));
    let is_work = |kind| shared.mirror(kind).is_some_and(|mirror| !mirror.is_probe());
    let (mut partial, mut blind, mut objects) = (Vec::new(), Vec::new(), Vec::new());
    let mut gates = Vec::new();
    for kind in shared.kind_ids() {
        let sight = state.sight(shared, kind);
        if !sight.whole {
            partial.push(name(kind));
        }
        if !sight.live {
            blind.push(name(kind));
        }
        gates.push((name(kind), may_delete(sight, &state.store, state.suspended.as_ref()).is_ok()));
        objects.push((name(kind), [Side::Virtual, Side::Host].map(|side| state.index.count(kind, side))));
    }
    let mut pending = BTreeMap::new();
    let mut reasons: Vec<SmolStr> = Vec::new();
    for (key, held_up) in &state.pending {
        *pending.entry(name(key.kind)).or_default() += 1;
        if reasons.len() < REASONS && !reasons.contains(&held_up.why) {
            reasons.push(held_up.why.clone());
        }
    }
    Report {
        partial,
        blind,
        store: state.store.clone(),
        suspended: state.suspended.clone(),
        queued: state.queue.depth(),
        under_way: state.queue.under_way(),
        pending,
        reasons,
        oldest_pending: state.pending.values().map(|pending| now.duration_since(pending.since)).max(),
        objects,
        counts: state.counts,
        lags: state.lags.iter().map(|(kind, side, lag)| (name(kind), side, lag.clone())).collect(),
        to_host: state.lags.recent(Side::Host, now, is_work),
        to_virtual: state.lags.recent(Side::Virtual, now, is_work),
        budgets: [Side::Virtual, Side::Host].map(|side| shared.writer.budget(side).limit()),
        writes: state
            .tally
            .iter()
            .map(|(kind, side, verb, how, count)| (name(kind), side, verb, how, count))
            .collect(),
        answers: state.tally.recent(now),
        gates,
        drift: drift::of(shared, &state, now),
    }
}
