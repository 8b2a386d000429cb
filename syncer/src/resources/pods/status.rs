//! The status of a pod: what the host reports, in the tenant's words.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::refs::items;
use crate::context::Context;
use crate::engine::key::Key;
use crate::translate::applied::digest;
use crate::translate::words;

/// Lists of the virtual status that are held as digests: the host's copy is held whole.
pub(super) const DIGESTED: [&str; 3] =
    ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
/// The containers that each list tells of.
const TELLS_OF: [(&str, &str); 3] = [
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
];
/// Fields that are the virtual API server's own, or speak of objects that are not mirrored.
const APART: [&str; 4] =
    ["qosClass", "observedGeneration", "resourceClaimStatuses", "extendedResourceClaimStatus"];
/// Fields that servers before some minor version drop, in the status and in the statuses of containers.
const NEWER: [(u32, &str); 2] = [(35, "allocatedResources"), (35, "resources")];
const NEWER_OF_CONTAINERS: [(u32, &str); 5] = [
    (31, "user"),
    (31, "allocatedResourcesStatus"),
    (33, "stopSignal"),
    (33, "resources"),
    (33, "allocatedResources"),
];

/// What a status is read against.
pub(super) struct Told<'a> {
    pub(super) ctx: &'a Context,
    pub(super) key: &'a Key,
    /// The virtual pod's spec.
    pub(super) spec: &'a Value,
    /// Generations of both pods; nothing of the tenant's waits to be carried to the host.
    pub(super) generations: Option<(i64, i64)>,
}

/// What the virtual status lacks, as a merge patch of it. Its lists may be digests.
pub(super) fn to_virtual(told: &Told<'_>, host: &Value, virtual_side: &Value) -> Option<Value> {
    let reported = host.as_object()?;
    let mut wanted = Map::new();
    for (field, value) in reported {
        if !APART.contains(&field.as_str()) && !too_new(told, &NEWER, field) {
            wanted.insert(field.clone(), value.clone());
        }
    }
    for (list, of) in TELLS_OF {
        if let Some(statuses) = wanted.get_mut(list) {
            *statuses = of_known_containers(told, statuses, of);
        }
    }
    if let Some(message) = reported.get("message").and_then(Value::as_str) {
        wanted.insert("message".into(), json!(words::for_tenant(told.ctx, told.key, message)));
    }
    wanted.insert("conditions".into(), conditions(told, host, virtual_side));
    if let Some(generation) = observed(told, &host["observedGeneration"], &virtual_side["observedGeneration"])
    {
        wanted.insert("observedGeneration".into(), generation);
    }
    difference(virtual_side, &wanted)
}

/// Conditions of readiness gates that the tenant's controllers have set: what the host's pod lacks of them.
pub(super) fn gates_to_host(spec: &Value, host: &Value, virtual_side: &Value) -> Vec<Value> {
    let types: BTreeSet<&str> =
        items(spec, "readinessGates").filter_map(|gate| gate["conditionType"].as_str()).collect();
    let set = items(virtual_side, "conditions")
        .filter(|c| c["type"].as_str().is_some_and(|kind| types.contains(kind)));
    set.filter(|mine| match condition(host, mine["type"].as_str().unwrap_or_default()) {
        Some(theirs) => differ(mine, theirs) && !newer(theirs, mine),
        None => true,
    })
    .map(|mine| without(mine, "observedGeneration"))
    .collect()
}

