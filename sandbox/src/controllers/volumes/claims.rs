//! What becomes of a claim: it is bound to a volume, waits, or has lost its volume.

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::index::Claim;
use super::{BIND_COMPLETED, BOUND_BY, SELECTED_NODE, SOURCE, VolumeController, provision};
use crate::controllers::record::Severity;
use crate::controllers::{Key, PERSISTENT_VOLUMES, STORAGE_CLASSES, VOLUME_CLAIMS, World};
use crate::store::Object;

/// Why a claim stays as it is, as people read it in an event.
pub(super) struct Waits {
    pub(super) severity: Severity,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Waits {
    pub(super) fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Waits { severity: Severity::Normal, reason, message: message.into() }
    }

    pub(super) fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Waits { severity: Severity::Warning, reason, message: message.into() }
    }
}

impl VolumeController {
    pub(super) fn sync_claim(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&VOLUME_CLAIMS, key) else { return };
        let tree = object.value();
        if tree["metadata"]["annotations"].get(BIND_COMPLETED).is_some() {
            return self.keep_bound(world, key, &object, &tree);
        }
        self.pending.insert(key.clone());
        let claim = Claim::read(&object);
        match tree["spec"]["volumeName"].as_str().filter(|name| !name.is_empty()) {
            Some(name) => self.bind_to_named(world, key, &object, &claim, name),
            None => self.find_volume(world, key, &object, &claim, &tree),
        }
    }

    /// A claim that asks for any volume that suits.
    fn find_volume(&mut self, world: &mut World, key: &Key, object: &Object, claim: &Claim, tree: &Value) {
        let class =
            world.find(&STORAGE_CLASSES, &Key::new("", claim.class.clone())).map(|class| class.value());
        let delayed =
            class.as_ref().is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer");
        let found = world.volumes.best(claim, delayed, &|_| true).map(|volume| volume.name.clone());
        if let Some(name) = found {
            return self.bind(world, key, object, claim, &name);
        }
        if tree["spec"].get("storageClassName").is_none_or(Value::is_null)
            && self.give_class(world, key, object)
        {
            return;
        }
        let selected = tree["metadata"]["annotations"][SELECTED_NODE].is_string();
        let waits = if delayed && !selected {
            let message = "waiting for first consumer to be created before binding";
            Waits::normal("WaitForFirstConsumer", message)
        } else if claim.class.is_empty() {
            let message = "no persistent volumes available for this claim and no storage class is set";
            Waits::normal("FailedBinding", message)
        } else {
            match provision::provision(world, &self.provisioners, key, object, claim, class.as_ref()) {
                Ok(true) => return self.queue.add(key.clone()),
                Ok(false) => return self.queue.retry(key.clone(), world.now()),
                Err(waits) => waits,
            }
        };
        self.wait(world, key, object, waits);
    }

    /// A claim without a class gets the default one, should there be one by now.
    fn give_class(&mut self, world: &World, key: &Key, object: &Object) -> bool {
        if object.meta().annotations.contains_key("volume.beta.kubernetes.io/storage-class") {
            return false;
        }
        let Some(class) = crate::controllers::admission::default_class(&world.store) else { return false };
        let given =
            world.update(&VOLUME_CLAIMS, key, "", |claim| claim["spec"]["storageClassName"] = json!(class));
        given.is_ok()
    }

    /// A claim that asks for one volume.
    fn bind_to_named(&mut self, world: &mut World, key: &Key, object: &Object, claim: &Claim, name: &str) {
        let Some(volume) = world.volumes.get(name) else {
            return set_pending(world, key);
        };
        let waits = if volume.belongs_to(claim) {
            None
        } else if volume.claim.is_some() {
            let message = format!("volume {name:?} already bound to a different claim.");
            Some(Waits::warning("FailedBinding", message))
        } else {
            volume.unsuitable(claim).map(|why| {
                Waits::warning("VolumeMismatch", format!("Cannot bind to requested volume {name:?}: {why}"))
            })
        };
        match waits {
            None => self.bind(world, key, object, claim, &SmolStr::new(name)),
            Some(waits) => self.wait(world, key, object, waits),
        }
    }

    /// A claim whose binding is done: as long as its volume is there and its own.
    fn keep_bound(&mut self, world: &mut World, key: &Key, object: &Object, tree: &Value) {
        self.pending.remove(key);
        self.said.remove(key);
        let name = SmolStr::new(tree["spec"]["volumeName"].as_str().unwrap_or_default());
        let claim = Claim::read(object);
        let lost = if name.is_empty() {
            Some((
                "ClaimLost",
                "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
            ))
        } else {
            match world.volumes.get(&name) {
                None => Some((
                    "ClaimLost",
                    "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
                )),
                Some(volume) => match &volume.claim {
                    Some(owner) if owner.uid != claim.uid => Some((
                        "ClaimMisbound",
                        "Two claims are bound to the same volume, this one is bound incorrectly",
                    )),
                    _ => None,
                },
            }
        };
        let Some((reason, message)) = lost else { return self.bind(world, key, object, &claim, &name) };
        if tree["status"]["phase"] == "Lost" {
            return;
        }
        // Gone meanwhile: nothing is lost any more.
        let written = world.update(&VOLUME_CLAIMS, key, "status", |claim| {
            claim["status"] = json!({"phase": "Lost"});
        });
        if written.is_ok()
            && let Some(about) = world.about(&VOLUME_CLAIMS, object)
        {
            world.recorder.warning(&about, &SOURCE, reason, message.to_owned());
        }
    }

    /// Brings volume and claim together, in whatever state the two are. Another claim may have been faster: then
    /// this one is looked at again.
    fn bind(&mut self, world: &mut World, key: &Key, object: &Object, claim: &Claim, name: &SmolStr) {
        let volume = Key::new("", name.clone());
        let mut taken = false;
        let written = world.update(&PERSISTENT_VOLUMES, &volume, "", |volume| {
            taken = !take(volume, object);
        });
        let Ok(written) = written else { return self.queue.retry(key.clone(), world.now()) };
        world.volumes.note(&written);
        if taken {
            return self.queue.add(key.clone());
        }
        super::reclaim::set_phase(world, &volume, "Bound", "");
        let tree = written.value();
        let bound = world.update(&VOLUME_CLAIMS, key, "", |stored| {
            if stored["metadata"]["uid"] != claim.uid.as_str() {
                return;
            }
            if stored["spec"]["volumeName"] != name.as_str() {
                stored["spec"]["volumeName"] = json!(name);
                stored["metadata"]["annotations"][BOUND_BY] = json!("yes");
            }
            stored["metadata"]["annotations"][BIND_COMPLETED] = json!("yes");
        });
        let status = bound.and_then(|_| {
            world.update(&VOLUME_CLAIMS, key, "status", |stored| {
                let status = &mut stored["status"];
                if status["phase"] != "Bound" || status.get("capacity").is_none() {
                    status["capacity"] = json!({"storage": tree["spec"]["capacity"]["storage"]});
                }
                status["phase"] = json!("Bound");
                status["accessModes"] = tree["spec"]["accessModes"].clone();
            })
        });
        match status {
            Ok(_) => {
                self.pending.remove(key);
                self.said.remove(key);
                self.queue.succeeded(key);
            }
            // Gone meanwhile: the volume is looked at when that event comes.
            Err(refusal) if refusal.is_not_found() => {}
            Err(_) => self.queue.retry(key.clone(), world.now()),
        }
    }

    /// The claim stays pending; says why, once.
    fn wait(&mut self, world: &mut World, key: &Key, object: &Object, waits: Waits) {
        set_pending(world, key);
        if self.said.get(key) == Some(&waits.message) {
            return;
        }
        self.said.insert(key.clone(), waits.message.clone());
        if let Some(about) = world.about(&VOLUME_CLAIMS, object) {
            world.recorder.record(&about, &SOURCE, waits.severity, waits.reason, waits.message);
        }
    }
}

