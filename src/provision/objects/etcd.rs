//! etcd in a StatefulSet of its own.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Volume};

use super::containers::{self, DATA_VOLUME, PKI_VOLUME, field, flag, http, mount, port};
use super::{Blueprint, Object, control_plane, images, meta};
use crate::cluster::Resource;
use crate::provision::values::settings::{BackingStore, DataVolume, DeployedEtcd};
use crate::wire::{App, ETCD_CONTAINER, name};

const CLIENTS: u16 = 2379;
const PEERS: u16 = 2380;
/// Plain HTTP with health and metrics, for probes and whoever watches.
const METRICS: u16 = 2381;
const PKI: &str = "/run/config/pki";
const DATA: &str = "/var/lib/etcd";
const FILES: [&str; 5] =
    ["etcd-ca.crt", "etcd-server.crt", "etcd-server.key", "etcd-peer.crt", "etcd-peer.key"];
/// In which a member hands its work over.
const GRACE: i64 = 30;

/// The StatefulSet, where etcd is deployed and nobody else makes it.
pub(super) fn workload(plan: &Blueprint) -> Vec<Object> {
    let BackingStore::DeployedEtcd(etcd) = &plan.settings.control_plane.store else { return Vec::new() };
    if !etcd.stateful_set {
        return Vec::new();
    }
    let spec = StatefulSetSpec {
        replicas: Some(i32::try_from(etcd.replicas).unwrap_or(i32::MAX)),
        selector: meta::matching(plan, App::Etcd),
        service_name: Some(name::etcd_headless_service(plan.name)),
        template: template(plan, etcd),
        ..control_plane::claimed(&etcd.persistence.data, &etcd.scheduling)
    };
    let set = StatefulSet {
        metadata: meta::of(plan, App::Etcd, name::etcd(plan.name), Some(&etcd.metadata)),
        spec: Some(spec),
        ..StatefulSet::default()
    };
    vec![Object::of(Resource::STATEFUL_SETS, &set)]
}

/// Where the API server finds it: by the Service for clients.
pub(super) fn endpoints(plan: &Blueprint) -> String {
    format!("https://{}:{CLIENTS}", name::etcd(plan.name))
}

fn template(plan: &Blueprint, etcd: &DeployedEtcd) -> PodTemplateSpec {
    let mut volumes = vec![control_plane::files(PKI_VOLUME, name::certificates_secret(plan.name), &FILES)];
    if matches!(etcd.persistence.data, DataVolume::Passing(_)) {
        volumes.push(Volume {
            name: DATA_VOLUME.to_owned(),
            empty_dir: Some(Default::default()),
            ..Volume::default()
        });
    }
    volumes.extend(etcd.persistence.add_volumes.iter().cloned());
    let spec = PodSpec {
        // It asks nothing of the host.
        automount_service_account_token: Some(false),
        service_account_name: Some(plan.account()),
        termination_grace_period_seconds: Some(GRACE),
        enable_service_links: Some(etcd.enable_service_links),
        security_context: Some(etcd.security.pod.clone().unwrap_or_else(control_plane::nobody)),
        containers: vec![container(plan, etcd)],
        volumes: Some(volumes),
        ..control_plane::scheduled(&etcd.scheduling)
    };
    PodTemplateSpec { metadata: Some(meta::of_pods(plan, App::Etcd, &etcd.pods, None)), spec: Some(spec) }
}

fn container(plan: &Blueprint, etcd: &DeployedEtcd) -> Container {
    let mut env = vec![field("NAME", "metadata.name")];
    env.extend(etcd.env.expose().iter().cloned());
    let mut mounts = vec![mount(DATA_VOLUME, DATA, false), mount(PKI_VOLUME, PKI, true)];
    mounts.extend(etcd.persistence.add_volume_mounts.iter().cloned());
    let mut command = vec!["etcd".to_owned()];
    command.extend(flags(plan, etcd));
    command.extend(etcd.extra_args.iter().cloned());
    Container {
        name: ETCD_CONTAINER.to_owned(),
        image: Some(images::etcd(plan, etcd)),
        image_pull_policy: containers::policy(etcd.image_pull_policy),
        command: Some(command),
        env: Some(env),
        ports: Some(vec![port("etcd", CLIENTS), port("peer", PEERS), port("metrics", METRICS)]),
        startup_probe: Some(http("/readyz", METRICS, "HTTP", 1, 300)),
        readiness_probe: Some(http("/readyz", METRICS, "HTTP", 2, 3)),
        liveness_probe: Some(http("/livez", METRICS, "HTTP", 10, 8)),
        resources: Some(etcd.resources.clone()),
        security_context: Some(etcd.security.container.clone().unwrap_or_else(containers::least)),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn flags(plan: &Blueprint, etcd: &DeployedEtcd) -> Vec<String> {
    let domain = format!("{}.{}", name::etcd_headless_service(plan.name), plan.namespace);
    let members: Vec<String> = (0..etcd.replicas)
        .map(|member| {
            let member = format!("{}-{member}", name::etcd(plan.name));
            format!("{member}=https://{member}.{domain}:{PEERS}")
        })
        .collect();
    let pki = |file: &str| format!("{PKI}/{file}");
    vec![
        flag("name", "$(NAME)"),
        flag("data-dir", DATA),
        flag("initial-cluster", members.join(",")),
        flag("initial-cluster-token", format_args!("{}.{}", plan.name, plan.namespace)),
        // A member that has data does not look at it.
        flag("initial-cluster-state", "new"),
        flag("listen-client-urls", format_args!("https://0.0.0.0:{CLIENTS}")),
        flag("advertise-client-urls", format_args!("https://$(NAME).{domain}:{CLIENTS}")),
        flag("listen-peer-urls", format_args!("https://0.0.0.0:{PEERS}")),
        flag("initial-advertise-peer-urls", format_args!("https://$(NAME).{domain}:{PEERS}")),
        flag("listen-metrics-urls", format_args!("http://0.0.0.0:{METRICS}")),
        flag("client-cert-auth", true),
        flag("trusted-ca-file", pki("etcd-ca.crt")),
        flag("cert-file", pki("etcd-server.crt")),
        flag("key-file", pki("etcd-server.key")),
        flag("peer-client-cert-auth", true),
        flag("peer-trusted-ca-file", pki("etcd-ca.crt")),
        flag("peer-cert-file", pki("etcd-peer.crt")),
        flag("peer-key-file", pki("etcd-peer.key")),
        flag("snapshot-count", 10000),
    ]
}
