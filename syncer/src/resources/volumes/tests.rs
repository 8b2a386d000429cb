use serde_json::{Value, json};
use v9s::names::VirtualName;
use v9s::wire::{annotation, label};

use super::*;
use crate::context::Classes;
use crate::engine::key::Side;
use crate::engine::mirror::{Mirror, Origin};
use crate::engine::plan::Plan;
use crate::resources::HostDeletion;
use crate::resources::fixture::{World, lean, namespaced};

const CLASSES: &str = "storageclasses.storage.k8s.io";

fn claims(classes: Classes, limited: bool) -> Claims {
    Claims { classes, limited, real_volumes: false, host_deletion: HostDeletion::Recreate }
}

fn world(spec: Value) -> (World, VirtualName) {
    let mut world = World::new(&[CLAIMS, VOLUMES, CLASSES]);
    world.tenant(CLAIMS, json!({"metadata": {"name": "data", "namespace": "shop"}, "spec": spec}));
    (world, namespaced("shop", "data"))
}

fn requests(size: &str) -> Value {
    json!({"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": size}}})
}

/// What the host's controllers do with a claim.
fn bind(world: &mut World, claim: &VirtualName, volume: &str) {
    let bound = json!({"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"volumeName": volume}, "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}});
    world.change(Side::Host, CLAIMS, claim, &bound);
}

#[test]
fn a_class_keeps_its_name_unless_it_is_the_tenants_own() {
    for (classes, expected) in [
        (Classes::Apart, "fast"),
        (Classes::FromHost, "fast"),
        (Classes::ToHost, "vcluster-fast-x-tenants-x-t"),
    ] {
        let (mut world, data) = world(requests("1Gi"));
        assert_eq!(world.settle(&claims(classes, false), CLAIMS, &data).0, 1);
        assert_eq!(world.host(CLAIMS, &data)["spec"]["storageClassName"], expected);
    }
}

#[test]
fn a_class_that_the_host_does_not_show_is_refused_until_it_does() {
    let (mut world, data) = world(requests("1Gi"));
    let mirror = claims(Classes::FromHost, true);
    let (_, plan) = world.settle(&mirror, CLAIMS, &data);
    assert!(plan.waits_for.is_some() && world.host(CLAIMS, &data).is_null());
    world.put(
        Side::Host,
        CLASSES,
        &VirtualName::cluster_scoped("fast"),
        json!({"metadata": {"name": "fast"}, "provisioner": "p"}),
    );
    assert_eq!(world.settle(&mirror, CLAIMS, &data).0, 1);
}

#[test]
fn a_claim_is_bound_when_its_volume_is_there_and_grows_with_the_tenants_wish() {
    let (mut world, data) = world(requests("1Gi"));
    let mirror = claims(Classes::Apart, false);
    world.settle(&mirror, CLAIMS, &data);
    bind(&mut world, &data, "pv-1");
    world.settle(&mirror, CLAIMS, &data);
    let claim = world.get(Side::Virtual, CLAIMS, &data);
    assert_eq!(claim["spec"]["volumeName"], "pv-1");
    assert_eq!(claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"], "yes");
    assert_eq!(claim["status"], Value::Null, "its volume is not there yet");

    let volume = VirtualName::cluster_scoped("pv-1");
    world.uses(&mirror, CLAIMS, &data);
    world.settle(&FakeVolumes, VOLUMES, &volume);
    let made = world.get(Side::Virtual, VOLUMES, &volume);
    assert_eq!(made["metadata"]["labels"][label::FAKE_PV], "true");
    assert_eq!(
        (&made["spec"]["claimRef"]["uid"], &made["status"]["phase"]),
        (&claim["metadata"]["uid"], &json!("Bound"))
    );
    world.settle(&mirror, CLAIMS, &data);
    assert_eq!(world.get(Side::Virtual, CLAIMS, &data)["status"]["phase"], "Bound");

    world.change(
        Side::Virtual,
        CLAIMS,
        &data,
        &json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}}),
    );
    assert_eq!(world.settle(&mirror, CLAIMS, &data).0, 1);
    assert_eq!(world.host(CLAIMS, &data)["spec"]["resources"]["requests"]["storage"], "2Gi");
    world.change(Side::Host, CLAIMS, &data, &json!({"status": {"capacity": {"storage": "2Gi"}}}));
    world.settle(&mirror, CLAIMS, &data);
    world.settle(&FakeVolumes, VOLUMES, &volume);
    assert_eq!(world.get(Side::Virtual, VOLUMES, &volume)["spec"]["capacity"]["storage"], "2Gi");
}

