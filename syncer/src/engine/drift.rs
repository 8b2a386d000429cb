//! Pairs whose two sides disagree for longer than it takes to write: found, told of, and looked at again.
//!
//! What the engine knows to be in disagreement is pending. What it does not know of, because an event was lost or a rule
//! of a kind does not say what it depends on, a slow sweep finds: it asks for plans and carries none out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};
use tokio::time::{Instant, sleep};
use v9s::names::VirtualName;

use super::Shared;
use super::key::{Key, KindId};
use super::plan::{Plan, Write};
use super::queue::Urgency;
use super::state::State;

/// Pairs that disagree for longer than this have drifted.
pub const AFTER: Duration = Duration::from_secs(60);
/// Drifted pairs that are told by name.
pub const NAMED: usize = 20;
/// Pairs that are looked at with the lock held once.
const BATCH: usize = 10;
/// Wait between two batches: 20 plans a second are nothing that a process at rest would be noticed by.
const PAUSE: Duration = Duration::from_millis(500);
/// Rest between two sweeps.
const REST: Duration = Duration::from_secs(60);

/// A pair that has drifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// The kind's name in the registry.
    pub kind: SmolStr,
    /// As the tenant names it.
    pub object: VirtualName,
    /// For how long.
    pub age: Duration,
    /// What is in the way.
    pub why: SmolStr,
    /// Somebody keeps undoing what is written, so that it is left alone for a while.
    pub quarantined: bool,
}

/// All that have drifted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// How many, by kind.
    pub counts: BTreeMap<SmolStr, u32>,
    /// How many of them are quarantined.
    pub quarantined: u32,
    /// The oldest of them, at most [`NAMED`].
    pub named: Vec<Drifted>,
}

/// What has drifted; nothing is known of it while nothing is written, or not everything has been listed.
pub(super) fn of(shared: &Shared, state: &State, now: Instant) -> Option<Drift> {
    let whole = shared.kind_ids().all(|kind| state.sight(shared, kind).whole);
    if state.suspended.is_some() || !whole {
        return None;
    }
    let pending = state.pending.iter().map(|(key, pending)| {
        (key, now.duration_since(pending.since), pending.why.clone(), state.is_quarantined(key))
    });
    let waiting = state.queue.waiting().filter(|(key, _)| !state.pending.contains_key(key));
    let waiting = waiting.map(|(key, since)| {
        (key, now.duration_since(since), SmolStr::new_static("it waits for its turn"), false)
    });
    let mut drift = Drift::default();
    for (key, age, why, quarantined) in
        pending.chain(waiting).filter(|(_, age, _, quarantined)| *quarantined || *age > AFTER)
    {
        let kind = SmolStr::from(shared.kind_name(key.kind));
        *drift.counts.entry(kind.clone()).or_default() += 1;
        drift.quarantined += u32::from(quarantined);
        drift.named.push(Drifted { kind, object: key.object.clone(), age, why, quarantined });
    }
    drift.named.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| a.object.cmp(&b.object)));
    drift.named.truncate(NAMED);
    Some(drift)
}

/// Looks at every pair now and then. One that disagrees although nothing is queued was missed: it is queued.
pub(super) async fn sweep(shared: Arc<Shared>) {
    loop {
        sleep(REST).await;
        sweep_once(&shared).await;
    }
}

/// Looks at every pair once.
pub(super) async fn sweep_once(shared: &Shared) {
    shared.lock().forget_old_flips(Instant::now());
    for kind in shared.kind_ids() {
        sweep_kind(shared, kind).await;
    }
}

async fn sweep_kind(shared: &Shared, kind: KindId) {
    if shared.mirror(kind).is_none_or(|mirror| mirror.is_probe()) {
        return;
    }
    let mut last: Option<VirtualName> = None;
    loop {
        let (next, missed) = look(shared, kind, last.as_ref());
        for (key, what) in &missed {
            tracing::warn!(kind = shared.kind_name(kind), object = %key.object, %what, "missed a difference");
        }
        if !missed.is_empty() {
            shared.wake.notify_one();
        }
        if next.is_none() {
            return;
        }
        last = next;
        sleep(PAUSE).await;
    }
}

/// Looks at some pairs behind `last`; answers the last one, none at the end, and those that were missed.
fn look(
    shared: &Shared,
    kind: KindId,
    last: Option<&VirtualName>,
) -> (Option<VirtualName>, Vec<(Key, SmolStr)>) {
    let mut state = shared.lock();
    let names: Vec<VirtualName> = state.index.names_after(kind, last).take(BATCH).cloned().collect();
    let mut missed = Vec::new();
    for object in &names {
        let key = Key::new(kind, object.clone());
        if let Some(what) = missed_by(shared, &state, &key) {
            state.queue.add(key.clone(), Urgency::Later, Instant::now());
            state.counts.missed += 1;
            missed.push((key.clone(), what));
        }
        state.index.rest(&key);
    }
    (names.last().filter(|_| names.len() == BATCH).cloned(), missed)
}

