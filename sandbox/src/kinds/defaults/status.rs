//! The status an object starts with, as far as it is visible: what the strategies set and what Go always writes.

use serde_json::{Value, json};

use super::super::Kind;
use super::super::resources::PodNeeds;
use super::fill_with;

/// Gives the object its first status when it has none.
pub(super) fn start(kind: &Kind, object: &mut Value) {
    let status = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => {
            let class = PodNeeds::read(&object["spec"]).quality_of_service();
            json!({"phase": "Pending", "qosClass": class})
        }
        ("", "namespaces") => json!({"phase": "Active"}),
        ("", "persistentvolumes" | "persistentvolumeclaims") => json!({"phase": "Pending"}),
        ("", "services") | ("networking.k8s.io", "ingresses") => json!({"loadBalancer": {}}),
        ("", "resourcequotas") => json!({}),
        ("", "replicationcontrollers") | ("apps", "replicasets") => json!({"replicas": 0}),
        ("apps", "statefulsets") => json!({"replicas": 0, "availableReplicas": 0}),
        ("apps", "daemonsets") => json!({"currentNumberScheduled": 0, "desiredNumberScheduled": 0,
            "numberMisscheduled": 0, "numberReady": 0}),
        ("apps", "deployments") | ("batch", "jobs" | "cronjobs") => json!({}),
        ("certificates.k8s.io", "certificatesigningrequests") => json!({}),
        ("policy", "poddisruptionbudgets") => json!({"currentHealthy": 0, "desiredHealthy": 0,
            "disruptionsAllowed": 0, "expectedPods": 0}),
        ("autoscaling", "horizontalpodautoscalers") if kind.version == "v1" => {
            json!({"currentReplicas": 0, "desiredReplicas": 0})
        }
        ("autoscaling", "horizontalpodautoscalers") => json!({"currentMetrics": null, "desiredReplicas": 0}),
        _ => return,
    };
    fill_with(object, "status", || status);
}
