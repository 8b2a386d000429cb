//! Addresses of Services, on a host turned by hand.

use super::ports::{FIRST_PORT, LAST_PORT, ports};
use super::*;
use crate::controllers::testing::host;
use std::collections::HashSet;

fn service(name: &str, spec: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": spec})
}

#[test]
fn services_get_an_address_of_their_own() {
    let mut host = host();
    let spec = || json!({"ports": [{"port": 80}], "selector": {"app": "web"}});
    let one = host.create("svc", service("a", spec()));
    let other = host.create("svc", service("b", spec()));
    let ip = |service: &Value| text(&service["spec"], "clusterIP").to_owned();
    assert!(ip(&one).starts_with("10.96."));
    assert_ne!(ip(&one), ip(&other));
    assert_eq!(one["spec"]["clusterIPs"][0], one["spec"]["clusterIP"]);
    assert_eq!(
        (&one["spec"]["ipFamilies"], &one["spec"]["ipFamilyPolicy"]),
        (&json!(["IPv4"]), &json!("SingleStack"))
    );
}

#[test]
fn what_a_service_gets_depends_on_its_type() {
    let mut host = host();
    let node = host.create(
        "svc",
        service(
            "a",
            json!({"type": "NodePort", "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}),
        ),
    );
    let ports: HashSet<i64> = ports(&node).collect();
    assert_eq!(ports.len(), 2);
    assert!(ports.iter().all(|port| (FIRST_PORT..=LAST_PORT).contains(port)));
    let headless = host.create("svc", service("b", json!({"clusterIP": "None", "selector": {"a": "b"}})));
    assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
    let external =
        host.create("svc", service("c", json!({"type": "ExternalName", "externalName": "x.example.org"})));
    assert!(external["spec"].get("clusterIP").is_none());
}

#[test]
fn an_update_keeps_what_was_allocated_and_cannot_change_it() {
    let mut host = host();
    let before = host.create("svc", service("a", json!({"type": "NodePort", "ports": [{"port": 80}]})));
    host.update("svc", "a", |service| {
        service["spec"] = json!({"type": "NodePort", "ports": [{"port": 80, "targetPort": 8080}]})
    });
    let after = host.find("svc", "a").expect("service");
    assert_eq!(after["spec"]["clusterIP"], before["spec"]["clusterIP"]);
    assert_eq!(after["spec"]["ports"][0]["nodePort"], before["spec"]["ports"][0]["nodePort"]);
    let refusal = host
        .try_update("svc", "a", |service| service["spec"]["clusterIP"] = json!("10.96.7.7"))
        .expect_err("refused");
    assert_eq!(refusal.code, 422);
    assert!(refusal.message.contains("may not change once set"), "{}", refusal.message);
}

#[test]
fn what_is_taken_is_refused_and_comes_back_when_its_service_goes() {
    let mut host = host();
    let wish =
        || json!({"clusterIP": "10.96.0.10", "type": "NodePort", "ports": [{"port": 53, "nodePort": 30053}]});
    host.create("svc", service("a", wish()));
    let refusal = host.try_create_in("default", "svc", service("b", wish())).expect_err("refused");
    assert!(
        refusal.message.contains("failed to allocate IP 10.96.0.10: provided IP is already allocated"),
        "{}",
        refusal.message
    );
    let elsewhere = json!({"type": "NodePort", "ports": [{"port": 53, "nodePort": 30053}]});
    let refusal = host.try_create_in("default", "svc", service("b", elsewhere)).expect_err("refused");
    assert!(
        refusal
            .message
            .contains("spec.ports[0].nodePort: Invalid value: 30053: provided port is already allocated")
    );
    host.settle();
    host.delete("svc", "a");
    host.settle();
    host.create("svc", service("b", wish()));
    let outside = host
        .try_create_in("default", "svc", service("c", json!({"clusterIP": "192.168.0.1"})))
        .expect_err("refused");
    assert!(
        outside.message.contains("the provided network does not match the current range"),
        "{}",
        outside.message
    );
}
