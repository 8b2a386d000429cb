//! The scheduler: puts every pod on the node with the most room, or says why it cannot.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::fit::{NodeView, Refusal, explain};
use super::pod::{condition, set_condition};
use crate::controllers::{Controller, Key, NODES, PODS, STORAGE_CLASSES, Seen, Source, VOLUME_CLAIMS, World};
use crate::kinds::quantity::Quantity;
use crate::kinds::resources::{Column, PodNeeds, Resources};
use crate::store::{Change, Object};

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
    waiting: BTreeSet<Key>,
    /// There may be room where there was none.
    again: bool,
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
            self.again |= self.release(&key);
            return;
        }
        let node = super::glance::node_of(seen.object);
        if node.is_empty() {
            self.waiting.insert(key);
            self.again = true;
            return;
        }
        self.waiting.remove(&key);
        let shape: Shape = seen.object.parse().unwrap_or_default();
        if matches!(shape.status.phase.as_str(), "Succeeded" | "Failed") {
            self.again |= self.release(&key);
        } else if !self.placed.contains_key(&key) {
            self.take(&key, Placed::new(node, shape.spec.total(Column::Requests)));
        }
    }

    fn observe_node(&mut self, seen: &Seen<'_>) {
        let name = SmolStr::new(seen.object.name());
        self.again = true;
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
        let chosen = match claims_ready(world, &pod) {
            Ok(()) => self.choose(&pod, &request),
            Err(why) => Err(not_for_volumes(self.nodes.len(), &why)),
        };
        match chosen {
            Ok(node) => self.bind(world, key, &object, node, request),
            Err(why) => {
                self.waiting.insert(key.clone());
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

    fn choose(&self, pod: &Value, request: &Resources) -> Result<SmolStr, String> {
        let mut refusals: Vec<Refusal> = Vec::new();
        let mut best: Option<(i64, i64, &SmolStr)> = None;
        for (name, node) in &self.nodes {
            match node.refuses(name, pod, request) {
                Some(refusal) => refusals.push(refusal),
                None => {
                    let score = (node.free_share(request), -node.pods, name);
                    if best.is_none_or(|(share, pods, _)| (share, pods) < (score.0, score.1)) {
                        best = Some(score);
                    }
                }
            }
        }
        best.map(|(_, _, name)| name.clone()).ok_or_else(|| explain(&refusals))
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
        announce_node(world, key, object, &node);
        self.take(key, Placed::new(node, request));
    }
}

/// Tells the volumes that wait for their first consumer where it is.
fn announce_node(world: &World, key: &Key, object: &Object, node: &str) {
    const SELECTED: &str = "volume.kubernetes.io/selected-node";
    for name in claim_names(&object.value()) {
        let claim = Key::new(key.namespace.clone(), name);
        let pending = world
            .find(&VOLUME_CLAIMS, &claim)
            .is_some_and(|claim| claim.value()["status"]["phase"] != "Bound");
        if pending {
            // Deleted meanwhile: the pod will say so.
            let _ = world.update(&VOLUME_CLAIMS, &claim, "", |claim| {
                claim["metadata"]["annotations"][SELECTED] = json!(node);
            });
        }
    }
}

fn claim_names(pod: &Value) -> Vec<String> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let names = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    names.map(str::to_owned).collect()
}

/// Whether the claims of a pod let it run: each exists, and is bound or waits for it.
fn claims_ready(world: &World, pod: &Value) -> Result<(), String> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    for name in claim_names(pod) {
        let Some(claim) = world.find(&VOLUME_CLAIMS, &Key::new(namespace, name.clone())) else {
            return Err(format!("persistentvolumeclaim {name:?} not found"));
        };
        let claim = claim.value();
        let class = claim["spec"]["storageClassName"].as_str().unwrap_or_default();
        let class = world.find(&STORAGE_CLASSES, &Key::new("", class));
        let waits = class.is_some_and(|class| class.value()["volumeBindingMode"] == "WaitForFirstConsumer");
        if claim["status"]["phase"] != "Bound" && !waits {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
    }
    Ok(())
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
        } else if *seen.gr == VOLUME_CLAIMS {
            self.again = true;
        }
    }

    fn work(&mut self, world: &mut World) {
        self.again = false;
        // First come, first served; names decide between pods of the same second.
        let mut waiting: Vec<(SmolStr, Key)> = std::mem::take(&mut self.waiting)
            .into_iter()
            .filter_map(|key| {
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
        (self.again && !self.waiting.is_empty()).then_some(DateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machines;
    use super::*;
    use crate::controllers::Options;
    use crate::controllers::testing::{Host, host_with};

    fn host(count: usize) -> Host {
        let machines = Machines { count, cpu: 4, memory: 8, ..Machines::default() };
        host_with(Options { machines, pace: 0.0, ..Options::default() })
    }

    fn pod(name: &str, cpu: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i:1",
            "resources": {"requests": {"cpu": cpu}}}]}})
    }

    fn node_of(host: &Host, name: &str) -> Option<String> {
        host.find("pods", name).expect("pod")["spec"]["nodeName"].as_str().map(str::to_owned)
    }

    fn why(host: &Host, name: &str) -> Value {
        let pod = host.find("pods", name).expect("pod");
        condition(&pod["status"], "PodScheduled").expect("a condition").clone()
    }

    #[test]
    fn pods_spread_over_the_nodes() {
        let mut host = host(2);
        host.create("pods", pod("a", "1"));
        host.create("pods", pod("b", "1"));
        host.settle();
        assert_ne!(node_of(&host, "a"), node_of(&host, "b"));
        assert_eq!(why(&host, "a")["status"], "True");
        assert_eq!(
            host.find("pods", "a").expect("pod")["metadata"]["generation"],
            1,
            "being bound is no change"
        );
    }

    #[test]
    fn what_does_not_fit_waits_and_says_why_until_there_is_room() {
        let mut host = host(1);
        host.create("pods", pod("a", "3"));
        host.settle();
        host.create("pods", pod("b", "3"));
        host.settle();
        assert_eq!(node_of(&host, "b"), None);
        assert_eq!(why(&host, "b")["reason"], "Unschedulable");
        let expected = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: \
            0/1 nodes are available: 1 No preemption victims found for incoming pod.";
        assert_eq!(why(&host, "b")["message"], expected);
        let failed: Vec<_> =
            host.events().into_iter().filter(|e| e["reason"] == "FailedScheduling").collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0]["reportingComponent"], "default-scheduler");
        assert!(failed[0]["eventTime"].is_string(), "the scheduler writes events of the new kind");
        host.delete("pods", "a");
        host.settle();
        assert!(node_of(&host, "b").is_some());
    }

    #[test]
    fn a_new_node_takes_those_who_wait() {
        let mut host = host(0);
        host.create("pods", pod("a", "1"));
        host.settle();
        assert_eq!(why(&host, "a")["message"], "no nodes available to schedule pods");
        host.create(
            "nodes",
            json!({"metadata": {"name": "late"}, "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}, "capacity": {"cpu": "4"},
            "conditions": [{"type": "Ready", "status": "True"}]}}),
        );
        host.settle();
        assert_eq!(node_of(&host, "a").as_deref(), Some("late"));
        assert_eq!(host.find("pods", "a").expect("pod")["status"]["phase"], "Running");
    }

    #[test]
    fn finished_pods_make_room() {
        let mut host = host(1);
        let mut task = pod("a", "3");
        task["spec"]["restartPolicy"] = json!("Never");
        host.create("pods", task);
        host.settle();
        host.create("pods", pod("b", "3"));
        host.settle();
        assert_eq!(node_of(&host, "b"), None);
        host.advance(60);
        assert_eq!(host.find("pods", "a").expect("pod")["status"]["phase"], "Succeeded");
        assert!(node_of(&host, "b").is_some());
    }

    #[test]
    fn gates_and_other_schedulers_are_respected() {
        let mut host = host(1);
        let mut gated = pod("a", "1");
        gated["spec"]["schedulingGates"] = json!([{"name": "example.org/wait"}]);
        host.create("pods", gated);
        let mut other = pod("b", "1");
        other["spec"]["schedulerName"] = json!("theirs");
        host.create("pods", other);
        host.settle();
        assert_eq!((node_of(&host, "a"), node_of(&host, "b")), (None, None));
        assert_eq!(why(&host, "a")["reason"], "SchedulingGated");
        host.update("pods", "a", |pod| pod["spec"]["schedulingGates"] = json!([]));
        host.settle();
        assert!(node_of(&host, "a").is_some());
    }

    #[test]
    fn a_pod_waits_for_its_claims() {
        let mut host = host(1);
        let mut object = pod("a", "1");
        object["spec"]["volumes"] = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]);
        host.create("pods", object);
        host.settle();
        let message = why(&host, "a")["message"].as_str().expect("a message").to_owned();
        assert!(message.contains("persistentvolumeclaim \"data\" not found"), "{message}");
    }
}
