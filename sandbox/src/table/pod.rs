//! Pods: one word for the state that a person needs to know.

use serde_json::Value;

use super::format::or_none;
use super::{Printer, Row};

pub(super) const POD: Printer = Printer {
    columns: &[
        "=Name",
        "Ready",
        "Status",
        "Restarts",
        "Age",
        "+IP",
        "+Node",
        "+Nominated Node",
        "+Readiness Gates",
    ],
    row,
};

/// What the containers of a pod add up to.
#[derive(Default)]
struct Summary<'v> {
    reason: String,
    ready: usize,
    restarts: i64,
    /// End of the latest finished run, RFC 3339 (compares as text).
    last_restart: &'v str,
}

fn row(row: &Row<'_>) -> Vec<Value> {
    let summary = summarize(row);
    let sidecars = row.list("/spec/initContainers").iter().filter(|c| is_sidecar(c)).count();
    let total = row.list("/spec/containers").len() + sidecars;
    let restarts = match (summary.restarts, summary.last_restart) {
        (0, _) | (_, "") => summary.restarts.to_string(),
        (count, last) => format!("{count} ({} ago)", row.ago(last)),
    };
    let none = |path: &str| Value::from(or_none(row.str(path).to_owned()));
    vec![
        row.name(),
        format!("{}/{total}", summary.ready).into(),
        summary.reason.into(),
        restarts.into(),
        row.age(),
        none("/status/podIPs/0/ip"),
        none("/spec/nodeName"),
        none("/status/nominatedNodeName"),
        readiness_gates(row).into(),
    ]
}

fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

fn condition<'v>(row: &Row<'v>, kind: &str) -> Option<&'v Value> {
    row.list("/status/conditions").iter().find(|condition| condition["type"] == kind)
}

fn is_true(condition: Option<&Value>) -> bool {
    condition.is_some_and(|condition| condition["status"] == "True")
}

fn summarize<'v>(row: &Row<'v>) -> Summary<'v> {
    let phase = row.str("/status/phase");
    let reason = match row.str("/status/reason") {
        "" => phase,
        reason => reason,
    };
    let mut summary = Summary { reason: reason.to_owned(), ..Summary::default() };
    if condition(row, "PodScheduled").is_some_and(|c| c["reason"] == "SchedulingGated") {
        summary.reason = "SchedulingGated".to_owned();
    }
    let sidecars = init_containers(row, &mut summary);
    let initializing = sidecars.is_none();
    if !initializing || is_true(condition(row, "Initialized")) {
        let sidecars = sidecars.unwrap_or_default();
        summary.restarts = sidecars.restarts;
        summary.last_restart = sidecars.last_restart;
        containers(row, &mut summary);
    }
    if row.at("/metadata/deletionTimestamp").is_some() {
        if row.str("/status/reason") == "NodeLost" {
            summary.reason = "Unknown".to_owned();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            summary.reason = "Terminating".to_owned();
        }
    }
    summary
}

/// Restarts of the init containers that stay.
#[derive(Default)]
struct Sidecars<'v> {
    restarts: i64,
    last_restart: &'v str,
}

/// Counts init containers in; answers what the staying ones add, or None while one of them holds the pod up.
fn init_containers<'v>(row: &Row<'v>, summary: &mut Summary<'v>) -> Option<Sidecars<'v>> {
    let specs = row.list("/spec/initContainers");
    let mut sidecars = Sidecars::default();
    for (index, status) in row.list("/status/initContainerStatuses").iter().enumerate() {
        let restarts = status["restartCount"].as_i64().unwrap_or(0);
        let last = last_finished(status);
        summary.restarts += restarts;
        summary.last_restart = summary.last_restart.max(last);
        let sidecar = specs.iter().any(|spec| spec["name"] == status["name"] && is_sidecar(spec));
        if sidecar {
            sidecars.restarts += restarts;
            sidecars.last_restart = sidecars.last_restart.max(last);
        }
        let terminated = status["state"].get("terminated");
        if terminated.is_some_and(|terminated| terminated["exitCode"] == 0) {
            continue;
        }
        if sidecar && status["started"] == true {
            summary.ready += usize::from(status["ready"] == true);
            continue;
        }
        let waiting = status["state"]["waiting"]["reason"].as_str().unwrap_or_default();
        summary.reason = match terminated {
            Some(terminated) => format!("Init:{}", ended(terminated)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
            None => format!("Init:{index}/{}", specs.len()),
        };
        return None;
    }
    Some(sidecars)
}

fn containers<'v>(row: &Row<'v>, summary: &mut Summary<'v>) {
    let mut running = false;
    let mut error = None;
    for status in row.list("/status/containerStatuses").iter().rev() {
        summary.restarts += status["restartCount"].as_i64().unwrap_or(0);
        summary.last_restart = summary.last_restart.max(last_finished(status));
        let waiting = status["state"]["waiting"]["reason"].as_str().unwrap_or_default();
        if !waiting.is_empty() {
            summary.reason = waiting.to_owned();
        } else if let Some(terminated) = status["state"].get("terminated") {
            summary.reason = ended(terminated);
            if terminated["exitCode"] != 0 {
                error = Some(summary.reason.clone());
            }
        } else if status["ready"] == true && status["state"].get("running").is_some() {
            running = true;
            summary.ready += 1;
        }
    }
    // One container is done, others go on.
    if summary.reason == "Completed" {
        let ready = is_true(condition(row, "Ready"));
        match (running, error) {
            (true, _) if ready => summary.reason = "Running".to_owned(),
            (_, Some(error)) => summary.reason = error,
            (true, None) => summary.reason = "NotReady".to_owned(),
            (false, None) => {}
        }
    }
}

