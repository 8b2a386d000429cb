//! What the account of a schedule may do: read what goes into a backup, reach stores, and note on control planes that there is one.

use serde_json::{Value, json};

use super::{Of, reach};
use crate::cronjob::{Reach, rule};

/// Kinds of a namespace that are of virtual clusters or mirrored for them. Of others a run says that it did not see them.
const KINDS: [(&str, &[&str]); 12] = [
    (
        "",
        &[
            "pods",
            "services",
            "configmaps",
            "secrets",
            "serviceaccounts",
            "endpoints",
            "events",
            "persistentvolumeclaims",
            "limitranges",
            "resourcequotas",
            "replicationcontrollers",
            "podtemplates",
        ],
    ),
    ("apps", &["statefulsets", "deployments", "daemonsets", "replicasets", "controllerrevisions"]),
    ("batch", &["jobs", "cronjobs"]),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("networking.k8s.io", &["ingresses", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets"]),
    ("discovery.k8s.io", &["endpointslices"]),
    ("rbac.authorization.k8s.io", &["roles", "rolebindings"]),
    ("coordination.k8s.io", &["leases"]),
    ("events.k8s.io", &["events"]),
    ("resource.k8s.io", &["resourceclaims", "resourceclaimtemplates"]),
    ("storage.k8s.io", &["csistoragecapacities"]),
];

/// The same of the whole cluster.
const CLUSTER_KINDS: [(&str, &[&str]); 4] = [
    ("", &["namespaces", "persistentvolumes"]),
    ("rbac.authorization.k8s.io", &["clusterroles", "clusterrolebindings"]),
    ("storage.k8s.io", &["storageclasses"]),
    ("scheduling.k8s.io", &["priorityclasses"]),
];

/// Its rules.
pub(super) fn rules(of: &Of) -> Vec<Value> {
    let read = |(group, kinds): &(&str, &[&str])| rule(group, kinds, &["get", "list"]);
    let mut rules: Vec<Value> = KINDS.iter().map(read).collect();
    if reach(of) == Reach::Everywhere {
        rules.extend(CLUSTER_KINDS.iter().map(read));
    }
    // The way to a store.
    rules.push(rule("", &["pods/portforward"], &["get", "create"]));
    // The note. RBAC knows no part of an object; which object it knows where there is just one.
    let mut note = rule("apps", &["statefulsets", "deployments"], &["patch"]);
    if let Of::One { workload, .. } = of {
        note["resourceNames"] = json!([workload]);
    }
    rules.push(note);
    rules
}
