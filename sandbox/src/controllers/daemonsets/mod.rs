//! DaemonSets: one pod on every node that is meant.

mod place;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::queue::Queue;
use super::revisions::{REVISION, Revision, prune, revisions};
use super::workload::{self, Phase, Pod, min_ready, number, owner_reference, pod_from, pods_of, share};
use super::{About, Controller, DAEMON_SETS, Key, NODES, PODS, Seen, Source, World};
use crate::node::NodeView;
use crate::status::Status;
use crate::store::{Change, DeleteOptions, Object};
use place::{Place, Rollout, Site, aim, place, pod_spec, target};

const SOURCE: Source = Source::controller("daemonset-controller");
const GENERATION: &str = "pod-template-generation";

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct DaemonSets {
    queue: Queue<Key>,
    known: BTreeSet<Key>,
    nodes: BTreeMap<SmolStr, NodeView>,
}

/// A DaemonSet as it is being worked on.
struct Sync<'a> {
    key: &'a Key,
    object: &'a Object,
    set: &'a Value,
    /// What its pods are to be, but for their node.
    spec: Value,
    /// Hash of the present template.
    hash: &'a str,
    /// Pods by the node they are on or aimed at.
    pods: BTreeMap<SmolStr, Vec<Pod>>,
}

impl Sync<'_> {
    fn is_new(&self, pod: &Pod) -> bool {
        pod.object.label(REVISION) == Some(self.hash)
    }
}

