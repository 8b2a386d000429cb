//! What a real API server has created by itself before anybody can ask.

use crate::store::{Gr, Seed, Store};
use serde_json::{Value, json};

/// Puts the first objects into an empty store.
pub(crate) fn fill(store: &Store, port: u16) {
    let namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];
    let namespaces = namespaces.map(|name| (Gr::core("namespaces"), json!({"metadata": {"name": name}})));
    let service = (Gr::core("services"), kubernetes_service(port));
    let all = namespaces.into_iter().chain([service]).chain(policy()).chain(priority_classes());
    store.seed(all.map(|(resource, object)| Seed { resource, object }));
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// The Service by which pods reach the API server.
fn kubernetes_service(port: u16) -> Value {
    json!({
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"],
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
            "sessionAffinity": "None",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}],
        },
        "status": {"loadBalancer": {}},
    })
}

/// The roles that people bind to and those of everybody, with their bindings; `examples/derive_policy.rs` writes them.
const POLICY: &str = include_str!("../kinds/policy.jsonl");

fn policy() -> impl Iterator<Item = (Gr, Value)> {
    POLICY.lines().filter_map(|line| {
        let (plural, text) = line.split_once('\t')?;
        Some((Gr::new(RBAC, plural), serde_json::from_str(text).ok()?))
    })
}

/// The priorities of what a cluster cannot do without.
fn priority_classes() -> [(Gr, Value); 2] {
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)].map(|(name, value)| {
        let class =
            json!({"metadata": {"name": name}, "value": value, "preemptionPolicy": "PreemptLowerPriority"});
        (Gr::new_static("scheduling.k8s.io", "priorityclasses"), class)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_policy_is_an_object() {
        assert_eq!(policy().count(), POLICY.lines().count());
        let edit = policy().find(|(_, object)| object["metadata"]["name"] == "edit").unwrap().1;
        let rules = edit["rules"].as_array().unwrap();
        assert!(rules.iter().any(|rule| rule["resources"].as_array().unwrap().contains(&json!("secrets"))));
    }
}
