//! What a kubelet reports of a pod.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::meta::{set, timestamp};
use crate::demo::seed::Seed;
use crate::demo::spec::Fate;

/// A pod as its status is made from it.
pub(super) struct Subject<'a> {
    /// Its spec; the statuses name the containers in it.
    pub spec: &'a Value,
    /// How it is.
    pub fate: Fate,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
    /// Its source of chance.
    pub seed: Seed,
}

/// The status of a pod.
pub(super) fn of(subject: &Subject<'_>) -> Value {
    let qos = qos_class(subject.spec);
    if subject.fate == Fate::Unschedulable {
        return json!({
            "phase": "Pending",
            "qosClass": qos,
            "conditions": [condition(
                "PodScheduled",
                Err(("Unschedulable", "0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector.")),
                subject.created,
            )],
        });
    }
    let started = subject.created + Duration::seconds(2);
    let ip =
        format!("10.42.{}.{}", subject.seed.child("net").below(60), 2 + subject.seed.child("ip").below(250));
    let host_ip =
        format!("10.0.{}.{}", subject.seed.child("rack").below(4), 10 + subject.seed.child("node").below(40));
    let ready: Result<(), (&str, &str)> = match subject.fate {
        Fate::Running { .. } => Ok(()),
        Fate::Completed => Err(("PodCompleted", "")),
        _ => Err(("ContainersNotReady", "containers with unready status")),
    };
    let mut status = json!({
        "phase": phase(subject.fate),
        "qosClass": qos,
        "hostIP": host_ip,
        "hostIPs": [{ "ip": host_ip }],
        "podIP": ip,
        "podIPs": [{ "ip": ip }],
        "startTime": timestamp(subject.created),
        "conditions": [
            condition("PodReadyToStartContainers", Ok(()), started),
            condition("Initialized", Ok(()), started),
            condition("Ready", ready, started),
            condition("ContainersReady", ready, started),
            condition("PodScheduled", Ok(()), subject.created),
        ],
        "containerStatuses": containers(subject, "containers", |image, n| container(subject, image, n)),
    });
    if subject.spec.get("initContainers").is_some() {
        let statuses = containers(subject, "initContainers", |_, n| {
            let ended =
                terminated(0, "Completed", subject.created, started, subject.seed.child("init").nth(n));
            json!({ "ready": true, "started": false, "restartCount": 0, "state": ended })
        });
        set(&mut status, "initContainerStatuses", statuses);
    }
    status
}

fn phase(fate: Fate) -> &'static str {
    match fate {
        Fate::Running { .. } | Fate::CrashLoop { .. } => "Running",
        Fate::Unschedulable | Fate::ImagePull => "Pending",
        Fate::Completed => "Succeeded",
        Fate::Failed => "Failed",
    }
}

fn condition(kind: &str, holds: Result<(), (&str, &str)>, since: DateTime<Utc>) -> Value {
    let mut condition = json!({
        "type": kind,
        "status": if holds.is_ok() { "True" } else { "False" },
        "lastProbeTime": null,
        "lastTransitionTime": timestamp(since),
    });
    if let Err((reason, message)) = holds {
        set(&mut condition, "reason", json!(reason));
        if !message.is_empty() {
            set(&mut condition, "message", json!(message));
        }
    }
    condition
}

/// One status for each container of a list of the spec.
fn containers(subject: &Subject<'_>, list: &str, status: impl Fn(&str, u64) -> Value) -> Value {
    let empty = Vec::new();
    let containers = subject.spec.get(list).and_then(Value::as_array).unwrap_or(&empty);
    let statuses = containers.iter().zip(0..).map(|(spec, n)| {
        let image = spec.get("image").and_then(Value::as_str).unwrap_or_default();
        let mut status = status(image, n);
        let seed = Seed::new(0).child(image);
        set(&mut status, "name", spec.get("name").cloned().unwrap_or_default());
        set(&mut status, "image", json!(image));
        set(&mut status, "imageID", json!(format!("{}@sha256:{}", repository(image), seed.hex(64))));
        status
    });
    statuses.collect()
}

