//! What a real API server has created by itself before anybody can ask.

use crate::store::{Gr, Seed, Store};
use serde_json::{Value, json};

/// Puts the first objects into an empty store.
pub(crate) fn fill(store: &Store, port: u16) {
    let namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];
    let namespaces = namespaces.map(|name| (Gr::core("namespaces"), json!({"metadata": {"name": name}})));
    let service = (Gr::core("services"), kubernetes_service(port));
    let roles = ["admin", "cluster-admin", "edit", "view"];
    let roles = roles.map(|name| (Gr::new_static(RBAC, "clusterroles"), cluster_role(name)));
    let binding = (Gr::new_static(RBAC, "clusterrolebindings"), masters());
    let all = namespaces.into_iter().chain([service]).chain(roles).chain([binding]);
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

/// The roles that people bind to, with what they come down to here: `edit` writes and `view` reads the namespaced
/// kinds, Secrets only from `edit` up, Roles only from `admin` up.
fn cluster_role(name: &str) -> Value {
    let everything = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]);
    let read = ["get", "list", "watch"];
    let write = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
    let core = [
        "pods",
        "pods/log",
        "pods/status",
        "services",
        "services/status",
        "endpoints",
        "configmaps",
        "events",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "serviceaccounts",
        "resourcequotas",
        "resourcequotas/status",
        "limitranges",
        "bindings",
        "namespaces",
    ];
    let groups =
        ["apps", "batch", "autoscaling", "networking.k8s.io", "policy", "discovery.k8s.io", "events.k8s.io"];
    let kinds = |verbs: &[&str]| {
        vec![
            json!({"apiGroups": [""], "resources": core, "verbs": verbs}),
            json!({"apiGroups": groups, "resources": ["*"], "verbs": verbs}),
        ]
    };
    let secrets = json!({"apiGroups": [""], "resources": [
        "secrets", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy",
        "pods/eviction", "serviceaccounts/token"], "verbs": write});
    let roles = json!({"apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": write});
    let rules = match name {
        "cluster-admin" => everything,
        "view" => json!(kinds(&read)),
        "edit" => json!([kinds(&write), vec![secrets]].concat()),
        _ => json!([kinds(&write), vec![secrets, roles]].concat()),
    };
    json!({
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        },
        "rules": rules,
    })
}

fn masters() -> Value {
    json!({
        "metadata": {"name": "cluster-admin", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": "system:masters"}],
    })
}
