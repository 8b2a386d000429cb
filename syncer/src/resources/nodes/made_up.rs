//! Nodes that are made up: a tenant sees where its pods are, and little of the host.

use serde_json::{Map, Value, json};
use v9s::cluster::lean::Lean;
use v9s::names::safe_concat;
use v9s::wire::annotation;

use crate::context::Context;
use crate::engine::mirror::field;

/// Labels of the host's node that a pod may be placed by.
const TOLD: [&str; 4] = [
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// A node of this name. Of the host's node, where it may be read, it tells how much there is and of what make.
pub(super) fn node(ctx: &Context, name: &str, host: Option<&Lean>) -> Value {
    let status = field(host, "status");
    let told = |path: &str, otherwise: Value| status.pointer(path).cloned().unwrap_or(otherwise);
    let assumed = json!({"cpu": "16", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"});
    let capacity = told("/capacity", assumed);
    let of_system = |field: &str, otherwise: &str| told(&format!("/nodeInfo/{field}"), json!(otherwise));
    let version = format!("v1.{}.0", ctx.minors.virtual_side);
    let mut labels = Map::new();
    for (key, otherwise) in [("kubernetes.io/arch", "architecture"), ("kubernetes.io/os", "operatingSystem")]
    {
        let default = if otherwise == "architecture" { "amd64" } else { "linux" };
        labels.insert(key.into(), of_system(otherwise, default));
    }
    for key in TOLD {
        if let Some(value) = host.and_then(|host| host.metadata.label(key)) {
            labels.insert(key.into(), json!(value));
        }
    }
    labels.insert("kubernetes.io/hostname".into(), json!(safe_concat(&["fake", name])));
    json!({
        "metadata": {"labels": labels, "annotations": {annotation::FAKE_NODE: "true"}},
        // Servers mark new nodes as not ready, and nothing in a virtual cluster would ever lift that.
        "spec": {"taints": []},
        "status": {
            "allocatable": told("/allocatable", capacity.clone()),
            "capacity": capacity,
            "conditions": [condition("Ready", "True", "KubeletReady", "pods run on this node")],
            "nodeInfo": {
                "architecture": of_system("architecture", "amd64"),
                "operatingSystem": of_system("operatingSystem", "linux"),
                "kernelVersion": of_system("kernelVersion", "unknown"),
                "osImage": of_system("osImage", "unknown"),
                "containerRuntimeVersion": of_system("containerRuntimeVersion", "unknown"),
                "kubeletVersion": of_system("kubeletVersion", &version),
                "kubeProxyVersion": of_system("kubeProxyVersion", &version),
                "machineID": "", "systemUUID": "", "bootID": "",
            },
        },
    })
}

/// A condition without times: it does not change.
fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message})
}
