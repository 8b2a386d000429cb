//! What leads to pods, and what keeps them apart.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{always, and, fields, one};

pub fn service() -> BoxedStrategy<Value> {
    let ports = one(json!([
        [{"port": 80}], [{"name": "a", "port": 80}, {"name": "b", "port": 81, "targetPort": "web"}],
        [{"port": 53, "protocol": "UDP", "targetPort": 5353}],
    ]));
    let plain = and(
        always("ports", ports),
        fields(vec![
            ("type", one(json!(["ClusterIP", "NodePort", "LoadBalancer"]))),
            ("selector", one(json!([{"app": "a"}, {}]))),
            ("sessionAffinity", one(json!(["ClientIP", "None"]))),
            ("externalIPs", one(json!([["1.2.3.4"]]))),
            ("publishNotReadyAddresses", one(json!([true]))),
            ("ipFamilyPolicy", one(json!(["SingleStack", "PreferDualStack"]))),
            ("internalTrafficPolicy", one(json!(["Local"]))),
        ]),
    );
    let special = one(json!([
        {"clusterIP": "None", "selector": {"app": "a"}}, {"type": "ExternalName", "externalName": "x.example.org"},
        {"clusterIP": "None", "ports": [{"port": 1}]},
    ]));
    always("spec", prop_oneof![3 => plain, 1 => special].boxed())
}

pub fn service_status() -> BoxedStrategy<Value> {
    one(json!([{}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
        {"loadBalancer": {"ingress": [{"hostname": "h.example.org"}]}}]))
}

pub fn endpoints() -> BoxedStrategy<Value> {
    fields(vec![(
        "subsets",
        one(json!([[], [{"addresses": [{"ip": "192.168.1.1"}], "ports": [{"port": 80}]}],
        [{"notReadyAddresses": [{"ip": "192.168.1.2"}, {"ip": "192.168.1.1"}], "ports": [{"name": "a", "port": 80}]}]])),
    )])
}

pub fn endpoint_slice() -> BoxedStrategy<Value> {
    and(
        one(
            json!([{"addressType": "IPv4", "endpoints": []}, {"addressType": "IPv4", "endpoints": [{"addresses": ["192.168.1.1"]}]}]),
        ),
        fields(vec![(
            "ports",
            one(json!([[], [{"port": 80}], [{"name": "a", "port": 80, "protocol": "UDP"}]])),
        )]),
    )
}

pub fn ingress() -> BoxedStrategy<Value> {
    let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
    always(
        "spec",
        and(
            one(json!([{"defaultBackend": backend}, {"rules": [{"host": "a.example.org", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": backend}]}}]}])),
            fields(vec![
                ("ingressClassName", one(json!(["nginx"]))),
                ("tls", one(json!([[{"hosts": ["a.example.org"], "secretName": "t"}]]))),
            ]),
        ),
    )
}

pub fn ingress_class() -> BoxedStrategy<Value> {
    one(json!([{"spec": {"controller": "example.org/c"}}, {"spec": {"controller": "example.org/c",
        "parameters": {"kind": "ConfigMap", "name": "a"}}}]))
}

pub fn network_policy() -> BoxedStrategy<Value> {
    always(
        "spec",
        and(
            one(json!([{"podSelector": {}}, {"podSelector": {"matchLabels": {"app": "a"}}}])),
            fields(vec![
                (
                    "ingress",
                    one(json!([[], [{}], [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]])),
                ),
                ("egress", one(json!([[], [{"to": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]}]]))),
                ("policyTypes", one(json!([["Ingress"], ["Ingress", "Egress"]]))),
            ]),
        ),
    )
}
