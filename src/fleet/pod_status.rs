//! What `kubectl get pods` says about a pod: the words of STATUS, READY and RESTARTS.

use smol_str::{SmolStr, format_smolstr};

use super::views::{ContainerStatus, PodView, Terminated};

/// STATUS, READY and RESTARTS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodWords {
    pub(super) status: SmolStr,
    pub(super) ready: usize,
    pub(super) containers: usize,
    pub(super) restarts: u32,
}

/// The words for a pod.
pub(super) fn words(pod: &PodView<'_>) -> PodWords {
    let status = &pod.status;
    let gated = status.condition("PodScheduled").is_some_and(|c| c.reason.as_str() == "SchedulingGated");
    let mut words = PodWords {
        status: match (gated, status.reason.is_empty()) {
            (true, _) => SmolStr::new_static("SchedulingGated"),
            (false, false) => status.reason.as_str().into(),
            (false, true) => status.phase.as_str().into(),
        },
        ready: 0,
        containers: pod.spec.containers.0,
        restarts: 0,
    };
    let initializing = init_containers(pod, &mut words);
    if !initializing || status.is_true("Initialized") {
        main_containers(pod, &mut words);
    }
    let ended = matches!(status.phase.as_str(), "Succeeded" | "Failed");
    if pod.metadata.deleted().is_some() {
        if status.reason.as_str() == "NodeLost" {
            words.status = SmolStr::new_static("Unknown");
        } else if !ended {
            words.status = SmolStr::new_static("Terminating");
        }
    }
    words
}

/// Takes the init containers in; whether one of them has not finished.
fn init_containers(pod: &PodView<'_>, words: &mut PodWords) -> bool {
    let declared = pod.spec.init_containers.as_deref().unwrap_or_default();
    let is_sidecar = |name: &str| declared.iter().any(|init| init.name.as_str() == name && init.is_sidecar());
    words.containers += declared.iter().filter(|init| init.is_sidecar()).count();
    for (index, init) in pod.status.init_container_statuses.as_deref().unwrap_or_default().iter().enumerate()
    {
        words.restarts += init.restart_count;
        let sidecar = is_sidecar(&init.name);
        match &init.state.terminated {
            Some(done) if done.exit_code == 0 => continue,
            _ if sidecar && init.started == Some(true) => {
                words.ready += usize::from(init.ready);
                continue;
            }
            Some(failed) => words.status = format_smolstr!("Init:{}", ending(failed)),
            None => {
                let waiting = init.state.waiting.as_ref().map(|waiting| waiting.reason.as_str());
                words.status = match waiting.unwrap_or_default() {
                    "" | "PodInitializing" => format_smolstr!("Init:{index}/{}", declared.len()),
                    reason => format_smolstr!("Init:{reason}"),
                };
            }
        }
        return true;
    }
    false
}

/// Takes the main containers in. Restarts are then those of what still runs: sidecars and main containers.
fn main_containers(pod: &PodView<'_>, words: &mut PodWords) {
    let declared = pod.spec.init_containers.as_deref().unwrap_or_default();
    let sidecars = pod.status.init_container_statuses.as_deref().unwrap_or_default().iter().filter(|init| {
        declared.iter().any(|known| known.name.as_str() == init.name.as_str() && known.is_sidecar())
    });
    words.restarts = sidecars.map(|sidecar| sidecar.restart_count).sum();
    let mut running = false;
    for container in pod.status.container_statuses.as_deref().unwrap_or_default().iter().rev() {
        words.restarts += container.restart_count;
        match trouble(container) {
            Some(word) => words.status = word,
            None if container.ready && container.state.running.is_some() => {
                running = true;
                words.ready += 1;
            }
            None => {}
        }
    }
    if words.status == "Completed" && running {
        let ready = pod.status.is_true("Ready");
        words.status = SmolStr::new_static(if ready { "Running" } else { "NotReady" });
    }
}

/// Why a container does not run, if it does not.
fn trouble(container: &ContainerStatus<'_>) -> Option<SmolStr> {
    let waiting = container.state.waiting.as_ref().map(|waiting| waiting.reason.as_str());
    if let Some(reason) = waiting.filter(|reason| !reason.is_empty()) {
        return Some(reason.into());
    }
    container.state.terminated.as_ref().map(ending)
}

