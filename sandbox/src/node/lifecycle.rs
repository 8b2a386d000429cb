//! Nodes: they register, send heartbeats, and when one is not heard of its pods are given up after a while.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::fit::{Taint, toleration};
use super::kubelet::about_node;
use super::machine::{self, Machines};
use super::pod::set_condition;
use crate::clock::{micro_stamp, stamp};
use crate::controllers::queue::Queue;
use crate::controllers::{Controller, Key, NODES, PODS, Seen, Source, World};
use crate::store::{Change, DeleteOptions, Gr};

const SOURCE: Source = Source::controller("node-controller");
const TAINTS: Source = Source::controller("taint-eviction-controller");
const LEASES: Gr = Gr::new_static("coordination.k8s.io", "leases");
const LEASE_NAMESPACE: &str = "kube-node-lease";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The controller.
#[derive(Debug)]
pub(crate) struct Nodes {
    machines: Machines,
    heartbeat: Option<TimeDelta>,
    registered: bool,
    queue: Queue<SmolStr>,
    /// Pods that are evicted when their time has come.
    evictions: Queue<Key>,
    beats: Queue<()>,
    /// Nodes that were ready when last looked at.
    ready: HashMap<SmolStr, bool>,
    pods: HashMap<SmolStr, BTreeSet<Key>>,
}

impl Nodes {
    pub(crate) fn new(machines: Machines, heartbeat: Option<Duration>) -> Self {
        Nodes {
            machines,
            heartbeat: heartbeat.and_then(|heartbeat| TimeDelta::from_std(heartbeat).ok()),
            registered: false,
            queue: Queue::default(),
            evictions: Queue::default(),
            beats: Queue::default(),
            ready: HashMap::new(),
            pods: HashMap::new(),
        }
    }

    fn register(&mut self, world: &World) {
        self.registered = true;
        for number in 1..=self.machines.count {
            self.ready.insert(self.machines.name(number).into(), true);
            // One that was put there before stays as it is.
            let _ = world.create(&NODES, "", machine::node(&self.machines, number, world.now()));
        }
        if self.heartbeat.is_some() && self.machines.count > 0 {
            self.beats.add(());
        }
    }

    /// Renews the leases of all nodes that are heard of.
    fn beat(&mut self, world: &World) {
        let Some(period) = self.heartbeat else { return };
        let now = world.now();
        for number in 1..=self.machines.count {
            let name = SmolStr::from(self.machines.name(number));
            if self.ready.get(&name) != Some(&true) {
                continue;
            }
            let key = Key::new(LEASE_NAMESPACE, name.clone());
            let renewed = world.update(&LEASES, &key, "", |lease| {
                lease["spec"]["renewTime"] = json!(micro_stamp(now));
            });
            if renewed.is_err_and(|refusal| refusal.is_not_found()) {
                let lease = json!({"metadata": {"name": name}, "spec": {"holderIdentity": name,
                    "leaseDurationSeconds": 40, "renewTime": micro_stamp(now)}});
                // The namespace may come later; the next beat tries again.
                let _ = world.create(&LEASES, LEASE_NAMESPACE, lease);
            }
        }
        self.beats.add_at((), now + period);
    }

    fn reconcile(&mut self, world: &mut World, name: &SmolStr) {
        let key = Key::new("", name.clone());
        let Some(object) = world.find(&NODES, &key) else {
            self.ready.remove(name);
            return;
        };
        let node = object.value();
        let ready = machine::is_ready(&node["status"]);
        taint(world, &key, &node, ready);
        let before = self.ready.insert(name.clone(), ready);
        // Nothing is lost with a node that has never been heard of.
        let new = before.is_none() && (ready || !has_ready_condition(&node));
        if before == Some(ready) || new {
            return;
        }
        let about = about_node(name, object.uid());
        let (reason, message) = match ready {
            true => ("NodeReady", format!("Node {name} status is now: NodeReady")),
            false => ("NodeNotReady", format!("Node {name} status is now: NodeNotReady")),
        };
        world.recorder.normal(&about, &SOURCE, reason, message);
        for pod in self.pods.get(name).cloned().unwrap_or_default() {
            if ready {
                self.evictions.forget(&pod);
            } else {
                self.give_up(world, &pod, &node);
            }
        }
    }

