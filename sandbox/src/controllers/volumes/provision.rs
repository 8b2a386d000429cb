//! Volumes made for claims, as the provisioner of their class would.

use serde_json::{Value, json};

use super::claims::{Waits, reference};
use super::index::Claim;
use super::{PROVISIONED_BY, SELECTED_NODE};
use crate::controllers::{Key, PERSISTENT_VOLUMES, Source, VOLUME_CLAIMS, World};
use crate::node::matches;
use crate::store::Object;

const BETA_PROVISIONER: &str = "volume.beta.kubernetes.io/storage-provisioner";
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
/// Names of provisioners that once were part of Kubernetes begin so.
const IN_TREE: &str = "kubernetes.io/";

/// Whether this host plays a provisioner. Those of Kubernetes itself make no volumes any more.
pub(super) fn serves(patterns: &[String], provisioner: &str) -> bool {
    !provisioner.starts_with(IN_TREE) && patterns.iter().any(|pattern| matches(pattern, provisioner))
}

/// Makes a volume for a claim, kept for it; or says what the claim waits for. False when there is one already that
/// nevertheless does not suit.
pub(super) fn provision(
    world: &mut World,
    patterns: &[String],
    key: &Key,
    object: &Object,
    claim: &Claim,
    class: Option<&Value>,
) -> Result<bool, Waits> {
    let Some(class) = class else {
        let message = format!("storageclass.storage.k8s.io {:?} not found", claim.class);
        return Err(Waits::warning("ProvisioningFailed", message));
    };
    let provisioner = class["provisioner"].as_str().unwrap_or_default().to_owned();
    if provisioner.starts_with(IN_TREE) {
        let message = format!("no volume plugin matched name: {provisioner}");
        return Err(Waits::warning("ProvisioningFailed", message));
    }
    // Gone meanwhile: then the volume is released at once.
    let _ = world.update(&VOLUME_CLAIMS, key, "", |claim| {
        for annotation in [BETA_PROVISIONER, PROVISIONER] {
            claim["metadata"]["annotations"][annotation] = json!(provisioner);
        }
    });
    if !serves(patterns, &provisioner) {
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the \
             system administrator. If volume creation is delayed, please verify that the provisioner is running and \
             correctly registered."
        );
        return Err(Waits::normal("ExternalProvisioning", message));
    }
    let volume = volume(object, claim, class, &provisioner);
    match world.create(&PERSISTENT_VOLUMES, "", volume) {
        Ok(volume) => {
            world.volumes.note(&volume);
            announce(world, object, &provisioner, volume.name());
            Ok(true)
        }
        Err(refusal) if refusal.is_already_exists() => Ok(false),
        Err(refusal) => {
            let message = format!(
                "failed to provision volume with StorageClass {:?}: {}",
                claim.class, refusal.message
            );
            Err(Waits::warning("ProvisioningFailed", message))
        }
    }
}

fn announce(world: &mut World, object: &Object, provisioner: &str, volume: &str) {
    let Some(about) = world.about(&VOLUME_CLAIMS, object) else { return };
    let source = Source::named(provisioner);
    let claim = format!("{}/{}", object.namespace(), object.name());
    let begins = format!("External provisioner is provisioning volume for claim {claim:?}");
    world.recorder.normal(&about, &source, "Provisioning", begins);
    let done = format!("Successfully provisioned volume {volume}");
    world.recorder.normal(&about, &source, "ProvisioningSucceeded", done);
}

fn volume(object: &Object, claim: &Claim, class: &Value, provisioner: &str) -> Value {
    let name = format!("pvc-{}", claim.uid);
    let tree = object.value();
    let mut spec = json!({
        "capacity": {"storage": tree["spec"]["resources"]["requests"]["storage"]},
        "accessModes": tree["spec"]["accessModes"],
        "volumeMode": tree["spec"]["volumeMode"].as_str().unwrap_or("Filesystem"),
        "persistentVolumeReclaimPolicy": class["reclaimPolicy"].as_str().unwrap_or("Delete"),
        "storageClassName": claim.class,
        "claimRef": reference(object),
        "csi": {"driver": provisioner, "volumeHandle": name,
            "volumeAttributes": class["parameters"].as_object().cloned().unwrap_or_default()},
    });
    for (from, to) in [
        (&class["mountOptions"], "mountOptions"),
        (&tree["spec"]["volumeAttributesClassName"], "volumeAttributesClassName"),
    ] {
        if !from.is_null() {
            spec[to] = from.clone();
        }
    }
    if let Some(terms) = topologies(class) {
        spec["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": terms}});
    }
    let mut annotations = json!({PROVISIONED_BY: provisioner});
    if let Some(node) = tree["metadata"]["annotations"].get(SELECTED_NODE) {
        annotations[SELECTED_NODE] = node.clone();
    }
    json!({"metadata": {"name": name, "annotations": annotations}, "spec": spec})
}

/// `allowedTopologies` of a class as the terms of a node selector; None when it allows all.
fn topologies(class: &Value) -> Option<Vec<Value>> {
    let allowed = class["allowedTopologies"].as_array().filter(|allowed| !allowed.is_empty())?;
    let expression =
        |label: &Value| json!({"key": label["key"], "operator": "In", "values": label["values"]});
    let terms = allowed.iter().map(|term| {
        let labels = term["matchLabelExpressions"].as_array().into_iter().flatten();
        json!({"matchExpressions": labels.map(expression).collect::<Vec<_>>()})
    });
    Some(terms.collect())
}
