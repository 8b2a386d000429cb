//! Images, starting and running.

use serde_json::{Value, json};

use super::holds;
use super::objects::Case;

#[test]
fn images_have_causes() {
    let pull = |said: &str| {
        Case::waits("ImagePullBackOff", "Back-off pulling image \"registry.example/web:1\"").told(
            9,
            "kubelet",
            "Failed",
            &format!("Failed to pull image \"registry.example/web:1\": {said}"),
        )
    };
    holds(vec![
        ("image-name-invalid", Case::waits("InvalidImageName", "Failed to apply default image tag \"X:::\": couldn't parse image name"), "a name that is none"),
        ("image-never-pulled", Case::waits("ErrImageNeverPull", "Container image \"registry.example/web:1\" is not present with pull policy of Never"), "imagePullPolicy is Never"),
        ("image-not-found", pull("rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example/web:1\": failed to resolve reference \"registry.example/web:1\": registry.example/web:1: not found"), "there is no image registry.example/web:1"),
        ("image-unauthorized", pull("failed to resolve reference: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"), "private, or there is none"),
        ("registry-unreachable", pull("failed to do request: Head \"https://registry.example/v2/web/manifests/1\": dial tcp: lookup registry.example: no such host"), "does not reach the registry"),
        ("image-pull-failed", pull("something is broken"), "cannot be pulled"),
        ("pull-secret-missing", pull("401 Unauthorized").told(9, "kubelet", "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."), "the pull secret regcred does not exist"),
        ("image-not-found", Case::waits("ErrImagePull", "rpc error: code = NotFound desc = registry.example/web:1: not found"), "at its registry"),
    ]);
}

#[test]
fn what_keeps_containers_from_starting_has_causes() {
    let creating = |message: &str| {
        Case::waits("ContainerCreating", "").told(9, "kubelet", "FailedCreatePodSandBox", message)
    };
    let start = json!({"terminated": {"exitCode": 128, "reason": "StartError", "finishedAt": "2026-11-21T11:59:00Z",
        "message": "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: \"nope\": executable file not found in $PATH"}});
    let back_off = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}});
    holds(vec![
        (
            "runtime-handler-missing",
            creating(
                "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for \"gvisor\" is configured",
            ),
            "the handler gvisor",
        ),
        (
            "sandbox-failed",
            creating(
                "Failed to create pod sandbox: plugin type=\"bridge\" failed (add): failed to setup network for sandbox: no IP addresses available in range set",
            ),
            "no IP addresses available in range set",
        ),
        (
            "runs-as-root",
            Case::waits(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root (pod: \"web_shop(u1)\", container: main)",
            ),
            "says runAsNonRoot",
        ),
        (
            "command-missing",
            Case::container(back_off, start.clone(), 2),
            "cannot start its program nope: executable file not found in $PATH",
        ),
        ("command-missing", Case::container(start, json!({}), 0), "cannot start its program nope"),
        (
            "container-failed",
            Case::waits("CreateContainerError", "failed to reserve container name"),
            "failed to reserve container name",
        ),
        (
            "container-config",
            Case::waits("CreateContainerConfigError", "failed to prepare subPath for volumeMount"),
            "subPath",
        ),
    ]);
    let quiet = json!({"spec": {"nodeName": "n1"}, "status": {"conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-21T11:50:00Z"}]}});
    holds(vec![("kubelet-silent", Case::pod(quiet).ready_node(), "the kubelet of n1 has not begun")]);
}

fn ended(code: i32, reason: &str) -> Value {
    json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": "2026-11-21T11:58:00Z", "finishedAt": "2026-11-21T11:59:00Z"}})
}

#[test]
fn what_runs_and_ends_has_causes() {
    let back_off = || json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}});
    let running = || json!({"running": {"startedAt": "2026-11-21T11:59:30Z"}});
    let kubelet = "kubelet";
    holds(vec![
        (
            "out-of-memory",
            Case::container(back_off(), ended(137, "OOMKilled"), 3),
            "more memory than its limit and is killed, started again 3 times",
        ),
        ("out-of-memory", Case::container(running(), ended(137, "OOMKilled"), 1), "started again once"),
        (
            "crash-loop",
            Case::container(back_off(), ended(1, "Error"), 4),
            "ends with exit code 1, started again 4 times",
        ),
        ("crash-loop", Case::container(back_off(), ended(127, "Error"), 4), "the command is not found"),
        ("crash-loop", Case::container(back_off(), ended(0, "Completed"), 4), "as if it were done"),
        ("crash-loop", Case::container(ended(2, "Error"), json!({}), 0), "exit code 2"),
        (
            "liveness-failing",
            Case::container(back_off(), ended(137, "Error"), 4)
                .told(
                    20,
                    kubelet,
                    "Unhealthy",
                    "Liveness probe failed: HTTP probe failed with statuscode: 500",
                )
                .told(20, kubelet, "Killing", "Container main failed liveness probe, will be restarted"),
            "its liveness probe fails",
        ),
        (
            "startup-failing",
            Case::container(running(), json!({}), 0).told(
                5,
                kubelet,
                "Unhealthy",
                "Startup probe failed: dial tcp 10.0.0.1:80: connect: connection refused",
            ),
            "connection refused",
        ),
        (
            "readiness-failing",
            Case::container(running(), json!({}), 0).told(
                5,
                kubelet,
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
            ),
            "Running, but not ready because its readiness probe fails: HTTP probe failed with statuscode: 503",
        ),
    ]);
    let failed = json!({"spec": {"nodeName": "n1", "restartPolicy": "Never"}, "status": {"phase": "Failed", "containerStatuses": [
        {"name": "main", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": ended(3, "Error")}]}});
    let probed = json!({"spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "i", "readinessProbe": {"initialDelaySeconds": 60}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [{"name": "main", "image": "i",
            "imageID": "", "ready": false, "restartCount": 0, "state": running()}]}});
    let gate = json!({"spec": {"nodeName": "n1", "readinessGates": [{"conditionType": "lb.example/attached"}]}, "status": {"phase": "Running",
        "conditions": [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}]}});
    let init = |state: Value, restarts: u32| {
        json!({"spec": {"nodeName": "n1", "initContainers": [{"name": "migrate", "image": "i"}]}, "status": {"phase": "Pending", "initContainerStatuses": [
            {"name": "migrate", "image": "i", "imageID": "", "ready": false, "restartCount": restarts, "state": state, "lastState": ended(1, "Error")}],
            "containerStatuses": [{"name": "main", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}]}})
    };
    let mut first = init(running(), 0);
    first["status"]["initContainerStatuses"][0]["lastState"] = json!({});
    holds(vec![
        ("failed", Case::pod(failed).ready_node(), "restartPolicy is Never"),
        ("readiness-gate", Case::pod(gate).ready_node(), "its readiness gate lb.example/attached is not"),
        ("not-ready-yet", Case::pod(probed).ready_node(), "its probes have not succeeded yet"),
        (
            "crash-loop",
            Case::pod(init(back_off(), 3)).ready_node(),
            "is Init:CrashLoopBackOff because init container migrate ends with exit code 1",
        ),
        (
            "init-running",
            Case::pod(first).ready_node(),
            "its init container migrate has not ended yet, for 30 s by now",
        ),
    ]);
}
