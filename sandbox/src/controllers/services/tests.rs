//! Endpoints of Services, on a host turned by hand.

use serde_json::json;

use super::*;
use crate::controllers::Options;
use crate::controllers::testing::{Host, host_with};
use crate::node::Machines;

fn host() -> Host {
    let machines = Machines { count: 1, ..Machines::default() };
    host_with(Options { machines, ..Options::default() })
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {"terminationGracePeriodSeconds": 30,
        "containers": [{"name": "c", "image": "i:1", "ports": [{"name": "http", "containerPort": 8080}]}]}})
}

fn service(target: Value) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"name": "web", "port": 80, "targetPort": target}]}})
}

#[test]
fn ready_pods_are_behind_their_service() {
    let mut host = host();
    host.create("svc", service(json!("http")));
    host.create("pods", pod("a"));
    host.settle();
    let endpoints = host.find("ep", "web").expect("endpoints");
    assert_eq!(endpoints["subsets"][0]["addresses"][0]["targetRef"]["name"], "a");
    assert_eq!(endpoints["subsets"][0]["ports"], json!([{"name": "web", "port": 8080, "protocol": "TCP"}]));
    let slice = host.all("endpointslices").remove(0);
    assert_eq!(slice["metadata"]["labels"][NAME], "web");
    assert_eq!(
        slice["endpoints"][0]["conditions"],
        json!({"ready": true, "serving": true, "terminating": false})
    );
    assert_eq!(slice["ports"][0]["port"], 8080);
    host.delete("pods", "a");
    host.settle();
    assert_eq!(host.find("ep", "web").expect("endpoints").get("subsets"), None);
}

#[test]
fn endpoints_go_with_their_service() {
    let mut host = host();
    host.create("svc", service(json!(8080)));
    host.create("pods", pod("a"));
    host.settle();
    host.delete("svc", "web");
    host.settle();
    assert!(host.find("ep", "web").is_none());
    assert!(host.all("endpointslices").is_empty());
}

#[test]
fn a_service_without_a_selector_is_left_to_others() {
    let mut host = host();
    host.create("svc", json!({"metadata": {"name": "own"}, "spec": {"ports": [{"port": 80}]}}));
    host.create("ep", json!({"metadata": {"name": "own"}, "subsets": [{"addresses": [{"ip": "10.9.9.9"}]}]}));
    host.settle();
    assert_eq!(host.find("ep", "own").expect("endpoints")["subsets"][0]["addresses"][0]["ip"], "10.9.9.9");
    assert!(host.all("endpointslices").is_empty());
}

#[test]
fn many_endpoints_take_several_slices() {
    let mut host = host();
    host.create("svc", service(json!(8080)));
    for number in 0..150 {
        host.create("pods", pod(&format!("p{number}")));
    }
    host.settle();
    let sizes: Vec<usize> =
        host.all("endpointslices").iter().map(|s| s["endpoints"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 150);
    assert_eq!(sizes.len(), 2);
}

#[test]
fn a_pod_whose_node_is_missing_waits_for_it() {
    let mut host = host();
    host.create("svc", service(json!(8080)));
    host.create("pods", pod("a"));
    host.settle();
    let mut stray = pod("b");
    stray["spec"]["nodeName"] = json!("later");
    host.create("pods", stray);
    host.update_status_in("default", "pods", "b", |pod| {
        pod["status"] = json!({"phase": "Running", "podIP": "10.9.0.1", "podIPs": [{"ip": "10.9.0.1"}]});
    });
    host.settle();
    let names = |host: &Host| -> Vec<Value> {
        let slice = host.all("endpointslices").remove(0);
        let all = slice["endpoints"].as_array().cloned().unwrap_or_default();
        all.iter().map(|endpoint| endpoint["targetRef"]["name"].clone()).collect()
    };
    assert_eq!(names(&host), ["a"]);
    let message = "Error updating Endpoint Slices for Service default/web: skipping Pod b for Service default/web: Node later Not Found";
    assert!(host.events().iter().any(|event| event["message"] == message));
    host.create("nodes", json!({"metadata": {"name": "later"}}));
    host.settle();
    assert_eq!(names(&host), ["a", "b"]);
}

#[test]
fn pods_that_call_a_port_differently_have_slices_of_their_own() {
    let mut host = host();
    host.create("svc", service(json!("http")));
    host.create("pods", pod("a"));
    let mut other = pod("b");
    other["spec"]["containers"][0]["ports"][0]["containerPort"] = json!(9090);
    host.create("pods", other);
    host.settle();
    let mut ports: Vec<Value> =
        host.all("endpointslices").iter().map(|slice| slice["ports"][0]["port"].clone()).collect();
    ports.sort_by_key(|port| port.as_i64());
    assert_eq!(ports, [8080, 9090]);
    assert_eq!(host.find("ep", "web").expect("endpoints")["subsets"].as_array().map(Vec::len), Some(2));
}
