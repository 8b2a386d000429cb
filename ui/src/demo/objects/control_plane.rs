//! The control plane's own objects: its Services and its workload.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use v9s::fleet::model::Store;
use v9s::provision::pki::written;
use v9s::wire::{self, App, annotation, label};

use super::meta::{milli_timestamp, set, strings};
use super::{Maker, backups};
use crate::demo::spec::{Distro, Manager, Standing};

/// Port of the API server in the control-plane pod.
const PORT: u16 = 8443;

/// Service NAME.
pub(super) fn service(maker: &Maker<'_>) -> Value {
    let name = &maker.tenant.name;
    let mut meta = maker.chart_meta("Service", name);
    if let Some(labels) = meta.get_mut("labels") {
        set(labels, label::SERVICE, json!("true"));
    }
    if let Some(annotations) = meta.get_mut("annotations") {
        set(annotations, annotation::SERVICE_CIDR, json!("10.96.0.0/12"));
    } else {
        set(&mut meta, "annotations", strings([(annotation::SERVICE_CIDR, "10.96.0.0/12")]));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "type": "ClusterIP",
            "ports": [
                { "name": "https", "port": 443, "targetPort": PORT, "protocol": "TCP" },
                { "name": "kubelet", "port": 10250, "targetPort": PORT, "protocol": "TCP" },
            ],
            "selector": maker.selector_labels(App::ControlPlane),
            "sessionAffinity": "None",
        },
    })
}

/// Service NAME-headless, of StatefulSets only.
pub(super) fn headless_service(maker: &Maker<'_>) -> Option<Value> {
    if !maker.tenant.is_stateful() {
        return None;
    }
    let mut ports = vec![json!({ "name": "https", "port": 443, "targetPort": PORT, "protocol": "TCP" })];
    if maker.tenant.store == Store::EmbeddedEtcd {
        ports.push(json!({ "name": "etcd", "port": 2379, "targetPort": 2379, "protocol": "TCP" }));
        ports.push(json!({ "name": "peer", "port": 2380, "targetPort": 2380, "protocol": "TCP" }));
    }
    Some(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": maker.chart_meta("Service", &wire::name::headless_service(&maker.tenant.name)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "ports": ports,
            "selector": maker.selector_labels(App::ControlPlane),
        },
    }))
}

/// The StatefulSet or Deployment NAME.
pub(super) fn workload(maker: &Maker<'_>) -> Value {
    let tenant = maker.tenant;
    let kind = if tenant.is_stateful() { "StatefulSet" } else { "Deployment" };
    let mut meta = maker.chart_meta(kind, &tenant.name);
    mark(maker, &mut meta);
    let mut spec = json!({
        "replicas": tenant.replicas_now(),
        "selector": { "matchLabels": maker.selector_labels(App::ControlPlane) },
        "template": template(maker),
    });
    if tenant.is_stateful() {
        set(&mut spec, "serviceName", json!(wire::name::headless_service(&tenant.name)));
        set(&mut spec, "podManagementPolicy", json!("Parallel"));
        set(
            &mut spec,
            "persistentVolumeClaimRetentionPolicy",
            json!({ "whenDeleted": "Retain", "whenScaled": "Retain" }),
        );
        set(&mut spec, "volumeClaimTemplates", json!([data_claim_template()]));
    } else {
        set(
            &mut spec,
            "strategy",
            json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } }),
        );
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": meta,
        "spec": spec,
        "status": status(tenant.replicas_now(), if tenant.serves() { tenant.replicas_now() } else { 0 }),
    })
}

/// Status of a workload, for hosts whose controllers do not write it.
pub(super) fn status(replicas: u32, ready: u32) -> Value {
    json!({
        "observedGeneration": 1,
        "replicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": replicas,
    })
}

/// The claim template of a data volume.
pub(super) fn data_claim_template() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "5Gi" } },
        },
    })
}

/// Labels of a person, and the marks of pausing and sleeping (docs/vclusters.md, Pausing and sleeping).
fn mark(maker: &Maker<'_>, meta: &mut Value) {
    let tenant = maker.tenant;
    let mut labels = meta.get("labels").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut annotations = meta.get("annotations").and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in &tenant.labels {
        labels.entry(key.clone()).or_insert_with(|| json!(value));
    }
    let stopped = |annotations: &mut Map<String, Value>, key: &str, since| {
        annotations.insert(key.to_owned(), json!("true"));
        annotations.insert(annotation::PAUSED_REPLICAS.to_owned(), json!(tenant.replicas.to_string()));
        annotations.insert(annotation::PAUSED_DATE.to_owned(), json!(milli_timestamp(since)));
    };
    if tenant.manager == Manager::V9s {
        annotations.insert(annotation::CERTIFICATES_END.to_owned(), json!(written(certificates_end(maker))));
    }
    annotations.extend(backups::notes(tenant));
    match tenant.standing {
        Standing::Paused { since } => stopped(&mut annotations, annotation::PAUSED, since),
        Standing::Restoring { since } => stopped(&mut annotations, annotation::RESTORING, since),
        Standing::Asleep { since } => {
            labels.insert(label::SLEEP_MODE.to_owned(), json!("true"));
            annotations.insert(annotation::SLEEPING_SINCE.to_owned(), json!(since.timestamp().to_string()));
        }
        Standing::Serving
        | Standing::WorkloadsAsleep { .. }
        | Standing::ScaledDown
        | Standing::Unschedulable
        | Standing::StoreCrashing { .. } => {}
    }
    set(meta, "labels", Value::Object(labels));
    if !annotations.is_empty() {
        set(meta, "annotations", Value::Object(annotations));
    }
}

