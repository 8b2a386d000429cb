//! Secrets of a control plane (docs/vclusters.md, Objects). Every credential in them is a plain dummy.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use v9s::fleet::model::Store;
use v9s::wire::{self, App, annotation, label};

use super::meta::{micro_timestamp, set, strings};
use super::{Maker, OwnerUid};
use crate::demo::spec::{Distro, Manager, Standing};

/// Stands where a credential would.
const DUMMY: &str = "not-a-credential";

/// Files of the PKI (docs/vclusters.md, Certificates).
const PKI: [&str; 29] = [
    "ca.crt",
    "ca.key",
    "server-ca.crt",
    "server-ca.key",
    "client-ca.crt",
    "client-ca.key",
    "apiserver.crt",
    "apiserver.key",
    "apiserver-kubelet-client.crt",
    "apiserver-kubelet-client.key",
    "apiserver-etcd-client.crt",
    "apiserver-etcd-client.key",
    "front-proxy-ca.crt",
    "front-proxy-ca.key",
    "front-proxy-client.crt",
    "front-proxy-client.key",
    "sa.key",
    "sa.pub",
    "admin.conf",
    "controller-manager.conf",
    "scheduler.conf",
    "etcd-ca.crt",
    "etcd-ca.key",
    "etcd-server.crt",
    "etcd-server.key",
    "etcd-peer.crt",
    "etcd-peer.key",
    "etcd-healthcheck-client.crt",
    "etcd-healthcheck-client.key",
];

/// What Helm stores: the configuration and its own release.
pub(super) fn chart_secrets(maker: &Maker<'_>) -> Vec<Value> {
    let tenant = maker.tenant;
    let mut meta = maker.chart_meta("Secret", &maker.config_secret());
    let mut annotations = meta.get("annotations").cloned().unwrap_or_else(|| json!({}));
    if let Standing::WorkloadsAsleep { since } = tenant.standing {
        set(&mut annotations, annotation::SLEEP_TYPE, json!("inactivity"));
        set(&mut annotations, annotation::SLEEPING_SINCE, json!(since.timestamp().to_string()));
    }
    if tenant.manager == Manager::ArgoCd {
        let id = format!("{}:/Secret:{}/{}", tenant.name, tenant.namespace, maker.config_secret());
        set(&mut annotations, annotation::ARGO_TRACKING, json!(id));
    }
    set(&mut meta, "annotations", annotations);
    let mut all = vec![secret(meta, "Opaque", [(wire::CONFIG_KEY.to_owned(), vcluster_yaml(maker))])];
    if tenant.manager == Manager::Helm {
        all.push(helm_release(maker));
    }
    all
}

/// What the syncer writes at its start.
pub(super) fn runtime(maker: &Maker<'_>, owner: &OwnerUid) -> Vec<Value> {
    let name = &maker.tenant.name;
    let kubeconfig = kubeconfig(name);
    let mut all = vec![
        secret(
            runtime_meta(maker, owner, "Secret", &wire::name::kubeconfig_secret(name)),
            "Opaque",
            [
                ("config".to_owned(), kubeconfig),
                ("certificate-authority".to_owned(), DUMMY.to_owned()),
                ("client-certificate".to_owned(), DUMMY.to_owned()),
                ("client-key".to_owned(), DUMMY.to_owned()),
            ],
        ),
        secret(
            runtime_meta(maker, owner, "Secret", &wire::name::certificates_secret(name)),
            "Opaque",
            PKI.map(|file| (file.to_owned(), format!("{DUMMY}: {file}\n"))),
        ),
    ];
    if maker.tenant.replicas > 1 && maker.tenant.serves() {
        all.push(lease(maker));
    }
    all
}

fn runtime_meta(maker: &Maker<'_>, owner: &OwnerUid, kind: &str, name: &str) -> Value {
    let mut meta = maker.bare_meta(kind, name);
    let labels =
        [(label::APP, App::ControlPlane.value()), (label::VCLUSTER_NAME, maker.tenant.name.as_str())];
    set(&mut meta, "labels", strings(labels));
    set(&mut meta, "ownerReferences", json!([maker.owner_reference(owner, false)]));
    meta
}

fn secret(meta: Value, kind: &str, data: impl IntoIterator<Item = (String, String)>) -> Value {
    let data: BTreeMap<String, String> =
        data.into_iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": kind, "data": data })
}

/// Helm's own record; its content is not a release that Helm could roll back to.
fn helm_release(maker: &Maker<'_>) -> Value {
    let name = &maker.tenant.name;
    let mut meta = maker.bare_meta("Secret", &format!("sh.helm.release.v1.{name}.v1"));
    let labels = [("name", name.as_str()), ("owner", "helm"), ("status", "deployed"), ("version", "1")];
    set(&mut meta, "labels", strings(labels));
    secret(meta, "helm.sh/release.v1", [("release".to_owned(), DUMMY.to_owned())])
}

