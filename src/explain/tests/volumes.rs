//! Volumes, and what a pod is to be given.

use serde_json::{Value, json};

use super::holds;
use super::objects::{Case, event};
use crate::known::Known;

const UNBOUND: &str = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";

fn unbound() -> Case {
    Case::unscheduled(UNBOUND).ready_node()
}

fn class(name: &str) -> Value {
    json!({"spec": {"storageClassName": name}})
}

#[test]
fn claims_have_causes() {
    let none = Known::Yes(None);
    let disk = || Known::Yes(Some("disk.example"));
    holds(vec![
        (
            "claim-missing",
            Case::unscheduled("0/1 nodes are available: persistentvolumeclaim \"data\" not found.").ready_node().claim(Value::Null, Known::NotApplicable, vec![]),
            "it names the claim data, and there is none",
        ),
        ("storage-class-missing", unbound().claim(class("fast"), none, vec![]), "the storage class fast"),
        (
            "storage-class-missing",
            unbound().claim(class("fast"), Known::unknown("forbidden"), vec![event(9, "persistentvolume-controller", "ProvisioningFailed", "storageclass.storage.k8s.io \"fast\" not found")]),
            "the storage class fast",
        ),
        (
            "volume-missing",
            unbound().claim(json!({}), Known::NotApplicable, vec![event(9, "persistentvolume-controller", "FailedBinding", "no persistent volumes available for this claim and no storage class is set")]),
            "names no storage class",
        ),
        (
            "provisioning-failed",
            unbound().claim(class("fast"), disk(), vec![event(9, "disk.example_p-0", "ProvisioningFailed", "failed to provision volume with StorageClass \"fast\": rpc error: code = ResourceExhausted desc = no space")]),
            "no space",
        ),
        (
            "provisioner-silent",
            unbound().claim(class("fast"), disk(), vec![event(9, "persistentvolume-controller", "ExternalProvisioning", "Waiting for a volume to be created either by the external provisioner 'disk.example' or manually by the system administrator.")]),
            "waits for disk.example to make a volume",
        ),
        ("claim-unbound", unbound().claim(class("fast"), disk(), vec![]), "its claim data is not bound"),
        ("claim-lost", unbound().claim(json!({"status": {"phase": "Lost"}}), disk(), vec![]), "is gone, and the data with it"),
        (
            "claim-ending",
            unbound().claim(json!({"metadata": {"deletionTimestamp": "2026-11-21T11:00:00Z"}, "status": {"phase": "Bound"}}), disk(), vec![]),
            "is being deleted",
        ),
    ]);
}

#[test]
fn what_a_kubelet_says_of_volumes_has_causes() {
    let creating = || Case::waits("ContainerCreating", "");
    let kubelet = "kubelet";
    holds(vec![
        (
            "secret-missing",
            creating().told(9, kubelet, "FailedMount", "MountVolume.SetUp failed for volume \"keys\" : secret \"tls\" not found"),
            "it needs the Secret tls",
        ),
        (
            "config-map-missing",
            creating().told(9, kubelet, "FailedMount", "MountVolume.SetUp failed for volume \"etc\" : configmap \"settings\" not found"),
            "it needs the ConfigMap settings",
        ),
        (
            "key-missing",
            creating().told(9, kubelet, "FailedMount", "MountVolume.SetUp failed for volume \"keys\" : references non-existent secret key: tls.key"),
            "secret key: tls.key",
        ),
        ("secret-missing", Case::waits("CreateContainerConfigError", "secret \"tls\" not found"), "the Secret tls"),
        ("config-map-missing", Case::waits("CreateContainerConfigError", "configmap \"settings\" not found"), "the ConfigMap settings"),
        ("key-missing", Case::waits("CreateContainerConfigError", "couldn't find key url in ConfigMap shop/settings"), "url in ConfigMap shop/settings"),
        (
            "volume-in-use",
            creating().told(9, "attachdetach-controller", "FailedAttachVolume", "Multi-Attach error for volume \"pvc-1\" Volume is already exclusively attached to one node and can't be attached to another"),
            "still attached to another node",
        ),
        (
            "attach-failed",
            creating().told(9, "attachdetach-controller", "FailedAttachVolume", "AttachVolume.Attach failed for volume \"pvc-1\" : rpc error: disk not found"),
            "disk not found",
        ),
        (
            "mount-failed",
            creating().told(9, kubelet, "FailedMount", "MountVolume.SetUp failed for volume \"share\" : hostPath type check failed: /data is not a directory"),
            "its volume share cannot be mounted: hostPath type check failed",
        ),
    ]);
}

#[test]
fn a_mount_that_worked_later_is_no_cause() {
    let case = Case::waits("ContainerCreating", "")
        .told(
            60,
            "kubelet",
            "FailedMount",
            "MountVolume.SetUp failed for volume \"keys\" : secret \"tls\" not found",
        )
        .told(5, "kubelet", "Pulling", "Pulling image \"registry.example/web:1\"");
    holds(vec![("image-pulling", case, "pulling registry.example/web:1, for 5 s")]);
}

#[test]
fn who_waits_for_an_image_has_its_volumes() {
    // That an image is not there and may not be pulled is told by no event that ends what was said of volumes.
    let slow = "MountVolume.SetUp failed for volume \"kube-api-access-v4454\" : failed to sync configmap cache: timed out waiting for the condition";
    let case = Case::waits(
        "ErrImageNeverPull",
        "Container image \"registry.example/web:1\" is not present with pull policy of Never",
    )
    .told(60, "kubelet", "FailedMount", slow);
    holds(vec![("image-never-pulled", case, "registry.example/web:1")]);
}
