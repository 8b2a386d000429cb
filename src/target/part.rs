//! One workload of a virtual cluster.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use smol_str::SmolStr;

use super::manager::Claims;
use super::term::Term;
use crate::cluster::{ObjectRef, Resource};
use crate::wire::{App, annotation, label};

/// What kind of workload it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A StatefulSet.
    StatefulSet,
    /// A Deployment.
    Deployment,
}

impl Kind {
    /// Where it is served.
    pub fn resource(self) -> Resource {
        match self {
            Kind::StatefulSet => Resource::STATEFUL_SETS,
            Kind::Deployment => Resource::DEPLOYMENTS,
        }
    }
}

/// One workload of a virtual cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which part it is.
    pub app: App,
    /// What kind of workload.
    pub kind: Kind,
    /// Host namespace.
    pub namespace: SmolStr,
    /// Name of the virtual cluster.
    pub release: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its UID.
    pub uid: SmolStr,
    /// The state of it that was read.
    pub resource_version: SmolStr,
    /// `spec.replicas`.
    pub replicas: u32,
    /// Pods there are (`status.replicas`).
    pub running: u32,
    /// Those that are ready.
    pub ready: u32,
    /// Those that are as the workload says by now (`status.updatedReplicas`).
    pub updated: u32,
    /// Whether its controller has seen what is asked of it.
    pub observed: bool,
    /// Whether it carries the mark of a paused one.
    pub paused: bool,
    /// When it was paused, as it was written down.
    pub paused_date: Option<SmolStr>,
    /// How many replicas it had before.
    pub paused_replicas: Option<u32>,
    /// Whether a restore or a rotation of certificates keeps it stopped.
    pub restoring: bool,
    /// Whether the platform put it to sleep.
    pub asleep: bool,
    /// Whether it must not be deleted.
    pub protected: bool,
    /// How long it is to live, and who answers for it.
    pub term: Term,
    /// Whether what its pods write stays when they end: they have a claim, or a folder of their node.
    pub durable: bool,
    /// Digest of the certificates that its pods were last restarted for.
    pub certificates: Option<SmolStr>,
    /// Who made it, by its label: `v9s`, or `Helm` of the official chart.
    pub heritage: SmolStr,
    /// Who says that it is theirs.
    pub claims: Claims,
    /// Its labels, for selectors.
    pub labels: BTreeMap<SmolStr, SmolStr>,
}

