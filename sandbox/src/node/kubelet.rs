//! The kubelets of all nodes: they take pods up, run them by the clock and end them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use smol_str::SmolStr;

use super::behaviour::Exit;
use super::floor::Floor;
use super::glance::{self, Glance};
use super::hand::{Hand, Wish};
use super::machine;
use super::note::Note;
use super::pod::{self, Outcome, Surrounding};
use crate::controllers::queue::Queue;
use crate::controllers::record::Severity;
use crate::controllers::{About, Controller, Key, NODES, PODS, Seen, Source, World};
use crate::store::{Change, DeleteOptions, Object};

/// What a kubelet knows of its node.
#[derive(Debug, Clone)]
struct Host {
    address: String,
    ready: bool,
}

/// The controller.
#[derive(Debug)]
pub(crate) struct Kubelet {
    floor: Floor,
    pace: f64,
    hand: Hand,
    queue: Queue<Key>,
    nodes: HashMap<SmolStr, Host>,
    /// Pods by node, for nodes that come back.
    pods: HashMap<SmolStr, HashSet<Key>>,
    /// Images that are on a node.
    pulled: HashSet<(SmolStr, String)>,
    /// Pods that are being stopped, by UID.
    stopping: HashMap<SmolStr, DateTime<Utc>>,
    /// Containers that are to end, by pod; an empty name means all of them.
    exits: BTreeMap<Key, (SmolStr, Exit)>,
    /// Number of the next pod address.
    next_address: u32,
    /// Pods have an IPv6 address, too.
    dual: bool,
}

