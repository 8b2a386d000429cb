//! DaemonSets on a host turned by hand.

use serde_json::{Value, json};

use crate::controllers::Options;
use crate::controllers::testing::{Host, host_with};
use crate::node::Machines;

fn host(count: usize) -> Host {
    host_with(Options { machines: Machines { count, ..Machines::default() }, ..Options::default() })
}

fn set() -> Value {
    json!({"metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": {"app": "agent"}},
        "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {
            "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "i:1"}]}}}})
}

/// The nodes of all pods, sorted.
fn nodes(host: &Host) -> Vec<String> {
    let pods = host.all("pods");
    let mut nodes: Vec<String> =
        pods.iter().map(|pod| pod["spec"]["nodeName"].as_str().unwrap_or("none").to_owned()).collect();
    nodes.sort();
    nodes
}

fn images(host: &Host) -> Vec<String> {
    let pods = host.all("pods");
    pods.iter()
        .map(|pod| pod["spec"]["containers"][0]["image"].as_str().expect("an image").to_owned())
        .collect()
}

fn status(host: &Host) -> Value {
    host.find("ds", "agent").expect("set")["status"].clone()
}

#[test]
fn every_node_gets_one_pod() {
    let mut host = host(3);
    host.create("ds", set());
    host.settle();
    assert_eq!(nodes(&host), ["node-1", "node-2", "node-3"]);
    let expected = json!({"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberMisscheduled": 0,
        "numberReady": 3, "observedGeneration": 1, "updatedNumberScheduled": 3, "numberAvailable": 3});
    assert_eq!(status(&host), expected);
    let pod = host.all("pods")[0].clone();
    assert_eq!(pod["metadata"]["labels"]["pod-template-generation"], "1");
    assert_eq!(host.all("controllerrevisions").len(), 1);
    host.delete("pods", pod["metadata"]["name"].as_str().expect("a name"));
    host.settle();
    assert_eq!(nodes(&host), ["node-1", "node-2", "node-3"]);
}

#[test]
fn nodes_come_go_and_change() {
    let mut host = host(2);
    let mut object = set();
    object["spec"]["template"]["spec"]["nodeSelector"] = json!({"disk": "ssd"});
    host.create("ds", object);
    host.settle();
    assert!(nodes(&host).is_empty());
    host.update("nodes", "node-2", |node| node["metadata"]["labels"]["disk"] = json!("ssd"));
    host.settle();
    assert_eq!(nodes(&host), ["node-2"]);
    host.update("nodes", "node-2", |node| {
        node["spec"]["taints"] = json!([{"key": "x", "effect": "NoSchedule"}])
    });
    host.settle();
    assert_eq!(nodes(&host), ["node-2"], "what runs stays");
    assert_eq!(status(&host)["numberMisscheduled"], 1);
    host.update("nodes", "node-2", |node| {
        node["spec"]["taints"] = json!([{"key": "x", "effect": "NoExecute"}])
    });
    host.settle();
    assert!(nodes(&host).is_empty());
}

#[test]
fn a_new_template_is_rolled_out_node_by_node() {
    let mut host = host(3);
    host.create("ds", set());
    host.settle();
    host.engine.freeze("kubelet", true);
    host.update("ds", "agent", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2")
    });
    host.settle();
    assert_eq!(images(&host).iter().filter(|image| *image == "i:1").count(), 2, "one at a time");
    host.engine.freeze("kubelet", false);
    host.settle();
    assert_eq!(images(&host), ["i:2", "i:2", "i:2"]);
    assert_eq!(status(&host)["updatedNumberScheduled"], 3);
    assert_eq!(status(&host)["observedGeneration"], 2);
}

#[test]
fn old_pods_stay_until_they_are_deleted_where_that_is_wished() {
    let mut host = host(2);
    let mut object = set();
    object["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    host.create("ds", object);
    host.settle();
    host.update("ds", "agent", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2")
    });
    host.settle();
    assert_eq!(images(&host), ["i:1", "i:1"]);
    let name = host.all("pods")[0]["metadata"]["name"].as_str().expect("a name").to_owned();
    host.delete("pods", &name);
    host.settle();
    let mut images = images(&host);
    images.sort();
    assert_eq!(images, ["i:1", "i:2"]);
}

#[test]
fn with_surge_old_and_new_overlap() {
    let mut host = host(2);
    let mut object = set();
    object["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    host.create("ds", object);
    host.settle();
    host.engine.freeze("kubelet", true);
    host.update("ds", "agent", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2")
    });
    host.settle();
    assert_eq!(host.all("pods").len(), 3);
    host.engine.freeze("kubelet", false);
    host.settle();
    assert_eq!(images(&host), ["i:2", "i:2"]);
}

#[test]
fn a_failed_pod_is_replaced() {
    let mut host = host(1);
    host.create("ds", set());
    host.settle();
    let name = host.all("pods")[0]["metadata"]["name"].as_str().expect("a name").to_owned();
    host.update_status_in("default", "pods", &name, |pod| pod["status"]["phase"] = json!("Failed"));
    host.settle();
    assert_eq!(nodes(&host), ["node-1"]);
    assert_ne!(host.all("pods")[0]["metadata"]["name"], json!(name));
    assert!(host.events().iter().any(|event| event["reason"] == "FailedDaemonPod"));
}
