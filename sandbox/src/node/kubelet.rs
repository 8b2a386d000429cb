//! The kubelets of all nodes: they take pods up, run them by the clock and end them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use smol_str::SmolStr;
use tokio::sync::Notify;

use super::behaviour::{Exit, Images};
use super::glance::{self, Glance};
use super::machine;
use super::note::Note;
use super::pod::{self, Outcome, Surrounding};
use crate::controllers::queue::Queue;
use crate::controllers::record::Severity;
use crate::controllers::{About, Controller, Key, NODES, PODS, Seen, Source, World};
use crate::store::{Change, DeleteOptions, Object};

/// What can be done to pods and nodes beside what the API offers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hand {
    wishes: Arc<Mutex<Vec<Wish>>>,
    wake: Arc<Notify>,
}

#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Exit { pod: Key, container: SmolStr, exit: Exit },
    Look { pod: Key },
    LookEverywhere,
    Heard { node: SmolStr, heard: bool },
}

impl Hand {
    pub(crate) fn new(wake: Arc<Notify>) -> Self {
        Hand { wishes: Arc::default(), wake }
    }

    fn wish(&self, wish: Wish) {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner).push(wish);
        self.wake.notify_one();
    }

    pub(crate) fn take(&self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Ends a running container; its restart policy says what follows.
    pub fn exit(&self, namespace: &str, pod: &str, container: &str, exit: Exit) {
        self.wish(Wish::Exit { pod: Key::new(namespace, pod), container: container.into(), exit });
    }

    /// Asks the rules of a pod's images again, after something they look at has changed.
    pub fn look(&self, namespace: &str, pod: &str) {
        self.wish(Wish::Look { pod: Key::new(namespace, pod) });
    }

    /// Asks the rules of the images of all pods again.
    pub fn look_everywhere(&self) {
        self.wish(Wish::LookEverywhere);
    }

    /// Cuts a node off: it is not heard of and does nothing; or lets it be heard of again.
    pub fn cut_off(&self, node: &str, cut: bool) {
        self.wish(Wish::Heard { node: node.into(), heard: !cut });
    }
}

/// What a kubelet knows of its node.
#[derive(Debug, Clone)]
struct Host {
    address: String,
    ready: bool,
}

/// The controller.
#[derive(Debug)]
pub(crate) struct Kubelet {
    images: Images,
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
    exits: BTreeMap<Key, (SmolStr, Exit)>,
    /// Number of the next pod address.
    next_address: u32,
}

