//! What the host's own controllers and kubelets make of a tenant's workloads.

use chrono::Duration;
use serde_json::{Value, json};
use v9s::fleet::model::Store;
use v9s::wire::{self, App, annotation, label};

use super::Maker;
use super::control_plane::{self, status as workload_status};
use super::etcd;
use super::meta::{set, timestamp};
use super::status::{self, Subject};
use crate::demo::spec::{Fate, Standing};

/// Volumes, the ReplicaSet of a Deployment, and all pods of the control plane.
pub(super) fn all(maker: &Maker<'_>) -> Vec<Value> {
    let tenant = maker.tenant;
    let mut all = claims(maker);
    if !tenant.is_stateful() {
        all.push(replica_set(maker));
    }
    all.extend(tenant.control_plane_pods().iter().map(|name| control_plane_pod(maker, name)));
    if tenant.store == Store::DeployedEtcd {
        let etcd = wire::name::etcd(&tenant.name);
        all.extend((0..tenant.etcd_members()).map(|n| etcd_pod(maker, &etcd, n)));
    }
    all
}

/// The claims of data volumes.
pub(super) fn claims(maker: &Maker<'_>) -> Vec<Value> {
    let tenant = maker.tenant;
    if tenant.is_stateful() {
        return (0..tenant.replicas).map(|n| claim(maker, App::ControlPlane, &tenant.name, n)).collect();
    }
    if tenant.store != Store::DeployedEtcd {
        return Vec::new();
    }
    let etcd = wire::name::etcd(&tenant.name);
    (0..tenant.etcd_replicas()).map(|n| claim(maker, App::Etcd, &etcd, n)).collect()
}

fn claim(maker: &Maker<'_>, app: App, workload: &str, n: u32) -> Value {
    let name = format!("data-{workload}-{n}");
    let mut meta = maker.bare_meta("PersistentVolumeClaim", &name);
    set(&mut meta, "labels", maker.selector_labels(app));
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta,
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "5Gi" } },
            "volumeMode": "Filesystem",
        },
        "status": { "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "5Gi" } },
    })
}

fn replica_set_name(maker: &Maker<'_>) -> (String, String) {
    let hash = maker.tenant.control_plane_hash();
    (format!("{}-{hash}", maker.tenant.name), hash)
}

fn replica_set(maker: &Maker<'_>) -> Value {
    let tenant = maker.tenant;
    let (name, hash) = replica_set_name(maker);
    let mut labels = maker.selector_labels(App::ControlPlane);
    set(&mut labels, "pod-template-hash", json!(hash));
    let mut meta = maker.bare_meta("ReplicaSet", &name);
    set(&mut meta, "labels", labels.clone());
    set(&mut meta, "annotations", json!({ "deployment.kubernetes.io/revision": "1" }));
    set(&mut meta, "ownerReferences", json!([controller(maker, "Deployment", &tenant.name)]));
    let ready = if tenant.serves() { tenant.replicas_now() } else { 0 };
    // By its template a Deployment recognises its ReplicaSet; only the hash is added.
    let mut template = control_plane::template(maker);
    if let Some(meta) = template.get_mut("metadata") {
        set(meta, "labels", labels.clone());
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": meta,
        "spec": {
            "replicas": tenant.replicas_now(),
            "selector": { "matchLabels": labels },
            "template": template,
        },
        "status": workload_status(tenant.replicas_now(), ready),
    })
}

fn controller(maker: &Maker<'_>, kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": name,
        "uid": maker.uid(kind, name),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

fn control_plane_pod(maker: &Maker<'_>, name: &str) -> Value {
    let tenant = maker.tenant;
    let mut labels = maker.selector_labels(App::ControlPlane);
    let owner = if tenant.is_stateful() {
        set(&mut labels, "statefulset.kubernetes.io/pod-name", json!(name));
        controller(maker, "StatefulSet", &tenant.name)
    } else {
        let (replica_set, hash) = replica_set_name(maker);
        set(&mut labels, "pod-template-hash", json!(hash));
        controller(maker, "ReplicaSet", &replica_set)
    };
    let fate = match tenant.standing {
        Standing::Unschedulable => Fate::Unschedulable,
        Standing::StoreCrashing { restarts } => Fate::CrashLoop { restarts: restarts / 2, oom: false },
        _ => Fate::Running { restarts: 0 },
    };
    let mut pod = pod(maker, name, labels, owner, control_plane::pod_spec(maker), fate);
    if let Some(meta) = pod.get_mut("metadata") {
        set(meta, "annotations", json!({ annotation::CONFIG_HASH: tenant.config_hash() }));
    }
    pod
}

fn etcd_pod(maker: &Maker<'_>, workload: &str, n: u32) -> Value {
    let name = format!("{workload}-{n}");
    let mut labels = maker.selector_labels(App::Etcd);
    set(&mut labels, "statefulset.kubernetes.io/pod-name", json!(name));
    let fate = match maker.tenant.standing {
        Standing::StoreCrashing { restarts } => Fate::CrashLoop { restarts, oom: true },
        _ => Fate::Running { restarts: 0 },
    };
    let owner = controller(maker, "StatefulSet", workload);
    pod(maker, &name, labels, owner, etcd::pod_spec(maker, workload), fate)
}

fn pod(maker: &Maker<'_>, name: &str, labels: Value, owner: Value, mut spec: Value, fate: Fate) -> Value {
    let tenant = maker.tenant;
    let seed = tenant.seed.child("running").child(name);
    // Control planes were restarted by the last upgrade of their node pool, if they are older than it.
    let rolled = seed.moment_before(maker.setting.now, Duration::days(21));
    let created = tenant.created.max(rolled);
    if let (Some(node), true) = (seed.pick(&maker.setting.nodes), fate != Fate::Unschedulable) {
        set(&mut spec, "nodeName", json!(node));
    }
    if let Some(volumes) = spec.get_mut("volumes").and_then(Value::as_array_mut) {
        let is_etcd = labels.get(label::APP).and_then(Value::as_str) == Some(App::Etcd.value());
        if is_etcd || tenant.is_stateful() {
            let claim = format!("data-{name}");
            volumes.push(json!({ "name": "data", "persistentVolumeClaim": { "claimName": claim } }));
        }
    }
    let status = status::of(&Subject { spec: &spec, fate, created, now: maker.setting.now, seed });
    let mut meta = maker.bare_meta("Pod", name);
    set(&mut meta, "creationTimestamp", json!(timestamp(created)));
    set(&mut meta, "labels", labels);
    set(&mut meta, "ownerReferences", json!([owner]));
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status })
}
