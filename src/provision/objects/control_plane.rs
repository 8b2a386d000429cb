//! The workload of the control plane: a StatefulSet where it has claims, otherwise a Deployment.

use data_encoding::HEXLOWER;
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
};
use k8s_openapi::api::core::v1::{
    ConfigMapProjection, DownwardAPIProjection, DownwardAPIVolumeFile, EmptyDirVolumeSource, KeyToPath,
    ObjectFieldSelector, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSecurityContext, PodSpec,
    PodTemplateSpec, ProjectedVolumeSource, SeccompProfile, SecretVolumeSource,
    ServiceAccountTokenProjection, Volume, VolumeProjection, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sha2::{Digest, Sha256};

use super::containers::{CONFIG_VOLUME, DATA_VOLUME, HOST_VOLUME, KUBECONFIG_VOLUME, PKI_VOLUME, TMP_VOLUME};
use super::{Blueprint, Object, containers, meta};
use crate::cluster::Resource;
use crate::provision::values::settings::{
    BackingStore, ClaimTemplate, DataVolume, RetentionPolicy, Scheduling,
};
use crate::wire::{App, CONFIG_KEY, annotation, name};

/// Whom the programs run as: nobody that has anything on the node.
const USER: i64 = 65532;
/// Files with keys are for the group of the pod alone.
const KEY_MODE: i32 = 0o440;
/// Kubelet renews it long before.
const TOKEN_SECONDS: i64 = 3607;
/// In which the syncer and the API server finish what is under way.
const GRACE: i64 = 30;

/// Files that the API server and its controllers read; keys of authorities that sign nothing there stay outside.
const PROGRAM_FILES: [&str; 16] = [
    "apiserver.crt",
    "apiserver.key",
    "apiserver-kubelet-client.crt",
    "apiserver-kubelet-client.key",
    "client-ca.crt",
    "client-ca.key",
    "server-ca.crt",
    "front-proxy-ca.crt",
    "front-proxy-client.crt",
    "front-proxy-client.key",
    "sa.key",
    "sa.pub",
    "controller-manager.conf",
    "etcd-ca.crt",
    "apiserver-etcd-client.crt",
    "apiserver-etcd-client.key",
];

/// The workload.
pub(super) fn workload(plan: &Blueprint) -> Object {
    let settings = &plan.settings.control_plane;
    let metadata = meta::of(plan, App::ControlPlane, plan.name.to_owned(), Some(&settings.workload.metadata));
    let selector = meta::matching(plan, App::ControlPlane);
    let replicas = Some(i32::try_from(settings.high_availability.replicas).unwrap_or(i32::MAX));
    let template = template(plan);
    if !plan.is_stateful() {
        let spec = DeploymentSpec { replicas, selector, template, ..DeploymentSpec::default() };
        let deployment = Deployment { metadata, spec: Some(spec), ..Deployment::default() };
        return Object::of(Resource::DEPLOYMENTS, &deployment);
    }
    let spec = StatefulSetSpec {
        replicas,
        selector,
        template,
        service_name: Some(name::headless_service(plan.name)),
        ..claimed(&settings.workload.persistence.data, &settings.workload.scheduling)
    };
    Object::of(Resource::STATEFUL_SETS, &StatefulSet { metadata, spec: Some(spec), ..StatefulSet::default() })
}

/// What a StatefulSet says of its claims and of the order of its pods.
pub(super) fn claimed(data: &DataVolume, scheduling: &Scheduling) -> StatefulSetSpec {
    let (templates, retention) = match data {
        DataVolume::Claim(claim) => (vec![template_of(claim)], claim.retention),
        DataVolume::Templates(templates) => (templates.clone(), RetentionPolicy::Retain),
        DataVolume::Passing(_) => (Vec::new(), RetentionPolicy::Retain),
    };
    let deleted = match retention {
        RetentionPolicy::Retain => "Retain",
        RetentionPolicy::Delete => "Delete",
    };
    StatefulSetSpec {
        pod_management_policy: Some(if scheduling.ordered { "OrderedReady" } else { "Parallel" }.to_owned()),
        persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
            when_deleted: Some(deleted.to_owned()),
            // A pause takes replicas away, and never what they hold.
            when_scaled: Some("Retain".to_owned()),
        }),
        volume_claim_templates: containers::some(templates),
        ..StatefulSetSpec::default()
    }
}

fn template_of(claim: &ClaimTemplate) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(DATA_VOLUME.to_owned()), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(claim.access_modes.clone()),
            storage_class_name: claim.storage_class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), claim.size.clone())].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

