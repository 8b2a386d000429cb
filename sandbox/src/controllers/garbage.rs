//! Garbage collection by owner references: background, foreground and orphaning deletion.
//!
//! An owner that is named from another namespace does not exist for its dependent, and the dependent goes. A
//! cluster-scoped object that names a namespaced owner is never collected: nobody can tell which one is meant.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::queue::Queue;
use super::{Controller, Key, Seen, Source, World, remove_finalizer};
use crate::store::{Change, DeleteOptions, Gr, Object, OwnerRef, Propagation};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";
const SOURCE: Source = Source::controller("garbage-collector-controller");

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    queue: Queue<(Gr, Key)>,
}

/// What an owner reference leads to.
enum Owner {
    /// An owner that stays.
    Solid,
    /// Nothing.
    Dangling,
    /// An owner that waits for its dependents to go.
    Waiting,
    /// The reference makes no sense: nothing may follow from it.
    Invalid,
}

/// Owner references by what they lead to.
#[derive(Default)]
struct Sorted {
    solid: usize,
    dangling: Vec<OwnerRef>,
    waiting: Vec<OwnerRef>,
}

impl Garbage {
    fn reconcile(&mut self, world: &mut World, gr: &Gr, key: &Key) {
        let Some(object) = world.find(gr, key) else { return };
        let meta = object.meta();
        let has = |finalizer: &str| object.deleting() && meta.finalizers.iter().any(|f| f == finalizer);
        if has(ORPHAN) {
            return orphan_dependents(world, gr, key, object.uid());
        }
        if has(FOREGROUND) {
            return self.wait_for_dependents(world, gr, key, object.uid());
        }
        if !object.deleting() && !meta.owner_references.is_empty() {
            self.judge(world, gr, key, &object, &meta.owner_references);
        }
    }

    /// Foreground deletion: lets the owner go when no dependent blocks it any more, else sees to the dependents.
    fn wait_for_dependents(&mut self, world: &World, gr: &Gr, key: &Key, uid: &str) {
        let dependents: Vec<(Gr, Key)> =
            world.owners.dependents(uid).map(|(gr, key)| (gr.clone(), key.clone())).collect();
        let mut blocked = false;
        for (gr, key) in dependents {
            let Some(dependent) = world.find(&gr, &key) else { continue };
            let meta = dependent.meta();
            let blocks = |owner: &OwnerRef| owner.uid == uid && owner.block_owner_deletion;
            if !meta.owner_references.iter().any(blocks) {
                continue;
            }
            blocked = true;
            if !dependent.deleting() {
                self.queue.add((gr, key));
            }
        }
        if !blocked {
            let_go(world, gr, key, FOREGROUND);
        }
    }

    /// Decides by its owners what becomes of an object.
    fn judge(&mut self, world: &mut World, gr: &Gr, key: &Key, object: &Arc<Object>, owners: &[OwnerRef]) {
        let Some(sorted) = sort(world, gr, object, owners) else { return };
        if sorted.solid > 0 {
            let gone: Vec<OwnerRef> = sorted.dangling.into_iter().chain(sorted.waiting).collect();
            if !gone.is_empty() {
                remove_owners(world, gr, key, object.uid(), |owner| {
                    gone.iter().any(|gone| owner == gone.uid)
                });
            }
            return;
        }
        let meta = object.meta();
        let held_by = |finalizer: &str| meta.finalizers.iter().any(|f| f == finalizer);
        let propagation = if !sorted.waiting.is_empty() && world.owners.has_dependents(object.uid()) {
            unblock_circle(world, gr, key, object);
            Propagation::Foreground
        } else if held_by(ORPHAN) {
            Propagation::Orphan
        } else if held_by(FOREGROUND) {
            Propagation::Foreground
        } else {
            Propagation::Background
        };
        let options =
            DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default().uid(object.uid()) };
        // Gone or replaced meanwhile: nothing left to collect.
        let _ = world.store.delete(gr, key.namespace(), &key.name, &options);
    }
}

/// Sorts owner references; None when one of them makes no sense.
fn sort(world: &mut World, gr: &Gr, object: &Object, owners: &[OwnerRef]) -> Option<Sorted> {
    let mut sorted = Sorted::default();
    for owner in owners {
        match look_up(world, object, owner) {
            Owner::Solid => sorted.solid += 1,
            Owner::Dangling => {
                warn_of_other_namespace(world, gr, object, owner);
                sorted.dangling.push(owner.clone());
            }
            Owner::Waiting => sorted.waiting.push(owner.clone()),
            Owner::Invalid => {
                warn_of_other_namespace(world, gr, object, owner);
                return None;
            }
        }
    }
    Some(sorted)
}

