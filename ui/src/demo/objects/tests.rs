use std::collections::HashSet;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, LimitRange, Namespace, PersistentVolumeClaim, Pod, ResourceQuota, Secret, Service,
    ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use serde::de::DeserializeOwned;
use serde_json::json;
use v9s::fleet::model::Store;
use v9s::wire::{annotation, label};

use super::*;
use crate::demo::catalogue::MOULDS;
use crate::demo::fleet::fleet_of;
use crate::demo::seed::Seed;
use crate::demo::spec::{Distro, Manager, Standing, Stray, StrayKind, coredns};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_794_000_000, 0).unwrap()
}

fn setting(managed_fields: bool) -> Setting {
    Setting { now: now(), nodes: vec!["node-1".to_owned(), "node-2".to_owned()], managed_fields }
}

/// Everything of a tenant, on a host without controllers.
fn everything(tenant: &Tenant, setting: &Setting) -> Vec<Value> {
    let maker = Maker::new(tenant, setting);
    let owner = maker.planned_owner();
    let mut all = vec![maker.namespace(), maker.service()];
    all.extend(maker.chart());
    all.extend(maker.quota());
    all.extend(maker.runtime(&owner));
    all.extend(maker.synced(&owner));
    all.extend(maker.controlled());
    all.extend(maker.pods(&owner));
    all
}

fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn parses<T: DeserializeOwned>(object: &Value) -> Result<(), String> {
    serde_json::from_value::<T>(object.clone()).map(drop).map_err(|e| format!("{e}: {object:#}"))
}

fn parses_as_its_kind(object: &Value) -> Result<(), String> {
    match object["kind"].as_str().unwrap_or_default() {
        "ConfigMap" => parses::<ConfigMap>(object),
        "Deployment" => parses::<Deployment>(object),
        "Lease" => parses::<Lease>(object),
        "LimitRange" => parses::<LimitRange>(object),
        "Namespace" => parses::<Namespace>(object),
        "NetworkPolicy" => parses::<NetworkPolicy>(object),
        "PersistentVolumeClaim" => parses::<PersistentVolumeClaim>(object),
        "Pod" => parses::<Pod>(object),
        "ReplicaSet" => parses::<ReplicaSet>(object),
        "ResourceQuota" => parses::<ResourceQuota>(object),
        "Role" => parses::<Role>(object),
        "RoleBinding" => parses::<RoleBinding>(object),
        "Secret" => parses::<Secret>(object),
        "Service" => parses::<Service>(object),
        "ServiceAccount" => parses::<ServiceAccount>(object),
        "StatefulSet" => parses::<StatefulSet>(object),
        other => Err(format!("unexpected kind {other}")),
    }
}