/// What a pair lacks of which the engine does not know.
fn missed_by(shared: &Shared, state: &State, key: &Key) -> Option<SmolStr> {
    let known = state.suspended.is_some()
        || state.queue.knows(key)
        || state.pending.contains_key(key)
        || state.awaited.contains_key(key)
        || !state.sight(shared, key.kind).whole;
    if known {
        return None;
    }
    let plan = super::work::plan_of(shared, state, key)?;
    (!plan.writes.is_empty()).then(|| contested(&plan))
}

/// Which parts of which side a plan writes: names of fields, never what is in them.
pub(super) fn contested(plan: &Plan) -> SmolStr {
    let mut parts: Vec<String> = Vec::new();
    for write in &plan.writes {
        let side = write.side();
        match write {
            Write::Patch { change, .. } => {
                let fields = change.as_object().into_iter().flatten().flat_map(|(field, inside)| {
                    match (field.as_str(), inside.as_object()) {
                        ("metadata", Some(inside)) => {
                            inside.keys().map(|key| format!("metadata.{key}")).collect::<Vec<_>>()
                        }
                        _ => vec![field.clone()],
                    }
                });
                let fields: Vec<String> = fields.collect();
                parts.push(format!("{} on the {side} side", fields.join(", ")));
            }
            Write::Delete { .. } => parts.push(format!("that it is not on the {side} side")),
            _ => parts.push(format!("that it is on the {side} side")),
        }
    }
    format_smolstr!("{}", parts.join("; "))
}

impl State {
    /// Whether somebody keeps undoing what is written of a pair.
    pub(super) fn is_quarantined(&self, key: &Key) -> bool {
        self.flips.get(key).is_some_and(super::state::Flips::is_fight) && self.pending.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::key::Side;
    use crate::engine::plan::{Absence, Part, PatchKind};
    use serde_json::json;
    use v9s::cluster::{ObjectRef, Resource};

    #[tokio::test]
    async fn what_has_disagreed_for_a_minute_is_told_and_nothing_while_another_writes() {
        let nowhere = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let client = kube::Client::try_from(nowhere).unwrap();
        let cluster = v9s::cluster::Cluster::from_client("none", "none", "default", client);
        let ctx = crate::context::Context::new("t", "tenants");
        let engine = crate::engine::Engine::start(ctx, Vec::new(), cluster.clone(), cluster);
        let now = Instant::now() + Duration::from_secs(1000);
        let key = |name: &str| Key::new(KindId(0), VirtualName::namespaced("default", name));
        let mut state = engine.shared.lock();
        for (name, seconds) in [("young", 59), ("old", 61), ("older", 600)] {
            state.set_pending(&key(name), "quota", now - Duration::from_secs(seconds));
        }
        state.queue.add(key("waiting"), Urgency::Later, now - Duration::from_secs(70));
        let drift = of(&engine.shared, &state, now).unwrap();
        let told: Vec<_> =
            drift.named.iter().map(|one| (one.object.name.as_str(), one.age.as_secs())).collect();
        assert_eq!(told, [("older", 600), ("waiting", 70), ("old", 61)]);
        assert_eq!((drift.counts.values().sum::<u32>(), drift.quarantined), (3, 0));
        for at in 0..40 {
            state.set_pending(&key(&format!("many-{at}")), "quota", now - Duration::from_secs(100));
        }
        let drift = of(&engine.shared, &state, now).unwrap();
        assert_eq!((drift.named.len(), drift.counts.values().sum::<u32>()), (NAMED, 43));
        state.suspended = Some("mirrored by another replica".into());
        assert_eq!(of(&engine.shared, &state, now), None, "unknown is not zero");
    }

    #[test]
    fn what_is_fought_over_is_named_without_what_is_in_it() {
        let target = ObjectRef::namespaced(Resource::SECRETS, "tenants", "keys");
        let patch = Write::Patch {
            side: Side::Host,
            target: target.clone(),
            part: Part::Main,
            kind: PatchKind::Merge,
            change: json!({"data": {"password": "aHVzaA=="}, "metadata": {"labels": {"a": "hush"}}}),
            revision: "7".into(),
        };
        let told = contested(&Plan::write(patch));
        assert_eq!(told, "data, metadata.labels on the host side");
        let delete = Write::Delete {
            side: Side::Virtual,
            target,
            uid: "u".into(),
            revision: None,
            grace: None,
            because: Absence::Seen,
        };
        assert_eq!(contested(&Plan::write(delete)), "that it is not on the virtual side");
    }
}
