//! Why no node takes a pod: what its scheduler says, with what the nodes say.

mod place;
mod room;

use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Pod;
use smol_str::{SmolStr, format_smolstr};

use super::Line;
use crate::explain::facts::Facts;
use crate::explain::message::{Unfit, unfit};
use crate::explain::pod::{self, at};
use crate::explain::verdict::{Cause, Evidence};

/// What is so whatever nodes say.
pub(super) const BEFORE: &[Line] = &[
    Line { code: "scheduling-gated", why: gated },
    Line { code: "preempting", why: preempting },
    Line { code: "no-nodes", why: no_nodes },
];

pub(super) const LINES: &[Line] = &[
    Line { code: "insufficient-cpu", why: |facts| room::insufficient(facts, "cpu") },
    Line { code: "insufficient-memory", why: |facts| room::insufficient(facts, "memory") },
    Line { code: "insufficient-storage", why: |facts| room::insufficient(facts, "ephemeral-storage") },
    Line { code: "insufficient-resource", why: room::insufficient_other },
    Line { code: "too-many-pods", why: room::too_many_pods },
    Line { code: "host-port-taken", why: room::host_port },
    Line { code: "topology-spread", why: place::spread },
    Line { code: "pod-anti-affinity", why: place::anti_affinity },
    Line { code: "pod-affinity", why: place::affinity },
    Line { code: "node-selector", why: place::selector },
    Line { code: "node-cordoned", why: place::cordoned },
    Line { code: "node-taints", why: place::taints },
    Line { code: "no-ready-node", why: place::not_ready },
    Line { code: "unschedulable", why: other },
    Line { code: "scheduler-silent", why: silent },
];

/// How long a scheduler may say nothing.
const PATIENCE: TimeDelta = TimeDelta::seconds(20);

/// The pod, while it waits for a node.
fn waiting(facts: &Facts) -> Option<&Pod> {
    let pod = facts.pod()?;
    // Inside, the pod of a tenant waits for the host's.
    let waits = pod::phase(pod) == "Pending" && !pod::is_scheduled(pod) && !pod::is_going(pod);
    waits.then_some(pod)
}

/// What the scheduler says, and where it says it.
fn said(facts: &Facts) -> Option<(SmolStr, Evidence)> {
    let pod = waiting(facts)?;
    let condition = pod::condition(pod, "PodScheduled")
        .filter(|it| it.status == "False" && it.reason.as_deref() == Some("Unschedulable"));
    if let Some((condition, message)) = condition.and_then(|it| Some((it, it.message.as_deref()?))) {
        return Some((message.into(), pod::condition_evidence(condition)));
    }
    let told = facts.told(&["FailedScheduling"])?;
    Some((told.event.message.clone(), told.evidence()))
}

/// A reason that nodes have, of how many nodes, and the whole.
struct Reason {
    count: u32,
    says: SmolStr,
    whole: Unfit,
    evidence: Evidence,
}

impl Reason {
    /// `2 of 3 nodes`, and what the others say.
    fn nodes(&self) -> String {
        let others: Vec<String> = self
            .whole
            .reasons
            .iter()
            .filter(|(_, says)| *says != self.says)
            .map(|(count, says)| format!("{count} {says}"))
            .collect();
        let others = if others.is_empty() { String::new() } else { format!("; also {}", others.join(", ")) };
        match self.whole.nodes {
            1 => format!("the only node{others}"),
            nodes => format!("{} of {nodes} nodes{others}", self.count),
        }
    }

    fn cause(self, because: impl Into<SmolStr>) -> Cause {
        let because = because.into();
        let nodes = self.nodes();
        Cause::certain(format_smolstr!("{because} ({nodes})")).weighing(self.count).seen(self.evidence)
    }
}

fn reason(facts: &Facts, is_it: impl Fn(&str) -> bool) -> Option<Reason> {
    let (message, evidence) = said(facts)?;
    let whole = unfit(&message)?;
    let (count, says) = whole.reasons.iter().find(|(_, says)| is_it(says)).cloned()?;
    Some(Reason { count, says, whole, evidence })
}