/// An image reference without tag and digest. A colon belongs to the tag only behind the last slash.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    match image.get(name..).and_then(|tail| tail.find(':')) {
        Some(colon) => image.get(..name + colon).unwrap_or(image),
        None => image,
    }
}

fn container(subject: &Subject<'_>, image: &str, n: u64) -> Value {
    let seed = subject.seed.child("container").nth(n);
    let started = subject.created + Duration::seconds(3);
    let restarted = seed.child("restart").moment_before(subject.now, Duration::minutes(50)).max(started);
    let id = format!("containerd://{}", seed.hex(64));
    match subject.fate {
        Fate::Running { restarts: 0 } => json!({
            "ready": true, "started": true, "restartCount": 0, "containerID": id,
            "state": { "running": { "startedAt": timestamp(started) } },
        }),
        Fate::Running { restarts } => json!({
            "ready": true, "started": true, "restartCount": restarts, "containerID": id,
            "state": { "running": { "startedAt": timestamp(restarted) } },
            "lastState": terminated(1, "Error", started, restarted, seed.child("last")),
        }),
        Fate::CrashLoop { restarts, oom } => {
            let (code, reason) = if oom { (137, "OOMKilled") } else { (1, "Error") };
            let died = seed.child("died").moment_before(subject.now, Duration::minutes(4)).max(started);
            json!({
                "ready": false, "started": false, "restartCount": restarts, "containerID": id,
                "state": { "waiting": {
                    "reason": "CrashLoopBackOff",
                    "message": "back-off 5m0s restarting failed container",
                } },
                "lastState": terminated(code, reason, died - Duration::seconds(9), died, seed.child("last")),
            })
        }
        Fate::Completed => json!({
            "ready": false, "started": false, "restartCount": 0, "containerID": id,
            "state": terminated(0, "Completed", started, started + Duration::seconds(41), seed.child("last")),
        }),
        Fate::Failed => json!({
            "ready": false, "started": false, "restartCount": 0, "containerID": id,
            "state": terminated(1, "Error", started, started + Duration::seconds(17), seed.child("last")),
        }),
        Fate::ImagePull => json!({
            "ready": false, "started": false, "restartCount": 0,
            "state": { "waiting": {
                "reason": "ImagePullBackOff",
                "message": format!("Back-off pulling image \"{image}\""),
            } },
        }),
        Fate::Unschedulable => json!({ "ready": false, "started": false, "restartCount": 0, "state": {} }),
    }
}

fn terminated(code: i32, reason: &str, from: DateTime<Utc>, to: DateTime<Utc>, seed: Seed) -> Value {
    json!({ "terminated": {
        "exitCode": code,
        "reason": reason,
        "startedAt": timestamp(from),
        "finishedAt": timestamp(to),
        "containerID": format!("containerd://{}", seed.hex(64)),
    } })
}

/// The quality of service that follows from requests and limits.
fn qos_class(spec: &Value) -> &'static str {
    let resources = |key: &str| {
        let containers = spec.get("containers").and_then(Value::as_array);
        containers.is_some_and(|all| all.iter().any(|c| c.pointer(&format!("/resources/{key}")).is_some()))
    };
    match (resources("requests"), resources("limits")) {
        (false, false) => "BestEffort",
        _ => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn the_port_of_a_registry_is_not_a_tag() {
        for (image, expected) in [
            ("nginx", "nginx"),
            ("nginx:1.29", "nginx"),
            ("registry.corp.example:5000/tools/nginx", "registry.corp.example:5000/tools/nginx"),
            (
                "registry.corp.example:5000/tools/nginx:1.29@sha256:ab",
                "registry.corp.example:5000/tools/nginx",
            ),
        ] {
            assert_eq!(repository(image), expected);
        }
    }
}
