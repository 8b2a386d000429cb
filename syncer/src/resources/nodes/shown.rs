//! The host's nodes, as they are shown to the tenant.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use v9s::cluster::lean::{Lean, Pairs};

use crate::context::Context;
use crate::engine::mirror::field;
use crate::translate::diff;

/// Annotations that agents on the host's nodes talk to each other by.
const KEPT_APART: [&str; 2] = ["kubectl.kubernetes.io/last-applied-configuration", "volumes.kubernetes.io/"];
/// Status of the tenant's own, or of no use to it.
const APART: [&str; 3] = ["volumesAttached", "volumesInUse", "config"];

/// A host's node without what is not to be seen.
pub(super) fn node(ctx: &Context, host: &Lean) -> Value {
    let spec = field(Some(host), "spec");
    let mut status = field(Some(host), "status");
    if let Some(fields) = status.as_object_mut() {
        fields.retain(|name, _| !APART.contains(&name.as_str()));
        if ctx.nodes.without_images {
            fields.insert("images".into(), json!([]));
        }
    }
    let taints = spec["taints"].as_array().into_iter().flatten();
    let taints: Vec<&Value> = taints.filter(|taint| !is_tolerated(ctx, taint)).collect();
    let annotations: BTreeMap<&str, &str> = texts(&host.metadata.annotations)
        .filter(|(key, _)| !KEPT_APART.iter().any(|apart| key.starts_with(apart)))
        .collect();
    let labels: BTreeMap<&str, &str> = texts(&host.metadata.labels).collect();
    let mut shown = json!({
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"taints": taints},
        "status": status,
    });
    for name in ["unschedulable", "providerID"] {
        if !spec[name].is_null() {
            shown["spec"][name] = spec[name].clone();
        }
    }
    shown
}

/// Every pod tolerates these anyway.
fn is_tolerated(ctx: &Context, taint: &Value) -> bool {
    ctx.pods.tolerations.iter().any(|toleration| {
        let any_key = toleration["key"].as_str().is_none_or(str::is_empty);
        let key = toleration["key"] == taint["key"] || (any_key && toleration["operator"] == "Exists");
        let effect = toleration["effect"].as_str().is_none_or(str::is_empty)
            || toleration["effect"] == taint["effect"];
        let text = |of: &Value| of["value"].as_str().unwrap_or_default().to_owned();
        key && effect && (toleration["operator"] == "Exists" || text(toleration) == text(taint))
    })
}

/// What metadata and spec lack. Labels and annotations that the tenant has added are kept.
pub(super) fn main_change(v: &Lean, spec: &Value, desired: &Value) -> Option<Value> {
    let mut change = Map::new();
    let mut metadata = Map::new();
    for (name, live) in [("labels", &v.metadata.labels), ("annotations", &v.metadata.annotations)] {
        let live: Value =
            texts(live).map(|(key, value)| (key.to_owned(), json!(value))).collect::<Map<_, _>>().into();
        if let Some(lacks) = diff::to_reach(&live, &desired["metadata"][name]) {
            metadata.insert(name.into(), lacks);
        }
    }
    if !metadata.is_empty() {
        change.insert("metadata".into(), Value::Object(metadata));
    }
    if let Some(wanted) = desired.get("spec") {
        let mut lacks = diff::to_reach(spec, wanted).unwrap_or_else(|| json!({}));
        // What the host has lifted is lifted here.
        for name in ["taints", "unschedulable"] {
            let (live, wanted) = (&spec[name], &wanted[name]);
            let is_nothing = |value: &Value| {
                value.is_null() || *value == false || value.as_array().is_some_and(Vec::is_empty)
            };
            if is_nothing(wanted) && !is_nothing(live) {
                lacks[name] = Value::Null;
            }
        }
        if lacks.as_object().is_some_and(|lacks| !lacks.is_empty()) {
            change.insert("spec".into(), lacks);
        }
    }
    (!change.is_empty()).then_some(Value::Object(change))
}

/// What the status lacks; how often a kubelet reports is no difference.
pub(super) fn status_change(live: &Value, desired: &Value) -> Option<Value> {
    let calm = |status: &Value| {
        let mut status = status.clone();
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            if let Some(fields) = condition.as_object_mut() {
                fields.remove("lastHeartbeatTime");
            }
        }
        status
    };
    let mut lacks = diff::to_reach(&calm(live), &calm(desired))?;
    if lacks.get("conditions").is_some() {
        lacks["conditions"] = desired["conditions"].clone();
    }
    Some(lacks)
}

fn texts(pairs: &Pairs) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}
