//! Why no node takes a pod.

use serde_json::json;

use super::holds;
use super::objects::Case;

const NO_HELP: &str = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";

fn says(reasons: &str) -> Case {
    Case::unscheduled(&format!("0/3 nodes are available: {reasons}. no new claims to deallocate, {NO_HELP}"))
        .ready_node()
}

#[test]
fn what_a_scheduler_says_has_a_cause() {
    holds(vec![
        (
            "insufficient-cpu",
            says("3 Insufficient cpu"),
            "no node has enough cpu free: it asks for 500m (3 of 3 nodes)",
        ),
        ("insufficient-memory", says("3 Insufficient memory"), "asks for 1Gi"),
        ("insufficient-storage", says("3 Insufficient ephemeral-storage"), "ephemeral-storage"),
        ("insufficient-resource", says("3 Insufficient nvidia.com/gpu"), "no node has any nvidia.com/gpu"),
        ("too-many-pods", says("3 Too many pods"), "as many pods as they may have"),
        ("host-port-taken", says("3 node(s) didn't have free ports for the requested pod ports"), "hostPort"),
        (
            "topology-spread",
            says("3 node(s) didn't match pod topology spread constraints"),
            "topologySpreadConstraints",
        ),
        (
            "topology-spread",
            says("3 node(s) didn't match pod topology spread constraints (missing required label)"),
            "lack the label",
        ),
        ("pod-anti-affinity", says("3 node(s) didn't match pod anti-affinity rules"), "of its own"),
        (
            "pod-anti-affinity",
            says("3 node(s) didn't satisfy existing pods anti-affinity rules"),
            "there already",
        ),
        ("pod-affinity", says("3 node(s) didn't match pod affinity rules"), "podAffinity"),
        ("node-selector", says("3 node(s) didn't match Pod's node affinity/selector"), "node affinity"),
        ("node-cordoned", says("3 node(s) were unschedulable"), "cordoned"),
        ("node-taints", says("3 node(s) had untolerated taint {dedicated: db}"), "does not tolerate"),
        ("node-taints", says("3 node(s) had untolerated taint(s)"), "does not tolerate"),
        (
            "no-ready-node",
            says("3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }"),
            "not ready yet",
        ),
        (
            "no-ready-node",
            says("3 node(s) had untolerated taint {node.kubernetes.io/unreachable: }"),
            "do not answer",
        ),
        (
            "volume-elsewhere",
            says("3 node(s) had volume node affinity conflict"),
            "in a place where it may not run",
        ),
        ("too-many-volumes", says("3 node(s) exceed max volume count"), "as many volumes"),
        (
            "unschedulable",
            says("3 node(s) did something nobody knew"),
            "no node of 3 takes it: 3 node(s) did something nobody knew",
        ),
        ("no-nodes", Case::unscheduled("no nodes available to schedule pods"), "the host has no nodes"),
    ]);
}

#[test]
fn the_reason_of_most_nodes_goes_first_and_the_others_are_told() {
    let mixed =
        says("1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu");
    holds(vec![("insufficient-cpu", mixed, "(2 of 3 nodes; also 1 node(s) had untolerated taint")]);
    let mixed = says("1 Insufficient cpu, 2 node(s) were unschedulable");
    let verdict = crate::explain::explain(&mixed.facts());
    let also: Vec<&str> = verdict.also.iter().map(|also| also.code).collect();
    assert_eq!((verdict.code, also), ("node-cordoned", vec!["insufficient-cpu"]));
}

#[test]
fn what_no_node_could_ever_hold_is_said_so() {
    let large = json!({"spec": {"containers": [{"name": "main", "image": "i", "resources": {"requests": {"cpu": "64", "memory": "1Gi"}}}]},
        "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu."}]}});
    holds(vec![(
        "insufficient-cpu",
        Case::pod(large).ready_node(),
        "no node is large enough: it asks for 64 of cpu, and the largest can give 4",
    )]);
}

#[test]
fn nodes_lend_their_words() {
    let tainted = json!({"spec": {"taints": [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]}});
    let case =
        Case::unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint(s).").node(tainted);
    holds(vec![("node-taints", case, "dedicated=db:NoSchedule (the only node)")]);
    let silent = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
    let case = Case::unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint(s).").node(silent);
    holds(vec![("no-ready-node", case, "do not answer")]);
    let closed = json!({"spec": {"unschedulable": true}});
    let case = Case::unscheduled("0/1 nodes are available: 1 node(s) were unschedulable.").node(closed);
    holds(vec![("node-cordoned", case, "cordoned: n1")]);
    let selector = json!({"spec": {"nodeSelector": {"disk": "ssd"}}, "status": {"conditions": [{"type": "PodScheduled",
        "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."}]}});
    holds(vec![("node-selector", Case::pod(selector).ready_node(), "nodeSelector disk=ssd")]);
}

#[test]
fn gates_room_being_made_and_a_silent_scheduler_are_told_apart() {
    let gated = json!({"spec": {"schedulingGates": [{"name": "example.com/quota"}]}, "status": {"conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates"}]}});
    let nominated = json!({"status": {"nominatedNodeName": "n1", "conditions": [{"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}]}});
    let other = json!({"spec": {"schedulerName": "batch"}});
    holds(vec![
        ("scheduling-gated", Case::pod(gated).ready_node(), "example.com/quota"),
        ("preempting", Case::pod(nominated), "room is being made for it on n1"),
        ("scheduler-silent", Case::pod(other).ready_node(), "it asks for batch"),
    ]);
}

#[test]
fn the_event_serves_where_the_condition_is_missing() {
    let case = Case::pod(json!({})).ready_node().told(
        30,
        "default-scheduler",
        "FailedScheduling",
        "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    );
    holds(vec![("insufficient-memory", case, "the only node")]);
}