/// A workload as the API server sends it.
#[derive(Deserialize)]
pub(super) struct Workload {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    namespace: SmolStr,
    name: SmolStr,
    #[serde(default)]
    uid: SmolStr,
    #[serde(default)]
    resource_version: SmolStr,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    labels: BTreeMap<SmolStr, SmolStr>,
    #[serde(default)]
    annotations: BTreeMap<SmolStr, SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
#[serde(rename_all = "camelCase")]
struct Spec {
    replicas: Option<u32>,
    template: Template,
    volume_claim_templates: Vec<IgnoredAny>,
}

impl Spec {
    fn is_durable(&self) -> bool {
        !self.volume_claim_templates.is_empty() || self.template.spec.volumes.iter().any(Volume::is_durable)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Template {
    metadata: TemplateMeta,
    spec: PodSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodSpec {
    volumes: Vec<Volume>,
}

/// A volume of its pods, by what it is.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Volume {
    persistent_volume_claim: Option<IgnoredAny>,
    host_path: Option<IgnoredAny>,
    nfs: Option<IgnoredAny>,
}

impl Volume {
    fn is_durable(&self) -> bool {
        self.persistent_volume_claim.is_some() || self.host_path.is_some() || self.nfs.is_some()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TemplateMeta {
    annotations: BTreeMap<SmolStr, SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    replicas: u32,
    ready_replicas: u32,
    updated_replicas: u32,
    observed_generation: i64,
}

impl Part {
    /// A workload that belongs to a virtual cluster, none otherwise.
    pub(super) fn of(kind: Kind, workload: Workload) -> Option<Part> {
        let Workload { metadata, spec, status } = workload;
        let says =
            |map: &BTreeMap<SmolStr, SmolStr>, key: &str| map.get(key).is_some_and(|value| value == "true");
        let marks = &metadata.annotations;
        Some(Part {
            app: App::of(metadata.labels.get(label::APP)?)?,
            kind,
            release: metadata.labels.get(label::RELEASE).filter(|name| !name.is_empty())?.clone(),
            durable: spec.is_durable(),
            replicas: spec.replicas.unwrap_or(1),
            running: status.replicas,
            ready: status.ready_replicas,
            updated: status.updated_replicas,
            observed: status.observed_generation >= metadata.generation,
            paused: says(marks, annotation::PAUSED),
            paused_date: marks.get(annotation::PAUSED_DATE).cloned(),
            paused_replicas: marks.get(annotation::PAUSED_REPLICAS).and_then(|count| count.parse().ok()),
            restoring: says(marks, annotation::RESTORING),
            asleep: says(&metadata.labels, label::SLEEP_MODE),
            protected: says(marks, annotation::NON_DELETABLE),
            term: Term::of(marks),
            certificates: spec.template.metadata.annotations.get(annotation::CERTIFICATES).cloned(),
            heritage: metadata.labels.get(label::HERITAGE).cloned().unwrap_or_default(),
            claims: Claims::of(&metadata.labels, marks),
            labels: metadata.labels,
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
        })
    }

    /// Which object it is.
    pub fn object(&self) -> ObjectRef {
        ObjectRef::namespaced(self.kind.resource(), self.namespace.clone(), self.name.clone())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A part from the JSON of its object.
    pub(crate) fn part(kind: Kind, object: Value) -> Option<Part> {
        Part::of(kind, serde_json::from_value(object).unwrap())
    }

    #[test]
    fn marks_are_read_as_the_official_cli_writes_them() {
        let object = json!({
            "metadata": {"namespace": "ns", "name": "vc", "uid": "u", "resourceVersion": "5", "generation": 3,
                "labels": {"app": "vcluster", "release": "vc", "loft.sh/sleep-mode": "false"},
                "annotations": {"loft.sh/paused": "true", "loft.sh/paused-replicas": "3",
                    "loft.sh/paused-date": "2026-01-02T15:04:05.000Z", "loft.sh/non-deletable": "true"}},
            "spec": {"replicas": 0}, "status": {"observedGeneration": 2},
        });
        let part = part(Kind::StatefulSet, object).unwrap();
        assert!(part.paused && part.protected && !part.asleep && !part.restoring && !part.observed);
        assert_eq!((part.replicas, part.paused_replicas, part.running), (0, Some(3), 0));
        assert_eq!(part.object().to_string(), "StatefulSet ns/vc");
    }

    #[test]
    fn what_stays_when_pods_end_is_told_by_their_volumes() {
        let claimed = json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}}]});
        let with = |volume: Value| json!({"template": {"spec": {"volumes": [{"name": "data", "emptyDir": {}}, volume]}}});
        for (spec, durable) in [
            (json!({}), false),
            (with(json!({"name": "tmp", "emptyDir": {}})), false),
            (with(json!({"name": "certs", "secret": {"secretName": "x"}})), false),
            (with(json!({"name": "data", "persistentVolumeClaim": {"claimName": "x"}})), true),
            (with(json!({"name": "data", "hostPath": {"path": "/x"}})), true),
            (claimed, true),
        ] {
            let labels = json!({"app": "vcluster", "release": "vc"});
            let object =
                json!({"metadata": {"namespace": "ns", "name": "vc", "labels": labels}, "spec": spec});
            assert_eq!(part(Kind::StatefulSet, object).unwrap().durable, durable, "{spec}");
        }
    }

    #[test]
    fn what_is_no_part_of_a_virtual_cluster_is_none() {
        for labels in
            [json!({}), json!({"app": "web", "release": "vc"}), json!({"app": "vcluster", "release": ""})]
        {
            let object = json!({"metadata": {"namespace": "ns", "name": "vc", "labels": labels}});
            assert!(part(Kind::Deployment, object).is_none());
        }
    }
}