    /// Says of a pod that it is not ready, and plans its eviction.
    fn give_up(&mut self, world: &mut World, key: &Key, node: &Value) {
        let Some(object) = world.find(&PODS, key) else { return };
        let pod = object.value();
        if matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
            return;
        }
        let now = world.now();
        let generation = pod["metadata"]["generation"].as_i64();
        // Gone meanwhile: nothing to say.
        let _ = world.update(&PODS, key, "status", |pod| {
            set_condition(&mut pod["status"], "Ready", Some(("", String::new())), None, now, generation);
        });
        if let Some(about) = world.about(&PODS, &object) {
            world.recorder.warning(&about, &SOURCE, "NodeNotReady", "Node is not ready".to_owned());
        }
        if let Some(patience) = patience(&pod, node) {
            self.evictions.add_at(key.clone(), now + patience);
        }
    }

    fn evict(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&PODS, key).filter(|pod| !pod.deleting()) else { return };
        if let Some(about) = world.about(&PODS, &object) {
            let message = format!("Marking for deletion Pod {}/{}", key.namespace, key.name);
            world.recorder.normal(&about, &TAINTS, "TaintManagerEviction", message);
        }
        let options = DeleteOptions::default().uid(object.uid());
        // Gone meanwhile is as good.
        let _ = world.store.delete(&PODS, key.namespace(), &key.name, &options);
    }
}

fn unreachable(node: &Value) -> &'static str {
    let mut conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let unknown = conditions.any(|c| c["type"] == "Ready" && c["status"] == "Unknown");
    if unknown { UNREACHABLE } else { NOT_READY }
}

/// How long a pod puts up with its node not being heard of: five minutes unless it says otherwise; None: for ever.
fn patience(pod: &Value, node: &Value) -> Option<TimeDelta> {
    let taint =
        Taint { key: unreachable(node).into(), value: SmolStr::default(), effect: "NoExecute".into() };
    match toleration(&pod["spec"], &taint) {
        None => Some(TimeDelta::minutes(5)),
        Some(toleration) => toleration["tolerationSeconds"].as_i64().and_then(TimeDelta::try_seconds),
    }
}

/// Keeps the taints of a node in step with its being heard of.
fn taint(world: &World, key: &Key, node: &Value, ready: bool) {
    let present = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let ours = |taint: &Value| matches!(taint["key"].as_str(), Some(UNREACHABLE | NOT_READY | UNSCHEDULABLE));
    let mut wanted: Vec<Value> = present.iter().filter(|taint| !ours(taint)).cloned().collect();
    let mut want = |key: &str, effect: &str| {
        let known = present.iter().find(|taint| taint["key"] == key && taint["effect"] == effect);
        let new = || json!({"key": key, "effect": effect, "timeAdded": stamp(world.now())});
        wanted.push(known.cloned().unwrap_or_else(new));
    };
    if !ready && has_ready_condition(node) {
        want(unreachable(node), "NoSchedule");
        want(unreachable(node), "NoExecute");
    }
    if node["spec"]["unschedulable"] == true {
        want(UNSCHEDULABLE, "NoSchedule");
    }
    if wanted == present {
        return;
    }
    // Gone meanwhile: nothing to taint.
    let _ = world.update(&NODES, key, "", |node| {
        if wanted.is_empty() {
            node["spec"].as_object_mut().map(|spec| spec.remove("taints"));
        } else {
            node["spec"]["taints"] = json!(wanted);
        }
    });
}

fn has_ready_condition(node: &Value) -> bool {
    let mut conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready")
}

