//! The scheduler: puts every pod on the node with the most room, or says why it cannot.

mod claims;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::fit::{NodeView, Refusal, explain};
use super::pod::{condition, set_condition};
use crate::controllers::volumes::Volumes;
use crate::controllers::{
    Controller, Key, NODES, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES, Seen, Source, VOLUME_CLAIMS, World,
};
use crate::kinds::quantity::Quantity;
use crate::kinds::resources::{Column, PodNeeds, Resources};
use crate::store::{Change, Object};
use claims::Claims;

const NAME: &str = "default-scheduler";
const SOURCE: Source = Source::reporter(NAME);

/// What a pod takes of its node, in as few bytes as many thousand pods allow.
#[derive(Debug, Clone)]
struct Placed {
    node: SmolStr,
    cpu: i64,
    memory: i64,
    others: Option<Box<Resources>>,
}

impl Placed {
    fn new(node: SmolStr, mut request: Resources) -> Self {
        let cpu = request.0.remove("cpu").unwrap_or_default().as_millis();
        let memory = request.0.remove("memory").unwrap_or_default().as_units();
        let others = (!request.0.is_empty()).then(|| Box::new(request));
        Placed { node, cpu, memory, others }
    }

    fn request(&self) -> Resources {
        let mut request = self.others.as_deref().cloned().unwrap_or_default();
        request.0.insert("cpu".into(), Quantity::millis(self.cpu));
        request.0.insert("memory".into(), Quantity::bytes(self.memory));
        request
    }
}

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    nodes: BTreeMap<SmolStr, NodeView>,
    placed: HashMap<Key, Placed>,
    waiting: BTreeMap<Key, Until>,
    /// A pod has made room.
    room: bool,
    /// Nodes or volumes are others than before.
    change: bool,
}

/// What a pod waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// It has not been looked at yet.
    Turn,
    /// Other pods go, or nodes or volumes change.
    Room,
    /// Nodes or volumes change: no pod that goes would help.
    Change,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Shape {
    spec: PodNeeds,
    status: Status,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: SmolStr,
}

impl Scheduler {
    fn is_due(&self, until: Until) -> bool {
        match until {
            Until::Turn => true,
            Until::Room => self.room || self.change,
            Until::Change => self.change,
        }
    }

    fn take(&mut self, key: &Key, placed: Placed) {
        self.release(key);
        if let Some(node) = self.nodes.get_mut(&placed.node) {
            node.used.add(&placed.request());
            node.pods += 1;
        }
        self.placed.insert(key.clone(), placed);
    }

    fn release(&mut self, key: &Key) -> bool {
        let Some(placed) = self.placed.remove(key) else { return false };
        if let Some(node) = self.nodes.get_mut(&placed.node) {
            node.used.subtract(&placed.request());
            node.pods -= 1;
        }
        true
    }

    fn observe_pod(&mut self, seen: &Seen<'_>) {
        let key = Key::of(seen.object);
        if seen.change == Change::Deleted {
            self.waiting.remove(&key);
            self.room |= self.release(&key);
            return;
        }
        let node = super::glance::node_of(seen.object);
        if node.is_empty() {
            self.waiting.insert(key, Until::Turn);
            return;
        }
        self.waiting.remove(&key);
        let shape: Shape = seen.object.parse().unwrap_or_default();
        if matches!(shape.status.phase.as_str(), "Succeeded" | "Failed") {
            self.room |= self.release(&key);
        } else if !self.placed.contains_key(&key) {
            self.take(&key, Placed::new(node, shape.spec.total(Column::Requests)));
        }
    }

    fn observe_node(&mut self, seen: &Seen<'_>) {
        let name = SmolStr::new(seen.object.name());
        self.change = true;
        if seen.change == Change::Deleted {
            self.nodes.remove(&name);
            return;
        }
        let mut view = NodeView::read(&seen.object.value());
        match self.nodes.get(&name) {
            Some(known) => (view.used, view.pods) = (known.used.clone(), known.pods),
            // Pods may have been seen before their node.
            None => {
                for placed in self.placed.values().filter(|placed| placed.node == name) {
                    view.used.add(&placed.request());
                    view.pods += 1;
                }
            }
        }
        self.nodes.insert(name, view);
    }

