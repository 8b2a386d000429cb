//! The spec of a synced pod, translated for the host (docs/vclusters.md, Pods).

use serde_json::{Value, json};
use v9s::wire::{self, annotation};

use super::Maker;
use super::meta::set;
use super::policies::cpu;
use super::synced::claim_name;
use crate::demo::spec::{AppKind, Fate, StrayKind, VirtualPod};

/// Where service account tokens live in a container.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The spec of the host copy. `token` is the annotation that holds the service account token.
pub(super) fn of(maker: &Maker<'_>, pod: &VirtualPod<'_>, token: &str) -> Value {
    let app = pod.app;
    let api = cluster_ip(maker, "api");
    let mut spec = json!({
        "serviceAccountName": wire::name::workload_service_account(&maker.tenant.name),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "restartPolicy": if app.kind == AppKind::Job { "Never" } else { "Always" },
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "hostname": hostname(&pod.name),
        "hostAliases": [{
            "ip": api,
            "hostnames": [
                "kubernetes.default.svc.cluster.local",
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
            ],
        }],
        "dnsPolicy": "None",
        "dnsConfig": {
            "nameservers": [cluster_ip(maker, "dns")],
            "searches": [
                format!("{}.svc.cluster.local", app.namespace),
                "svc.cluster.local",
                "cluster.local",
            ],
            "options": [{ "name": "ndots", "value": "5" }],
        },
        "containers": [container(maker, pod, &api)],
        "volumes": volumes(maker, pod, token),
        "tolerations": [not_ready("not-ready"), not_ready("unreachable")],
    });
    if pod.fate == Fate::Unschedulable {
        set(&mut spec, "nodeSelector", json!({ "pool": "batch-spot" }));
    }
    let nodes = &maker.setting.nodes;
    if let (Some(node), true) = (pod.seed.child("node").pick(nodes), pod.fate != Fate::Unschedulable) {
        set(&mut spec, "nodeName", json!(node));
    }
    spec
}

/// Host name of the pod inside: at most 63 characters, no dots, no dash at the end.
fn hostname(name: &str) -> String {
    name.get(..63).unwrap_or(name).replace('.', "-").trim_end_matches('-').to_owned()
}

/// A ClusterIP that is the same for everybody who asks.
fn cluster_ip(maker: &Maker<'_>, of: &str) -> String {
    let seed = maker.tenant.seed.child("cluster-ip").child(of);
    format!("10.96.{}.{}", seed.child("net").below(256), 1 + seed.child("host").below(254))
}

fn not_ready(what: &str) -> Value {
    json!({
        "key": format!("node.kubernetes.io/{what}"),
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    })
}

fn container(maker: &Maker<'_>, pod: &VirtualPod<'_>, api: &str) -> Value {
    let app = pod.app;
    let mut mounts = vec![json!({ "name": "kube-api-access", "mountPath": TOKEN_PATH, "readOnly": true })];
    if app.configured {
        mounts.push(json!({ "name": "config", "mountPath": "/etc/app", "readOnly": true }));
    }
    if app.volume_gib.is_some() {
        mounts.push(json!({ "name": "data", "mountPath": "/var/lib/app" }));
    }
    let mut container = json!({
        "name": app.name,
        "image": app.image,
        "imagePullPolicy": "IfNotPresent",
        "env": env(maker, pod, api),
        "resources": {
            "requests": { "cpu": cpu(app.cpu_millis), "memory": format!("{}Mi", app.memory_mib) },
            "limits": { "cpu": cpu(2 * app.cpu_millis), "memory": format!("{}Mi", 2 * app.memory_mib) },
        },
        "volumeMounts": mounts,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    });
    if let Some(port) = app.port {
        set(&mut container, "ports", json!([{ "name": "http", "containerPort": port, "protocol": "TCP" }]));
        let probe = json!({
            "httpGet": { "path": "/healthz", "port": "http", "scheme": "HTTP" },
            "periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3,
        });
        set(&mut container, "readinessProbe", probe);
    }
    container
}

fn env(maker: &Maker<'_>, pod: &VirtualPod<'_>, api: &str) -> Vec<Value> {
    let plain = |name: &str, value: &str| json!({ "name": name, "value": value });
    let annotated = |name: &str, key: &str| {
        json!({ "name": name, "valueFrom": { "fieldRef": {
            "apiVersion": "v1",
            "fieldPath": format!("metadata.annotations['{key}']"),
        } } })
    };
    let port = format!("tcp://{api}:443");
    let mut env = vec![
        plain("KUBERNETES_PORT", &port),
        plain("KUBERNETES_PORT_443_TCP", &port),
        plain("KUBERNETES_PORT_443_TCP_ADDR", api),
        plain("KUBERNETES_PORT_443_TCP_PORT", "443"),
        plain("KUBERNETES_PORT_443_TCP_PROTO", "tcp"),
        plain("KUBERNETES_SERVICE_HOST", api),
        plain("KUBERNETES_SERVICE_PORT", "443"),
        plain("KUBERNETES_SERVICE_PORT_HTTPS", "443"),
        annotated("POD_NAME", annotation::POD_NAME),
    ];
    if pod.app.configured {
        let secret = maker.host_name(&pod.app.namespace, &pod.app.name);
        env.push(json!({ "name": "APP_PASSWORD", "valueFrom": { "secretKeyRef": {
            "name": secret, "key": "password",
        } } }));
    }
    env
}

fn volumes(maker: &Maker<'_>, pod: &VirtualPod<'_>, token: &str) -> Vec<Value> {
    let app = pod.app;
    let from_annotation = |path: &str, key: &str| {
        json!({ "path": path, "mode": 420, "fieldRef": {
            "apiVersion": "v1", "fieldPath": format!("metadata.annotations['{key}']"),
        } })
    };
    let root_ca = maker.host_name(&app.namespace, "kube-root-ca.crt");
    let mut volumes = vec![json!({ "name": "kube-api-access", "projected": {
        "defaultMode": 420,
        "sources": [
            { "downwardAPI": { "items": [from_annotation("token", token)] } },
            { "configMap": { "name": root_ca, "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [from_annotation("namespace", annotation::POD_NAMESPACE)] } },
        ],
    } })];
    if app.configured {
        let name = maker.host_name(&app.namespace, &app.name);
        volumes.push(json!({ "name": "config", "configMap": { "name": name, "defaultMode": 420 } }));
    }
    if app.volume_gib.is_some() && pod.stray != Some(StrayKind::VclusterGone) {
        let claim = maker.host_name(&app.namespace, &claim_name(app, pod.ordinal));
        volumes.push(json!({ "name": "data", "persistentVolumeClaim": { "claimName": claim } }));
    }
    volumes
}