impl DaemonSets {
    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&DAEMON_SETS, key) else { return };
        let Some(about) = world.about(&DAEMON_SETS, &object) else { return };
        let set = object.value();
        let Some(revisions) = revisions(world, "DaemonSet", &object, &set) else {
            return self.queue.retry(key.clone(), world.now());
        };
        let hash =
            revisions.last().map(|revision| revision.hash(object.name()).to_owned()).unwrap_or_default();
        let mut sync = Sync {
            key,
            object: &object,
            set: &set,
            spec: pod_spec(&set["spec"]["template"]),
            hash: &hash,
            pods: pods_by_node(world, &object),
        };
        let mut refused = false;
        if !object.deleting() {
            let rollout = self.manage(world, &about, &sync);
            refused = self.carry_out(world, &about, &sync, rollout).is_err();
            sync.pods = pods_by_node(world, &object);
            prune_unused(world, &sync, &revisions);
        }
        match refused {
            true => self.queue.retry(key.clone(), world.now()),
            false => self.queue.succeeded(key),
        }
        if let Some(later) = status::write(world, &sync, &self.nodes) {
            self.queue.add_at(key.clone(), later);
        }
    }

    /// What is missing or too much; when nothing is, the next step of a rollout.
    fn manage(&self, world: &mut World, about: &About, sync: &Sync<'_>) -> Rollout {
        let mut rollout = Rollout::default();
        let surges = self.limit(sync, "maxSurge", json!(0)) > 0;
        for (name, node) in &self.nodes {
            let pods = sync.pods.get(name).map(Vec::as_slice).unwrap_or_default();
            let place = place(node, name, &sync.spec);
            if place == Place::No {
                rollout
                    .delete
                    .extend(pods.iter().filter(|pod| !pod.deleting()).map(|pod| pod.name().to_owned()));
                continue;
            }
            let mut running = Vec::new();
            for pod in pods.iter().filter(|pod| !pod.deleting()) {
                match pod.phase {
                    Phase::Failed | Phase::Succeeded => {
                        say_over(world, about, pod, name);
                        rollout.delete.push(pod.name().to_owned());
                    }
                    _ => running.push(pod),
                }
            }
            if pods.is_empty() && place == Place::Runs {
                rollout.create.push(name.to_string());
            }
            // The oldest stays, and one of the new template beside it where that is meant to be.
            running.sort_by_key(|pod| (sync.is_new(pod), pod.created.clone(), pod.name().to_owned()));
            let mut kept = [0, 0];
            for pod in running {
                let slot = if surges { usize::from(sync.is_new(pod)) } else { 0 };
                match kept.get_mut(slot) {
                    Some(0) => kept[slot] = 1,
                    _ => rollout.delete.push(pod.name().to_owned()),
                }
            }
        }
        for (name, pods) in sync.pods.iter().filter(|(name, _)| !self.nodes.contains_key(*name)) {
            let gone = pods.iter().filter(|pod| !pod.deleting() && !name.is_empty());
            rollout.delete.extend(gone.map(|pod| pod.name().to_owned()));
        }
        if rollout == Rollout::default() && sync.set["spec"]["updateStrategy"]["type"] != "OnDelete" {
            return self.roll(world, sync);
        }
        rollout
    }

    fn roll(&self, world: &World, sync: &Sync<'_>) -> Rollout {
        let (min_ready, now) = (min_ready(sync.set), world.now());
        let meant = self.nodes.iter().filter(|(name, node)| place(node, name, &sync.spec) == Place::Runs);
        let sites: Vec<Site> = meant
            .map(|(name, _)| {
                let pods = sync.pods.get(name).map(Vec::as_slice).unwrap_or_default();
                let of = |new: bool| {
                    let mut found = pods.iter().filter(|pod| !pod.deleting() && sync.is_new(pod) == new);
                    found.next().map(|pod| (pod.name().to_owned(), pod.available(min_ready, now)))
                };
                Site { node: name.to_string(), new: of(true), old: of(false) }
            })
            .collect();
        match self.limit(sync, "maxSurge", json!(0)) {
            0 => place::replace(&sites, self.limit(sync, "maxUnavailable", json!(1))),
            surge => place::surge(&sites, surge),
        }
    }

    /// A number or a share of the nodes that are meant.
    fn limit(&self, sync: &Sync<'_>, key: &str, absent: Value) -> usize {
        let value = &sync.set["spec"]["updateStrategy"]["rollingUpdate"][key];
        let value = if value.is_null() { &absent } else { value };
        let meant = self.nodes.iter().filter(|(name, node)| place(node, name, &sync.spec) == Place::Runs);
        let meant = i64::try_from(meant.count()).unwrap_or(i64::MAX);
        share(value, meant, true).and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
    }

    fn carry_out(
        &self,
        world: &mut World,
        about: &About,
        sync: &Sync<'_>,
        rollout: Rollout,
    ) -> Result<(), Status> {
        for name in &rollout.delete {
            if world.store.delete(&PODS, sync.key.namespace(), name, &DeleteOptions::default()).is_ok() {
                world.recorder.normal(about, &SOURCE, "SuccessfulDelete", format!("Deleted pod: {name}"));
            }
        }
        for node in &rollout.create {
            match world.create(&PODS, &sync.key.namespace, pod(sync, node)) {
                Ok(pod) => {
                    let message = format!("Created pod: {}", pod.name());
                    world.recorder.normal(about, &SOURCE, "SuccessfulCreate", message);
                }
                Err(refusal) => {
                    let message = format!("Error creating: {}", refusal.message);
                    world.recorder.warning(about, &SOURCE, "FailedCreate", message);
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }

    fn observe_node(&mut self, seen: &Seen<'_>) {
        let name = SmolStr::new(seen.object.name());
        let changed = match seen.change {
            Change::Deleted => self.nodes.remove(&name).is_some(),
            Change::Added | Change::Modified => {
                let view = NodeView::read(&seen.object.value());
                let same = |old: &NodeView| old.labels == view.labels && old.taints == view.taints;
                let changed = !self.nodes.get(&name).is_some_and(same);
                self.nodes.insert(name, view);
                changed
            }
        };
        if changed {
            self.known.iter().cloned().for_each(|set| self.queue.add(set));
        }
    }
}

fn say_over(world: &mut World, about: &About, pod: &Pod, node: &str) {
    let what = format!("{}/{} on node {node}", pod.object.namespace(), pod.name());
    match pod.phase {
        Phase::Failed => {
            let message = format!("Found failed daemon pod {what}, will try to kill it");
            world.recorder.warning(about, &SOURCE, "FailedDaemonPod", message);
        }
        _ => {
            let message = format!("Found succeeded daemon pod {what}, will try to delete it");
            world.recorder.normal(about, &SOURCE, "SucceededDaemonPod", message);
        }
    }
}

fn pods_by_node(world: &World, object: &Object) -> BTreeMap<SmolStr, Vec<Pod>> {
    let mut all: BTreeMap<SmolStr, Vec<Pod>> = BTreeMap::new();
    for pod in pods_of(world, object.uid()) {
        let spec = &pod.object.value()["spec"];
        let bound = spec["nodeName"].as_str().filter(|node| !node.is_empty());
        all.entry(bound.unwrap_or_else(|| target(spec)).into()).or_default().push(pod);
    }
    all
}

fn pod(sync: &Sync<'_>, node: &str) -> Value {
    let owner = owner_reference("apps/v1", "DaemonSet", sync.object);
    let metadata = json!({"generateName": format!("{}-", sync.object.name()), "ownerReferences": [owner]});
    let mut pod = pod_from(&sync.set["spec"]["template"], metadata);
    let generation = number(sync.set, "/metadata/generation", 1);
    pod["metadata"]["labels"][GENERATION] = json!(generation.to_string());
    pod["metadata"]["labels"][REVISION] = json!(sync.hash);
    pod["spec"] = sync.spec.clone();
    aim(&mut pod["spec"], node);
    pod
}

fn prune_unused(world: &World, sync: &Sync<'_>, all: &[Revision]) {
    let hashes: Vec<&str> =
        sync.pods.values().flatten().filter_map(|pod| pod.object.label(REVISION)).collect();
    let live = all.iter().filter(|revision| hashes.contains(&revision.hash(sync.object.name())));
    prune(world, sync.object, sync.set, all, &live.map(|revision| revision.name.as_str()).collect());
}

impl Controller for DaemonSets {
    fn name(&self) -> &'static str {
        "daemonsets"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        workload::observe(&mut self.queue, seen, &DAEMON_SETS, "DaemonSet", &[&PODS]);
        if *seen.gr == DAEMON_SETS {
            match seen.change {
                Change::Deleted => self.known.remove(&Key::of(seen.object)),
                Change::Added | Change::Modified => self.known.insert(Key::of(seen.object)),
            };
        } else if *seen.gr == NODES {
            self.observe_node(seen);
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some(key) = self.queue.pop(world.now()) {
            self.reconcile(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}
