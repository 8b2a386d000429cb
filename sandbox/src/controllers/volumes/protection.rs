//! Claims that a pod mounts and volumes that are bound stay until they are not.

use chrono::{DateTime, Utc};
use serde_json::json;
use smol_str::SmolStr;

use super::users::claims;
use crate::controllers::admission::{CLAIM_PROTECTION, VOLUME_PROTECTION};
use crate::controllers::queue::Queue;
use crate::controllers::{
    Controller, Key, PERSISTENT_VOLUMES, PODS, Seen, VOLUME_CLAIMS, World, remove_finalizer,
};
use crate::store::{Change, Gr};

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    claims: Queue<Key>,
    volumes: Queue<SmolStr>,
}

impl Protection {
    fn sync(world: &World, gr: &Gr, key: &Key, finalizer: &str) {
        let Some(object) = world.find(gr, key) else { return };
        let protected = object.meta().finalizers.iter().any(|present| present == finalizer);
        match (object.deleting(), protected) {
            (true, true) if !in_use(world, gr, key) => {
                // Gone or freed meanwhile is as good.
                let _ = world.update(gr, key, "", |object| remove_finalizer(object, finalizer));
            }
            // One that came before there was somebody to protect it.
            (false, false) => {
                let _ = world.update(gr, key, "", |object| {
                    match object["metadata"]["finalizers"].as_array_mut() {
                        Some(finalizers) => finalizers.push(json!(finalizer)),
                        None => object["metadata"]["finalizers"] = json!([finalizer]),
                    }
                });
            }
            _ => {}
        }
    }
}

fn in_use(world: &World, gr: &Gr, key: &Key) -> bool {
    if *gr == VOLUME_CLAIMS {
        return world.users.in_use(key);
    }
    world.find(gr, key).is_some_and(|volume| volume.value()["status"]["phase"] == "Bound")
}

impl Controller for Protection {
    fn name(&self) -> &'static str {
        "protection"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        if *seen.gr == PODS && (seen.change == Change::Deleted || seen.object.deleting()) {
            for claim in claims(seen.object) {
                self.claims.add(Key::new(seen.object.namespace(), claim));
            }
        }
        if *seen.gr == VOLUME_CLAIMS {
            match seen.change {
                Change::Deleted => self.claims.forget(&Key::of(seen.object)),
                Change::Added | Change::Modified => self.claims.add(Key::of(seen.object)),
            }
        } else if *seen.gr == PERSISTENT_VOLUMES {
            match seen.change {
                Change::Deleted => self.volumes.forget(&seen.object.name().into()),
                Change::Added | Change::Modified => self.volumes.add(seen.object.name().into()),
            }
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some(key) = self.claims.pop(world.now()) {
            Self::sync(world, &VOLUME_CLAIMS, &key, CLAIM_PROTECTION);
        }
        while let Some(name) = self.volumes.pop(world.now()) {
            Self::sync(world, &PERSISTENT_VOLUMES, &Key::new("", name), VOLUME_PROTECTION);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        [self.claims.next(), self.volumes.next()].into_iter().flatten().min()
    }
}
