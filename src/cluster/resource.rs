//! Kinds of objects as v9s addresses them.

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

/// A kind of object and where its API server serves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: SmolStr,
    /// Version in that group.
    pub version: SmolStr,
    /// Plural, lower case, as in URLs.
    pub plural: SmolStr,
    /// Kind as in objects.
    pub kind: SmolStr,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

const fn known(group: &'static str, plural: &'static str, kind: &'static str, namespaced: bool) -> Resource {
    Resource {
        group: SmolStr::new_static(group),
        version: SmolStr::new_static("v1"),
        plural: SmolStr::new_static(plural),
        kind: SmolStr::new_static(kind),
        namespaced,
    }
}

impl Resource {
    /// As one says it to kubectl, and in rights: `pods`, `deployments.apps`.
    pub fn spoken(&self) -> SmolStr {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format_smolstr!("{}.{group}", self.plural),
        }
    }

    /// Pods.
    pub const PODS: Resource = known("", "pods", "Pod", true);
    /// Secrets.
    pub const SECRETS: Resource = known("", "secrets", "Secret", true);
    /// ConfigMaps.
    pub const CONFIG_MAPS: Resource = known("", "configmaps", "ConfigMap", true);
    /// Services.
    pub const SERVICES: Resource = known("", "services", "Service", true);
    /// ResourceQuotas.
    pub const RESOURCE_QUOTAS: Resource = known("", "resourcequotas", "ResourceQuota", true);
    /// PersistentVolumeClaims.
    pub const PERSISTENT_VOLUME_CLAIMS: Resource =
        known("", "persistentvolumeclaims", "PersistentVolumeClaim", true);
    /// Namespaces.
    pub const NAMESPACES: Resource = known("", "namespaces", "Namespace", false);
    /// Nodes.
    pub const NODES: Resource = known("", "nodes", "Node", false);
    /// Events of the core group.
    pub const EVENTS: Resource = known("", "events", "Event", true);
    /// StatefulSets.
    pub const STATEFUL_SETS: Resource = known("apps", "statefulsets", "StatefulSet", true);
    /// Deployments.
    pub const DEPLOYMENTS: Resource = known("apps", "deployments", "Deployment", true);
    /// ReplicaSets.
    pub const REPLICA_SETS: Resource = known("apps", "replicasets", "ReplicaSet", true);
    /// DaemonSets.
    pub const DAEMON_SETS: Resource = known("apps", "daemonsets", "DaemonSet", true);

    /// Endpoints.
    pub const ENDPOINTS: Resource = known("", "endpoints", "Endpoints", true);
    /// EndpointSlices.
    pub const ENDPOINT_SLICES: Resource = known("discovery.k8s.io", "endpointslices", "EndpointSlice", true);
    /// PersistentVolumes.
    pub const PERSISTENT_VOLUMES: Resource = known("", "persistentvolumes", "PersistentVolume", false);
    /// StorageClasses.
    pub const STORAGE_CLASSES: Resource = known("storage.k8s.io", "storageclasses", "StorageClass", false);
    /// Ingresses.
    pub const INGRESSES: Resource = known("networking.k8s.io", "ingresses", "Ingress", true);
    /// IngressClasses.
    pub const INGRESS_CLASSES: Resource = known("networking.k8s.io", "ingressclasses", "IngressClass", false);
    /// NetworkPolicies.
    pub const NETWORK_POLICIES: Resource =
        known("networking.k8s.io", "networkpolicies", "NetworkPolicy", true);
    /// PodDisruptionBudgets.
    pub const POD_DISRUPTION_BUDGETS: Resource =
        known("policy", "poddisruptionbudgets", "PodDisruptionBudget", true);
    /// ServiceAccounts.
    pub const SERVICE_ACCOUNTS: Resource = known("", "serviceaccounts", "ServiceAccount", true);
    /// Roles.
    pub const ROLES: Resource = known("rbac.authorization.k8s.io", "roles", "Role", true);
    /// RoleBindings.
    pub const ROLE_BINDINGS: Resource =
        known("rbac.authorization.k8s.io", "rolebindings", "RoleBinding", true);
    /// ClusterRoles.
    pub const CLUSTER_ROLES: Resource =
        known("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", false);
    /// ClusterRoleBindings.
    pub const CLUSTER_ROLE_BINDINGS: Resource =
        known("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", false);
    /// LimitRanges.
    pub const LIMIT_RANGES: Resource = known("", "limitranges", "LimitRange", true);
    /// PriorityClasses.
    pub const PRIORITY_CLASSES: Resource =
        known("scheduling.k8s.io", "priorityclasses", "PriorityClass", false);
    /// Jobs.
    pub const JOBS: Resource = known("batch", "jobs", "Job", true);
    /// CronJobs.
    pub const CRON_JOBS: Resource = known("batch", "cronjobs", "CronJob", true);
    /// RuntimeClasses.
    pub const RUNTIME_CLASSES: Resource = known("node.k8s.io", "runtimeclasses", "RuntimeClass", false);
    /// CustomResourceDefinitions.
    pub const CUSTOM_RESOURCE_DEFINITIONS: Resource =
        known("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", false);

    /// Path of the collection, in one namespace or over all of them.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// `v1` or `apps/v1`, as in objects.
    pub fn api_version(&self) -> SmolStr {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            smol_str::format_smolstr!("{}/{}", self.group, self.version)
        }
    }

    /// Go's words for it, by which synced objects say what they were made for: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`.
    pub fn kind_mark(&self) -> String {
        format!("{}/{}, Kind={}", self.group, self.version, self.kind)
    }
}

/// One object on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace, none for cluster-scoped kinds.
    pub namespace: Option<SmolStr>,
    /// Its name.
    pub name: SmolStr,
}

impl ObjectRef {
    /// A namespaced object.
    pub fn namespaced(resource: Resource, namespace: impl Into<SmolStr>, name: impl Into<SmolStr>) -> Self {
        ObjectRef { resource, namespace: Some(namespace.into()), name: name.into() }
    }

    /// An object without a namespace.
    pub fn cluster_scoped(resource: Resource, name: impl Into<SmolStr>) -> Self {
        ObjectRef { resource, namespace: None, name: name.into() }
    }

    /// Path of the object.
    pub fn path(&self) -> String {
        format!("{}/{}", self.resource.path(self.namespace.as_deref()), self.name)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.resource.kind, self.name),
            None => write!(f, "{} {}", self.resource.kind, self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_and_scope() {
        let cases = [
            (Resource::PODS, None, "/api/v1/pods"),
            (Resource::PODS, Some("team-a"), "/api/v1/namespaces/team-a/pods"),
            (Resource::STATEFUL_SETS, Some("team-a"), "/apis/apps/v1/namespaces/team-a/statefulsets"),
            (Resource::NAMESPACES, Some("ignored"), "/api/v1/namespaces"),
        ];
        for (resource, namespace, expected) in cases {
            assert_eq!(resource.path(namespace), expected);
        }
        let pod = ObjectRef::namespaced(Resource::PODS, "team-a", "team-a-0");
        assert_eq!(pod.path(), "/api/v1/namespaces/team-a/pods/team-a-0");
        assert_eq!(pod.to_string(), "Pod team-a/team-a-0");
    }
}
