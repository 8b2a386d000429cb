//! Where an object lives on an API server.

use kube::Resource as _;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// API group, empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Host namespace, empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Address {
    /// Where this object lives.
    pub fn of(object: &Value) -> Self {
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let api_version = text("/apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        Address {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }

    /// A core object.
    pub fn core(kind: &str, namespace: &str, name: &str) -> Self {
        Address {
            group: String::new(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Name of its kind in paths, such as `pods`. The kinds of a tenant all follow the English rule.
    pub fn plural(&self) -> String {
        self.resource().plural
    }

    /// Path of the collection it is in.
    pub fn collection(&self) -> String {
        let scope = (!self.namespace.is_empty()).then_some(self.namespace.as_str());
        DynamicObject::url_path(&self.resource(), scope)
    }

    fn resource(&self) -> ApiResource {
        ApiResource::from_gvk(&GroupVersionKind::gvk(&self.group, &self.version, &self.kind))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_found_under_the_paths_of_kubernetes() {
        for (api_version, kind, namespace, path) in [
            ("v1", "Namespace", "", "/api/v1/namespaces"),
            ("v1", "Pod", "a", "/api/v1/namespaces/a/pods"),
            ("apps/v1", "StatefulSet", "a", "/apis/apps/v1/namespaces/a/statefulsets"),
            ("v1", "ResourceQuota", "a", "/api/v1/namespaces/a/resourcequotas"),
            (
                "networking.k8s.io/v1",
                "NetworkPolicy",
                "a",
                "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies",
            ),
        ] {
            let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "x" } });
            if !namespace.is_empty() {
                object["metadata"]["namespace"] = json!(namespace);
            }
            assert_eq!(Address::of(&object).collection(), path);
        }
    }
}
