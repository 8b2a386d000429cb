//! Between node and image: sandbox, network, configuration of containers, containers that cannot be started.

use smol_str::format_smolstr;

use super::Line;
use crate::explain::facts::Facts;
use crate::explain::message::quoted;
use crate::explain::pod;
use crate::explain::verdict::{Cause, Evidence};

pub(super) const LINES: &[Line] = &[
    Line { code: "runtime-handler-missing", why: handler },
    Line { code: "sandbox-failed", why: sandbox },
    Line { code: "runs-as-root", why: as_root },
    Line { code: "command-missing", why: command },
    Line { code: "container-config", why: config },
    Line { code: "container-failed", why: container },
    Line { code: "kubelet-silent", why: silent },
];

/// The newest word of a kubelet about the sandbox, while it has not gone on.
fn told_of_sandbox(facts: &Facts, is_it: impl Fn(&str) -> bool) -> Option<(&str, Evidence)> {
    facts.pod().filter(|pod| pod::is_before_start(pod) && !pod::is_going(pod))?;
    let told = facts.told_that(&["FailedCreatePodSandBox", "FailedCreatePodSandbox"], is_it)?;
    let later = facts.told(&["Pulling", "Pulled", "Created", "Started"]);
    if later.is_some_and(|later| later.event.last >= told.event.last) {
        return None;
    }
    Some((told.event.message.as_str(), told.evidence()))
}

fn is_of_handler(message: &str) -> bool {
    message.contains("no runtime for \"")
}

fn handler(facts: &Facts) -> Option<Cause> {
    let (message, evidence) = told_of_sandbox(facts, is_of_handler)?;
    let name = quoted(message, "no runtime for ").unwrap_or("?");
    Some(
        Cause::certain(format_smolstr!("its RuntimeClass asks for the handler {name}, which its node does not have"))
            .seen(evidence)
            .fix("use another RuntimeClass, or set up the handler on the nodes and give the class a nodeSelector for them"),
    )
}

fn sandbox(facts: &Facts) -> Option<Cause> {
    let (message, evidence) = told_of_sandbox(facts, |message| !is_of_handler(message))?;
    let network = message.contains("network") || message.contains("cni") || message.contains("CNI");
    let because = if network {
        "the network of its node does not give it an address"
    } else {
        "its node cannot make a sandbox for it"
    };
    let fix = if network {
        "look at the network plugin (CNI) on its node: does it run, has it addresses left?"
    } else {
        "look at the container runtime of its node"
    };
    let last = message.rsplit(": ").next().unwrap_or(message);
    Some(Cause::certain(format_smolstr!("{because}: {last}")).seen(evidence).fix(fix))
}

fn as_root(facts: &Facts) -> Option<Cause> {
    let (container, message) = pod::waits_for(facts, &["CreateContainerConfigError"])?;
    if !message.contains("runAsNonRoot") {
        return None;
    }
    Some(
        Cause::certain(format_smolstr!(
            "{} says runAsNonRoot, and its image would run as root or does not say as whom",
            container.words()
        ))
        .seen(container.evidence())
        .fix("set runAsUser to a number other than 0, or use an image with such a user"),
    )
}

/// Whether a runtime says that there is no such program.
fn is_no_program(message: &str) -> bool {
    ["executable file not found", "no such file or directory", "exec format error", "permission denied"]
        .iter()
        .any(|it| message.contains(it))
        && (message.contains("exec") || message.contains("OCI runtime"))
}

/// A container whose program could not be started: what it waits for, or how it ended.
fn unstarted(facts: &Facts) -> Option<(pod::Container<'_>, &str)> {
    let waits = pod::waits_for(facts, &["RunContainerError", "CreateContainerError", "StartError"]);
    waits.or_else(|| {
        pod::all(facts).find_map(|container| {
            let ended = container.ended()?;
            let is_start = matches!(ended.reason.as_deref(), Some("StartError" | "ContainerCannotRun"));
            let stopped = container.runs_since().is_none();
            (is_start && stopped).then_some((container, ended.message.as_deref().unwrap_or_default()))
        })
    })
}

fn command(facts: &Facts) -> Option<Cause> {
    let (container, message) = unstarted(facts).filter(|(_, message)| is_no_program(message))?;
    let program = quoted(message, "exec: ").map(|it| format!(" {it}")).unwrap_or_default();
    let why = message.rsplit(": ").next().unwrap_or(message).trim();
    Some(
        Cause::certain(format_smolstr!("{} cannot start its program{program}: {why}", container.words()))
            .seen(container.evidence())
            .seen(container.end().filter(|_| container.waiting().is_some()))
            .fix("correct command and args of the container, or use an image that has the program, for this architecture"),
    )
}

fn config(facts: &Facts) -> Option<Cause> {
    let (container, message) = pod::waits_for(facts, &["CreateContainerConfigError"])?;
    let known = ["runAsNonRoot", "not found", "couldn't find key"];
    if known.iter().any(|it| message.contains(it)) {
        return None;
    }
    Some(
        Cause::certain(format_smolstr!(
            "the configuration of {} does not work: {message}",
            container.words()
        ))
        .seen(container.evidence())
        .fix("change the container as the message says"),
    )
}

fn container(facts: &Facts) -> Option<Cause> {
    let (container, message) = unstarted(facts).filter(|(_, message)| !is_no_program(message))?;
    Some(
        Cause::certain(format_smolstr!("{} cannot be started: {message}", container.words()))
            .seen(container.evidence())
            .fix("change the container as the message says, or look at the container runtime of its node"),
    )
}

/// It has a node, and nothing has been heard of its kubelet.
fn silent(facts: &Facts) -> Option<Cause> {
    let pod = facts.host_pod().filter(|pod| pod::is_before_start(pod) && !pod::is_going(pod))?;
    let scheduled = pod::condition(pod, "PodScheduled").filter(|it| it.status == "True")?;
    let since = pod::at(scheduled.last_transition_time.as_ref())?;
    let heard =
        pod::containers(pod).next().is_some() || facts.events().any(|told| told.event.source == "kubelet");
    if heard || facts.now.signed_duration_since(since).num_seconds() < 30 {
        return None;
    }
    let node = facts.node().map(|(name, _)| name).unwrap_or("its node");
    Some(
        Cause::likely(format_smolstr!("the kubelet of {node} has not begun with it"))
            .seen(pod::condition_evidence(scheduled))
            .fix(format_smolstr!("look at the kubelet of {node}")),
    )
}