impl Kubelet {
    pub(crate) fn new(floor: Floor, pace: f64, hand: Hand, dual: bool) -> Self {
        Kubelet {
            floor,
            pace,
            hand,
            queue: Queue::default(),
            nodes: HashMap::new(),
            pods: HashMap::new(),
            pulled: HashSet::new(),
            stopping: HashMap::new(),
            exits: BTreeMap::new(),
            next_address: 1,
            dual,
        }
    }

    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let exit = self.exits.remove(key);
        let Some(object) = world.find(&PODS, key) else { return };
        let glance = Glance::read(&object);
        // An end that nobody saw is not seen before its node is heard of, whatever was last heard of the node.
        let heard = exit.is_none() || is_heard(world, &glance.node);
        let Some(host) = self.nodes.get(&glance.node).filter(|host| host.ready && heard).cloned() else {
            if let Some(exit) = exit {
                self.exits.insert(key.clone(), exit);
            }
            return;
        };
        self.remember(&glance);
        if object.deleting() {
            return self.stop(world, key, &object, &glance);
        }
        if glance.is_over()
            || exit.is_none() && glance.is_settled(&object, &self.floor, self.pace, world.now())
        {
            return;
        }
        let pod = object.value();
        let address = pod_address(self.next_address);
        let second = self.dual.then(|| pod_address_v6(self.next_address));
        let node = &glance.node;
        let pulled = &self.pulled;
        let around = Surrounding {
            now: world.now(),
            floor: &self.floor,
            pace: self.pace,
            host: &host.address,
            address: &address,
            second: second.as_deref(),
            present: &|image| pulled.contains(&(node.clone(), image.to_owned())),
            exit: exit.as_ref().map(|(name, exit)| (name.as_str(), exit)),
            labels: object.labels(),
        };
        let Some(outcome) = pod::advance(&pod, &around) else { return };
        self.write(world, key, &object, &pod, outcome, &glance.node, exit);
    }

    #[expect(clippy::too_many_arguments, reason = "one write with all it follows from")]
    fn write(
        &mut self,
        world: &mut World,
        key: &Key,
        object: &Object,
        pod: &Value,
        outcome: Outcome,
        node: &SmolStr,
        exit: Option<(SmolStr, Exit)>,
    ) {
        if outcome.status["podIP"] != pod["status"]["podIP"] {
            self.next_address = self.next_address.wrapping_add(1);
        }
        if outcome.status != pod["status"] {
            let version = object.revision().to_string();
            let mut current = true;
            let written = world.update(&PODS, key, "status", |stored| {
                // Somebody wrote in between: what follows from that is decided when its event is seen.
                current = stored["metadata"]["resourceVersion"] == version.as_str();
                if current {
                    stored["status"] = outcome.status.clone();
                }
            });
            if written.is_err() || !current {
                if let Some(exit) = exit {
                    self.exits.insert(key.clone(), exit);
                }
                return self.queue.add(key.clone());
            }
        }
        for note in &outcome.notes {
            say(world, object, node, note);
        }
        if let Some(due) = outcome.due {
            self.queue.add_at(key.clone(), due);
        }
    }

    /// What is running now is on the node.
    fn remember(&mut self, glance: &Glance) {
        for image in glance.running_images() {
            let entry = (glance.node.clone(), image.to_owned());
            if !self.pulled.contains(&entry) {
                self.pulled.insert(entry);
            }
        }
    }

    /// Ends a pod that is being deleted: after its containers have stopped, or when its grace is over.
    fn stop(&mut self, world: &mut World, key: &Key, object: &Arc<Object>, glance: &Glance) {
        let now = world.now();
        let uid = SmolStr::new(object.uid());
        let meta = object.meta();
        let limit =
            meta.deletion_timestamp.and_then(|time| time.parse::<DateTime<Utc>>().ok()).unwrap_or(now);
        self.floor.works.stop(&uid);
        let planned = match self.stopping.get(&uid) {
            Some(end) => (*end).min(limit),
            None => {
                let takes = glance.stops_in(object, &self.floor).mul_f64(self.pace.clamp(0.0, 1000.0));
                for name in glance.running() {
                    let note = Note::normal(name, "Killing", format!("Stopping container {name}"));
                    say(world, object, &glance.node, &note);
                }
                (now + TimeDelta::from_std(takes).unwrap_or_default()).min(limit)
            }
        };
        // A program that still runs has until the end of the grace.
        let busy = self.floor.works.is_busy(&uid);
        let end = if busy { limit } else { planned };
        if end > now {
            self.stopping.insert(uid, planned);
            return self.queue.add_at(key.clone(), end);
        }
        self.stopping.remove(&uid);
        self.floor.works.kill_pod(&uid);
        if glance.is_played(object, &self.floor) {
            self.write_end(world, key, object, busy);
        }
        // Gone or replaced meanwhile is as good.
        let options = DeleteOptions::now().uid(uid);
        let _ = world.store.delete(&PODS, key.namespace(), &key.name, &options);
    }

    /// The last that is heard of a pod: how its containers ended.
    fn write_end(&self, world: &World, key: &Key, object: &Object, killed: bool) {
        if object.meta().deletion_grace_period_seconds == Some(0) {
            return;
        }
        let now = world.now();
        // Gone meanwhile is as good.
        let _ = world.update(&PODS, key, "status", |pod| pod::stop(pod, killed, now));
    }

    fn wishes(&mut self, world: &World) {
        for wish in self.hand.take() {
            match wish {
                Wish::Exit { pod, uid, container, exit } => {
                    let other = world.find(&PODS, &pod).is_some_and(|pod| pod.uid() != uid);
                    if !uid.is_empty() && other {
                        continue;
                    }
                    self.exits.insert(pod.clone(), (container, exit));
                    self.queue.add(pod);
                }
                Wish::Kill { pod } => {
                    self.exits.insert(pod.clone(), (SmolStr::default(), Exit::killed()));
                    self.queue.add(pod);
                }
                Wish::Crash { node } => self.crash(world, &node),
                Wish::Fill { claim, full } => {
                    self.floor.works.fill(&claim, full);
                    let in_namespace = |key: &&Key| key.namespace == claim.namespace;
                    for key in self.pods.values().flatten().filter(in_namespace) {
                        self.queue.add(key.clone());
                    }
                }
                Wish::Look { pod } => self.queue.add(pod),
                Wish::LookEverywhere => {
                    for key in self.pods.values().flatten() {
                        self.queue.add(key.clone());
                    }
                }
                Wish::Heard { node, heard } => self.hear(world, &node, heard),
            }
        }
    }

    /// Everything on a node ends, unseen until the node is heard of again.
    fn crash(&mut self, world: &World, node: &SmolStr) {
        self.hear(world, node, false);
        for key in self.pods.get(node).into_iter().flatten() {
            let Some(pod) = world.find(&PODS, key) else { continue };
            self.floor.works.kill_pod(pod.uid());
            self.exits.insert(key.clone(), (SmolStr::default(), Exit::lost()));
        }
    }

    fn hear(&self, world: &World, node: &SmolStr, heard: bool) {
        let now = world.now();
        // A node that does not exist cannot be cut off.
        let _ = world.update(&NODES, &Key::new("", node.clone()), "status", |node| {
            machine::set_heard(&mut node["status"], heard, now);
        });
    }

    fn observe_node(&mut self, seen: &Seen<'_>) {
        let name = SmolStr::new(seen.object.name());
        if seen.change == Change::Deleted {
            self.nodes.remove(&name);
            return;
        }
        let node = seen.object.value();
        let mut addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        let address = addresses.find(|address| address["type"] == "InternalIP");
        let address =
            address.and_then(|address| address["address"].as_str()).unwrap_or("10.1.255.254").to_owned();
        let ready = machine::is_ready(&node["status"]);
        let before = self.nodes.insert(name.clone(), Host { address, ready });
        if ready && before.is_none_or(|before| !before.ready) {
            for key in self.pods.get(&name).into_iter().flatten() {
                self.queue.add(key.clone());
            }
        }
    }

    fn observe_pod(&mut self, seen: &Seen<'_>) {
        let key = Key::of(seen.object);
        let node = glance::node_of(seen.object);
        if node.is_empty() {
            return;
        }
        if seen.change == Change::Deleted {
            if let Some(pods) = self.pods.get_mut(&node) {
                pods.remove(&key);
            }
            self.stopping.remove(seen.object.uid());
            self.exits.remove(&key);
            return self.queue.forget(&key);
        }
        self.pods.entry(node).or_default().insert(key.clone());
        self.queue.add(key);
    }
}

