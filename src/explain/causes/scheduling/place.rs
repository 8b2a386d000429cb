//! Nodes that a pod may not go to, or does not want to.

use k8s_openapi::api::core::v1::Node;
use smol_str::format_smolstr;

use super::{reason, waiting};
use crate::explain::facts::Facts;
use crate::explain::verdict::Cause;

pub(super) fn spread(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| says.contains("didn't match pod topology spread constraints"))?;
    let label = reason.says.contains("missing required label");
    let keys: Vec<&str> = waiting(facts)?
        .spec
        .iter()
        .flat_map(|spec| spec.topology_spread_constraints.iter().flatten())
        .map(|constraint| constraint.topology_key.as_str())
        .collect();
    let keys = keys.join(", ");
    let because = if label {
        format!("nodes lack the label {keys} that its topologySpreadConstraints go by")
    } else {
        format!("its topologySpreadConstraints over {keys} leave no node")
    };
    Some(
        reason
            .cause(because)
            .fix("add room where there is too few of them, or raise maxSkew")
            .fix("say whenUnsatisfiable: ScheduleAnyway"),
    )
}

pub(super) fn anti_affinity(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| says.contains("anti-affinity rules"))?;
    let whose =
        if reason.says.contains("existing pods") { "of pods that are there already" } else { "of its own" };
    Some(
        reason
            .cause(format_smolstr!("anti-affinity {whose} keeps it off the nodes"))
            .fix("add a node, or run fewer replicas")
            .fix("make the rule preferredDuringScheduling in place of required"),
    )
}

pub(super) fn affinity(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| says.contains("didn't match pod affinity rules"))?;
    Some(
        reason
            .cause("its podAffinity asks for pods beside it that are on no node")
            .fix("start the pods that it wants to be beside, or correct the labels of the rule"),
    )
}

pub(super) fn selector(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| {
        says.contains("didn't match Pod's node affinity/selector")
            || says.contains("didn't match the requested node name")
    })?;
    let selector = waiting(facts)?.spec.as_ref().and_then(|spec| spec.node_selector.as_ref());
    let labels: Vec<String> =
        selector.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    let asked = if labels.is_empty() {
        "its node affinity".to_owned()
    } else {
        format!("its nodeSelector {}", labels.join(","))
    };
    Some(
        reason
            .cause(format_smolstr!("no node has the labels that {asked} asks for"))
            .fix(
                format_smolstr!("correct it, or label a node: kubectl label node NODE {}", labels.join(" "))
                    .trim_end(),
            )
            .fix(
                "look whether the virtual cluster may use these nodes (sync.fromHost.nodes of vcluster.yaml)",
            ),
    )
}

pub(super) fn cordoned(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| says.contains("were unschedulable"))?;
    let closed = |node: &&Node| node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true));
    let names: Vec<&str> = facts
        .nodes
        .get()
        .into_iter()
        .flatten()
        .filter(closed)
        .filter_map(|node| node.metadata.name.as_deref())
        .take(5)
        .collect();
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    Some(
        reason
            .cause(format_smolstr!("nodes are cordoned{names}"))
            .fix("kubectl uncordon NODE, when the work on it is done"),
    )
}

fn is_of_readiness(taint: &str) -> bool {
    ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].iter().any(|it| taint.contains(it))
}

pub(super) fn taints(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| says.contains("taint") && !is_of_readiness(says))?;
    if all_silent(facts) {
        return None;
    }
    let open = |node: &&Node| node.spec.as_ref().is_none_or(|spec| spec.unschedulable != Some(true));
    let mut known: Vec<String> = facts
        .nodes
        .get()
        .into_iter()
        .flatten()
        .filter(open)
        .flat_map(|node| node.spec.iter().flat_map(|spec| spec.taints.iter().flatten()))
        .filter(|taint| taint.effect != "PreferNoSchedule")
        .map(|taint| format!("{}={}:{}", taint.key, taint.value.as_deref().unwrap_or_default(), taint.effect))
        .collect();
    known.sort();
    known.dedup();
    let known = if known.is_empty() { String::new() } else { format!(": {}", known.join(", ")) };
    Some(
        reason
            .cause(format_smolstr!("it does not tolerate the taints of the nodes{known}"))
            .fix("give it a toleration, if it is to run there")
            .fix("take the taint off, or add nodes without it"),
    )
}

/// Whether no node is ready; not, where that is not known.
fn all_silent(facts: &Facts) -> bool {
    let is_ready = |node: &Node| {
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions.into_iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True")
    };
    facts.nodes.get().is_some_and(|nodes| !nodes.is_empty() && !nodes.iter().any(is_ready))
}

pub(super) fn not_ready(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| is_of_readiness(says) || says.contains("taint") && all_silent(facts))?;
    Some(
        reason
            .cause("nodes do not answer or are not ready yet")
            .fix("bring the nodes back: look at their kubelets and their network"),
    )
}