/// When the first of its certificates ends: they live for a year and were made anew at some time.
fn certificates_end(maker: &Maker<'_>) -> DateTime<Utc> {
    let days = 60 + maker.tenant.seed.child("certificates").below(300);
    let usual = maker.setting.now + TimeDelta::days(i64::try_from(days).unwrap_or(60));
    maker.tenant.certificates_end.unwrap_or(usual)
}

/// The pod template.
pub(super) fn template(maker: &Maker<'_>) -> Value {
    json!({
        "metadata": {
            "labels": maker.selector_labels(App::ControlPlane),
            "annotations": { annotation::CONFIG_HASH: maker.tenant.config_hash() },
        },
        "spec": pod_spec(maker),
    })
}

/// The pod of the control plane (docs/vclusters.md, Objects).
pub(super) fn pod_spec(maker: &Maker<'_>) -> Value {
    let tenant = maker.tenant;
    let mut volumes = vec![
        json!({ "name": "binaries", "emptyDir": {} }),
        json!({ "name": "tmp", "emptyDir": {} }),
        json!({ "name": "certs", "emptyDir": {} }),
        json!({ "name": "helm-cache", "emptyDir": {} }),
        json!({
            "name": "vcluster-config",
            "secret": { "secretName": maker.config_secret(), "defaultMode": 420 },
        }),
    ];
    if !tenant.is_stateful() {
        volumes.push(json!({ "name": "data", "emptyDir": {} }));
    }
    let mut spec = json!({
        "terminationGracePeriodSeconds": 15,
        "serviceAccountName": wire::name::service_account(&tenant.name),
        "enableServiceLinks": true,
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "initContainers": [init_container(maker)],
        "containers": [syncer(maker)],
        "volumes": volumes,
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": maker.selector_labels(App::ControlPlane) },
        }],
    });
    if tenant.standing == Standing::Unschedulable {
        set(&mut spec, "nodeSelector", json!({ "pool": "tenants-highmem" }));
    }
    spec
}

/// Copies the control plane's binaries; its image says the Kubernetes version.
fn init_container(maker: &Maker<'_>) -> Value {
    let (name, image, copy) = match &maker.tenant.distro {
        Distro::K8s(version) => {
            ("kubernetes", format!("ghcr.io/loft-sh/kubernetes:{version}"), "cp -r /kubernetes/. /binaries/")
        }
        Distro::K3s(tag) => ("vcluster", format!("rancher/k3s:{tag}"), "cp /bin/k3s /binaries/k3s"),
    };
    json!({
        "name": name,
        "image": image,
        "command": ["/bin/sh"],
        "args": ["-c", copy],
        "resources": {
            "requests": { "cpu": "40m", "memory": "64Mi" },
            "limits": { "cpu": "100m", "memory": "256Mi" },
        },
        "volumeMounts": [{ "name": "binaries", "mountPath": "/binaries" }],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    })
}

fn probe(path: &str, threshold: u32, period: u32, delay: u32) -> Value {
    json!({
        "httpGet": { "path": path, "port": PORT, "scheme": "HTTPS" },
        "failureThreshold": threshold,
        "periodSeconds": period,
        "initialDelaySeconds": delay,
        "timeoutSeconds": 3,
    })
}

fn field_env(name: &str, path: &str) -> Value {
    json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } } })
}

fn syncer(maker: &Maker<'_>) -> Value {
    json!({
        "name": wire::SYNCER_CONTAINER,
        "image": maker.tenant.image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            { "name": "VCLUSTER_NAME", "value": maker.tenant.name },
            field_env("POD_NAME", "metadata.name"),
            field_env("POD_IP", "status.podIP"),
            field_env("NODE_NAME", "spec.nodeName"),
            field_env("NODE_IP", "status.hostIP"),
            { "name": "LOFT_LOG_ENCODING", "value": "console" },
        ],
        "ports": [{ "name": "https", "containerPort": PORT, "protocol": "TCP" }],
        "livenessProbe": probe("/healthz", 60, 2, 60),
        "readinessProbe": probe("/readyz", 60, 2, 0),
        "startupProbe": probe("/readyz", 300, 6, 0),
        "resources": {
            "requests": { "cpu": "200m", "memory": "256Mi", "ephemeral-storage": "1Gi" },
            "limits": { "memory": "4Gi", "ephemeral-storage": "10Gi" },
        },
        "securityContext": { "allowPrivilegeEscalation": false, "runAsUser": 0, "runAsGroup": 0 },
        "volumeMounts": [
            { "name": "data", "mountPath": "/data" },
            { "name": "binaries", "mountPath": "/binaries" },
            { "name": "certs", "mountPath": "/pki" },
            { "name": "helm-cache", "mountPath": "/.cache/helm" },
            { "name": "vcluster-config", "mountPath": "/var/lib/vcluster" },
            { "name": "tmp", "mountPath": "/tmp" },
        ],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    })
}