fn template(plan: &Blueprint) -> PodTemplateSpec {
    let workload = &plan.settings.control_plane.workload;
    let hash = HEXLOWER.encode(&Sha256::digest(plan.config.as_bytes()));
    let mut others = containers::containers(plan);
    others.extend(workload.sidecar_containers.expose().iter().cloned());
    let spec = PodSpec {
        service_account_name: Some(plan.account()),
        automount_service_account_token: Some(false),
        termination_grace_period_seconds: Some(GRACE),
        enable_service_links: Some(workload.enable_service_links),
        security_context: Some(workload.security.pod.clone().unwrap_or_else(nobody)),
        init_containers: containers::some(workload.init_containers.expose().clone()),
        containers: others,
        volumes: Some(volumes(plan)),
        host_aliases: containers::some(workload.host_aliases.clone()),
        dns_policy: workload.dns_policy.clone(),
        dns_config: workload.dns_config.clone(),
        runtime_class_name: workload.runtime_class_name.clone(),
        ..scheduled(&workload.scheduling)
    };
    let hash = (annotation::CONFIG_HASH, hash);
    PodTemplateSpec {
        metadata: Some(meta::of_pods(plan, App::ControlPlane, &workload.pods, Some(hash))),
        spec: Some(spec),
    }
}

/// Where pods go.
pub(super) fn scheduled(scheduling: &Scheduling) -> PodSpec {
    PodSpec {
        node_selector: Some(scheduling.node_selector.clone()).filter(|labels| !labels.is_empty()),
        affinity: scheduling.affinity.clone(),
        tolerations: containers::some(scheduling.tolerations.clone()),
        priority_class_name: scheduling.priority_class_name.clone(),
        topology_spread_constraints: containers::some(scheduling.topology_spread_constraints.clone()),
        ..PodSpec::default()
    }
}

/// Who runs, and who owns what is on volumes.
pub(super) fn nobody() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        run_as_group: Some(USER),
        fs_group: Some(USER),
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    }
}

fn volumes(plan: &Blueprint) -> Vec<Volume> {
    let settings = &plan.settings.control_plane;
    let with_etcd = matches!(settings.store, BackingStore::DeployedEtcd(_));
    let of_programs: Vec<&str> =
        PROGRAM_FILES.into_iter().filter(|file| with_etcd || !file.contains("etcd")).collect();
    let certificates = || name::certificates_secret(plan.name);
    let mut volumes = vec![
        files(PKI_VOLUME, certificates(), &of_programs),
        files(KUBECONFIG_VOLUME, certificates(), &["admin.conf"]),
        files(CONFIG_VOLUME, name::config_secret(plan.name), &[CONFIG_KEY]),
        account(),
        empty(TMP_VOLUME),
    ];
    if let DataVolume::Passing(passing) = &settings.workload.persistence.data {
        let own = || vec![empty(DATA_VOLUME)];
        volumes.extend(containers::some(passing.clone()).unwrap_or_else(own));
    }
    volumes.extend(settings.workload.persistence.add_volumes.iter().cloned());
    volumes
}

pub(super) fn files(volume: &str, secret: String, keys: &[&str]) -> Volume {
    let item = |key: &&str| KeyToPath { key: (*key).to_owned(), path: (*key).to_owned(), mode: None };
    Volume {
        name: volume.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret),
            items: Some(keys.iter().map(item).collect()),
            default_mode: Some(KEY_MODE),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// What a pod gets of its account, for the one container that talks to the host.
fn account() -> Volume {
    let token = ServiceAccountTokenProjection {
        expiration_seconds: Some(TOKEN_SECONDS),
        path: "token".to_owned(),
        ..ServiceAccountTokenProjection::default()
    };
    let authority = ConfigMapProjection {
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![KeyToPath { key: "ca.crt".to_owned(), path: "ca.crt".to_owned(), mode: None }]),
        ..ConfigMapProjection::default()
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".to_owned(),
        field_ref: Some(ObjectFieldSelector {
            field_path: "metadata.namespace".to_owned(),
            api_version: Some("v1".to_owned()),
        }),
        ..DownwardAPIVolumeFile::default()
    };
    let sources = vec![
        VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() },
        VolumeProjection { config_map: Some(authority), ..VolumeProjection::default() },
        VolumeProjection {
            downward_api: Some(DownwardAPIProjection { items: Some(vec![namespace]) }),
            ..VolumeProjection::default()
        },
    ];
    Volume {
        name: HOST_VOLUME.to_owned(),
        projected: Some(ProjectedVolumeSource { default_mode: Some(KEY_MODE), sources: Some(sources) }),
        ..Volume::default()
    }
}

fn empty(volume: &str) -> Volume {
    Volume { name: volume.to_owned(), empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() }
}
