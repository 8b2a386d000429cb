//! Roles, their bindings, and leases.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{and, fields, one, some};

pub fn role() -> BoxedStrategy<Value> {
    fields(vec![(
        "rules",
        one(json!([[], [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        [{"apiGroups": ["apps", ""], "resources": ["*"], "verbs": ["*"], "resourceNames": ["a"]}]])),
    )])
}

pub fn role_binding() -> BoxedStrategy<Value> {
    and(
        one(json!([{"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}},
        {"roleRef": {"kind": "ClusterRole", "name": "view"}}])),
        fields(vec![(
            "subjects",
            some(
                json!([{"kind": "User", "name": "jane"}, {"kind": "ServiceAccount", "name": "default", "namespace": "$NS"},
            {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "g"}]),
            ),
        )]),
    )
}

pub fn lease() -> BoxedStrategy<Value> {
    fields(vec![(
        "spec",
        one(json!([{}, {"holderIdentity": "me", "leaseDurationSeconds": 15},
        {"renewTime": "2001-01-01T00:00:00.000000Z", "leaseTransitions": 1}])),
    )])
}
