//! Accounts and rights (docs/vclusters.md, Objects).

use serde_json::{Value, json};
use v9s::wire;

use super::Maker;
use crate::demo::spec::Tenant;

/// Service accounts, Role and RoleBinding.
pub(super) fn all(maker: &Maker<'_>) -> Vec<Value> {
    let name = &maker.tenant.name;
    let account = wire::name::service_account(name);
    let account_object = |name: &str| {
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": maker.chart_meta("ServiceAccount", name),
        })
    };
    vec![
        account_object(&account),
        account_object(&wire::name::workload_service_account(name)),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": maker.chart_meta("Role", &account),
            "rules": rules(maker.tenant),
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": maker.chart_meta("RoleBinding", &account),
            "subjects": [{
                "kind": "ServiceAccount",
                "name": account,
                "namespace": maker.tenant.namespace,
            }],
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account },
        }),
    ]
}

fn rules(tenant: &Tenant) -> Vec<Value> {
    const ALL: [&str; 7] = ["create", "delete", "patch", "update", "get", "list", "watch"];
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    let mut rules = vec![
        rule(
            "",
            &[
                "configmaps",
                "secrets",
                "services",
                "pods",
                "pods/attach",
                "pods/portforward",
                "pods/exec",
                "persistentvolumeclaims",
            ],
            &ALL,
        ),
        rule("", &["pods/status", "pods/ephemeralcontainers", "pods/resize"], &["patch", "update"]),
        rule(
            "apps",
            &["statefulsets", "replicasets", "deployments"],
            &["get", "list", "watch", "patch", "update"],
        ),
        rule("", &["endpoints", "pods/log"], &["get", "list", "watch"]),
        rule("", &["endpoints"], &["create", "delete", "patch", "update"]),
        rule("", &["events"], &["create", "get", "list", "watch"]),
        rule("events.k8s.io", &["events"], &["create", "get", "list", "watch"]),
        rule("discovery.k8s.io", &["endpointslices"], &ALL),
    ];
    if tenant.replicas > 1 || tenant.store == v9s::fleet::model::Store::EmbeddedEtcd {
        rules.push(rule("coordination.k8s.io", &["leases"], &ALL));
    }
    rules
}
