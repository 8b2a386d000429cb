//! Endpoints of Services, on a host turned by hand.

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
