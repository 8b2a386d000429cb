//! Metadata of everything synced, and the small kinds: Services, ConfigMaps, Secrets, volume claims.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use v9s::names::VirtualName;
use v9s::wire::{annotation, label};

use super::meta::{set, strings, timestamp};
use super::{Maker, OwnerUid};
use crate::demo::seed::Seed;
use crate::demo::spec::{App, Tenant};

/// Which virtual object a host object is the copy of.
pub(super) struct Origin<'a> {
    /// Kind, such as `Pod`; all of them are of the core group.
    pub kind: &'a str,
    /// Virtual namespace.
    pub namespace: &'a str,
    /// Virtual name.
    pub name: &'a str,
    /// Virtual UID.
    pub uid: String,
    /// Virtual labels.
    pub labels: BTreeMap<String, String>,
    /// When the host copy was made.
    pub created: DateTime<Utc>,
    /// Whether a controller owns the virtual object.
    pub controlled: bool,
}

impl Maker<'_> {
    /// Host name of a namespaced virtual object.
    pub(super) fn host_name(&self, namespace: &str, name: &str) -> String {
        self.translator.host_name(&VirtualName::namespaced(namespace, name)).to_string()
    }

    /// The reference to the Service NAME that owns what is synced (docs/vclusters.md, Ownership).
    pub(super) fn owner_reference(&self, owner: &OwnerUid, controller: bool) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "name": self.tenant.name,
            "uid": owner.0,
            "controller": controller,
        })
    }

    /// Labels on the host: the virtual ones, of which four keys are translated, and the markers (docs/vclusters.md, Labels).
    pub(super) fn host_labels(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut host: BTreeMap<String, String> = labels
            .iter()
            .map(|(key, value)| (self.translator.label_key(key).to_string(), value.clone()))
            .collect();
        host.insert(label::MANAGED_BY.to_owned(), self.translator.marker().to_owned());
        host.insert(label::NAMESPACE.to_owned(), namespace.to_owned());
        host
    }

    /// Metadata of a host copy (docs/vclusters.md, Annotations to Ownership).
    pub(super) fn synced_meta(&self, origin: &Origin<'_>, owner: Option<&OwnerUid>) -> Value {
        let host_name = self.host_name(origin.namespace, origin.name);
        let kind = format!("/v1, Kind={}", origin.kind);
        let managed_labels = origin.labels.keys().cloned().collect::<Vec<_>>().join("\n");
        let annotations = strings([
            (annotation::MANAGED_ANNOTATIONS, ""),
            (annotation::MANAGED_LABELS, managed_labels.as_str()),
            (annotation::OBJECT_HOST_NAME, host_name.as_str()),
            (annotation::OBJECT_HOST_NAMESPACE, self.tenant.namespace.as_str()),
            (annotation::OBJECT_KIND, kind.as_str()),
            (annotation::OBJECT_NAME, origin.name),
            (annotation::OBJECT_NAMESPACE, origin.namespace),
            (annotation::OBJECT_UID, origin.uid.as_str()),
        ]);
        let mut meta = json!({
            "name": host_name,
            "namespace": self.tenant.namespace,
            "uid": self.uid(origin.kind, &host_name),
            "creationTimestamp": timestamp(origin.created),
            "labels": self.host_labels(origin.namespace, &origin.labels),
            "annotations": annotations,
        });
        if let Some(owner) = owner {
            set(&mut meta, "ownerReferences", json!([self.owner_reference(owner, origin.controlled)]));
        }
        meta
    }
}

