//! Deployed etcd (docs/vclusters.md, Objects): StatefulSet NAME-etcd and its two Services.

use serde_json::{Value, json};
use v9s::wire::{self, App, annotation};

use super::Maker;
use super::control_plane::{data_claim_template, status};
use super::meta::{milli_timestamp, set, strings};
use crate::demo::spec::Standing;

/// Everything of a deployed etcd; nothing with any other store.
pub(super) fn all(maker: &Maker<'_>) -> Vec<Value> {
    if maker.tenant.store != v9s::fleet::model::Store::DeployedEtcd {
        return Vec::new();
    }
    let name = wire::name::etcd(&maker.tenant.name);
    vec![
        service(maker, &name, false),
        service(maker, &wire::name::etcd_headless_service(&maker.tenant.name), true),
        stateful_set(maker, &name),
    ]
}

fn etcd_meta(maker: &Maker<'_>, kind: &str, name: &str) -> Value {
    let mut meta = maker.chart_meta(kind, name);
    set(&mut meta, "labels", maker.chart_labels(App::Etcd));
    meta
}

fn service(maker: &Maker<'_>, name: &str, headless: bool) -> Value {
    let port =
        |name: &str, port: u16| json!({ "name": name, "port": port, "targetPort": port, "protocol": "TCP" });
    let mut spec = json!({
        "ports": [port("etcd", 2379), port("peer", 2380)],
        "selector": maker.selector_labels(App::Etcd),
    });
    if headless {
        set(&mut spec, "clusterIP", json!("None"));
        set(&mut spec, "publishNotReadyAddresses", json!(true));
    }
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": etcd_meta(maker, "Service", name), "spec": spec })
}

fn stateful_set(maker: &Maker<'_>, name: &str) -> Value {
    let members = maker.tenant.etcd_members();
    let mut meta = etcd_meta(maker, "StatefulSet", name);
    if let Standing::Paused { since } = maker.tenant.standing {
        let date = milli_timestamp(since);
        let replicas = maker.tenant.etcd_replicas().to_string();
        let marks = [
            (annotation::PAUSED, "true"),
            (annotation::PAUSED_REPLICAS, replicas.as_str()),
            (annotation::PAUSED_DATE, date.as_str()),
        ];
        set(&mut meta, "annotations", strings(marks));
    }
    let sick = matches!(maker.tenant.standing, Standing::StoreCrashing { .. });
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": meta,
        "spec": {
            "replicas": members,
            "serviceName": wire::name::etcd_headless_service(&maker.tenant.name),
            "podManagementPolicy": "Parallel",
            "selector": { "matchLabels": maker.selector_labels(App::Etcd) },
            "template": {
                "metadata": { "labels": maker.selector_labels(App::Etcd) },
                "spec": pod_spec(maker, name),
            },
            "volumeClaimTemplates": [data_claim_template()],
        },
        "status": status(members, if sick { 0 } else { members }),
    })
}

/// The pod of one member.
pub(super) fn pod_spec(maker: &Maker<'_>, name: &str) -> Value {
    let probe = |path: &str| {
        json!({
            "httpGet": { "path": path, "port": 2381, "scheme": "HTTP" },
            "failureThreshold": 8,
            "periodSeconds": 10,
            "timeoutSeconds": 15,
        })
    };
    let mut resources = json!({ "requests": { "cpu": "20m", "memory": "150Mi" } });
    if matches!(maker.tenant.standing, Standing::StoreCrashing { .. }) {
        set(&mut resources, "limits", json!({ "memory": "256Mi" }));
    }
    json!({
        "terminationGracePeriodSeconds": 30,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "restartPolicy": "Always",
        "containers": [{
            "name": "etcd",
            "image": "registry.k8s.io/etcd:3.6.8-0",
            "imagePullPolicy": "IfNotPresent",
            "command": [
                "etcd",
                "--data-dir=/var/lib/etcd",
                format!("--advertise-client-urls=https://$(NAME).{name}-headless.{}:2379", maker.tenant.namespace),
                "--client-cert-auth=true",
                "--listen-client-urls=https://0.0.0.0:2379",
                "--listen-metrics-urls=http://0.0.0.0:2381",
                "--listen-peer-urls=https://0.0.0.0:2380",
                "--name=$(NAME)",
                "--snapshot-count=10000",
            ],
            "env": [{
                "name": "NAME",
                "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.name" } },
            }],
            "livenessProbe": probe("/livez"),
            "readinessProbe": probe("/readyz"),
            "startupProbe": probe("/health"),
            "resources": resources,
            "securityContext": { "runAsUser": 0 },
            "volumeMounts": [
                { "name": "data", "mountPath": "/var/lib/etcd" },
                { "name": "certs", "mountPath": "/run/config/pki" },
            ],
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }],
        "volumes": [{
            "name": "certs",
            "secret": { "secretName": wire::name::certificates_secret(&maker.tenant.name), "defaultMode": 420 },
        }],
    })
}