/// All conditions of the host, those of readiness gates as whoever set them last, and those that only the tenant knows.
fn conditions(told: &Told<'_>, host: &Value, virtual_side: &Value) -> Value {
    let gates: BTreeSet<&str> =
        items(told.spec, "readinessGates").filter_map(|gate| gate["conditionType"].as_str()).collect();
    let mut all: Vec<Value> = Vec::new();
    for theirs in items(host, "conditions") {
        let kind = theirs["type"].as_str().unwrap_or_default();
        let mine = condition(virtual_side, kind);
        if let Some(mine) = mine.filter(|mine| gates.contains(kind) && !newer(theirs, mine)) {
            all.push(mine.clone());
            continue;
        }
        let mut told_of = without(theirs, "observedGeneration");
        if let Some(message) = theirs["message"].as_str() {
            told_of["message"] = json!(words::for_tenant(told.ctx, told.key, message));
        }
        let before = mine.map_or(&Value::Null, |mine| &mine["observedGeneration"]);
        if let Some(generation) = observed(told, &theirs["observedGeneration"], before) {
            told_of["observedGeneration"] = generation;
        }
        all.push(told_of);
    }
    let only_mine = items(virtual_side, "conditions").filter(|mine| {
        let kind = mine["type"].as_str().unwrap_or_default();
        !is_of_kubelet(kind) && condition(host, kind).is_none()
    });
    all.extend(only_mine.cloned().collect::<Vec<_>>());
    Value::Array(all)
}

/// The generation that the host has seen, counted as the tenant's server counts: hosts count their own changes, too.
fn observed(told: &Told<'_>, theirs: &Value, before: &Value) -> Option<Value> {
    if told.ctx.minors.virtual_side < 34 {
        return None;
    }
    match (theirs.as_i64(), told.generations) {
        (Some(seen), Some((mine, of_host))) if seen >= of_host => Some(json!(mine)),
        _ => Some(before.clone()).filter(|before| !before.is_null()),
    }
}

fn of_known_containers(told: &Told<'_>, statuses: &Value, of: &str) -> Value {
    let names: BTreeSet<&str> =
        items(told.spec, of).filter_map(|container| container["name"].as_str()).collect();
    let known = statuses.as_array().into_iter().flatten();
    known
        .filter(|status| status["name"].as_str().is_some_and(|name| names.contains(name)))
        .map(|status| {
            let mut status = status.clone();
            if let Some(fields) = status.as_object_mut() {
                fields.retain(|field, _| !too_new(told, &NEWER_OF_CONTAINERS, field));
            }
            status
        })
        .collect()
}

fn too_new(told: &Told<'_>, table: &[(u32, &str)], field: &str) -> bool {
    table.iter().any(|(since, name)| *name == field && told.ctx.minors.virtual_side < *since)
}

/// The merge patch from one status to the other: lists are replaced whole, what is gone is removed.
fn difference(live: &Value, wanted: &Map<String, Value>) -> Option<Value> {
    let mut patch = Map::new();
    for (field, value) in wanted {
        let there = live.get(field).unwrap_or(&Value::Null);
        let same = match there.as_str().filter(|_| DIGESTED.contains(&field.as_str())) {
            Some(kept) => kept == digest(value),
            None => there == value || (is_empty(there) && is_empty(value)),
        };
        if !same {
            patch.insert(field.clone(), value.clone());
        }
    }
    let gone = live.as_object().into_iter().flatten().map(|(field, _)| field);
    for field in gone.filter(|field| !wanted.contains_key(*field) && !APART.contains(&field.as_str())) {
        patch.insert(field.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Conditions that kubelets, schedulers and eviction set: without one on the host there is none.
fn is_of_kubelet(kind: &str) -> bool {
    matches!(
        kind,
        "PodScheduled"
            | "Ready"
            | "Initialized"
            | "ContainersReady"
            | "PodReadyToStartContainers"
            | "DisruptionTarget"
            | "PodResizePending"
            | "PodResizeInProgress"
            | "AllContainersRestarting"
    )
}

fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    items(status, "conditions").find(|condition| condition["type"] == kind)
}

fn differ(one: &Value, other: &Value) -> bool {
    ["status", "reason", "message"]
        .iter()
        .any(|field| one[*field].as_str().unwrap_or_default() != other[*field].as_str().unwrap_or_default())
}

/// Whether `one` came about after `other`. Times are RFC 3339 in UTC, whose order is that of their texts.
fn newer(one: &Value, other: &Value) -> bool {
    let time = |condition: &Value| condition["lastTransitionTime"].as_str().unwrap_or_default().to_owned();
    time(one) > time(other)
}

fn without(condition: &Value, field: &str) -> Value {
    let mut condition = condition.clone();
    if let Some(fields) = condition.as_object_mut() {
        fields.remove(field);
    }
    condition
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
