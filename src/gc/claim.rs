//! Objects of a host that claim to belong to a virtual cluster: as little of each as a proof needs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::cluster::{ObjectRef, Resource};
use crate::companion;
use crate::fleet::quantity::Quantity;
use crate::names::VirtualName;
use crate::wire::{App, annotation, label};

/// An object of a host that claims to belong to a virtual cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Which object.
    pub object: ObjectRef,
    /// Its UID.
    pub uid: SmolStr,
    /// The state of it that was read.
    pub resource_version: SmolStr,
    /// When it was created, by the host's clock.
    pub created: Option<DateTime<Utc>>,
    /// Since when it is going, if it is.
    pub going: Option<DateTime<Utc>>,
    /// How long it may take to go, in seconds.
    pub grace: Option<i64>,
    /// What must happen before it can go.
    pub finalizers: Vec<SmolStr>,
    /// What it belongs to on the host.
    pub owners: Vec<Owner>,
    /// What it says of itself.
    pub marks: Marks,
    /// What it holds.
    pub holds: Holds,
}

/// What an object belongs to on its host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub struct Owner {
    /// Kind of the owner.
    pub kind: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its UID.
    pub uid: SmolStr,
}

/// The labels and annotations that say where an object comes from (docs/vclusters.md, Annotations).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// Label: the virtual cluster that it was synced from, or the marker of one on what has no namespace.
    pub managed_by: Option<SmolStr>,
    /// Label: the virtual cluster that it was made for, on what was not synced.
    pub made_for: Option<SmolStr>,
    /// Label: which controller keeps it instead of the usual one.
    pub controlled_by: Option<SmolStr>,
    /// Name inside.
    pub name: Option<SmolStr>,
    /// Namespace inside.
    pub namespace: Option<SmolStr>,
    /// UID inside.
    pub uid: Option<SmolStr>,
    /// Kind inside, `/v1, Kind=Pod`, where it is not the object's own.
    pub kind: Option<SmolStr>,
    /// The name on the host that it was made with, where it is not the object's own.
    pub host_name: Option<SmolStr>,
    /// The namespace on the host that it was made in, where it is not the object's own.
    pub host_namespace: Option<SmolStr>,
    /// It is to be left alone.
    pub spared: bool,
    /// It was made before the object inside was, and waits for it.
    pub reserved: bool,
}

/// What an object takes of its host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Holds {
    /// Node of a pod.
    pub node: Option<SmolStr>,
    /// CPU that a pod asks for, in millicores. A pod that has ended holds none.
    pub cpu_millis: u64,
    /// Memory that a pod asks for, in bytes.
    pub memory: u64,
    /// Space of a volume or a claim, in bytes.
    pub storage: u64,
}

impl Marks {
    /// Reads them. What else there is, tokens among it, is not kept.
    pub fn of(labels: &BTreeMap<SmolStr, SmolStr>, annotations: &BTreeMap<SmolStr, SmolStr>) -> Self {
        let full =
            |map: &BTreeMap<SmolStr, SmolStr>, key: &str| map.get(key).filter(|it| !it.is_empty()).cloned();
        let says = |key: &str| full(annotations, key);
        let of_chart = labels.get(label::APP).is_some_and(|app| App::of(app).is_some());
        let made_for = of_chart.then(|| full(labels, label::RELEASE)).flatten().or_else(|| {
            [label::VCLUSTER_NAME, label::BELONGS_TO, companion::LABEL]
                .iter()
                .find_map(|key| full(labels, key))
        });
        Marks {
            managed_by: full(labels, label::MANAGED_BY),
            made_for,
            controlled_by: full(labels, label::CONTROLLED_BY),
            name: says(annotation::OBJECT_NAME),
            namespace: says(annotation::OBJECT_NAMESPACE),
            uid: says(annotation::OBJECT_UID),
            kind: says(annotation::OBJECT_KIND),
            host_name: says(annotation::OBJECT_HOST_NAME),
            host_namespace: says(annotation::OBJECT_HOST_NAMESPACE),
            spared: annotations.contains_key(annotation::SKIP_BACKSYNC),
            reserved: annotations.contains_key(annotation::RESERVED)
                || annotations.contains_key(annotation::BLOCK_DELETION),
        }
    }

    /// Forgets what says of the object only what it is: most of it, and there may be very many objects.
    fn keep_contradictions(&mut self, object: &ObjectRef) {
        let differs = |said: &SmolStr, is: Option<&SmolStr>| is.is_some_and(|is| is != said);
        self.host_name = self.host_name.take().filter(|said| differs(said, Some(&object.name)));
        self.host_namespace =
            self.host_namespace.take().filter(|said| differs(said, object.namespace.as_ref()));
        self.kind = self.kind.take().filter(|said| !is_kind(&object.resource, said));
    }
}

/// Whether these words, `apps/v1, Kind=Deployment`, name the kind. The version may be another: both sides serve several.
fn is_kind(resource: &Resource, words: &str) -> bool {
    let Some((version, kind)) = words.split_once(", Kind=") else { return false };
    let group = version.split_once('/').map_or("", |(group, _)| group);
    kind == resource.kind && group == resource.group
}

impl Claim {
    /// The object inside that it says it was made for. None when it does not say.
    pub fn origin(&self) -> Option<VirtualName> {
        let name = self.marks.name.clone()?;
        match self.object.namespace {
            Some(_) => Some(VirtualName::namespaced(self.marks.namespace.clone()?, name)),
            None => Some(VirtualName::cluster_scoped(name)),
        }
    }