fn last_finished(status: &Value) -> &str {
    status["lastState"]["terminated"]["finishedAt"].as_str().unwrap_or_default()
}

fn ended(terminated: &Value) -> String {
    match (terminated["reason"].as_str(), terminated["signal"].as_i64()) {
        (Some(reason), _) if !reason.is_empty() => reason.to_owned(),
        (_, Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        _ => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0)),
    }
}

fn readiness_gates(row: &Row<'_>) -> String {
    let gates = row.list("/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let open = gates.iter().filter_map(|gate| gate["conditionType"].as_str());
    format!("{}/{}", open.filter(|kind| is_true(condition(row, kind))).count(), gates.len())
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use serde_json::{Value, json};

    fn pod(spec: Value, status: Value) -> Value {
        json!({"metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": spec, "status": status})
    }

    fn one() -> Value {
        json!({"containers": [{"name": "c"}]})
    }

    #[test]
    fn the_status_is_the_word_that_helps_most() {
        let state = |state: Value| {
            pod(one(), json!({"phase": "Running", "containerStatuses": [{"name": "c", "state": state}]}))
        };
        let init = json!({"containers": [{"name": "c"}], "initContainers": [{"name": "a"}, {"name": "b"}]});
        let deleted = |mut pod: Value| {
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:30:00Z");
            pod
        };
        let done = |code: i64| json!({"terminated": {"exitCode": code}});
        let cases = [
            (pod(one(), json!({"phase": "Pending"})), "0/1", "Pending"),
            (pod(one(), json!({"phase": "Failed", "reason": "Evicted"})), "0/1", "Evicted"),
            (state(json!({"waiting": {"reason": "CrashLoopBackOff"}})), "0/1", "CrashLoopBackOff"),
            (state(json!({"waiting": {"reason": "ContainerCreating"}})), "0/1", "ContainerCreating"),
            (state(json!({"terminated": {"reason": "OOMKilled", "exitCode": 137}})), "0/1", "OOMKilled"),
            (state(json!({"terminated": {"signal": 9, "exitCode": 137}})), "0/1", "Signal:9"),
            (state(done(3)), "0/1", "ExitCode:3"),
            (
                pod(
                    one(),
                    json!({"phase": "Running", "containerStatuses":
                    [{"name": "c", "ready": true, "state": {"running": {}}}]}),
                ),
                "1/1",
                "Running",
            ),
            (
                pod(
                    init.clone(),
                    json!({"phase": "Pending", "initContainerStatuses":
                    [{"name": "a", "state": done(0)}, {"name": "b", "state": {"running": {}}}]}),
                ),
                "0/1",
                "Init:1/2",
            ),
            (
                pod(
                    init.clone(),
                    json!({"phase": "Pending", "initContainerStatuses":
                    [{"name": "a", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}),
                ),
                "0/1",
                "Init:Error",
            ),
            (
                pod(
                    init,
                    json!({"phase": "Pending", "initContainerStatuses":
                    [{"name": "a", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}),
                ),
                "0/1",
                "Init:ImagePullBackOff",
            ),
            (
                pod(
                    json!({"containers": [{"name": "c"}, {"name": "d"}]}),
                    json!({"phase": "Running",
                    "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
                    {"name": "c", "state": {"terminated": {"reason": "Completed", "exitCode": 0}}},
                    {"name": "d", "ready": true, "state": {"running": {}}}]}),
                ),
                "1/2",
                "Running",
            ),
            (deleted(pod(one(), json!({"phase": "Running"}))), "0/1", "Terminating"),
            (deleted(pod(one(), json!({"phase": "Running", "reason": "NodeLost"}))), "0/1", "Unknown"),
            (deleted(pod(one(), json!({"phase": "Succeeded"}))), "0/1", "Succeeded"),
            (
                pod(
                    one(),
                    json!({"phase": "Pending",
                    "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
                ),
                "0/1",
                "SchedulingGated",
            ),
        ];
        for (pod, ready, status) in cases {
            let cells = shown("po", pod);
            assert_eq!((&cells[1], &cells[2]), (&json!(ready), &json!(status)));
        }
    }

    #[test]
    fn restarts_say_when_the_last_one_was() {
        let cells = shown(
            "po",
            pod(
                one(),
                json!({"phase": "Running", "containerStatuses": [{"name": "c",
            "restartCount": 3, "lastState": {"terminated": {"finishedAt": "2026-01-01T00:55:00Z"}},
            "state": {"running": {}}}]}),
            ),
        );
        assert_eq!((&cells[3], &cells[4]), (&json!("3 (5m ago)"), &json!("60m")));
    }

    #[test]
    fn sidecars_count_as_containers() {
        let spec = json!({"containers": [{"name": "c"}], "initContainers": [{"name": "s", "restartPolicy": "Always"}]});
        let cells = shown(
            "po",
            pod(
                spec,
                json!({"phase": "Running",
            "initContainerStatuses": [{"name": "s", "started": true, "ready": true, "restartCount": 2,
                "state": {"running": {}}}],
            "containerStatuses": [{"name": "c", "ready": true, "state": {"running": {}}}]}),
            ),
        );
        assert_eq!((&cells[1], &cells[2], &cells[3]), (&json!("2/2"), &json!("Running"), &json!("2")));
    }
}
