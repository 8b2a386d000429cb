//! Objects of many kinds, most of them valid.

mod access;
mod core;
mod network;
mod pods;
mod storage;
mod workloads;

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// A kind that scripts write.
#[derive(Debug)]
pub struct Kind {
    /// `v1`, `apps/v1`.
    pub api: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub namespaced: bool,
    /// What is written to its objects' `status`; none where there is no such subresource.
    pub status: Option<fn() -> BoxedStrategy<Value>>,
    pub scales: bool,
    /// Everything but kind, version and metadata.
    pub content: fn() -> BoxedStrategy<Value>,
}

impl Kind {
    /// Path of the collection in the script's namespace.
    pub fn path(&self) -> String {
        let prefix = if self.api.contains('/') { "apis" } else { "api" };
        let namespace = if self.namespaced { "namespaces/$NS/" } else { "" };
        format!("/{prefix}/{}/{namespace}{}", self.api, self.plural)
    }

    /// Name of an object: cluster-wide ones begin with the script's own.
    pub fn name(&self, name: &str) -> String {
        if self.namespaced { name.to_owned() } else { format!("$NS-{name}") }
    }
}

const fn kind(
    api: &'static str,
    kind: &'static str,
    plural: &'static str,
    content: fn() -> BoxedStrategy<Value>,
) -> Kind {
    Kind { api, kind, plural, namespaced: true, status: None, scales: false, content }
}

const fn cluster(kind: Kind) -> Kind {
    Kind { namespaced: false, ..kind }
}

const fn with_status(kind: Kind, status: fn() -> BoxedStrategy<Value>) -> Kind {
    Kind { status: Some(status), ..kind }
}

const fn scaled(kind: Kind) -> Kind {
    Kind { scales: true, ..kind }
}

/// The kinds that scripts write.
pub static KINDS: &[Kind] = &[
    kind("v1", "ConfigMap", "configmaps", core::config_map),
    kind("v1", "Secret", "secrets", core::secret),
    kind("v1", "ServiceAccount", "serviceaccounts", core::service_account),
    with_status(kind("v1", "Pod", "pods", pods::pod), pods::pod_status),
    with_status(kind("v1", "Service", "services", network::service), network::service_status),
    with_status(kind("v1", "ResourceQuota", "resourcequotas", core::quota), core::quota_status),
    kind("v1", "LimitRange", "limitranges", core::limit_range),
    with_status(
        kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims", storage::claim),
        storage::claim_status,
    ),
    kind("v1", "Event", "events", core::event),
    kind("v1", "Endpoints", "endpoints", network::endpoints),
    with_status(cluster(kind("v1", "Namespace", "namespaces", nothing)), core::namespace_status),
    with_status(
        cluster(kind("v1", "PersistentVolume", "persistentvolumes", storage::volume)),
        storage::volume_status,
    ),
    scaled(with_status(
        kind("apps/v1", "Deployment", "deployments", workloads::deployment),
        workloads::workload_status,
    )),
    scaled(with_status(
        kind("apps/v1", "StatefulSet", "statefulsets", workloads::stateful_set),
        workloads::workload_status,
    )),
    scaled(with_status(
        kind("apps/v1", "ReplicaSet", "replicasets", workloads::replica_set),
        workloads::workload_status,
    )),
    with_status(kind("apps/v1", "DaemonSet", "daemonsets", workloads::daemon_set), workloads::daemon_status),
    with_status(kind("batch/v1", "Job", "jobs", workloads::job), workloads::job_status),
    with_status(kind("batch/v1", "CronJob", "cronjobs", workloads::cron_job), workloads::cron_status),
    with_status(
        kind("networking.k8s.io/v1", "Ingress", "ingresses", network::ingress),
        network::service_status,
    ),
    kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", network::network_policy),
    with_status(
        kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", workloads::budget),
        workloads::budget_status,
    ),
    kind("rbac.authorization.k8s.io/v1", "Role", "roles", access::role),
    kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", access::role_binding),
    cluster(kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", access::role)),
    kind("coordination.k8s.io/v1", "Lease", "leases", access::lease),
    kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", network::endpoint_slice),
    with_status(
        kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", workloads::autoscaler),
        nothing,
    ),
    cluster(kind("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", workloads::priority_class)),
    cluster(kind("storage.k8s.io/v1", "StorageClass", "storageclasses", storage::storage_class)),
    cluster(kind("networking.k8s.io/v1", "IngressClass", "ingressclasses", network::ingress_class)),
];

/// Fields that may be there or not, each with its own values.
fn fields(all: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) =
        all.into_iter().map(|(name, value)| (name, of(value).boxed())).unzip();
    values
        .prop_map(move |values| {
            let present = names.iter().zip(values).filter_map(|(n, v)| Some(((*n).to_owned(), v?)));
            Value::Object(present.collect::<Map<_, _>>())
        })
        .boxed()
}

/// Two objects in one.
fn and(a: BoxedStrategy<Value>, b: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    (a, b)
        .prop_map(|(mut a, b)| {
            if let (Value::Object(a), Value::Object(b)) = (&mut a, b) {
                a.extend(b);
            }
            a
        })
        .boxed()
}

/// One of these values.
fn one(values: Value) -> BoxedStrategy<Value> {
    select(values.as_array().cloned().unwrap_or_default()).boxed()
}

/// A field that is always there.
fn always(name: &'static str, value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    value.prop_map(move |value| json!({name: value})).boxed()
}

/// Some of these items, in their order.
fn some(values: Value) -> BoxedStrategy<Value> {
    let values = values.as_array().cloned().unwrap_or_default();
    let most = values.len();
    subsequence(values, 0..=most).prop_map(Value::Array).boxed()
}

fn nothing() -> BoxedStrategy<Value> {
    Just(json!({})).boxed()
}
