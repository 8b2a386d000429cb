//! Volumes, claims and classes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{always, and, fields, one};

pub fn claim() -> BoxedStrategy<Value> {
    let always_there = one(json!([
        {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        {"accessModes": ["ReadWriteMany", "ReadOnlyMany"], "resources": {"requests": {"storage": "2048Mi"}}},
    ]));
    always(
        "spec",
        and(
            always_there,
            fields(vec![
                ("storageClassName", one(json!(["", "fast"]))),
                ("volumeMode", one(json!(["Block", "Filesystem"]))),
                ("volumeName", one(json!(["v"]))),
            ]),
        ),
    )
}

pub fn claim_status() -> BoxedStrategy<Value> {
    one(
        json!([{"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}, {"phase": "Pending"}]),
    )
}

pub fn volume() -> BoxedStrategy<Value> {
    always(
        "spec",
        and(
            one(
                json!([{"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}]),
            ),
            fields(vec![
                ("persistentVolumeReclaimPolicy", one(json!(["Delete", "Retain"]))),
                ("storageClassName", one(json!(["fast"]))),
            ]),
        ),
    )
}

pub fn volume_status() -> BoxedStrategy<Value> {
    one(json!([{"phase": "Available"}, {"phase": "Bound", "message": "m"}]))
}

pub fn storage_class() -> BoxedStrategy<Value> {
    and(
        one(json!([{"provisioner": "example.org/p"}])),
        fields(vec![
            ("reclaimPolicy", one(json!(["Retain"]))),
            ("volumeBindingMode", one(json!(["WaitForFirstConsumer"]))),
            ("allowVolumeExpansion", one(json!([true]))),
            ("parameters", one(json!([{"a": "b"}]))),
        ]),
    )
}