impl Controller for Nodes {
    fn name(&self) -> &'static str {
        "nodes"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        if *seen.gr == NODES {
            self.queue.add(seen.object.name().into());
        } else if *seen.gr == PODS {
            let node = super::glance::node_of(seen.object);
            if node.is_empty() {
                return;
            }
            let key = Key::of(seen.object);
            if seen.change == Change::Deleted {
                self.evictions.forget(&key);
                if let Some(pods) = self.pods.get_mut(&node) {
                    pods.remove(&key);
                }
            } else {
                self.pods.entry(node).or_default().insert(key);
            }
        }
    }

    fn work(&mut self, world: &mut World) {
        if !self.registered {
            self.register(world);
        }
        let now = world.now();
        while let Some(name) = self.queue.pop(now) {
            self.reconcile(world, &name);
        }
        while let Some(key) = self.evictions.pop(now) {
            self.evict(world, &key);
        }
        if self.beats.pop(now).is_some() {
            self.beat(world);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        if !self.registered {
            return Some(DateTime::UNIX_EPOCH);
        }
        [self.queue.next(), self.evictions.next(), self.beats.next()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::Options;
    use crate::controllers::testing::{Host, host_with};

    fn host() -> Host {
        let machines = Machines { count: 2, ..Machines::default() };
        host_with(Options {
            machines,
            pace: 0.0,
            heartbeat: Some(Duration::from_secs(10)),
            ..Options::default()
        })
    }

    fn pod() -> Value {
        json!({"metadata": {"name": "p"}, "spec": {"terminationGracePeriodSeconds": 30,
            "containers": [{"name": "c", "image": "i:1"}]}})
    }

    #[test]
    fn nodes_register_and_are_heard_of() {
        let mut host = host();
        let node = host.find("nodes", "node-1").expect("a node");
        assert_eq!(node["status"]["allocatable"]["cpu"], "15900m");
        let renewed = |host: &Host| {
            host.find_in("kube-node-lease", "leases", "node-2").expect("a lease")["spec"]["renewTime"].clone()
        };
        let first = renewed(&host);
        host.advance(10);
        assert_ne!(renewed(&host), first);
    }

    #[test]
    fn pods_of_a_lost_node_are_not_ready_and_are_given_up_after_five_minutes() {
        let mut host = host();
        host.create("pods", pod());
        host.settle();
        let node =
            host.find("pods", "p").expect("pod")["spec"]["nodeName"].as_str().expect("a node").to_owned();
        host.engine.hand().cut_off(&node, true);
        host.settle();
        let ready = |host: &Host| {
            let pod = host.find("pods", "p").expect("pod");
            super::super::pod::condition(&pod["status"], "Ready").expect("a condition")["status"].clone()
        };
        assert_eq!(ready(&host), "False");
        let taints = host.find("nodes", &node).expect("node")["spec"]["taints"].clone();
        assert_eq!(taints[0]["key"], UNREACHABLE);
        host.advance(299);
        assert!(host.find("pods", "p").expect("pod")["metadata"].get("deletionTimestamp").is_none());
        host.advance(1);
        assert!(host.find("pods", "p").expect("pod")["metadata"]["deletionTimestamp"].is_string());
    }

    #[test]
    fn a_node_that_comes_back_keeps_its_pods() {
        let mut host = host();
        host.create("pods", pod());
        host.settle();
        let node =
            host.find("pods", "p").expect("pod")["spec"]["nodeName"].as_str().expect("a node").to_owned();
        host.engine.hand().cut_off(&node, true);
        host.settle();
        host.advance(60);
        host.engine.hand().cut_off(&node, false);
        host.settle();
        host.advance(600);
        let pod = host.find("pods", "p").expect("pod");
        assert_eq!(super::super::pod::condition(&pod["status"], "Ready").expect("ready")["status"], "True");
        assert!(host.find("nodes", &node).expect("node")["spec"].get("taints").is_none());
    }
}
