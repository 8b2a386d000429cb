//! Claims and volumes: who gets which, where new ones come from, what becomes of them afterwards.

mod claims;
mod ephemeral;
mod index;
mod protection;
mod provision;
mod reclaim;
#[cfg(test)]
mod tests;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use smol_str::SmolStr;

use super::queue::Queue;
use super::{Controller, Key, PERSISTENT_VOLUMES, STORAGE_CLASSES, Seen, Source, VOLUME_CLAIMS, World};
use crate::store::Change;
pub(crate) use ephemeral::{Ephemeral, claim_name, stranger};
pub(crate) use index::{Claim, Volume, Volumes};
pub(crate) use protection::Protection;
pub(crate) use users::Users;

const SOURCE: Source = Source::controller("persistentvolume-controller");
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const BOUND_BY: &str = "pv.kubernetes.io/bound-by-controller";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// By this annotation the scheduler tells a provisioner for which node a volume is meant.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// The controller.
#[derive(Debug)]
pub(crate) struct VolumeController {
    /// Patterns of the provisioners that this host plays.
    provisioners: Vec<String>,
    queue: Queue<Key>,
    volumes: Queue<SmolStr>,
    /// Claims that wait for a volume.
    pending: BTreeSet<Key>,
    /// Why they wait, as it was said last.
    said: BTreeMap<Key, String>,
}

impl VolumeController {
    pub(crate) fn new(provisioners: Vec<String>) -> Self {
        VolumeController {
            provisioners,
            queue: Queue::default(),
            volumes: Queue::default(),
            pending: BTreeSet::new(),
            said: BTreeMap::new(),
        }
    }

    fn observe_claim(&mut self, world: &World, seen: &Seen<'_>) {
        let key = Key::of(seen.object);
        // A volume is released when its claim goes.
        let name = seen.object.value()["spec"]["volumeName"].as_str().map(SmolStr::new);
        self.volumes_of(world, &key, name);
        if seen.change == Change::Deleted {
            self.queue.forget(&key);
            self.pending.remove(&key);
            self.said.remove(&key);
        } else {
            self.queue.add(key);
        }
    }

    /// Looks at the volume of a claim again.
    fn volumes_of(&mut self, world: &World, claim: &Key, name: Option<SmolStr>) {
        if let Some(name) = name.filter(|name| world.volumes.get(name).is_some()) {
            return self.volumes.add(name);
        }
        // It may have been kept for a claim that did not know of it yet.
        if self.pending.contains(claim) {
            for name in world.volumes.kept_for(claim) {
                self.volumes.add(name);
            }
        }
    }

    fn observe_volume(&mut self, seen: &Seen<'_>) {
        let name = SmolStr::new(seen.object.name());
        let volume = Volume::read(seen.object);
        match &volume.claim {
            Some(owner) => self.queue.add(owner.key()),
            None => self.pending.iter().cloned().for_each(|claim| self.queue.add(claim)),
        }
        match seen.change {
            Change::Deleted => self.volumes.forget(&name),
            Change::Added | Change::Modified => self.volumes.add(name),
        }
    }
}

impl Controller for VolumeController {
    fn name(&self) -> &'static str {
        "volumes"
    }

    fn observe(&mut self, world: &World, seen: &Seen<'_>) {
        if *seen.gr == VOLUME_CLAIMS {
            self.observe_claim(world, seen);
        } else if *seen.gr == PERSISTENT_VOLUMES {
            self.observe_volume(seen);
        } else if *seen.gr == STORAGE_CLASSES {
            self.pending.iter().cloned().for_each(|claim| self.queue.add(claim));
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some(name) = self.volumes.pop(world.now()) {
            self.sync_volume(world, &name);
        }
        while let Some(key) = self.queue.pop(world.now()) {
            self.sync_claim(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        [self.queue.next(), self.volumes.next()].into_iter().flatten().min()
    }
}
