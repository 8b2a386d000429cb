//! What ends a pod, or keeps it from ending.

use chrono::TimeDelta;
use k8s_openapi::api::core::v1::{Node, Pod};
use smol_str::format_smolstr;

use super::Line;
use crate::explain::facts::Facts;
use crate::explain::pod::{self, at};
use crate::explain::verdict::{Cause, Evidence};

pub(super) const LINES: &[Line] = &[
    Line { code: "node-gone", why: node_gone },
    Line { code: "node-not-ready", why: node_silent },
    Line { code: "finalizer", why: finalizer },
    Line { code: "terminating", why: terminating },
    Line { code: "evicted", why: evicted },
    Line { code: "preempted", why: preempted },
    Line { code: "node-shutdown", why: shut_down },
    Line { code: "node-refused", why: node_refused },
    Line { code: "deadline", why: deadline },
];

/// How much longer than its time something may take to end.
const MARGIN: TimeDelta = TimeDelta::seconds(30);

/// The pod on the host, while it is meant to run or to end.
fn alive(facts: &Facts) -> Option<&Pod> {
    facts.host_pod().filter(|pod| !matches!(pod::phase(pod), "Succeeded" | "Failed"))
}

fn node_gone(facts: &Facts) -> Option<Cause> {
    alive(facts)?;
    let (name, None) = facts.node()? else { return None };
    Some(
        Cause::certain(format_smolstr!("its node {name} is gone: nobody runs it or says that it has ended"))
            .seen(Evidence {
                at: Some(facts.now),
                source: "nodes of the host".into(),
                says: format_smolstr!("there is no node {name}"),
            })
            .fix("delete it with a grace period of 0: its controller makes another one elsewhere"),
    )
}

/// The condition that says whether a node is ready.
fn readiness(node: &Node) -> Option<&k8s_openapi::api::core::v1::NodeCondition> {
    node.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == "Ready")
}

fn node_silent(facts: &Facts) -> Option<Cause> {
    alive(facts).filter(|_| !pod::is_well(facts))?;
    let (name, Some(node)) = facts.node()? else { return None };
    let ready = readiness(node).filter(|ready| ready.status != "True")?;
    let word = if ready.status == "Unknown" { "does not answer" } else { "is not ready" };
    let message = ready.message.as_deref().unwrap_or_default();
    Some(
        Cause::certain(format_smolstr!("its node {name} {word}"))
            .seen(Evidence {
                at: at(ready.last_transition_time.as_ref()),
                source: format_smolstr!("condition Ready={} of node {name}", ready.status),
                says: format_smolstr!("{}: {message}", ready.reason.as_deref().unwrap_or_default()),
            })
            .fix(format_smolstr!("bring the node {name} back: look at its kubelet and its network"))
            .risky(
                format_smolstr!(
                    "taint it node.kubernetes.io/out-of-service once it is switched off for certain"
                ),
                "a pod that still runs there keeps writing to its volumes beside its successor",
            ),
    )
}

/// The pod that is being deleted, on whichever side it is.
fn going(facts: &Facts) -> Option<&Pod> {
    [facts.host_pod(), facts.virtual_pod()].into_iter().flatten().find(|pod| pod::is_going(pod))
}

fn finalizer(facts: &Facts) -> Option<Cause> {
    let pod = going(facts)?;
    let finalizers = pod.metadata.finalizers.as_ref().filter(|all| !all.is_empty())?;
    // While its containers end, finalizers keep nothing up.
    let over = facts.now.signed_duration_since(at(pod.metadata.deletion_timestamp.as_ref())?);
    let ended = pod::containers(pod).all(|container| container.runs_since().is_none());
    if !ended && over < MARGIN {
        return None;
    }
    let names = finalizers.join(", ");
    Some(
        Cause::certain(format_smolstr!("it is being deleted, and {names} has not been taken off it"))
            .seen(deletion(pod))
            .fix(format_smolstr!(
                "look whether the controller that put {} there still runs; it takes it away when it does",
                finalizers[0]
            ))
            .risky(
                format_smolstr!("take {names} away by hand"),
                "what it was to clean up stays behind, outside of the cluster perhaps",
            ),
    )
}

fn deletion(pod: &Pod) -> Evidence {
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or_default();
    let finalizers = pod.metadata.finalizers.as_deref().unwrap_or_default();
    let held =
        if finalizers.is_empty() { String::new() } else { format!(", finalizers {}", finalizers.join(", ")) };
    Evidence {
        at: at(pod.metadata.deletion_timestamp.as_ref()),
        source: "metadata".into(),
        says: format_smolstr!("to be gone by this time: grace period {grace} s{held}"),
    }
}