impl Kubelet {
    pub(crate) fn new(images: Images, pace: f64, hand: Hand) -> Self {
        Kubelet {
            images,
            pace,
            hand,
            queue: Queue::default(),
            nodes: HashMap::new(),
            pods: HashMap::new(),
            pulled: HashSet::new(),
            stopping: HashMap::new(),
            exits: BTreeMap::new(),
            next_address: 1,
        }
    }

    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let exit = self.exits.remove(key);
        let Some(object) = world.find(&PODS, key) else { return };
        let glance = Glance::read(&object);
        let Some(host) = self.nodes.get(&glance.node).filter(|host| host.ready).cloned() else {
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
            || exit.is_none() && glance.is_settled(&object, &self.images, self.pace, world.now())
        {
            return;
        }
        let pod = object.value();
        let address = pod_address(self.next_address);
        let node = &glance.node;
        let pulled = &self.pulled;
        let around = Surrounding {
            now: world.now(),
            images: &self.images,
            pace: self.pace,
            host: &host.address,
            address: &address,
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
        let end = match self.stopping.get(&uid) {
            Some(end) => (*end).min(limit),
            None => {
                let takes = glance.stops_in(object, &self.images).mul_f64(self.pace.clamp(0.0, 1000.0));
                for name in glance.running() {
                    let note = Note::normal(name, "Killing", format!("Stopping container {name}"));
                    say(world, object, &glance.node, &note);
                }
                (now + TimeDelta::from_std(takes).unwrap_or_default()).min(limit)
            }
        };
        if end > now {
            self.stopping.insert(uid, end);
            return self.queue.add_at(key.clone(), end);
        }
        self.stopping.remove(&uid);
        // Gone or replaced meanwhile is as good.
        let options = DeleteOptions::now().uid(uid);
        let _ = world.store.delete(&PODS, key.namespace(), &key.name, &options);
    }

    fn wishes(&mut self, world: &World) {
        for wish in self.hand.take() {
            match wish {
                Wish::Exit { pod, container, exit } => {
                    self.exits.insert(pod.clone(), (container, exit));
                    self.queue.add(pod);
                }
                Wish::Look { pod } => self.queue.add(pod),
                Wish::LookEverywhere => {
                    for key in self.pods.values().flatten() {
                        self.queue.add(key.clone());
                    }
                }
                Wish::Heard { node, heard } => {
                    let now = world.now();
                    // A node that does not exist cannot be cut off.
                    let _ = world.update(&NODES, &Key::new("", node), "status", |node| {
                        machine::set_heard(&mut node["status"], heard, now);
                    });
                }
            }
        }
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
mod tests {
    use super::super::behaviour::{Behaviour, Pull, Run};
    use super::super::machine::Machines;
    use super::*;
    use crate::controllers::Options;
    use crate::controllers::testing::{Host as Sandbox, host_with};
    use serde_json::json;

    fn host(images: Images, pace: f64) -> Sandbox {
        let machines = Machines { count: 2, ..Machines::default() };
        host_with(Options { machines, images, pace, ..Options::default() })
    }

    fn pod(image: &str) -> Value {
        json!({"metadata": {"name": "p"}, "spec": {"terminationGracePeriodSeconds": 30,
            "containers": [{"name": "c", "image": image}]}})
    }

    fn reasons(host: &Sandbox, about: &str) -> Vec<String> {
        let events = host.events();
        let about = events.iter().filter(|event| event["involvedObject"]["name"] == about);
        about.map(|event| event["reason"].as_str().expect("a reason").to_owned()).collect()
    }

    fn sorted(mut list: Vec<String>) -> Vec<String> {
        list.sort();
        list
    }

    #[test]
    fn without_delays_a_pod_runs_at_once() {
        let mut host = host(Images::default(), 0.0);
        host.create("pods", pod("app:1"));
        host.settle();
        let pod = host.find("pods", "p").expect("pod");
        assert_eq!(pod["status"]["phase"], "Running");
        assert_eq!(pod["status"]["containerStatuses"][0]["ready"], true);
        assert_eq!(pod["status"]["podIP"], "10.64.0.1");
        let expected = ["Created", "Pulled", "Pulling", "Scheduled", "Started"];
        assert_eq!(sorted(reasons(&host, "p")), expected);
    }

    #[test]
    fn with_delays_a_pod_takes_its_time() {
        let images = Images::default().on("app:1", |_| Behaviour {
            pull: Pull::Takes(Duration::from_secs(10)),
            start: Duration::ZERO,
            ready: Some(Duration::from_secs(10)),
            ..Behaviour::default()
        });
        let mut host = host(images, 1.0);
        host.create("pods", pod("app:1"));
        host.settle();
        let state =
            |host: &Sandbox| host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0].clone();
        assert_eq!(state(&host)["state"]["waiting"]["reason"], "ContainerCreating");
        host.advance(13);
        assert!(state(&host)["state"]["running"].is_object());
        assert_eq!(state(&host)["ready"], false);
        host.advance(13);
        assert_eq!(state(&host)["ready"], true);
    }

    #[test]
    fn a_deleted_pod_stops_and_goes() {
        let images =
            Images::default().on("*", |_| Behaviour { stop: Duration::from_secs(5), ..Behaviour::default() });
        let mut host = host(images, 1.0);
        host.create("pods", pod("app:1"));
        host.settle();
        host.advance(20);
        host.delete("pods", "p");
        host.settle();
        assert!(host.find("pods", "p").expect("stopping")["metadata"]["deletionTimestamp"].is_string());
        assert!(reasons(&host, "p").contains(&"Killing".to_owned()));
        host.advance(5);
        assert!(host.find("pods", "p").is_none());
    }

    #[test]
    fn what_does_not_stop_is_killed_when_its_grace_is_over() {
        let images = Images::default()
            .on("*", |_| Behaviour { stop: Duration::from_secs(500), ..Behaviour::default() });
        let mut host = host(images, 1.0);
        host.create("pods", pod("app:1"));
        host.settle();
        host.advance(20);
        host.delete("pods", "p");
        host.settle();
        host.advance(29);
        assert!(host.find("pods", "p").is_some());
        host.advance(1);
        assert!(host.find("pods", "p").is_none());
    }

    #[test]
    fn a_container_that_is_killed_comes_back_with_its_reason_kept() {
        let mut host = host(Images::default(), 0.0);
        host.create("pods", pod("app:1"));
        host.settle();
        host.advance(100);
        host.engine.hand().exit("default", "p", "c", Exit::out_of_memory());
        host.settle();
        let status = host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0].clone();
        assert_eq!(status["restartCount"], 1);
        assert_eq!(status["lastState"]["terminated"]["reason"], "OOMKilled");
        assert!(status["state"]["running"].is_object());
    }

    #[test]
    fn a_crash_loop_waits_and_says_so() {
        let run = Run::Exits { after: Duration::from_secs(1), exit: Exit::code(1) };
        let images =
            Images::default().on("bad", move |_| Behaviour { run: run.clone(), ..Behaviour::default() });
        let mut host = host(images, 0.0);
        host.create("pods", pod("bad"));
        host.settle();
        for _ in 0..5 {
            host.advance(1);
        }
        let status = host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0].clone();
        assert_eq!(status["state"]["waiting"]["reason"], "CrashLoopBackOff");
        assert_eq!(status["restartCount"], 1);
        assert!(reasons(&host, "p").contains(&"BackOff".to_owned()));
    }