/// How a container ended, in a word.
pub(super) fn ending(terminated: &Terminated<'_>) -> SmolStr {
    match (terminated.reason.as_str(), terminated.signal.filter(|signal| *signal != 0)) {
        ("", Some(signal)) => format_smolstr!("Signal:{signal}"),
        ("", None) => format_smolstr!("ExitCode:{}", terminated.exit_code),
        (reason, _) => reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn words_of(pod: Value) -> PodWords {
        let text = pod.to_string();
        words(&serde_json::from_str(&text).unwrap())
    }

    fn pod(spec: Value, status: Value) -> Value {
        json!({"metadata": {"name": "p"}, "spec": spec, "status": status})
    }

    fn running(restarts: u32) -> Value {
        json!({"name": "c", "ready": true, "restartCount": restarts, "state": {"running": {}}})
    }

    #[test]
    fn the_words_are_those_of_kubectl() {
        let one = json!({"containers": [{"name": "c"}]});
        let with_init =
            json!({"containers": [{"name": "c"}], "initContainers": [{"name": "i"}, {"name": "j"}]});
        let with_sidecar = json!({"containers": [{"name": "c"}], "initContainers": [{"name": "s", "restartPolicy": "Always"}]});
        let waiting = |reason: &str| json!({"phase": "Pending", "containerStatuses": [{"name": "c", "restartCount": 4, "state": {"waiting": {"reason": reason}}}]});
        let ended = |state: Value| json!({"phase": "Running", "containerStatuses": [{"name": "c", "state": {"terminated": state}}]});
        let init = |state: Value| json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": state}]});
        let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
        let cases = [
            (one.clone(), json!({"phase": "Running", "containerStatuses": [running(0)]}), "Running"),
            (one.clone(), json!({"phase": "Pending"}), "Pending"),
            (one.clone(), waiting("ContainerCreating"), "ContainerCreating"),
            (one.clone(), waiting("CrashLoopBackOff"), "CrashLoopBackOff"),
            (one.clone(), waiting("ImagePullBackOff"), "ImagePullBackOff"),
            (one.clone(), ended(json!({"exitCode": 1, "reason": "Error"})), "Error"),
            (one.clone(), ended(json!({"exitCode": 3})), "ExitCode:3"),
            (one.clone(), ended(json!({"exitCode": 137, "signal": 9})), "Signal:9"),
            (one.clone(), ended(json!({"exitCode": 137, "reason": "OOMKilled"})), "OOMKilled"),
            (one.clone(), json!({"phase": "Failed", "reason": "Evicted"}), "Evicted"),
            (
                one.clone(),
                json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}),
                "SchedulingGated",
            ),
            (with_init.clone(), init(json!({"running": {}})), "Init:0/2"),
            (with_init.clone(), init(json!({"waiting": {"reason": "PodInitializing"}})), "Init:0/2"),
            (
                with_init.clone(),
                init(json!({"waiting": {"reason": "CrashLoopBackOff"}})),
                "Init:CrashLoopBackOff",
            ),
            (with_init.clone(), init(json!({"terminated": {"exitCode": 2}})), "Init:ExitCode:2"),
            (
                with_init.clone(),
                init(json!({"terminated": {"exitCode": 1, "reason": "Error"}})),
                "Init:Error",
            ),
            (with_init.clone(), init(done.clone()), "Pending"),
            (
                with_sidecar,
                json!({"phase": "Running", "initContainerStatuses": [{"name": "s", "ready": true, "started": true, "state": {"running": {}}}], "containerStatuses": [running(0)]}),
                "Running",
            ),
            (
                json!({"containers": [{"name": "a"}, {"name": "b"}]}),
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "a", "state": done.clone()}, running(0)]}),
                "Running",
            ),
            (
                json!({"containers": [{"name": "a"}, {"name": "b"}]}),
                json!({"phase": "Running", "containerStatuses": [{"name": "a", "state": done}, running(0)]}),
                "NotReady",
            ),
        ];
        for (spec, status, expected) in cases {
            assert_eq!(words_of(pod(spec, status.clone())).status, expected, "{status}");
        }
    }

    #[test]
    fn deletion_shows_unless_the_pod_has_ended_or_its_node_is_lost() {
        let deleted = |status: Value| json!({"metadata": {"name": "p", "deletionTimestamp": "2026-11-20T10:00:00Z"}, "spec": {}, "status": status});
        assert_eq!(words_of(deleted(json!({"phase": "Running"}))).status, "Terminating");
        assert_eq!(words_of(deleted(json!({"phase": "Succeeded"}))).status, "Succeeded");
        assert_eq!(words_of(deleted(json!({"phase": "Running", "reason": "NodeLost"}))).status, "Unknown");
    }

    #[test]
    fn sidecars_count_as_containers_and_finished_init_containers_do_not() {
        let spec = json!({"containers": [{}, {}], "initContainers": [{"name": "s", "restartPolicy": "Always"}, {"name": "i"}]});
        let status = json!({
            "phase": "Running",
            "conditions": [{"type": "Initialized", "status": "True"}],
            "initContainerStatuses": [
                {"name": "s", "ready": true, "started": true, "restartCount": 2, "state": {"running": {}}},
                {"name": "i", "restartCount": 7, "state": {"terminated": {"exitCode": 0}}},
            ],
            "containerStatuses": [running(1), {"name": "d", "restartCount": 3, "state": {"running": {}}}],
        });
        let words = words_of(pod(spec, status));
        assert_eq!((words.ready, words.containers, words.restarts), (2, 3, 6));
    }

    #[test]
    fn a_pod_with_nulls_and_nothing_is_survived() {
        let words =
            words_of(pod(json!({"containers": null, "initContainers": null}), json!({"conditions": null})));
        assert_eq!((words.status.as_str(), words.containers), ("", 0));
    }
}
