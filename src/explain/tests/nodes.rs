//! What ends a pod, or keeps it from ending.

use serde_json::{Value, json};

use super::holds;
use super::objects::Case;

#[test]
fn ends_have_causes() {
    let running = json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}});
    let failed = |reason: &str, message: &str| {
        Case::pod(json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Failed", "reason": reason, "message": message}})).ready_node()
    };
    let going = |seconds: i64, finalizers: Value| {
        let at = (super::objects::now() - chrono::TimeDelta::seconds(seconds))
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        Case::pod(json!({"metadata": {"deletionTimestamp": at, "deletionGracePeriodSeconds": 30, "finalizers": finalizers},
            "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}})).ready_node()
    };
    let silent = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-11-21T11:00:00Z"}]}});
    let preempted = json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True",
        "reason": "PreemptionByScheduler", "message": "default-scheduler: preempting to accommodate a higher priority pod"}]}});
    holds(vec![
        ("node-not-ready", Case::pod(running.clone()).node(silent), "its node n1 does not answer"),
        ("node-gone", Case::pod(running).node(json!({"metadata": {"name": "n2"}})), "its node n1 is gone"),
        ("finalizer", going(300, json!(["example.com/hold"])), "example.com/hold has not been taken off it"),
        ("terminating", going(300, json!([])), "its kubelet has not ended it, 300 s after its time"),
        ("terminating", going(-20, json!([])), "has up to 20 s left"),
        (
            "evicted",
            failed(
                "Evicted",
                "The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi.",
            ),
            "its node has evicted it: The node was low on resource: memory",
        ),
        ("preempted", Case::pod(preempted).ready_node(), "make room for a pod of higher priority"),
        (
            "node-shutdown",
            failed("Terminated", "Pod was terminated in response to imminent node shutdown."),
            "shut down",
        ),
        (
            "node-refused",
            failed(
                "OutOfcpu",
                "Pod was rejected: Node didn't have enough resource: cpu, requested: 64000, used: 0, capacity: 4000",
            ),
            "did not take it (OutOfcpu)",
        ),
        (
            "deadline",
            failed("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"),
            "activeDeadlineSeconds",
        ),
    ]);
}
