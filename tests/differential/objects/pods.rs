//! Pods and what is in them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{always, and, fields, one, some};

fn container() -> BoxedStrategy<Value> {
    and(
        one(json!([{"name": "a", "image": "nginx"}, {"name": "b", "image": "r.example.org:5000/x:1"}])),
        fields(vec![
            ("command", one(json!([["sh", "-c", "true"]]))),
            (
                "env",
                some(json!([{"name": "A", "value": "1"}, {"name": "B"},
                {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "D", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}])),
            ),
            (
                "ports",
                some(
                    json!([{"containerPort": 80}, {"name": "web", "containerPort": 8080, "protocol": "TCP"},
                {"containerPort": 80, "protocol": "UDP"}]),
                ),
            ),
            (
                "resources",
                one(json!([{}, {"limits": {"cpu": "0.5"}}, {"requests": {"cpu": "1000m", "memory": "1Gi"}},
                {"requests": {"cpu": 1}, "limits": {"cpu": "2", "memory": "2048Mi"}}])),
            ),
            (
                "readinessProbe",
                one(json!([{"httpGet": {"port": 80}}, {"tcpSocket": {"port": "web"}, "periodSeconds": 3},
                {"exec": {"command": ["true"]}}])),
            ),
            ("imagePullPolicy", one(json!(["Always", "Never"]))),
            ("volumeMounts", some(json!([{"name": "v", "mountPath": "/v"}]))),
            ("securityContext", one(json!([{}, {"runAsUser": 0}, {"capabilities": {"drop": ["ALL"]}}]))),
            ("lifecycle", one(json!([{"preStop": {"exec": {"command": ["x"]}}}]))),
        ]),
    )
}

/// Containers with distinct names; volumes that they may mount are always there.
pub fn pod_spec() -> BoxedStrategy<Value> {
    let containers = prop::collection::vec(container(), 1..3).prop_map(|mut all| {
        all.dedup_by_key(|container| container["name"].clone());
        Value::Array(all)
    });
    and(
        and(
            always("containers", containers.boxed()),
            always(
                "volumes",
                one(json!([
                    [{"name": "v", "emptyDir": {}}], [{"name": "v"}], [{"name": "v", "configMap": {"name": "m"}}],
                    [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "hostPath": {"path": "/x"}}],
                ])),
            ),
        ),
        fields(vec![
            ("nodeSelector", one(json!([{"a": "b"}]))),
            (
                "tolerations",
                some(json!([{"key": "a", "operator": "Exists"},
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}])),
            ),
            ("affinity", one(json!([{}, {"nodeAffinity": {}}]))),
            ("hostNetwork", one(json!([false]))),
            ("securityContext", one(json!([{}, {"fsGroup": 1}]))),
            ("dnsPolicy", one(json!(["Default", "ClusterFirst"]))),
            ("hostname", one(json!(["h"]))),
            ("enableServiceLinks", one(json!([true, false]))),
            ("priorityClassName", one(json!(["system-node-critical"]))),
        ]),
    )
}

pub fn pod() -> BoxedStrategy<Value> {
    let own = fields(vec![
        ("restartPolicy", one(json!(["Never", "OnFailure", "Always"]))),
        ("nodeName", one(json!(["n1"]))),
        ("terminationGracePeriodSeconds", one(json!([0, 5, 60]))),
        ("activeDeadlineSeconds", one(json!([10]))),
        ("automountServiceAccountToken", one(json!([true, false]))),
        ("serviceAccountName", one(json!(["default"]))),
    ]);
    always("spec", and(pod_spec(), own))
}

pub fn pod_status() -> BoxedStrategy<Value> {
    fields(vec![
        ("phase", one(json!(["Running", "Succeeded", "Failed", "Pending"]))),
        (
            "conditions",
            some(
                json!([{"type": "Ready", "status": "True"}, {"type": "Own", "status": "False", "reason": "R"}]),
            ),
        ),
        ("podIP", one(json!(["192.168.1.1"]))),
        ("message", one(json!(["m"]))),
        (
            "containerStatuses",
            one(json!([[{"name": "a", "image": "nginx", "imageID": "", "ready": true, "restartCount": 1,
            "state": {"running": {"startedAt": "2001-01-01T00:00:00Z"}}}]])),
        ),
    ])
}
