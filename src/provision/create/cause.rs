//! What a control plane that is not ready waits for, in one sentence. Pure.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use smol_str::{SmolStr, format_smolstr};

use crate::cluster::{EventKind, EventRow};
use crate::provision::objects::API_SERVER;
use crate::wire::KINE_CONTAINER;

/// Containers that the others wait for, in the order in which they do.
const FIRST: [&str; 2] = [KINE_CONTAINER, API_SERVER];

/// `words` are the last line of a container that ends again and again. Of several pods it is about the first that is not ready.
pub(super) fn cause(vcluster: &str, pods: &[Pod], events: &[EventRow], words: Option<&str>) -> SmolStr {
    let Some(pod) = pods.iter().find(|pod| !is_ready(pod)) else {
        return match pods {
            [] => of_workload(vcluster, events),
            _ => "the host has not counted its pods yet".into(),
        };
    };
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let state = state(pod);
    let scheduled = statuses(pod).next().is_some();
    let event = warning(events, &format!("Pod/{name}"), scheduled);
    match (words, event) {
        (Some(words), _) => format_smolstr!("{name}: {state}: {words}"),
        (None, Some(event)) => format_smolstr!("{name}: {state}; {event}"),
        (None, None) => format_smolstr!("{name}: {state}"),
    }
}

/// Pod and container that keeps it from being ready, where that has ended at least once and does not run.
pub(super) fn crashed(pod: &Pod) -> Option<(String, String)> {
    let (status, _) = deciding(pod)?;
    let running = status.state.as_ref().is_some_and(|state| state.running.is_some());
    (status.restart_count > 0 && !running)
        .then(|| (pod.metadata.name.clone().unwrap_or_default(), status.name.clone()))
}

/// The last line that says something.
pub(super) fn last_line(log: &str) -> Option<SmolStr> {
    let line = log.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let cut: String = line.chars().take(300).collect();
    Some(cut.into())
}

/// There is no pod: what makes them may say why.
fn of_workload(vcluster: &str, events: &[EventRow]) -> SmolStr {
    let about = ["StatefulSet", "Deployment", "ReplicaSet"].map(|kind| format!("{kind}/{vcluster}"));
    let event = events.iter().find(|event| {
        event.kind == EventKind::Warning && about.iter().any(|about| event.object.starts_with(about.as_str()))
    });
    match event {
        Some(event) => format_smolstr!("no pod yet; {}: {}", event.reason, event.message),
        None => "no pod yet".into(),
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Init containers first, then the others, each behind what it waits for.
fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let first = status.and_then(|status| status.init_container_statuses.as_ref()).into_iter().flatten();
    let mut others: Vec<&ContainerStatus> =
        status.and_then(|status| status.container_statuses.as_ref()).into_iter().flatten().collect();
    others.sort_by_key(|status| FIRST.iter().position(|name| *name == status.name).unwrap_or(FIRST.len()));
    first.chain(others)
}

/// The first container that is not there yet decides, as others wait for it; and what is to be said of it.
fn deciding(pod: &Pod) -> Option<(&ContainerStatus, String)> {
    statuses(pod).filter(|status| !status.ready).find_map(|status| Some((status, said(status)?)))
}

/// What a container that is not ready does; None of one that has done its work.
fn said(status: &ContainerStatus) -> Option<String> {
    let state = status.state.clone().unwrap_or_default();
    Some(match (state.waiting, state.terminated, state.running) {
        (Some(waiting), ..) => {
            let reason = waiting.reason.unwrap_or_else(|| "waiting".to_owned());
            match waiting.message.filter(|_| reason != "PodInitializing") {
                Some(message) => format!("{reason}, {message}"),
                None => reason,
            }
        }
        (None, Some(ended), _) if ended.exit_code == 0 => return None,
        (None, Some(ended), _) => format!("ended with {}", ended.exit_code),
        (None, None, Some(_)) => "runs and is not ready".to_owned(),
        (None, None, None) => "not started".to_owned(),
    })
}

fn state(pod: &Pod) -> SmolStr {
    if let Some((status, said)) = deciding(pod) {
        return format_smolstr!("{} {said}", status.name);
    }
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let unmet =
        conditions.into_iter().find(|condition| condition.status != "True" && condition.message.is_some());
    match unmet.and_then(|condition| condition.message.clone()) {
        Some(message) => message.into(),
        None => pod
            .status
            .as_ref()
            .and_then(|status| status.phase.clone())
            .unwrap_or_else(|| "Pending".to_owned())
            .into(),
    }
}

/// The newest warning about an object; the list has the newest first.
fn warning(events: &[EventRow], object: &str, scheduled: bool) -> Option<SmolStr> {
    // Probes fail while a program starts: the state has said that it is not ready. And what kept it from a node is over.
    let over =
        |event: &EventRow| event.reason == "Unhealthy" || (scheduled && event.reason == "FailedScheduling");
    let telling =
        |event: &&EventRow| event.kind == EventKind::Warning && event.object == object && !over(event);
    events.iter().find(telling).map(|event| format_smolstr!("{}: {}", event.reason, event.message))
}