fn terminating(facts: &Facts) -> Option<Cause> {
    let pod = going(facts)?;
    let over = facts.now.signed_duration_since(at(pod.metadata.deletion_timestamp.as_ref())?);
    if over < MARGIN {
        let left = TimeDelta::zero().max(-over).num_seconds();
        let says = format_smolstr!("it is being deleted and has up to {left} s left to end by itself");
        return Some(Cause::certain(says).seen(deletion(pod)).fix("wait"));
    }
    let told = facts.told(&["FailedKillPod", "FailedPreStopHook", "FailedUnmount"]);
    Some(
        Cause::likely(format_smolstr!(
            "its kubelet has not ended it, {} s after its time: a container or a volume does not let go",
            over.num_seconds()
        ))
        .seen(deletion(pod))
        .seen(told.map(|told| told.evidence()))
        .fix("look at its events and at the kubelet of its node")
        .risky("delete it with a grace period of 0", "it may run on, on its node, and keep its volumes"),
    )
}

/// Its status as evidence.
fn status(pod: &Pod) -> Evidence {
    let at = pod::condition(pod, "DisruptionTarget").and_then(|it| at(it.last_transition_time.as_ref()));
    Evidence {
        at,
        source: "pod status".into(),
        says: format_smolstr!("{}: {}", pod::reason(pod), pod::message(pod)),
    }
}

/// The pod, if it has failed for this reason.
fn failed(facts: &Facts, is_it: impl Fn(&str) -> bool) -> Option<&Pod> {
    facts.pod().filter(|pod| pod::phase(pod) == "Failed" && is_it(pod::reason(pod)))
}

fn evicted(facts: &Facts) -> Option<Cause> {
    let pod = failed(facts, |reason| reason == "Evicted")?;
    let message = pod::message(pod).trim_end_matches(['.', ' ']);
    Some(
        Cause::certain(format_smolstr!("its node has evicted it: {message}"))
            .seen(status(pod))
            .fix("give it requests (and a limit of ephemeral storage) of what it really uses, so that it goes where there is room")
            .fix("look what else fills the node"),
    )
}

fn preempted(facts: &Facts) -> Option<Cause> {
    let pod = facts.pod()?;
    let target = pod::condition(pod, "DisruptionTarget").filter(|it| it.status == "True");
    let by_scheduler = target.filter(|it| it.reason.as_deref() == Some("PreemptionByScheduler"));
    let told = facts.told(&["Preempted"]);
    if by_scheduler.is_none() && told.is_none() && failed(facts, |reason| reason == "Preempting").is_none() {
        return None;
    }
    Some(
        Cause::certain("it had to make room for a pod of higher priority")
            .seen(by_scheduler.map(pod::condition_evidence))
            .seen(told.map(|told| told.evidence()))
            .fix("give it a PriorityClass that is high enough, or the nodes more room"),
    )
}

fn shut_down(facts: &Facts) -> Option<Cause> {
    let pod = failed(facts, |reason| matches!(reason, "Terminated" | "NodeShutdown" | "Shutdown"))?;
    Some(
        Cause::certain("its node was shut down")
            .seen(status(pod))
            .fix("delete it, if its controller has not made another one"),
    )
}

fn node_refused(facts: &Facts) -> Option<Cause> {
    let refused = |reason: &str| {
        reason.starts_with("OutOf")
            || matches!(
                reason,
                "NodeAffinity"
                    | "NodeName"
                    | "NodePorts"
                    | "UnexpectedAdmissionError"
                    | "TopologyAffinityError"
                    | "Admission"
            )
            || matches!(reason, "AppArmor" | "SysctlForbidden" | "PodOSNotSupported" | "InvalidNodeInfo")
    };
    let pod = failed(facts, refused)?;
    let message = pod::message(pod).trim_end_matches('.');
    Some(
        Cause::certain(format_smolstr!(
            "the kubelet of its node did not take it ({}): {message}",
            pod::reason(pod)
        ))
        .seen(status(pod))
        .fix("delete it: its controller makes another one, which is scheduled anew")
        .fix("do not set spec.nodeName by hand: it goes past the scheduler"),
    )
}

fn deadline(facts: &Facts) -> Option<Cause> {
    let pod = failed(facts, |reason| reason == "DeadlineExceeded")?;
    Some(
        Cause::certain("it has run longer than its activeDeadlineSeconds allow")
            .seen(status(pod))
            .fix("raise activeDeadlineSeconds of the pod or the Job, or look why it takes so long"),
    )
}