#[test]
fn every_object_is_one_of_its_kind_and_no_two_share_a_name() {
    for managed_fields in [false, true] {
        for tenant in fleet_of(60, 600, Seed::new(3), now()) {
            let mut seen = HashSet::new();
            for object in everything(&tenant, &setting(managed_fields)) {
                parses_as_its_kind(&object).unwrap();
                let key = (object["kind"].to_string(), object["metadata"]["name"].to_string());
                assert!(seen.insert(key.clone()), "{key:?} twice in {}", tenant.name);
                assert!(object["metadata"]["name"].as_str().unwrap().len() <= 63, "{key:?}");
            }
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_objects() {
    let make = || {
        let fleet = fleet_of(10, 100, Seed::new(5), now());
        fleet.iter().flat_map(|tenant| everything(tenant, &setting(false))).collect::<Vec<_>>()
    };
    assert_eq!(make(), make());
}

#[test]
fn host_pods_are_as_large_as_real_ones() {
    for tenant in fleet_of(20, 400, Seed::new(6), now()).iter().filter(|tenant| tenant.pods().count() > 0) {
        let setting = setting(true);
        let maker = Maker::new(tenant, &setting);
        let owner = maker.planned_owner();
        let sizes: Vec<_> = maker.pods(&owner).map(|pod| pod.to_string().len()).collect();
        let mean = sizes.iter().sum::<usize>() / sizes.len().max(1);
        assert!((6_000..=12_000).contains(&mean), "{mean} bytes, {}: {sizes:?}", tenant.name);
    }
}

#[test]
fn a_synced_pod_carries_its_whole_origin() {
    let mut tenant = Tenant::new("team-alpha", now(), Seed::new(1));
    tenant.namespace = "ns-alpha".to_owned();
    let setting = setting(false);
    let maker = Maker::new(&tenant, &setting);
    let app = coredns(now());
    let virtual_pod = app.pod(&tenant, 0, 0);
    let pod = maker.pod(&virtual_pod, &OwnerUid("service-uid".to_owned()));
    let meta = &pod["metadata"];

    assert_eq!(meta["name"], format!("{}-x-kube-system-x-team-alpha", virtual_pod.name));
    assert_eq!(meta["namespace"], "ns-alpha");
    assert_eq!(meta["labels"][label::MANAGED_BY], "team-alpha");
    assert_eq!(meta["labels"][label::NAMESPACE], "kube-system");
    assert_eq!(meta["labels"]["k8s-app"], "vcluster-kube-dns");
    let expected = [
        (annotation::OBJECT_NAME, virtual_pod.name.clone()),
        (annotation::OBJECT_NAMESPACE, "kube-system".to_owned()),
        (annotation::OBJECT_UID, virtual_pod.uid()),
        (annotation::OBJECT_KIND, "/v1, Kind=Pod".to_owned()),
        (annotation::OBJECT_HOST_NAME, meta["name"].as_str().unwrap().to_owned()),
        (annotation::OBJECT_HOST_NAMESPACE, "ns-alpha".to_owned()),
        (annotation::MANAGED_LABELS, "k8s-app\npod-template-hash".to_owned()),
        (annotation::POD_OWNER_KIND, "ReplicaSet".to_owned()),
    ];
    for (key, value) in expected {
        assert_eq!(meta["annotations"][key], value, "{key}");
    }
    let owner = json!({
        "apiVersion": "v1", "kind": "Service", "name": "team-alpha", "uid": "service-uid", "controller": true,
    });
    assert_eq!(meta["ownerReferences"], json!([owner]));
    let tokens =
        meta["annotations"].as_object().unwrap().keys().filter(|k| k.starts_with(annotation::TOKEN_PREFIX));
    assert_eq!(tokens.count(), 1);
}

#[test]
fn strays_differ_from_what_belongs_in_exactly_what_proves_it() {
    let mut tenant = Tenant::new("team-alpha", now(), Seed::new(1));
    let app = MOULDS[0].cast(1, now());
    for kind in [StrayKind::VirtualGone, StrayKind::ForeignCopy, StrayKind::VclusterGone] {
        tenant.strays.push(Stray { app: app.clone(), kind });
    }
    let setting = setting(false);
    let maker = Maker::new(&tenant, &setting);
    let owner = maker.planned_owner();
    for stray in &tenant.strays {
        let pod = stray.pods(&tenant).next().unwrap();
        let object = maker.pod(&pod, &owner);
        let meta = &object["metadata"];
        let own_name = meta["name"] == meta["annotations"][annotation::OBJECT_HOST_NAME];
        assert_eq!(own_name, stray.kind != StrayKind::ForeignCopy, "{:?}", stray.kind);
        let owned = meta.get("ownerReferences").is_some();
        assert_eq!(owned, stray.kind != StrayKind::VclusterGone, "{:?}", stray.kind);
    }
}

#[test]
fn the_workload_is_of_the_kind_and_size_that_store_and_standing_ask_for() {
    let since = now();
    let cases = [
        (Store::EmbeddedDatabase, Standing::Serving, "StatefulSet", 1, None),
        (Store::EmbeddedEtcd, Standing::WorkloadsAsleep { since }, "StatefulSet", 1, None),
        (Store::DeployedEtcd, Standing::Serving, "Deployment", 1, None),
        (Store::ExternalDatabase, Standing::ScaledDown, "Deployment", 0, None),
        (Store::EmbeddedDatabase, Standing::Paused { since }, "StatefulSet", 0, Some(annotation::PAUSED)),
        (
            Store::EmbeddedDatabase,
            Standing::Restoring { since },
            "StatefulSet",
            0,
            Some(annotation::RESTORING),
        ),
    ];
    for (store, standing, kind, replicas, mark) in cases {
        let tenant = Tenant { store, standing, ..Tenant::new("team-alpha", now(), Seed::new(1)) };
        let objects = everything(&tenant, &setting(false));
        let workload = find(&objects, kind, "team-alpha");
        assert_eq!(workload["spec"]["replicas"], replicas, "{kind}");
        let annotations = workload["metadata"]["annotations"].as_object().unwrap();
        for key in [annotation::PAUSED, annotation::RESTORING] {
            assert_eq!(annotations.contains_key(key), mark == Some(key), "{key}");
        }
        let etcd =
            objects.iter().any(|o| o["kind"] == "StatefulSet" && o["metadata"]["name"] == "team-alpha-etcd");
        assert_eq!(etcd, store == Store::DeployedEtcd);
    }
}

#[test]
fn tenants_of_every_manager_carry_the_same_selectable_labels() {
    for manager in [Manager::Helm, Manager::ArgoCd, Manager::V9s] {
        let tenant = Tenant { manager, ..Tenant::new("team-alpha", now(), Seed::new(1)) };
        let objects = everything(&tenant, &setting(false));
        for (kind, name) in
            [("StatefulSet", "team-alpha"), ("Service", "team-alpha"), ("Secret", "vc-config-team-alpha")]
        {
            let labels = &find(&objects, kind, name)["metadata"]["labels"];
            assert_eq!(labels[label::APP], "vcluster");
            assert_eq!(labels[label::RELEASE], "team-alpha");
            assert_eq!(labels[label::CHART], "vcluster-0.36.1");
        }
        let release = objects.iter().any(|o| o["type"] == "helm.sh/release.v1");
        assert_eq!(release, manager == Manager::Helm);
    }
}

#[test]
fn the_version_inside_shows_in_the_image_that_brings_the_binaries() {
    for (distro, name, image) in [
        (Distro::K8s("v1.35.3".to_owned()), "kubernetes", "ghcr.io/loft-sh/kubernetes:v1.35.3"),
        (Distro::K3s("v1.31.4-k3s1".to_owned()), "vcluster", "rancher/k3s:v1.31.4-k3s1"),
    ] {
        let tenant = Tenant { distro, ..Tenant::new("team-alpha", now(), Seed::new(1)) };
        let objects = everything(&tenant, &setting(false));
        let init =
            &find(&objects, "StatefulSet", "team-alpha")["spec"]["template"]["spec"]["initContainers"][0];
        assert_eq!((&init["name"], &init["image"]), (&json!(name), &json!(image)));
    }
}

#[test]
fn sleep_of_the_workloads_alone_is_marked_on_the_configuration() {
    let standing = Standing::WorkloadsAsleep { since: now() };
    let tenant = Tenant { standing, ..Tenant::new("team-alpha", now(), Seed::new(1)) };
    let objects = everything(&tenant, &setting(false));
    let secret = find(&objects, "Secret", "vc-config-team-alpha");
    assert_eq!(secret["metadata"]["annotations"][annotation::SLEEP_TYPE], "inactivity");
}

#[test]
fn quota_use_is_the_sum_of_what_is_there() {
    let mut tenant = Tenant::new("team-alpha", now(), Seed::new(1));
    tenant.quota = Some(crate::demo::spec::QuotaSpec::default());
    tenant.apps =
        vec![crate::demo::spec::App { replicas: 4, cpu_millis: 500, memory_mib: 1024, ..coredns(now()) }];
    let setting = setting(false);
    let quota = Maker::new(&tenant, &setting).quota().unwrap();
    assert_eq!(quota["status"]["used"]["requests.cpu"], "2200m");
    assert_eq!(quota["status"]["used"]["requests.memory"], "4352Mi");
    assert_eq!(quota["status"]["used"]["count/pods"], "5");
}