fn look_up(world: &World, object: &Object, owner: &OwnerRef) -> Owner {
    let kinds = world.store.kinds();
    let Some(kind) = kinds.by_object(&owner.api_version, &owner.kind) else { return Owner::Invalid };
    if kind.namespaced && object.namespace().is_empty() {
        return Owner::Invalid;
    }
    let gr = kind.stored_as();
    let namespace = if kind.namespaced { object.namespace() } else { "" };
    match world.find(&gr, &Key::new(namespace, owner.name.clone())) {
        Some(found) if found.uid() == owner.uid => {
            let waits = found.deleting() && found.meta().finalizers.iter().any(|f| f == FOREGROUND);
            if waits { Owner::Waiting } else { Owner::Solid }
        }
        _ => Owner::Dangling,
    }
}

/// Tells a person when the owner that is named lives in another namespace.
fn warn_of_other_namespace(world: &mut World, gr: &Gr, object: &Object, owner: &OwnerRef) {
    let kinds = world.store.kinds();
    let Some(kind) = kinds.by_object(&owner.api_version, &owner.kind).filter(|kind| kind.namespaced) else {
        return;
    };
    let owners = world.store.all(&kind.stored_as(), None);
    let elsewhere = owners.iter().any(|found| {
        found.uid() == owner.uid && found.name() == owner.name && found.namespace() != object.namespace()
    });
    if let Some(about) = world.about(gr, object).filter(|_| elsewhere) {
        let reference = format!(
            "[{}/{}, namespace: {}, name: {}, uid: {}]",
            owner.api_version,
            owner.kind,
            object.namespace(),
            owner.name,
            owner.uid
        );
        let message = format!("ownerRef {reference} does not exist in namespace {:?}", object.namespace());
        world.recorder.warning(&about, &SOURCE, "OwnerRefInvalidNamespace", message);
    }
}

/// Where a dependent of the object waits in foreground too, they would wait for each other for ever.
fn unblock_circle(world: &World, gr: &Gr, key: &Key, object: &Object) {
    let waits = |(gr, key): (&Gr, &Key)| {
        let dependent = world.find(gr, key);
        dependent.is_some_and(|d| d.deleting() && d.meta().finalizers.iter().any(|f| f == FOREGROUND))
    };
    if world.owners.dependents(object.uid()).any(waits) {
        let _ = world.update(gr, key, "", |object| {
            for owner in object["metadata"]["ownerReferences"].as_array_mut().into_iter().flatten() {
                owner["blockOwnerDeletion"] = Value::Bool(false);
            }
        });
    }
}

fn orphan_dependents(world: &World, gr: &Gr, key: &Key, uid: &str) {
    let dependents: Vec<(Gr, Key)> =
        world.owners.dependents(uid).map(|(gr, key)| (gr.clone(), key.clone())).collect();
    for (gr, key) in dependents {
        if let Some(dependent) = world.find(&gr, &key) {
            remove_owners(world, &gr, &key, dependent.uid(), |owner| owner == uid);
        }
    }
    let_go(world, gr, key, ORPHAN);
}

/// Removes owner references by UID. An object that went meanwhile needs nothing.
fn remove_owners(world: &World, gr: &Gr, key: &Key, uid: &str, gone: impl Fn(&str) -> bool) {
    let _ = world.update(gr, key, "", |object| {
        if object["metadata"]["uid"] != uid {
            return;
        }
        let Some(metadata) = object["metadata"].as_object_mut() else { return };
        if let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
            owners.retain(|owner| !gone(owner["uid"].as_str().unwrap_or_default()));
            if owners.is_empty() {
                metadata.remove("ownerReferences");
            }
        }
    });
}

fn let_go(world: &World, gr: &Gr, key: &Key, finalizer: &str) {
    // Gone already is as good.
    let _ = world.update(gr, key, "", |object| remove_finalizer(object, finalizer));
}

impl Controller for Garbage {
    fn name(&self) -> &'static str {
        "garbage"
    }

    fn observe(&mut self, world: &World, seen: &Seen<'_>) {
        let uid = seen.object.uid();
        // Whoever depends on what went, or on what waits for them, has to be judged.
        if seen.change == Change::Deleted || seen.object.deleting() {
            self.queue_all(world.owners.dependents(uid));
        }
        if seen.change == Change::Deleted {
            self.queue.forget(&(seen.gr.clone(), Key::of(seen.object)));
            // Those who waited for it may go on.
            for owner in seen.object.meta().owner_references {
                let kinds = world.store.kinds();
                let Some(kind) = kinds.by_object(&owner.api_version, &owner.kind) else { continue };
                let namespace = if kind.namespaced { seen.object.namespace() } else { "" };
                let gr = kind.stored_as();
                self.queue.add((gr, Key::new(namespace, owner.name)));
            }
        } else if seen.object.deleting() || world.owners.is_dependent(seen.gr, seen.object) {
            self.queue.add((seen.gr.clone(), Key::of(seen.object)));
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some((gr, key)) = self.queue.pop(world.now()) {
            self.reconcile(world, &gr, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}

impl Garbage {
    fn queue_all<'k>(&mut self, objects: impl Iterator<Item = (&'k Gr, &'k Key)>) {
        for (gr, key) in objects {
            self.queue.add((gr.clone(), key.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
