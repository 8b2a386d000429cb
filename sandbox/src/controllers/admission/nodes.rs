//! New nodes: nothing is scheduled on them before they have been heard of.

use crate::store::Review;
use serde_json::{Value, json};

const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Taints a node that a client registers, as the plugin TaintNodesByCondition does. Nodes of the host's own begin ready.
pub(super) fn admit(review: &Review<'_>, node: &mut Value) {
    if review.options.origin.is_none() || !node.is_object() {
        return;
    }
    let taints = &mut node["spec"]["taints"];
    let present = taints.as_array().into_iter().flatten();
    if present.into_iter().any(|taint| taint["key"] == NOT_READY && taint["effect"] == "NoSchedule") {
        return;
    }
    let taint = json!({"key": NOT_READY, "effect": "NoSchedule"});
    match taints.as_array_mut() {
        Some(taints) => taints.push(taint),
        None => *taints = json!([taint]),
    }
}
