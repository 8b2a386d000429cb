//! The life of a pair of pods: it begins with the tenant's, and ends on both sides when it ends on either.

use std::time::Duration;

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::{Lean, LeanMeta};
use v9s::names::VirtualName;
use v9s::wire::annotation;

use super::gate::{self, Found};
use super::refs::items;
use super::{marks, node_of, spec, status, update};
use crate::engine::key::Side;
use crate::engine::mirror::At;
use crate::engine::plan::{Absence, Note, Part, PatchKind, Plan, Write};
use crate::resources::life::{host_object, object, virtual_object};
use crate::translate::applied::Applied;
use crate::translate::{meta, owned};

/// How soon something that is still being listed is looked for again.
const SOON: Duration = Duration::from_millis(250);
/// The first minor version that resizes pods in place without being asked to.
const RESIZES: u32 = 33;

/// What to do about a pair of pods.
pub(super) fn plan(at: &At<'_>) -> Plan {
    match (at.v, at.h) {
        (None, None) => Plan::nothing(),
        (None, Some(h)) => withdraw(at, h, at.absence),
        (Some(v), None) => alone(at, v),
        (Some(v), Some(h)) if !owned::is_for(h, v) => withdraw(at, h, Absence::Replaced),
        (Some(v), Some(h)) => together(at, v, h),
    }
}

/// The tenant's pod is gone, or another has taken its name.
fn withdraw(at: &At<'_>, h: &Lean, because: Absence) -> Plan {
    if is_terminating(h) {
        return match at.v {
            Some(_) => Plan::wait("the pod of a predecessor is being deleted on the host"),
            None => Plan::nothing(),
        };
    }
    if h.metadata.annotation(annotation::SKIP_BACKSYNC).is_some() {
        return Plan::nothing();
    }
    Plan::write(delete(at, Side::Host, h, None, because))
}

/// The host has no pod for it.
fn alone(at: &At<'_>, v: &Lean) -> Plan {
    if is_terminating(v) {
        return match grace(v) {
            // Finalizers hold it.
            Some(0) => Plan::nothing(),
            _ => Plan::write(delete(at, Side::Virtual, v, Some(0), Absence::Seen)),
        };
    }
    let ran = at.virtual_field("status")["startTime"].is_string();
    if ran || at.absence == Absence::Seen {
        // What has run is over: whoever wants another makes another.
        return Plan::write(delete(at, Side::Virtual, v, Some(0), at.absence));
    }
    let spec = at.virtual_field("spec");
    match gate::pass(at, v, &spec) {
        Ok(found) => Plan::write(create(at, v, found, spec)),
        Err(instead) => instead,
    }
}

fn create(at: &At<'_>, v: &Lean, found: Found, spec: Value) -> Write {
    let extra = marks::of(at.ctx, at.key, v, &spec, namespace(at), update::applied(&spec));
    let mut metadata = meta::to_create(at.ctx, &Resource::PODS, at.key, v, &extra);
    let (spec, rewrites_hosts) = gate::translate(at, v, found, spec);
    if rewrites_hosts {
        metadata["annotations"][annotation::HOSTS_REWRITTEN] = json!("true");
    }
    let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    Write::Create { side: Side::Host, target: host_object(at, &Resource::PODS), body }
}

fn together(at: &At<'_>, v: &Lean, h: &Lean) -> Plan {
    let (mine, theirs) = (at.virtual_field("spec"), at.host_field("spec"));
    if is_terminating(v) || is_terminating(h) {
        return ending(at, v, h, &mine);
    }
    if let (Some(here), Some(there)) = (node_of(&mine), node_of(&theirs))
        && here != there
    {
        return Plan::write(delete(at, Side::Virtual, v, None, Absence::Replaced));
    }
    if at.kinds.id("namespaces").is_some() && namespace(at).is_none() {
        // The labels of its namespace would be taken for gone.
        return Plan::wait("its namespace is not known yet").again_after(SOON);
    }
    agree(at, v, h, &mine, &theirs)
}

/// One of them is being deleted: so is the other, in the same time; what is reported meanwhile still goes back, so that
/// controllers see how the pod has ended.
fn ending(at: &At<'_>, v: &Lean, h: &Lean, mine: &Value) -> Plan {
    let told = told(at, mine, None);
    let status = status_write(at, v, &told);
    let graces = (grace(v), grace(h));
    let delete = match (is_terminating(v), is_terminating(h)) {
        (true, false) => Some(delete(at, Side::Host, h, graces.0.map(at_least_one), Absence::Seen)),
        // First of all how it has ended.
        (false, _) if status.is_some() => None,
        (false, _) => Some(delete(at, Side::Virtual, v, graces.1.map(at_least_one), Absence::Seen)),
        // A time can only be shortened.
        (true, true) => match graces {
            (Some(mine), Some(theirs)) if at_least_one(mine) < theirs => {
                Some(delete(at, Side::Host, h, Some(at_least_one(mine)), Absence::Seen))
            }
            (Some(mine), Some(theirs)) if at_least_one(theirs) < mine => {
                Some(delete(at, Side::Virtual, v, Some(at_least_one(theirs)), Absence::Seen))
            }
            _ => None,
        },
    };
    let of_virtual = delete.as_ref().is_some_and(|delete| delete.side() == Side::Virtual);
    Plan { writes: delete.into_iter().chain(status.filter(|_| !of_virtual)).collect(), ..Plan::default() }
}