#[test]
fn a_made_up_volume_goes_with_its_claim_and_its_finalizer_does_not_hold_it() {
    let (mut world, data) = world(requests("1Gi"));
    let mirror = claims(Classes::Apart, false);
    let volume = VirtualName::cluster_scoped("pv-1");
    world.settle(&mirror, CLAIMS, &data);
    bind(&mut world, &data, "pv-1");
    world.settle(&mirror, CLAIMS, &data);
    world.uses(&mirror, CLAIMS, &data);
    world.settle(&FakeVolumes, VOLUMES, &volume);
    world.change(
        Side::Virtual,
        VOLUMES,
        &volume,
        &json!({"metadata": {"finalizers": ["kubernetes.io/pv-protection"]}}),
    );
    world.remove(Side::Virtual, CLAIMS, &data);
    world.uses(&mirror, CLAIMS, &data);
    let plan = world.plan(&FakeVolumes, VOLUMES, &volume);
    assert_eq!(plan.writes.len(), 1, "released first: {plan:?}");
    world.change(
        Side::Virtual,
        VOLUMES,
        &volume,
        &json!({"status": {"phase": "Released"}, "metadata": {"deletionTimestamp": "2026-11-21T10:00:00Z"}}),
    );
    world.settle(&FakeVolumes, VOLUMES, &volume);
    assert_eq!(world.get(Side::Virtual, VOLUMES, &volume)["metadata"].get("finalizers"), None);
}

#[test]
fn a_tenant_cannot_have_volumes_made_up_by_naming_them() {
    let (mut world, data) =
        world(json!({"volumeName": "theirs", "resources": {"requests": {"storage": "1Gi"}}}));
    let mirror = claims(Classes::Apart, false);
    world.settle(&mirror, CLAIMS, &data);
    world.change(Side::Host, CLAIMS, &data, &json!({"spec": {"volumeName": "another"}}));
    world.uses(&mirror, CLAIMS, &data);
    assert_eq!(world.plan(&FakeVolumes, VOLUMES, &VirtualName::cluster_scoped("theirs")), Plan::nothing());
    let (_, plan) = world.settle(&mirror, CLAIMS, &data);
    assert_eq!(plan.note.map(|note| note.reason), Some("VolumeNameDiffers"));
    assert!(!world.get(Side::Virtual, CLAIMS, &data).is_null(), "nothing of the tenant's is deleted for it");
}

#[test]
fn a_claim_is_filled_from_the_tenants_other_claim() {
    let source = json!({"kind": "PersistentVolumeClaim", "name": "old", "namespace": "archive"});
    let mut spec = requests("1Gi");
    spec["dataSourceRef"] = source;
    spec["dataSource"] =
        json!({"kind": "VolumeSnapshot", "apiGroup": "snapshot.storage.k8s.io", "name": "s"});
    let (mut world, data) = world(spec);
    world.settle(&claims(Classes::Apart, false), CLAIMS, &data);
    let host = world.host(CLAIMS, &data);
    assert_eq!(
        host["spec"]["dataSourceRef"],
        json!({"kind": "PersistentVolumeClaim", "name": "old-x-archive-x-t"})
    );
    assert_eq!(host["spec"]["dataSource"]["name"], "s");
}

