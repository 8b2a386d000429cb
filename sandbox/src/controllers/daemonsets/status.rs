//! The status of a DaemonSet.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use smol_str::SmolStr;

use super::place::{Place, place};
use super::{Sync, min_ready};
use crate::controllers::workload::{Pod, set_counts, status_of};
use crate::controllers::{DAEMON_SETS, World};
use crate::node::NodeView;

/// Counts of nodes.
#[derive(Debug, Default)]
struct Counts {
    desired: i64,
    current: i64,
    misplaced: i64,
    ready: i64,
    updated: i64,
    available: i64,
}

/// Writes the status; answers when a pod will have been ready for long enough.
pub(super) fn write(
    world: &World,
    sync: &Sync<'_>,
    nodes: &BTreeMap<SmolStr, NodeView>,
) -> Option<DateTime<Utc>> {
    let (min_ready, now) = (min_ready(sync.set), world.now());
    let mut counts = Counts::default();
    for (name, node) in nodes {
        let pods = sync.pods.get(name).map(Vec::as_slice).unwrap_or_default();
        if place(node, name, &sync.spec) != Place::Runs {
            counts.misplaced += i64::from(!pods.is_empty());
            continue;
        }
        counts.desired += 1;
        let any =
            |like: &dyn Fn(&Pod) -> bool| i64::from(pods.iter().any(|pod| !pod.deleting() && like(pod)));
        counts.current += i64::from(!pods.is_empty());
        counts.ready += any(&Pod::ready);
        counts.available += any(&|pod| pod.available(min_ready, now));
        counts.updated += any(&|pod| sync.is_new(pod));
    }
    let mut status = status_of(sync.set);
    status["desiredNumberScheduled"] = json!(counts.desired);
    status["currentNumberScheduled"] = json!(counts.current);
    status["numberMisscheduled"] = json!(counts.misplaced);
    status["numberReady"] = json!(counts.ready);
    set_counts(
        &mut status,
        &[
            ("observedGeneration", sync.object.generation()),
            ("updatedNumberScheduled", counts.updated),
            ("numberAvailable", counts.available),
            ("numberUnavailable", counts.desired - counts.available),
        ],
    );
    if status != sync.set["status"] {
        // Gone meanwhile: nothing to tell.
        let _ = world.update(&DAEMON_SETS, sync.key, "status", |set| set["status"] = status.clone());
    }
    let pods = sync.pods.values().flatten();
    pods.filter_map(|pod| pod.available_from(min_ready)).filter(|from| *from > now).min()
}
