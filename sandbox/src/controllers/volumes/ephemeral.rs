//! Generic ephemeral volumes: a claim that a pod brings along. It is called after the pod and the volume, belongs to
//! the pod, and goes with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::users::ephemeral_claims;
use crate::controllers::queue::Queue;
use crate::controllers::workload::{controller_of, owner_reference};
use crate::controllers::{Controller, Key, PODS, Seen, Source, VOLUME_CLAIMS, World};
use crate::store::{Change, Object};

const SOURCE: Source = Source::controller("ephemeral_volume");

/// Name of the claim that a pod brings along for a volume.
pub(crate) fn claim_name(pod: &str, volume: &Value) -> String {
    format!("{pod}-{}", volume["name"].as_str().unwrap_or_default())
}

/// Why a claim is not the one that was made for a pod; None when it is.
pub(crate) fn stranger(claim: &Object, namespace: &str, pod: &str, uid: &str) -> Option<String> {
    let own = controller_of(claim).is_some_and(|owner| owner.uid == uid);
    (!own).then(|| {
        format!(
            "PVC {}/{} was not created for pod {namespace}/{pod} (pod is not owner)",
            claim.namespace(),
            claim.name()
        )
    })
}

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct Ephemeral {
    queue: Queue<Key>,
    /// Pods by the claims that they bring along.
    pods: BTreeMap<Key, Key>,
}

impl Ephemeral {
    fn sync(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&PODS, key).filter(|pod| !pod.deleting()) else { return };
        let pod = object.value();
        for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
            let Err(why) = make(world, &object, volume) else { continue };
            if let Some(about) = world.about(&PODS, &object) {
                let name = volume["name"].as_str().unwrap_or_default();
                let message = format!("ephemeral volume {name}: {why}");
                world.recorder.warning(&about, &SOURCE, "FailedBinding", message);
            }
            return self.queue.retry(key.clone(), world.now());
        }
        self.queue.succeeded(key);
    }
}

/// Creates the claim of a volume, unless it is there.
fn make(world: &World, pod: &Object, volume: &Value) -> Result<(), String> {
    let Some(ephemeral) = volume.get("ephemeral").filter(|ephemeral| ephemeral.is_object()) else {
        return Ok(());
    };
    let name = claim_name(pod.name(), volume);
    if let Some(claim) = world.find(&VOLUME_CLAIMS, &Key::new(pod.namespace(), name.clone())) {
        return stranger(&claim, pod.namespace(), pod.name(), pod.uid()).map_or(Ok(()), Err);
    }
    let template = &ephemeral["volumeClaimTemplate"];
    let mut metadata = json!({"name": name, "ownerReferences": [owner_reference("v1", "Pod", pod)]});
    for key in ["labels", "annotations"] {
        if let Some(words) = template["metadata"].get(key) {
            metadata[key] = words.clone();
        }
    }
    let claim = json!({"metadata": metadata, "spec": template["spec"]});
    let made = world.create(&VOLUME_CLAIMS, pod.namespace(), claim);
    made.map(|_| ()).map_err(|refusal| format!("create PVC {name}: {}", refusal.message))
}

impl Controller for Ephemeral {
    fn name(&self) -> &'static str {
        "ephemeral"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        let key = Key::of(seen.object);
        if *seen.gr == PODS && seen.change != Change::Modified {
            let claims = ephemeral_claims(seen.object);
            for claim in claims.into_iter().map(|name| Key::new(key.namespace.clone(), name)) {
                match seen.change {
                    Change::Deleted => self.pods.remove(&claim),
                    _ => self.pods.insert(claim, key.clone()),
                };
                self.queue.add(key.clone());
            }
            if seen.change == Change::Deleted {
                self.queue.forget(&key);
            }
        } else if *seen.gr == VOLUME_CLAIMS
            && seen.change == Change::Deleted
            && let Some(pod) = self.pods.get(&key)
        {
            self.queue.add(pod.clone());
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some(key) = self.queue.pop(world.now()) {
            self.sync(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}
