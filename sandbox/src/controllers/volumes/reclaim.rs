//! What becomes of a volume: it is free, bound, or released, and then kept, deleted or recycled.

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::index::ClaimRef;
use super::{BOUND_BY, PROVISIONED_BY, SOURCE, VolumeController, provision};
use crate::clock::stamp;
use crate::controllers::{Key, PERSISTENT_VOLUMES, VOLUME_CLAIMS, World};
use crate::store::{DeleteOptions, Object};

impl VolumeController {
    pub(super) fn sync_volume(&mut self, world: &mut World, name: &SmolStr) {
        let key = Key::new("", name.clone());
        let Some(object) = world.find(&PERSISTENT_VOLUMES, &key) else { return };
        let tree = object.value();
        let Some(owner) = world.volumes.get(name).and_then(|volume| volume.claim.clone()) else {
            return set_free(world, &key);
        };
        if owner.uid.is_empty() {
            self.queue.add(owner.key());
            return set_free(world, &key);
        }
        let claim = world.find(&VOLUME_CLAIMS, &owner.key()).filter(|claim| claim.uid() == owner.uid);
        let Some(claim) = claim else { return self.release(world, &key, &object, &tree, &owner) };
        let bound_to = claim.value()["spec"]["volumeName"].as_str().unwrap_or_default().to_owned();
        if bound_to.is_empty() {
            self.queue.add(owner.key());
        } else if bound_to == name.as_str() {
            set_phase(world, &key, "Bound", "");
        } else if tree["metadata"]["annotations"].get(PROVISIONED_BY).is_some()
            && tree["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
        {
            self.release(world, &key, &object, &tree, &owner);
        } else {
            unbind(world, &key);
        }
    }

    /// The claim of a volume is gone.
    fn release(&mut self, world: &mut World, key: &Key, object: &Object, tree: &Value, owner: &ClaimRef) {
        if !matches!(tree["status"]["phase"].as_str(), Some("Released" | "Failed")) {
            set_phase(world, key, "Released", "");
        }
        match tree["spec"]["persistentVolumeReclaimPolicy"].as_str() {
            Some("Delete") => self.delete(world, key, object, tree),
            Some("Recycle") if world.users.in_use(&owner.key()) => {}
            Some("Recycle") if ["hostPath", "nfs"].iter().any(|kind| tree["spec"].get(kind).is_some()) => {
                say(world, object, true, "VolumeRecycled", "Volume recycled".to_owned());
                unbind(world, key);
            }
            Some("Recycle") => {
                let why = "No recycler plugin found for the volume!".to_owned();
                fail(world, key, object, "VolumeFailedRecycle", why);
            }
            _ => {}
        }
    }

    /// Deletes a volume with what it is on, where somebody serves that.
    fn delete(&mut self, world: &mut World, key: &Key, object: &Object, tree: &Value) {
        let provisioner =
            tree["metadata"]["annotations"][PROVISIONED_BY].as_str().filter(|name| !name.is_empty());
        let path = tree["spec"]["hostPath"]["path"].as_str();
        let failure = match (provisioner, path) {
            (Some(name), _) if name.starts_with("kubernetes.io/") => {
                Some(format!("no volume plugin matched name: {name}"))
            }
            (Some(name), _) if !provision::serves(&self.provisioners, name) => return,
            (Some(_), _) => None,
            (None, Some(path)) if path.strip_prefix("/tmp/").is_some_and(|rest| !rest.is_empty()) => None,
            (None, Some(path)) => {
                Some(format!("host_path deleter only supports /tmp/.+ but received provided {path}"))
            }
            (None, None) if tree["spec"].get("csi").is_some() => return,
            (None, None) => Some(format!(
                "error getting deleter volume plugin for volume {:?}: no deletable volume plugin matched",
                key.name
            )),
        };
        match failure {
            Some(why) => fail(world, key, object, "VolumeFailedDelete", why),
            None => {
                // Gone already is as good.
                let options = DeleteOptions::default().uid(object.uid());
                let _ = world.store.delete(&PERSISTENT_VOLUMES, None, &key.name, &options);
            }
        }
    }
}

fn set_free(world: &mut World, key: &Key) {
    set_phase(world, key, "Available", "");
}

/// Sets the phase of a volume, should it be there.
pub(super) fn set_phase(world: &mut World, key: &Key, phase: &str, message: &str) {
    let now = stamp(world.now());
    let written = world.update(&PERSISTENT_VOLUMES, key, "status", |volume| {
        if volume["status"]["phase"] == phase {
            return;
        }
        volume["status"] = json!({"phase": phase, "lastPhaseTransitionTime": now});
        if !message.is_empty() {
            volume["status"]["message"] = json!(message);
        }
    });
    if let Ok(written) = written {
        world.volumes.note(&written);
    }
}

fn fail(world: &mut World, key: &Key, object: &Object, reason: &'static str, why: String) {
    let failed = object.value()["status"]["phase"] == "Failed";
    set_phase(world, key, "Failed", &why);
    if !failed {
        say(world, object, false, reason, why);
    }
}

fn say(world: &mut World, object: &Object, normal: bool, reason: &'static str, message: String) {
    let Some(about) = world.about(&PERSISTENT_VOLUMES, object) else { return };
    match normal {
        true => world.recorder.normal(&about, &SOURCE, reason, message),
        false => world.recorder.warning(&about, &SOURCE, reason, message),
    }
}

/// Takes the claim out of a volume: whole where the controller put it there, else only its UID.
fn unbind(world: &mut World, key: &Key) {
    // Gone meanwhile: nothing is bound any more.
    let _ = world.update(&PERSISTENT_VOLUMES, key, "", |volume| {
        let ours = volume["metadata"]["annotations"].get(BOUND_BY).is_some();
        if !ours {
            if let Some(owner) = volume["spec"]["claimRef"].as_object_mut() {
                owner.retain(|field, _| !matches!(field.as_str(), "uid" | "resourceVersion"));
            }
            return;
        }
        if let Some(spec) = volume["spec"].as_object_mut() {
            spec.remove("claimRef");
        }
        if let Some(annotations) = volume["metadata"]["annotations"].as_object_mut() {
            annotations.remove(BOUND_BY);
        }
    });
    set_free(world, key);
}