#[test]
fn a_volume_that_the_host_made_is_shown_without_secrets_and_goes_with_it() {
    let (mut world, data) = world(requests("1Gi"));
    let (mirror, volumes) = (
        Claims { real_volumes: true, ..claims(Classes::Apart, false) },
        Volumes { classes: Classes::Apart, host_deletion: HostDeletion::Recreate },
    );
    world.settle(&mirror, CLAIMS, &data);
    let host = json!({"metadata": {"name": "pvc-1"}, "status": {"phase": "Bound"}, "spec": {
        "claimRef": {"namespace": "tenants", "name": "data-x-shop-x-t", "uid": "host"}, "capacity": {"storage": "1Gi"},
        "csi": {"driver": "d", "nodeStageSecretRef": {"name": "s", "namespace": "infra"}}}});
    let volume = VirtualName::cluster_scoped("pvc-1");
    assert_eq!(volumes.origin(&world.ctx, &lean(&host)), Origin::Ours(volume.clone()));
    world.put(Side::Host, VOLUMES, &volume, host.clone());
    world.settle(&volumes, VOLUMES, &volume);
    let shown = world.get(Side::Virtual, VOLUMES, &volume);
    assert_eq!(
        (&shown["spec"]["claimRef"]["name"], &shown["spec"]["claimRef"]["namespace"]),
        (&json!("data"), &json!("shop"))
    );
    assert_eq!(shown["spec"]["csi"], json!({"driver": "d"}));
    assert_eq!(
        (&shown["metadata"]["annotations"][annotation::HOST_PV], &shown["status"]["phase"]),
        (&json!("pvc-1"), &json!("Bound"))
    );
    world.remove(Side::Host, VOLUMES, &volume);
    world.settle(&volumes, VOLUMES, &volume);
    assert!(world.get(Side::Virtual, VOLUMES, &volume).is_null());

    let mut strangers = host;
    strangers["spec"]["claimRef"]["name"] = json!("somebody-elses");
    world.put(Side::Host, VOLUMES, &volume, strangers);
    assert_eq!(world.settle(&volumes, VOLUMES, &volume).0, 0, "a claim besides ours in the host's namespace");
}

#[test]
fn a_volume_of_the_tenant_goes_to_the_host_and_is_bound_there() {
    let (mut world, data) = world(
        json!({"volumeName": "mine", "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}),
    );
    let (mirror, volumes) = (
        Claims { real_volumes: true, ..claims(Classes::Apart, false) },
        Volumes { classes: Classes::Apart, host_deletion: HostDeletion::Recreate },
    );
    world.tenant(VOLUMES, json!({"metadata": {"name": "mine"}, "spec": {"capacity": {"storage": "1Gi"}, "nfs": {"server": "s", "path": "/"}}}));
    let volume = VirtualName::cluster_scoped("mine");
    world.settle(&volumes, VOLUMES, &volume);
    world.settle(&mirror, CLAIMS, &data);
    assert_eq!(world.host(VOLUMES, &volume)["metadata"]["name"], "vcluster-mine-x-tenants-x-t");
    assert_eq!(world.host(CLAIMS, &data)["spec"]["volumeName"], "vcluster-mine-x-tenants-x-t");
    let bound = json!({"spec": {"claimRef": {"namespace": "tenants", "name": "data-x-shop-x-t", "uid": "host"}}, "status": {"phase": "Bound"}});
    world.change(Side::Host, VOLUMES, &volume, &bound);
    bind(&mut world, &data, "vcluster-mine-x-tenants-x-t");
    world.settle(&volumes, VOLUMES, &volume);
    world.settle(&mirror, CLAIMS, &data);
    let shown = world.get(Side::Virtual, VOLUMES, &volume);
    let claim = world.get(Side::Virtual, CLAIMS, &data);
    assert_eq!(shown["spec"]["claimRef"]["uid"], claim["metadata"]["uid"]);
    assert_eq!((&shown["status"]["phase"], &claim["status"]["phase"]), (&json!("Bound"), &json!("Bound")));
    assert_eq!(claim["spec"]["volumeName"], "mine");
    assert_eq!(
        world.host(VOLUMES, &volume)["spec"]["claimRef"]["uid"],
        "host",
        "the host's own is left alone"
    );
}
