//! Objects of the core group that are no pods.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{always, and, fields, one, some};

pub fn config_map() -> BoxedStrategy<Value> {
    fields(vec![
        ("data", one(json!([{}, {"a": "1"}, {"a": "2", "b": ""}, {"b": "x\ny", "c.d": "3"}]))),
        ("binaryData", one(json!([{"bin": "AAEC"}, {"a": "AA=="}]))),
        ("immutable", one(json!([true, false]))),
    ])
}

pub fn secret() -> BoxedStrategy<Value> {
    fields(vec![
        ("data", one(json!([{}, {"a": "MQ=="}, {"a": "Mg==", "b": ""}]))),
        ("stringData", one(json!([{"a": "plain"}, {"c": ""}]))),
        ("type", one(json!(["Opaque", "example.org/own", "kubernetes.io/basic-auth"]))),
        ("immutable", one(json!([true, false]))),
    ])
}

pub fn service_account() -> BoxedStrategy<Value> {
    fields(vec![
        ("automountServiceAccountToken", one(json!([true, false]))),
        ("imagePullSecrets", some(json!([{"name": "a"}, {"name": "b"}]))),
        ("secrets", some(json!([{"name": "a"}, {"name": "b"}]))),
    ])
}

pub fn quota() -> BoxedStrategy<Value> {
    always(
        "spec",
        one(json!([{"hard": {"pods": "10", "requests.cpu": "1000m"}}, {"hard": {"count/configmaps": 5}},
        {"hard": {"limits.memory": "1Gi"}, "scopes": ["NotTerminating"]}, {}])),
    )
}

pub fn quota_status() -> BoxedStrategy<Value> {
    one(
        json!([{}, {"hard": {"pods": "10"}, "used": {"pods": "0"}}, {"hard": {"count/configmaps": "5"}, "used": {"count/configmaps": "1"}}]),
    )
}

pub fn limit_range() -> BoxedStrategy<Value> {
    always(
        "spec",
        one(json!([{"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"memory": "1Gi"}}]},
        {"limits": [{"type": "Pod", "max": {"cpu": "4"}}]}, {"limits": [{"type": "Container", "defaultRequest": {"cpu": "100m"}}]}])),
    )
}

pub fn namespace_status() -> BoxedStrategy<Value> {
    one(json!([{"phase": "Active"}, {"conditions": [{"type": "X", "status": "True"}]}]))
}

pub fn event() -> BoxedStrategy<Value> {
    let about = always(
        "involvedObject",
        one(json!([
            {"kind": "Pod", "namespace": "$NS", "name": "a"}, {"kind": "Pod", "apiVersion": "v1", "namespace": "$NS", "name": "b", "uid": "u"},
        ])),
    );
    and(
        about,
        fields(vec![
            ("reason", one(json!(["Killing", "Started"]))),
            ("message", one(json!(["m"]))),
            ("type", one(json!(["Normal", "Warning"]))),
            ("count", one(json!([1, 2]))),
            ("source", one(json!([{"component": "kubelet", "host": "n1"}]))),
            ("firstTimestamp", one(json!(["2001-01-01T00:00:00Z"]))),
            ("lastTimestamp", one(json!(["2001-01-01T00:00:00Z"]))),
        ]),
    )
}