    fn schedule(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&PODS, key) else { return };
        let pod = object.value();
        let ours = matches!(pod["spec"]["schedulerName"].as_str(), None | Some("" | NAME));
        if !ours || object.deleting() || !pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
            return;
        }
        let gated = pod["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty());
        if gated {
            return say_not_scheduled(
                world,
                key,
                &pod,
                "SchedulingGated",
                "Scheduling is blocked due to non-empty scheduling gates",
            );
        }
        let request = PodNeeds::read(&pod["spec"]).total(Column::Requests);
        let chosen = match Claims::read(world, &pod) {
            Ok(claims) => self.choose(&world.volumes, &pod, &request, &claims).map(|node| (node, claims)),
            Err(why) => Err((not_for_volumes(self.nodes.len(), &why), Until::Change)),
        };
        match chosen {
            Ok((node, claims)) if claims.are_bound() => self.bind(world, key, &object, node, request),
            Ok((node, claims)) => {
                // Its turn comes again when something becomes of the claims.
                self.waiting.insert(key.clone(), Until::Change);
                if let Some(view) = self.nodes.get(&node) {
                    claims.promise(world, &node, view);
                }
            }
            Err((why, until)) => {
                self.waiting.insert(key.clone(), until);
                let old = condition(&pod["status"], "PodScheduled").and_then(|c| c["message"].as_str());
                if old != Some(&why) {
                    say_not_scheduled(world, key, &pod, "Unschedulable", &why);
                    if let Some(about) = world.about(&PODS, &object) {
                        world.recorder.warning(&about, &SOURCE, "FailedScheduling", why);
                    }
                }
            }
        }
    }

    fn choose(
        &self,
        volumes: &Volumes,
        pod: &Value,
        request: &Resources,
        claims: &Claims,
    ) -> Result<SmolStr, (String, Until)> {
        let refuses = |name: &str, node: &NodeView| {
            node.refuses(name, pod, request).or_else(|| claims.refuse(volumes, name, node))
        };
        let selected = claims.selected.as_ref();
        if let Some((name, _)) = selected
            .and_then(|name| self.nodes.get_key_value(name))
            .filter(|(name, node)| refuses(name, node).is_none())
        {
            return Ok(name.clone());
        }
        let mut refusals: Vec<Refusal> = Vec::new();
        let mut best: Option<(i64, i64, &SmolStr)> = None;
        for (name, node) in &self.nodes {
            match refuses(name, node) {
                Some(refusal) => refusals.push(refusal),
                None => {
                    let score = (node.free_share(request), -node.pods, name);
                    if best.is_none_or(|(share, pods, _)| (share, pods) < (score.0, score.1)) {
                        best = Some(score);
                    }
                }
            }
        }
        best.map(|(_, _, name)| name.clone()).ok_or_else(|| {
            let room = refusals.iter().any(|refusal| refusal.resolvable);
            (explain(&refusals), if room { Until::Room } else { Until::Change })
        })
    }

    fn bind(&mut self, world: &mut World, key: &Key, object: &Object, node: SmolStr, request: Resources) {
        let now = world.now();
        let generation = Some(object.generation()).filter(|generation| *generation > 0);
        let bound = world.update(&PODS, key, "binding", |pod| {
            pod["spec"]["nodeName"] = json!(node);
            set_condition(&mut pod["status"], "PodScheduled", None, None, now, generation);
        });
        if bound.is_err() {
            return;
        }
        self.waiting.remove(key);
        if let Some(about) = world.about(&PODS, object) {
            let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
            world.recorder.normal(&about, &SOURCE, "Scheduled", message);
        }
        self.take(key, Placed::new(node, request));
    }
}

fn not_for_volumes(nodes: usize, why: &str) -> String {
    format!(
        "0/{nodes} nodes are available: {why}. no new claims to deallocate, preemption: 0/{nodes} nodes are \
         available: {nodes} Preemption is not helpful for scheduling."
    )
}

fn say_not_scheduled(world: &World, key: &Key, pod: &Value, reason: &str, message: &str) {
    let now = world.now();
    let generation = pod["metadata"]["generation"].as_i64();
    // Gone meanwhile: nothing to say.
    let _ = world.update(&PODS, key, "status", |pod| {
        let problem = Some((reason, message.to_owned()));
        set_condition(&mut pod["status"], "PodScheduled", problem, None, now, generation);
    });
}

impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        if *seen.gr == PODS {
            self.observe_pod(seen);
        } else if *seen.gr == NODES {
            self.observe_node(seen);
        } else if [&VOLUME_CLAIMS, &PERSISTENT_VOLUMES, &STORAGE_CLASSES].contains(&seen.gr) {
            self.change = true;
        }
    }

    fn work(&mut self, world: &mut World) {
        let due: Vec<Key> = self
            .waiting
            .iter()
            .filter(|(_, until)| self.is_due(**until))
            .map(|(key, _)| key.clone())
            .collect();
        (self.room, self.change) = (false, false);
        // First come, first served; names decide between pods of the same second.
        let mut waiting: Vec<(SmolStr, Key)> = due
            .into_iter()
            .filter_map(|key| {
                self.waiting.remove(&key);
                let created = world.find(&PODS, &key)?.meta().creation_timestamp.unwrap_or_default();
                Some((created, key))
            })
            .collect();
        waiting.sort();
        for (_, key) in waiting {
            self.schedule(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.waiting.values().any(|until| self.is_due(*until)).then_some(DateTime::UNIX_EPOCH)
    }
}