fn is_heard(world: &World, node: &SmolStr) -> bool {
    world
        .find(&NODES, &Key::new("", node.clone()))
        .is_some_and(|node| machine::is_ready(&node.value()["status"]))
}

fn say(world: &mut World, object: &Object, node: &SmolStr, note: &Note) {
    let Some(mut about) = world.about(&PODS, object) else { return };
    if !note.container.is_empty() {
        about.field = smol_str::format_smolstr!("spec.containers{{{}}}", note.container);
    }
    let source = Source::node("kubelet", node.clone());
    let severity = if note.warning { Severity::Warning } else { Severity::Normal };
    world.recorder.record(&about, &source, severity, note.reason, note.message.clone());
}

/// The address of a pod by its number: 10.64.0.1 and on, a quarter of a million of them, then from the start.
fn pod_address(number: u32) -> String {
    let number = number % 0x0004_0000;
    format!("10.{}.{}.{}", 64 + (number >> 16), (number >> 8) & 0xff, number & 0xff)
}

/// The same place in a network of IPv6 addresses.
fn pod_address_v6(number: u32) -> String {
    let number = number % 0x0004_0000;
    std::net::Ipv6Addr::from_bits(0xfd00_0010_0244 << 80 | u128::from(number)).to_string()
}

impl Controller for Kubelet {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        if *seen.gr == NODES {
            self.observe_node(seen);
        } else if *seen.gr == PODS {
            self.observe_pod(seen);
        }
    }

    fn work(&mut self, world: &mut World) {
        self.wishes(world);
        while let Some(key) = self.queue.pop(world.now()) {
            self.reconcile(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        if self.hand.is_empty() { self.queue.next() } else { Some(DateTime::UNIX_EPOCH) }
    }
}

/// How an event about a pod is told from one about a node.
pub(super) fn about_node(name: &str, uid: &str) -> About {
    About {
        api_version: "v1".into(),
        kind: "Node".into(),
        namespace: SmolStr::default(),
        name: name.into(),
        uid: uid.into(),
        field: SmolStr::default(),
    }
}

/// Longest time that a container may take to stop.
pub(super) const LONGEST_STOP: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