/// Writes a claim into a volume; false when another one is there.
fn take(volume: &mut Value, claim: &Object) -> bool {
    let present = &volume["spec"]["claimRef"];
    let text = |key: &str| present[key].as_str().unwrap_or_default();
    if present.is_object() {
        let ours = text("name") == claim.name() && text("namespace") == claim.namespace();
        if !ours || !text("uid").is_empty() && text("uid") != claim.uid() {
            return false;
        }
        if text("uid") == claim.uid() {
            return true;
        }
    } else {
        volume["metadata"]["annotations"][BOUND_BY] = json!("yes");
    }
    volume["spec"]["claimRef"] = reference(claim);
    true
}

/// How a volume names its claim.
pub(super) fn reference(claim: &Object) -> Value {
    json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": claim.namespace(),
        "name": claim.name(), "uid": claim.uid(), "resourceVersion": claim.revision().to_string()})
}

fn set_pending(world: &World, key: &Key) {
    // Gone meanwhile: nothing waits any more.
    let _ = world.update(&VOLUME_CLAIMS, key, "status", |claim| {
        claim["status"]["phase"] = json!("Pending");
        if let Some(status) = claim["status"].as_object_mut() {
            status.retain(|field, _| !matches!(field.as_str(), "accessModes" | "capacity"));
        }
    });
}
