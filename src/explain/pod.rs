//! What a pod's own status says, in the terms that causes ask in.

use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, Pod, PodCondition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use smol_str::{SmolStr, format_smolstr};

use super::facts::Facts;
use super::verdict::Evidence;
use crate::time;

/// Which of a pod's containers one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Init,
    Main,
}

/// A container and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container<'a> {
    pub(super) role: Role,
    pub(super) status: &'a ContainerStatus,
}

impl<'a> Container<'a> {
    /// `container web`, `init container migrate`.
    pub(super) fn words(&self) -> SmolStr {
        let kind = if self.role == Role::Init { "init container" } else { "container" };
        format_smolstr!("{kind} {}", self.status.name)
    }

    pub(super) fn waiting(&self) -> Option<&'a ContainerStateWaiting> {
        self.status.state.as_ref()?.waiting.as_ref()
    }

    /// How it ended last: now, or before its latest start.
    pub(super) fn ended(&self) -> Option<&'a ContainerStateTerminated> {
        fn of(state: Option<&ContainerState>) -> Option<&ContainerStateTerminated> {
            state?.terminated.as_ref()
        }
        of(self.status.state.as_ref()).or_else(|| of(self.status.last_state.as_ref()))
    }

    pub(super) fn runs_since(&self) -> Option<Option<DateTime<Utc>>> {
        let running = self.status.state.as_ref()?.running.as_ref()?;
        Some(at(running.started_at.as_ref()))
    }

    /// What its status says, as evidence.
    pub(super) fn evidence(&self) -> Evidence {
        let source = format_smolstr!("status of {}", self.words());
        if let Some(waiting) = self.waiting() {
            let reason = waiting.reason.as_deref().unwrap_or("waiting");
            let says = match waiting.message.as_deref() {
                Some(message) if !message.is_empty() => format_smolstr!("{reason}: {message}"),
                _ => reason.into(),
            };
            return Evidence { at: None, source, says };
        }
        match self.ended().filter(|_| self.runs_since().is_none()) {
            Some(ended) => end_evidence(source, ended),
            None => {
                let says = if self.status.ready { "running and ready" } else { "running, not ready" };
                Evidence { at: self.runs_since().flatten(), source, says: says.into() }
            }
        }
    }

    /// How it ended last, as evidence.
    pub(super) fn end(&self) -> Option<Evidence> {
        self.ended().map(|ended| end_evidence(format_smolstr!("last end of {}", self.words()), ended))
    }
}

fn end_evidence(source: SmolStr, ended: &ContainerStateTerminated) -> Evidence {
    let reason = ended.reason.as_deref().unwrap_or("ended");
    let message = ended.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
    let message = message.map(|message| format!(": {message}")).unwrap_or_default();
    let says = format_smolstr!("{reason}, exit code {}{message}", ended.exit_code);
    Evidence { at: at(ended.finished_at.as_ref()), source, says }
}

/// All containers that have a status, init containers first.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = Container<'_>> {
    let status = pod.status.as_ref();
    let init = status.and_then(|it| it.init_container_statuses.as_deref()).unwrap_or_default();
    let main = status.and_then(|it| it.container_statuses.as_deref()).unwrap_or_default();
    let init = init.iter().map(|status| Container { role: Role::Init, status });
    init.chain(main.iter().map(|status| Container { role: Role::Main, status }))
}

/// The containers of the pod whose status decides.
pub(super) fn all(facts: &Facts) -> impl Iterator<Item = Container<'_>> {
    facts.pod().into_iter().flat_map(containers)
}

/// The first container that waits for one of these reasons.
pub(super) fn waits_for<'a>(facts: &'a Facts, reasons: &[&str]) -> Option<(Container<'a>, &'a str)> {
    all(facts).find_map(|container| {
        let waiting = container.waiting()?;
        let reason = waiting.reason.as_deref()?;
        reasons.contains(&reason).then(|| (container, waiting.message.as_deref().unwrap_or_default()))
    })
}

/// A condition by its type.
pub(super) fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

/// A condition as evidence.
pub(super) fn condition_evidence(condition: &PodCondition) -> Evidence {
    let reason = condition.reason.as_deref().unwrap_or_default();
    let message = condition.message.as_deref().unwrap_or_default();
    let says = if message.is_empty() { reason.into() } else { format_smolstr!("{reason}: {message}") };
    let source = format_smolstr!("condition {}={}", condition.type_, condition.status);
    Evidence { at: at(condition.last_transition_time.as_ref()), source, says }
}

/// `status.phase`.
pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// `status.reason`.
pub(super) fn reason(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.reason.as_deref()).unwrap_or_default()
}

/// `status.message`.
pub(super) fn message(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.message.as_deref()).unwrap_or_default()
}

/// Whether it has a node.
pub(super) fn is_scheduled(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).is_some_and(|node| !node.is_empty())
}

/// Whether it is being deleted.
pub(super) fn is_going(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Whether nobody has begun with its containers.
pub(super) fn is_before_start(pod: &Pod) -> bool {
    let begun = |container: Container<'_>| container.runs_since().is_some() || container.ended().is_some();
    phase(pod) == "Pending" && is_scheduled(pod) && !containers(pod).any(begun)
}

/// Time of ours.
pub(super) fn at(time: Option<&Time>) -> Option<DateTime<Utc>> {
    time.and_then(|time| time::from_jiff(time.0))
}

/// Whether all is as it should be.
pub(super) fn is_well(facts: &Facts) -> bool {
    let Some(pod) = facts.pod() else { return false };
    let ready = condition(pod, "Ready").is_some_and(|ready| ready.status == "True");
    !is_going(pod) && (phase(pod) == "Succeeded" || phase(pod) == "Running" && ready)
}

/// The word for its state: what `kubectl get pods` says, or why there is nothing to say it of.
pub(super) fn state(facts: &Facts) -> SmolStr {
    let Some(pod) = facts.pod() else {
        return match facts.workload.get() {
            Some(_) => "without pods".into(),
            None => "not to be seen".into(),
        };
    };
    if is_going(pod) {
        return "Terminating".into();
    }
    if !reason(pod).is_empty() {
        return reason(pod).into();
    }
    let trouble = containers(pod).find_map(|container| {
        let waiting = container.waiting()?.reason.as_deref()?;
        let init = if container.role == Role::Init { "Init:" } else { "" };
        let quiet = matches!(waiting, "ContainerCreating" | "PodInitializing");
        (!quiet).then(|| format_smolstr!("{init}{waiting}"))
    });
    if let Some(trouble) = trouble {
        return trouble;
    }
    let ready = condition(pod, "Ready").is_none_or(|ready| ready.status == "True");
    match phase(pod) {
        "Running" if !ready => "Running, but not ready".into(),
        "" => "Pending".into(),
        phase => phase.into(),
    }
}