fn gated(facts: &Facts) -> Option<Cause> {
    let pod = waiting(facts)?;
    let gates = pod.spec.as_ref()?.scheduling_gates.as_ref().filter(|gates| !gates.is_empty())?;
    let names: Vec<&str> = gates.iter().map(|gate| gate.name.as_str()).collect();
    let spec = Evidence {
        at: pod::at(pod.metadata.creation_timestamp.as_ref()),
        source: "spec.schedulingGates".into(),
        says: names.join(", ").into(),
    };
    let condition = pod::condition(pod, "PodScheduled").map_or(spec, pod::condition_evidence);
    let names = names.join(", ");
    Some(
        Cause::certain(format_smolstr!("it has scheduling gates, and nobody has taken them away: {names}"))
            .seen(condition)
            .fix(format_smolstr!("look why the controller behind {names} has not opened them"))
            .risky("take spec.schedulingGates away by hand", "what they wait for has not happened"),
    )
}

fn preempting(facts: &Facts) -> Option<Cause> {
    let pod = waiting(facts)?;
    let node = pod.status.as_ref()?.nominated_node_name.as_deref().filter(|node| !node.is_empty())?;
    Some(
        Cause::certain(format_smolstr!(
            "room is being made for it on {node}: pods of lower priority are ending there"
        ))
        .seen(said(facts).map(|(_, evidence)| evidence))
        .fix("wait until they have ended"),
    )
}

fn no_nodes(facts: &Facts) -> Option<Cause> {
    waiting(facts)?;
    let told = said(facts).filter(|(message, _)| message.contains("no nodes available"));
    let none = facts.host_pod().is_some() && facts.nodes.get().is_some_and(Vec::is_empty);
    if told.is_none() && !none {
        return None;
    }
    let counted = none.then(|| Evidence {
        at: Some(facts.now),
        source: "nodes of the host".into(),
        says: "there are none".into(),
    });
    Some(
        Cause::certain("the host has no nodes")
            .seen(told.map(|(_, evidence)| evidence))
            .seen(counted)
            .fix("add a node to the host"),
    )
}

/// Whatever else a scheduler says.
fn other(facts: &Facts) -> Option<Cause> {
    let (message, evidence) = said(facts)?;
    let known =
        BEFORE.iter().chain(LINES).filter(|line| !matches!(line.code, "unschedulable" | "scheduler-silent"));
    if known.into_iter().any(|line| (line.why)(facts).is_some())
        || message.contains("persistentvolumeclaim")
        || message.contains("PersistentVolumeClaim")
    {
        return None;
    }
    let said = unfit(&message).map(|unfit| {
        let all: Vec<String> = unfit.reasons.iter().map(|(count, says)| format!("{count} {says}")).collect();
        format!("no node of {} takes it: {}", unfit.nodes, all.join(", "))
    });
    let because = said
        .unwrap_or_else(|| format!("its scheduler finds no place for it: {}", message.trim_end_matches('.')));
    Some(Cause::certain(because).seen(evidence).fix("see to what the scheduler says"))
}

fn silent(facts: &Facts) -> Option<Cause> {
    let pod = waiting(facts).filter(|_| facts.host_pod().is_some())?;
    let created = at(pod.metadata.creation_timestamp.as_ref())?;
    if pod::condition(pod, "PodScheduled").is_some()
        || facts.told(&["FailedScheduling"]).is_some()
        || facts.now.signed_duration_since(created) < PATIENCE
    {
        return None;
    }
    let name =
        pod.spec.as_ref().and_then(|spec| spec.scheduler_name.as_deref()).unwrap_or("default-scheduler");
    Some(
        Cause::likely(format_smolstr!("no scheduler has looked at it: it asks for {name}"))
            .seen(Evidence {
                at: Some(created),
                source: "metadata".into(),
                says: "created then, and no word of a scheduler since".into(),
            })
            .fix(if name == "default-scheduler" {
                SmolStr::from("look whether the scheduler of the host runs")
            } else {
                format_smolstr!("look whether the scheduler {name} runs, or take spec.schedulerName away")
            }),
    )
}