fn lease(maker: &Maker<'_>) -> Value {
    let tenant = maker.tenant;
    let leader = tenant.control_plane_pods().into_iter().next().unwrap_or_else(|| tenant.name.clone());
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": maker.bare_meta("Lease", &wire::name::leader_lease(&tenant.name)),
        "spec": {
            "holderIdentity": format!("{leader}-external-vcluster-controller"),
            "leaseDurationSeconds": 60,
            "leaseTransitions": 1,
            "acquireTime": micro_timestamp(tenant.created),
            "renewTime": micro_timestamp(maker.setting.now),
        },
    })
}

fn kubeconfig(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters:\n- name: {name}\n  cluster:\n    \
         server: https://localhost:8443\ncontexts:\n- name: {name}\n  context: {{ cluster: {name}, user: {name} }}\n\
         users:\n- name: {name}\n  user: {{ token: {DUMMY} }}\n"
    )
}

/// The whole configuration, as Helm renders the values (docs/vclusters.md, Objects).
fn vcluster_yaml(maker: &Maker<'_>) -> String {
    let tenant = maker.tenant;
    let values = json!({
        "controlPlane": {
            "distro": distro(&tenant.distro),
            "backingStore": backing_store(tenant.store, tenant.etcd_replicas()),
            "coredns": { "enabled": true, "deployment": { "replicas": 1 } },
            "proxy": { "bindAddress": "0.0.0.0", "port": 8443, "extraSANs": [] },
            "service": { "enabled": true, "spec": { "type": "ClusterIP" } },
            "statefulSet": {
                "highAvailability": {
                    "replicas": tenant.replicas,
                    "leaseDuration": 60,
                    "renewDeadline": 40,
                    "retryPeriod": 15,
                },
                "persistence": { "volumeClaim": {
                    "enabled": "auto",
                    "accessModes": ["ReadWriteOnce"],
                    "retentionPolicy": "Retain",
                    "size": "5Gi",
                } },
                "resources": {
                    "limits": { "ephemeral-storage": "10Gi", "memory": "4Gi" },
                    "requests": { "cpu": "200m", "ephemeral-storage": "1Gi", "memory": "256Mi" },
                },
            },
        },
        "exportKubeConfig": { "context": "", "server": "", "insecure": false },
        "networking": {
            "podCIDR": "10.244.0.0/16",
            "advanced": {
                "clusterDomain": "cluster.local",
                "fallbackHostCluster": false,
                "proxyKubelets": { "byHostname": true, "byIP": true },
            },
        },
        "policies": {
            "resourceQuota": { "enabled": tenant.quota.is_some() },
            "limitRange": { "enabled": tenant.quota.is_some() },
            "networkPolicy": { "enabled": tenant.network_policies },
        },
        "rbac": { "role": { "enabled": true }, "clusterRole": { "enabled": "auto" } },
        "sync": {
            "toHost": {
                "pods": { "enabled": true, "enforceTolerations": [], "useSecretsForSATokens": false },
                "services": { "enabled": true },
                "endpoints": { "enabled": true },
                "endpointSlices": { "enabled": true },
                "persistentVolumeClaims": { "enabled": true },
                "configMaps": { "enabled": true, "all": false },
                "secrets": { "enabled": true, "all": false },
                "ingresses": { "enabled": false },
            },
            "fromHost": {
                "events": { "enabled": true },
                "nodes": { "enabled": false },
                "ingressClasses": { "enabled": false },
            },
        },
        "telemetry": { "enabled": false },
    });
    // The values are plain maps, lists and words, which YAML can always say; JSON is YAML, too.
    serde_saphyr::to_string(&values).unwrap_or_else(|_| values.to_string())
}

fn distro(distro: &Distro) -> Value {
    match distro {
        Distro::K8s(version) => json!({ "k8s": { "enabled": true, "version": version } }),
        Distro::K3s(tag) => json!({ "k3s": { "enabled": true, "image": { "tag": tag } } }),
    }
}

fn backing_store(store: Store, members: u32) -> Value {
    match store {
        Store::EmbeddedEtcd => json!({ "etcd": { "embedded": { "enabled": true } } }),
        Store::ExternalEtcd => {
            json!({ "etcd": { "external": { "enabled": true, "endpoint": "etcd.storage.svc:2379" } } })
        }
        Store::DeployedEtcd => json!({ "etcd": { "deploy": {
            "enabled": true,
            "statefulSet": { "highAvailability": { "replicas": members } },
        } } }),
        Store::ExternalDatabase => json!({ "database": { "external": {
            "enabled": true,
            "dataSource": format!("postgres://vcluster:{DUMMY}@pg.storage.svc:5432/vcluster"),
        } } }),
        Store::EmbeddedDatabase => json!({ "database": { "embedded": { "enabled": true } } }),
    }
}
