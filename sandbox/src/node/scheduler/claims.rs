//! The claims of a pod: whether they let it run, on which nodes, and what is promised to them once one is chosen.

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::super::fit::{NodeView, Refusal};
use crate::controllers::volumes::{Claim, SELECTED_NODE, Volume, Volumes, claim_name, stranger};
use crate::controllers::{Key, PERSISTENT_VOLUMES, STORAGE_CLASSES, VOLUME_CLAIMS, World};
use crate::store::Object;

const OUT_OF_REACH: &str = "node(s) didn't match PersistentVolume's node affinity";
const NONE_FREE: &str = "node(s) didn't find available persistent volumes to bind";

/// A claim that waits for its first consumer.
struct Waiting {
    key: Key,
    claim: Claim,
    /// Somebody may make a volume for it.
    provisioned: bool,
}

/// The claims of a pod.
#[derive(Default)]
pub(super) struct Claims {
    /// Where the volumes of those that are bound can be reached.
    bound: Vec<Value>,
    waiting: Vec<Waiting>,
    /// The node that was chosen before and for which the volumes are being made.
    pub(super) selected: Option<SmolStr>,
}

impl Claims {
    /// Reads the claims of a pod.
    ///
    /// # Errors
    /// Why none of the nodes will do.
    pub(super) fn read(world: &World, pod: &Value) -> Result<Claims, String> {
        let metadata = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
        let (namespace, own) = (metadata("namespace"), metadata("name"));
        let mut claims = Claims::default();
        for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
            let named = volume["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned);
            let brought = named.is_none() && volume["ephemeral"].is_object();
            let Some(name) = named.or_else(|| brought.then(|| claim_name(own, volume))) else { continue };
            let key = Key::new(namespace, name);
            let Some(object) = world.find(&VOLUME_CLAIMS, &key) else {
                let name = key.name.as_str();
                return Err(match brought {
                    true => format!(
                        "waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}"
                    ),
                    false => format!("persistentvolumeclaim {name:?} not found"),
                });
            };
            claims.add(world, key, &object, |claim| {
                brought.then(|| stranger(claim, namespace, own, metadata("uid"))).flatten()
            })?;
        }
        Ok(claims)
    }

    /// Takes in a claim, unless it is lost, on its way out, or somebody else's.
    fn add(
        &mut self,
        world: &World,
        key: Key,
        object: &Object,
        foreign: impl Fn(&Object) -> Option<String>,
    ) -> Result<(), String> {
        let (tree, name) = (object.value(), key.name.as_str());
        let volume = tree["spec"]["volumeName"].as_str().unwrap_or_default();
        if tree["status"]["phase"] == "Lost" {
            return Err(format!(
                "persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"
            ));
        }
        if object.deleting() {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if let Some(why) = foreign(object) {
            return Err(why);
        }
        if tree["status"]["phase"] == "Bound" {
            self.bound.extend(world.volumes.get(volume).and_then(|volume| volume.affinity.clone()));
            return Ok(());
        }
        let claim = Claim::read(object);
        let class =
            world.find(&STORAGE_CLASSES, &Key::new("", claim.class.clone())).map(|class| class.value());
        let waits = class.as_ref().filter(|class| class["volumeBindingMode"] == "WaitForFirstConsumer");
        let Some(class) = waits.filter(|_| volume.is_empty()) else {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        };
        let provisioned = class["provisioner"] != "kubernetes.io/no-provisioner";
        if let Some(node) = tree["metadata"]["annotations"][SELECTED_NODE].as_str() {
            self.selected = Some(node.into());
        }
        self.waiting.push(Waiting { key, claim, provisioned });
        Ok(())
    }

    /// Why a node will not do; None when it will.
    pub(super) fn refuse(&self, volumes: &Volumes, name: &str, node: &NodeView) -> Option<Refusal> {
        let never = |reason: &str| Some(Refusal { reasons: vec![reason.to_owned()], resolvable: false });
        if !self.bound.iter().all(|affinity| node.satisfies_selector(name, affinity)) {
            return never(OUT_OF_REACH);
        }
        let lacking =
            |waiting: &&Waiting| !waiting.provisioned && self.free(volumes, waiting, name, node).is_none();
        if self.waiting.iter().any(|waiting| lacking(&waiting)) { never(NONE_FREE) } else { None }
    }

    fn free<'v>(
        &self,
        volumes: &'v Volumes,
        waiting: &Waiting,
        name: &str,
        node: &NodeView,
    ) -> Option<&'v Volume> {
        let reachable = |volume: &Volume| {
            volume.affinity.as_ref().is_none_or(|affinity| node.satisfies_selector(name, affinity))
        };
        volumes.best(&waiting.claim, false, &reachable)
    }

    /// Whether all are bound: then the pod may be.
    pub(super) fn are_bound(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Tells those that wait for their first consumer where it will be: a free volume is kept for each, or its
    /// provisioner learns of the node.
    pub(super) fn promise(&self, world: &mut World, name: &str, node: &NodeView) {
        for waiting in &self.waiting {
            let free = self.free(&world.volumes, waiting, name, node).map(|volume| volume.name.clone());
            // Gone meanwhile: the pod will say so.
            match free {
                Some(volume) => keep(world, &volume, &waiting.claim),
                None => {
                    let _ = world.update(&VOLUME_CLAIMS, &waiting.key, "", |claim| {
                        claim["metadata"]["annotations"][SELECTED_NODE] = json!(name);
                    });
                }
            }
        }
    }
}

/// Keeps a free volume for a claim.
fn keep(world: &mut World, volume: &str, claim: &Claim) {
    let kept = world.update(&PERSISTENT_VOLUMES, &Key::new("", volume), "", |volume| {
        if !volume["spec"]["claimRef"].is_object() {
            volume["spec"]["claimRef"] = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1",
                "namespace": claim.namespace, "name": claim.name, "uid": claim.uid});
            volume["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"] = json!("yes");
        }
    });
    if let Ok(kept) = kept {
        world.volumes.note(&kept);
    }
}
