//! Where pods go, and what is said of those that wait.

use super::super::machine::Machines;
use super::*;
use crate::controllers::Options;
use crate::controllers::testing::{Host, host_with};

fn host(count: usize) -> Host {
    let machines = Machines { count, cpu: 4, memory: 8, ..Machines::default() };
    host_with(Options { machines, pace: 0.0, ..Options::default() })
}

fn pod(name: &str, cpu: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i:1",
        "resources": {"requests": {"cpu": cpu}}}]}})
}

fn node_of(host: &Host, name: &str) -> Option<String> {
    host.find("pods", name).expect("pod")["spec"]["nodeName"].as_str().map(str::to_owned)
}

fn why(host: &Host, name: &str) -> Value {
    let pod = host.find("pods", name).expect("pod");
    condition(&pod["status"], "PodScheduled").expect("a condition").clone()
}

#[test]
fn pods_spread_over_the_nodes() {
    let mut host = host(2);
    host.create("pods", pod("a", "1"));
    host.create("pods", pod("b", "1"));
    host.settle();
    assert_ne!(node_of(&host, "a"), node_of(&host, "b"));
    assert_eq!(why(&host, "a")["status"], "True");
    assert_eq!(host.find("pods", "a").expect("pod")["metadata"]["generation"], 1, "being bound is no change");
}

#[test]
fn what_does_not_fit_waits_and_says_why_until_there_is_room() {
    let mut host = host(1);
    host.create("pods", pod("a", "3"));
    host.settle();
    host.create("pods", pod("b", "3"));
    host.settle();
    assert_eq!(node_of(&host, "b"), None);
    assert_eq!(why(&host, "b")["reason"], "Unschedulable");
    let expected = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: \
        0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    assert_eq!(why(&host, "b")["message"], expected);
    let failed: Vec<_> = host.events().into_iter().filter(|e| e["reason"] == "FailedScheduling").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["reportingComponent"], "default-scheduler");
    assert!(failed[0]["eventTime"].is_string(), "the scheduler writes events of the new kind");
    host.delete("pods", "a");
    host.settle();
    assert!(node_of(&host, "b").is_some());
}

#[test]
fn a_new_node_takes_those_who_wait() {
    let mut host = host(0);
    host.create("pods", pod("a", "1"));
    host.settle();
    assert_eq!(why(&host, "a")["message"], "no nodes available to schedule pods");
    host.create(
        "nodes",
        json!({"metadata": {"name": "late"}, "status": {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}, "capacity": {"cpu": "4"},
        "conditions": [{"type": "Ready", "status": "True"}]}}),
    );
    host.settle();
    assert_eq!(node_of(&host, "a").as_deref(), Some("late"));
    assert_eq!(host.find("pods", "a").expect("pod")["status"]["phase"], "Running");
}

#[test]
fn finished_pods_make_room() {
    let mut host = host(1);
    let mut task = pod("a", "3");
    task["spec"]["restartPolicy"] = json!("Never");
    host.create("pods", task);
    host.settle();
    host.create("pods", pod("b", "3"));
    host.settle();
    assert_eq!(node_of(&host, "b"), None);
    host.advance(60);
    assert_eq!(host.find("pods", "a").expect("pod")["status"]["phase"], "Succeeded");
    assert!(node_of(&host, "b").is_some());
}

#[test]
fn gates_and_other_schedulers_are_respected() {
    let mut host = host(1);
    let mut gated = pod("a", "1");
    gated["spec"]["schedulingGates"] = json!([{"name": "example.org/wait"}]);
    host.create("pods", gated);
    let mut other = pod("b", "1");
    other["spec"]["schedulerName"] = json!("theirs");
    host.create("pods", other);
    host.settle();
    assert_eq!((node_of(&host, "a"), node_of(&host, "b")), (None, None));
    assert_eq!(why(&host, "a")["reason"], "SchedulingGated");
    host.update("pods", "a", |pod| pod["spec"]["schedulingGates"] = json!([]));
    host.settle();
    assert!(node_of(&host, "a").is_some());
}

#[test]
fn a_pod_waits_for_its_claims() {
    let mut host = host(1);
    let mut object = pod("a", "1");
    object["spec"]["volumes"] = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]);
    host.create("pods", object);
    host.settle();
    let message = why(&host, "a")["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("persistentvolumeclaim \"data\" not found"), "{message}");
}