    /// Whether it is a copy that somebody made of another object, or was made for another kind, by its own word.
    pub(super) fn is_copy(&self) -> bool {
        let Marks { kind, host_name, host_namespace, .. } = &self.marks;
        kind.is_some() || host_name.is_some() || host_namespace.is_some()
    }
}

/// An object as a list of metadata holds it.
#[derive(Deserialize)]
pub(super) struct Raw {
    metadata: RawMeta,
    #[serde(default)]
    spec: RawSpec,
    #[serde(default)]
    status: RawStatus,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawMeta {
    pub(super) namespace: SmolStr,
    pub(super) name: SmolStr,
    pub(super) uid: SmolStr,
    resource_version: SmolStr,
    pub(super) labels: BTreeMap<SmolStr, SmolStr>,
    pub(super) annotations: BTreeMap<SmolStr, SmolStr>,
    owner_references: Vec<Owner>,
    finalizers: Vec<SmolStr>,
    pub(super) creation_timestamp: Option<DateTime<Utc>>,
    pub(super) deletion_timestamp: Option<DateTime<Utc>>,
    deletion_grace_period_seconds: Option<i64>,
}

/// What is read of specs of pods, claims and volumes; of other kinds only the metadata is asked for.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    node_name: Option<SmolStr>,
    containers: Vec<RawContainer>,
    init_containers: Vec<RawContainer>,
    resources: RawResources,
    capacity: BTreeMap<SmolStr, SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawContainer {
    resources: RawResources,
    restart_policy: Option<SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawResources {
    requests: BTreeMap<SmolStr, SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawStatus {
    phase: SmolStr,
}

impl Raw {
    pub(super) fn into_claim(self, resource: &Resource) -> Claim {
        let Raw { metadata, spec, status } = self;
        let holds = holds(spec, &status.phase);
        let namespace = resource.namespaced.then_some(metadata.namespace);
        let object = ObjectRef { resource: resource.clone(), namespace, name: metadata.name };
        let mut marks = Marks::of(&metadata.labels, &metadata.annotations);
        marks.keep_contradictions(&object);
        Claim {
            object,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            created: metadata.creation_timestamp,
            going: metadata.deletion_timestamp,
            grace: metadata.deletion_grace_period_seconds,
            finalizers: metadata.finalizers,
            owners: metadata.owner_references,
            marks,
            holds,
        }
    }
}

/// What a pod asks for as the scheduler counts it: containers and sidecars together, or the largest init container.
fn holds(spec: RawSpec, phase: &str) -> Holds {
    let amount = |map: &BTreeMap<SmolStr, SmolStr>, key: &str, scale: f64| {
        let value = map.get(key).and_then(|text| Quantity::parse(text)).map_or(0.0, Quantity::to_f64);
        (value * scale).max(0.0).ceil() as u64
    };
    let total = |key: &str, scale: f64| {
        let of = |container: &RawContainer| amount(&container.resources.requests, key, scale);
        let is_sidecar = |container: &&RawContainer| container.restart_policy.as_deref() == Some("Always");
        let sidecars: u64 = spec.init_containers.iter().filter(is_sidecar).map(of).sum();
        let together = spec.containers.iter().map(of).sum::<u64>() + sidecars;
        let largest = spec.init_containers.iter().filter(|it| !is_sidecar(it)).map(of).max().unwrap_or(0);
        together.max(largest)
    };
    let ended = matches!(phase, "Succeeded" | "Failed");
    Holds {
        cpu_millis: if ended { 0 } else { total("cpu", 1000.0) },
        memory: if ended { 0 } else { total("memory", 1.0) },
        storage: amount(&spec.resources.requests, "storage", 1.0).max(amount(&spec.capacity, "storage", 1.0)),
        node: spec.node_name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_holds_what_the_scheduler_counts_and_an_ended_one_nothing() {
        let requests = |cpu: &str, memory: &str| json!({"requests": {"cpu": cpu, "memory": memory}});
        let pod = |phase: &str| {
            let raw = json!({"metadata": {"name": "web", "namespace": "team", "uid": "u"}, "status": {"phase": phase},
                "spec": {"nodeName": "n1", "containers": [{"resources": requests("250m", "512Mi")}, {}],
                "initContainers": [{"resources": requests("2", "1Ki")},
                    {"resources": requests("100m", "512Mi"), "restartPolicy": "Always"}]}});
            serde_json::from_value::<Raw>(raw).unwrap().into_claim(&Resource::PODS).holds
        };
        let running = pod("Running");
        assert_eq!((running.cpu_millis, running.memory), (2000, 1 << 30));
        assert_eq!(running.node.as_deref(), Some("n1"));
        assert_eq!((pod("Succeeded").cpu_millis, pod("Failed").memory), (0, 0));
    }

    #[test]
    fn tokens_and_what_else_an_object_says_are_not_kept() {
        let raw = json!({"metadata": {"name": "web", "namespace": "team", "uid": "u",
            "labels": {"vcluster.loft.sh/managed-by": "shop", "app": "vcluster", "release": ""},
            "annotations": {"vcluster.loft.sh/object-name": "web", "vcluster.loft.sh/token-abcdefgh": "eyJhb"}}});
        let claim = serde_json::from_value::<Raw>(raw).unwrap().into_claim(&Resource::PODS);
        assert_eq!(claim.marks.managed_by.as_deref(), Some("shop"));
        assert_eq!(claim.marks.made_for, None, "an empty label names nobody");
        assert!(!format!("{claim:?}").contains("eyJhb"));
    }
}