/// Both run.
fn agree(at: &At<'_>, v: &Lean, h: &Lean, mine: &Value, theirs: &Value) -> Plan {
    let before = Applied::parse(h.metadata.annotation(annotation::APPLIED));
    let mut carried = update::carry(at.ctx, &before, mine, theirs);
    let unable = carried.resize.is_some() && at.ctx.minors.host < RESIZES;
    if unable {
        carried.resize = None;
    }
    let note = unable
        .then(|| Note::warning("the nodes here cannot resize running pods: delete it to have it made anew"));
    let extra = marks::of(at.ctx, at.key, v, mine, namespace(at), carried.applied);
    let agreement = meta::agree(at.ctx, &Resource::PODS, at.key, v, h, &extra);
    let patch = |side: Side, part: Part, of: &Lean, change: Value| Write::Patch {
        side,
        target: object(at, side, &Resource::PODS),
        part,
        kind: if side == Side::Host { PatchKind::Strategic } else { PatchKind::Merge },
        change,
        revision: of.metadata.resource_version.clone(),
    };
    let main = body([("metadata", agreement.host), ("spec", carried.spec)]);
    let for_host = main
        .map(|change| patch(Side::Host, Part::Main, h, change))
        .or_else(|| {
            let added = ephemeral(at, v, mine, theirs)?;
            Some(patch(
                Side::Host,
                Part::EphemeralContainers,
                h,
                json!({"spec": {"ephemeralContainers": added}}),
            ))
        })
        .or_else(|| Some(patch(Side::Host, Part::Resize, h, json!({"spec": carried.resize?}))))
        .or_else(|| {
            let gates = status::gates_to_host(mine, &at.host_field("status"), &at.virtual_field("status"));
            let change = json!({"status": {"conditions": gates}});
            (!gates.is_empty()).then(|| patch(Side::Host, Part::Status, h, change))
        });
    let (mut waits_for, mut for_virtual) = (None, None);
    match node_of(theirs).filter(|_| node_of(mine).is_none()) {
        Some(node) if is_shown(at, node) => {
            let target = virtual_object(at, &Resource::PODS);
            for_virtual = Some(Write::Bind { target, uid: v.metadata.uid.clone(), node: node.into() });
        }
        Some(node) => waits_for = Some(format!("node {node} is not there yet").into()),
        None => {
            let generations = generation(v).zip(generation(h)).filter(|_| for_host.is_none());
            for_virtual = status_write(at, v, &told(at, mine, generations));
        }
    }
    let for_virtual = for_virtual.or_else(|| {
        let change = body([("metadata", agreement.virtual_side)])?;
        Some(patch(Side::Virtual, Part::Main, v, change))
    });
    Plan { writes: for_virtual.into_iter().chain(for_host).collect(), waits_for, note, ..Plan::default() }
}

/// Containers for debugging that the tenant has added.
fn ephemeral(at: &At<'_>, v: &Lean, mine: &Value, theirs: &Value) -> Option<Vec<Value>> {
    let there =
        |name: &Value| items(theirs, "ephemeralContainers").any(|container| container["name"] == *name);
    let mut added: Vec<Value> =
        items(mine, "ephemeralContainers").filter(|container| !there(&container["name"])).cloned().collect();
    if added.is_empty() {
        return None;
    }
    let found = gate::advertised(at, mine).ok()?;
    gate::around(at, v, found, |around| {
        for container in &mut added {
            spec::container_to_host(around, container);
        }
    });
    Some(added)
}

fn told<'a>(at: &'a At<'_>, spec: &'a Value, generations: Option<(i64, i64)>) -> status::Told<'a> {
    status::Told { ctx: at.ctx, key: at.key, spec, generations }
}

fn status_write(at: &At<'_>, v: &Lean, told: &status::Told<'_>) -> Option<Write> {
    let change = status::to_virtual(told, &at.host_field("status"), &at.virtual_field("status"))?;
    let target = virtual_object(at, &Resource::PODS);
    Some(Write::merge(Side::Virtual, target, v, Part::Status, json!({"status": change})))
}

/// Pods change too often for a deletion to ask for a revision.
fn delete(at: &At<'_>, side: Side, of: &Lean, grace: Option<u32>, because: Absence) -> Write {
    let target = object(at, side, &Resource::PODS);
    Write::Delete { side, target, uid: of.metadata.uid.clone(), revision: None, grace, because }
}

/// Whether the tenant has a node of this name.
fn is_shown(at: &At<'_>, node: &str) -> bool {
    match at.other("nodes", VirtualName::cluster_scoped(node)) {
        Some(key) => at.view.get(Side::Virtual, &key).is_some(),
        None => true,
    }
}

/// The virtual namespace.
fn namespace<'a>(at: &At<'a>) -> Option<&'a Lean> {
    let name = at.key.object.namespace.clone()?;
    at.other("namespaces", VirtualName::cluster_scoped(name)).and_then(|key| at.view.get(Side::Virtual, &key))
}

fn is_terminating(pod: &Lean) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// No time at all would take a pod away while its containers run.
fn at_least_one(seconds: u32) -> u32 {
    seconds.max(1)
}

fn grace(pod: &Lean) -> Option<u32> {
    number(&pod.metadata, "deletionGracePeriodSeconds").and_then(|seconds| u32::try_from(seconds).ok())
}

fn generation(pod: &Lean) -> Option<i64> {
    number(&pod.metadata, "generation")
}

fn number(meta: &LeanMeta, field: &str) -> Option<i64> {
    meta.other(field).and_then(|raw| raw.get().parse().ok())
}

fn body<const N: usize>(parts: [(&str, Option<Value>); N]) -> Option<Value> {
    let parts: serde_json::Map<String, Value> =
        parts.into_iter().filter_map(|(part, change)| Some((part.to_owned(), change?))).collect();
    (!parts.is_empty()).then_some(Value::Object(parts))
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
