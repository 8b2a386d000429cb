//! What of a running pod's spec may still change, carried from the tenant to the host: only what the tenant has changed
//! since, so that what the host's admission made of it is left alone.

use serde_json::{Map, Value, json};

use super::refs::items;
use super::spec::image;
use crate::context::Context;
use crate::translate::applied::Applied;
use crate::translate::diff;

/// Groups of fields whose digests are kept.
const DEADLINE: &str = "deadline";
const TOLERATIONS: &str = "tolerations";
const RESOURCES: &str = "resources";
/// Prefixes of groups for each container's image and each gate.
const IMAGE: &str = "i.";
const GATE: &str = "g.";

/// Lists of containers that start with the pod.
const STARTED: [&str; 2] = ["initContainers", "containers"];

/// Digests of a spec that is applied whole.
pub(super) fn applied(spec: &Value) -> Applied {
    let mut applied = Applied::default()
        .with(DEADLINE, &spec["activeDeadlineSeconds"])
        .with(TOLERATIONS, &spec["tolerations"])
        .with(RESOURCES, &resources(spec));
    for container in STARTED.into_iter().flat_map(|list| items(spec, list)) {
        applied.set(&format!("{IMAGE}{}", name(container)), &container["image"]);
    }
    for gate in items(spec, "schedulingGates") {
        applied.set(&format!("{GATE}{}", name(gate)), &true);
    }
    applied
}

/// What follows from a change of the tenant's.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Carried {
    /// For the host's spec, as a strategic merge patch.
    pub(super) spec: Option<Value>,
    /// For its resources, as a strategic merge patch of `/resize`.
    pub(super) resize: Option<Value>,
    /// What is applied once the former is written.
    pub(super) applied: Applied,
}

/// Compares a spec with what was applied of it, and with the host's.
pub(super) fn carry(ctx: &Context, before: &Applied, mine: &Value, theirs: &Value) -> Carried {
    let mut applied = applied(mine);
    if before.is_empty() {
        // Somebody else's syncer made this pod: what it made of the spec stands.
        return Carried { applied, ..Carried::default() };
    }
    let mut spec = Map::new();
    if before.changed(DEADLINE, &mine["activeDeadlineSeconds"])
        && mine["activeDeadlineSeconds"] != theirs["activeDeadlineSeconds"]
    {
        spec.insert("activeDeadlineSeconds".into(), mine["activeDeadlineSeconds"].clone());
    }
    if before.changed(TOLERATIONS, &mine["tolerations"]) {
        let mut all: Vec<Value> = items(theirs, "tolerations").cloned().collect();
        let there = all.len();
        for toleration in items(mine, "tolerations") {
            if !all.contains(toleration) {
                all.push(toleration.clone());
            }
        }
        if all.len() > there {
            spec.insert("tolerations".into(), Value::Array(all));
        }
    }
    for list in STARTED {
        let images = images(ctx, before, mine, theirs, list);
        if !images.is_empty() {
            spec.insert(list.into(), Value::Array(images));
        }
    }
    let lifted = lifted_gates(before, mine, theirs);
    if !lifted.is_empty() {
        spec.insert("schedulingGates".into(), Value::Array(lifted));
    }
    let resize = before.changed(RESOURCES, &resources(mine)).then(|| resize(mine, theirs)).flatten();
    if resize.is_some() {
        // Not before the host has them.
        applied.keep(RESOURCES, before);
    }
    Carried { spec: (!spec.is_empty()).then_some(Value::Object(spec)), resize, applied }
}

/// Images that the tenant has changed; containers that the host has added are not mentioned, and stay.
fn images(ctx: &Context, before: &Applied, mine: &Value, theirs: &Value, list: &str) -> Vec<Value> {
    let changed = items(mine, list)
        .filter(|container| before.changed(&format!("{IMAGE}{}", name(container)), &container["image"]));
    changed
        .filter_map(|container| {
            let there = items(theirs, list).find(|there| there["name"] == container["name"])?;
            let wanted = image(ctx, container["image"].as_str()?);
            (there["image"] != wanted).then(|| json!({"name": container["name"], "image": wanted}))
        })
        .collect()
}

/// Gates that came from the tenant and are lifted there.
fn lifted_gates(before: &Applied, mine: &Value, theirs: &Value) -> Vec<Value> {
    let lifted = items(theirs, "schedulingGates").filter(|gate| {
        before.has(&format!("{GATE}{}", name(gate)))
            && !items(mine, "schedulingGates").any(|there| there["name"] == gate["name"])
    });
    lifted.map(|gate| json!({"$patch": "delete", "name": gate["name"]})).collect()
}

/// The resources of a pod, by container.
fn resources(spec: &Value) -> Value {
    let mut all = Map::new();
    for container in STARTED.into_iter().flat_map(|list| items(spec, list)) {
        all.insert(name(container).to_owned(), container["resources"].clone());
    }
    // No container has this name.
    all.insert("/".into(), spec["resources"].clone());
    Value::Object(all)
}

/// What the host lacks of the tenant's resources. What the host's admission has filled in besides is no difference.
fn resize(mine: &Value, theirs: &Value) -> Option<Value> {
    let mut spec = Map::new();
    for list in STARTED {
        let changed: Vec<Value> = items(mine, list)
            .filter_map(|container| {
                let there = items(theirs, list).find(|there| there["name"] == container["name"])?;
                let lacks = diff::to_reach(&there["resources"], &container["resources"])?;
                Some(json!({"name": container["name"], "resources": lacks}))
            })
            .collect();
        if !changed.is_empty() {
            spec.insert(list.into(), Value::Array(changed));
        }
    }
    if let Some(lacks) = diff::to_reach(&theirs["resources"], &mine["resources"]) {
        spec.insert("resources".into(), lacks);
    }
    (!spec.is_empty()).then_some(Value::Object(spec))
}

fn name(of: &Value) -> &str {
    of["name"].as_str().unwrap_or_default()
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