    #[test]
    fn readiness_follows_what_the_rule_says_now() {
        let sick = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = Arc::clone(&sick);
        let images = Images::default().on("app:1", move |_| {
            let sick = seen.load(std::sync::atomic::Ordering::Relaxed);
            Behaviour { ready: (!sick).then_some(Duration::ZERO), ..Behaviour::default() }
        });
        let mut host = host(images, 0.0);
        host.create("pods", pod("app:1"));
        host.settle();
        let ready = |host: &Sandbox| {
            host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0]["ready"].clone()
        };
        assert_eq!(ready(&host), true);
        sick.store(true, std::sync::atomic::Ordering::Relaxed);
        host.engine.hand().look("default", "p");
        host.settle();
        assert_eq!(ready(&host), false);
        sick.store(false, std::sync::atomic::Ordering::Relaxed);
        host.engine.hand().look_everywhere();
        host.settle();
        assert_eq!(ready(&host), true);
    }

    #[test]
    fn pods_left_alone_keep_their_status_but_go_when_deleted() {
        let mut host = host(Images::default().leave_alone("theirs*"), 0.0);
        host.create("pods", pod("theirs:1"));
        host.settle();
        assert_eq!(host.find("pods", "p").expect("pod")["status"]["phase"], "Pending");
        host.update_status_in("default", "pods", "p", |pod| pod["status"]["phase"] = json!("Running"));
        host.settle();
        assert_eq!(host.find("pods", "p").expect("pod")["status"]["phase"], "Running");
        host.delete("pods", "p");
        host.settle();
        assert!(host.find("pods", "p").is_none());
    }

    #[test]
    fn nothing_happens_on_a_node_that_is_cut_off() {
        let mut host = host(Images::default(), 0.0);
        host.create("pods", pod("app:1"));
        host.settle();
        let node =
            host.find("pods", "p").expect("pod")["spec"]["nodeName"].as_str().expect("a node").to_owned();
        host.engine.hand().cut_off(&node, true);
        host.settle();
        host.delete("pods", "p");
        host.advance(60);
        assert!(host.find("pods", "p").is_some(), "nobody is there to end it");
        host.engine.hand().cut_off(&node, false);
        host.settle();
        assert!(host.find("pods", "p").is_none());
    }

    #[test]
    fn pod_addresses_do_not_repeat_soon() {
        assert_eq!(pod_address(1), "10.64.0.1");
        assert_eq!(pod_address(0x0001_0203), "10.65.2.3");
    }
}