/// All synced objects but the pods.
pub(super) fn all(maker: &Maker<'_>, owner: &OwnerUid) -> Vec<Value> {
    let tenant = maker.tenant;
    let mut all = vec![dns_service(maker, owner)];
    let mut namespaces: Vec<&str> = tenant.apps.iter().map(|app| app.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    for namespace in namespaces {
        let data = json!({ "ca.crt": "not-a-certificate\n" });
        all.push(config_map(maker, owner, namespace, "kube-root-ca.crt", tenant.created, data));
    }
    for app in &tenant.apps {
        if app.configured {
            all.push(config_map(maker, owner, &app.namespace, &app.name, app.created, settings(app)));
            all.push(secret(maker, owner, app));
        }
        if let Some(port) = app.port {
            all.push(service(maker, owner, app, port));
        }
        if let Some(gib) = app.volume_gib {
            all.extend((0..app.replicas).map(|n| claim(maker, owner, app, n, gib)));
        }
    }
    all
}

fn origin<'a>(
    tenant: &Tenant,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    created: DateTime<Utc>,
) -> Origin<'a> {
    let seed: Seed = tenant.seed.child(kind).child(namespace).child(name);
    let uid = seed.child("virtual-uid").uid();
    Origin { kind, namespace, name, uid, labels: BTreeMap::new(), created, controlled: false }
}

/// Labels an application puts on everything of its own.
pub(super) fn app_labels(app: &App) -> BTreeMap<String, String> {
    if app.namespace == "kube-system" && app.name == "coredns" {
        return BTreeMap::from([("k8s-app".to_owned(), "vcluster-kube-dns".to_owned())]);
    }
    BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), app.name.clone()),
        ("app.kubernetes.io/part-of".to_owned(), app.namespace.clone()),
    ])
}

fn dns_service(maker: &Maker<'_>, owner: &OwnerUid) -> Value {
    let mut origin = origin(maker.tenant, "Service", "kube-system", "kube-dns", maker.tenant.created);
    origin.labels = BTreeMap::from([
        ("k8s-app".to_owned(), "vcluster-kube-dns".to_owned()),
        ("kubernetes.io/cluster-service".to_owned(), "true".to_owned()),
        ("kubernetes.io/name".to_owned(), "CoreDNS".to_owned()),
    ]);
    let selector = BTreeMap::from([("k8s-app".to_owned(), "vcluster-kube-dns".to_owned())]);
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": maker.synced_meta(&origin, Some(owner)),
        "spec": {
            "type": "ClusterIP",
            "selector": maker.host_labels("kube-system", &selector),
            "ports": [
                { "name": "dns", "port": 53, "protocol": "UDP", "targetPort": 1053 },
                { "name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 1053 },
                { "name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153 },
            ],
        },
    })
}

fn service(maker: &Maker<'_>, owner: &OwnerUid, app: &App, port: u16) -> Value {
    let mut origin = origin(maker.tenant, "Service", &app.namespace, &app.name, app.created);
    origin.labels = app_labels(app);
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": maker.synced_meta(&origin, Some(owner)),
        "spec": {
            "type": "ClusterIP",
            "selector": maker.host_labels(&app.namespace, &app_labels(app)),
            "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "targetPort": port }],
        },
    })
}

fn settings(app: &App) -> Value {
    json!({ "settings.toml": format!("service = \"{}\"\nlog_level = \"info\"\n", app.name) })
}

fn config_map(
    maker: &Maker<'_>,
    owner: &OwnerUid,
    namespace: &str,
    name: &str,
    created: DateTime<Utc>,
    data: Value,
) -> Value {
    let origin = origin(maker.tenant, "ConfigMap", namespace, name, created);
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": maker.synced_meta(&origin, Some(owner)),
        "data": data,
    })
}

fn secret(maker: &Maker<'_>, owner: &OwnerUid, app: &App) -> Value {
    let origin = origin(maker.tenant, "Secret", &app.namespace, &app.name, app.created);
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": maker.synced_meta(&origin, Some(owner)),
        "type": "Opaque",
        // The word "dummy".
        "data": { "password": "ZHVtbXk=" },
    })
}

/// Virtual name of the claim of pod `n`.
pub(super) fn claim_name(app: &App, n: u32) -> String {
    format!("data-{}-{n}", app.name)
}

fn claim(maker: &Maker<'_>, owner: &OwnerUid, app: &App, n: u32, gib: u64) -> Value {
    let name = claim_name(app, n);
    let mut origin = origin(maker.tenant, "PersistentVolumeClaim", &app.namespace, &name, app.created);
    origin.labels = app_labels(app);
    let size = format!("{gib}Gi");
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": maker.synced_meta(&origin, Some(owner)),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": size } },
            "volumeMode": "Filesystem",
        },
        "status": { "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": size } },
    })
}
