//! Services: who is behind them, as Endpoints and EndpointSlices.

mod endpoint;
mod legacy;
mod slices;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

use super::admission::Addresses;
use super::queue::Queue;
use super::{Controller, ENDPOINT_SLICES, Key, NODES, PODS, SERVICES, Seen, Source, World};
use crate::store::{Change, ListQuery, Object, Selector};
use endpoint::Candidate;

const SOURCE: Source = Source::controller("endpoint-slice-controller");
const MANAGER: &str = "endpointslice-controller.k8s.io";
const NAME: &str = "kubernetes.io/service-name";

/// The controller.
#[derive(Debug)]
pub(crate) struct Services {
    addresses: Arc<Mutex<Addresses>>,
    queue: Queue<Key>,
    /// Selectors of the Services of a namespace.
    selectors: HashMap<SmolStr, BTreeMap<SmolStr, Vec<(SmolStr, SmolStr)>>>,
    /// Services of which pods are on nodes that do not exist.
    stranded: BTreeSet<Key>,
}

/// What of a pod counts for its Services.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Shape {
    spec: Spec,
    status: Status,
}

impl Shape {
    /// Addresses and node of a pod that has some and is not over, and whether it is ready.
    fn place(self) -> Option<(Vec<String>, String, bool)> {
        let Status { phase, pod_ip, pod_ips, conditions } = self.status;
        if matches!(phase.as_str(), "Succeeded" | "Failed") || pod_ip.is_empty() {
            return None;
        }
        let ready = conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
        let addresses =
            std::iter::once(pod_ip).chain(pod_ips.into_iter().map(|address| address.ip)).collect();
        Some((addresses, self.spec.node_name, ready))
    }
}
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: String,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: SmolStr,
    #[serde(rename = "podIP")]
    pod_ip: String,
    #[serde(rename = "podIPs")]
    pod_ips: Vec<Address>,
    conditions: Vec<Condition>,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct Address {
    ip: String,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: SmolStr,
    status: SmolStr,
}

impl Services {
    pub(crate) fn new(addresses: Arc<Mutex<Addresses>>) -> Self {
        Services { addresses, queue: Queue::default(), selectors: HashMap::new(), stranded: BTreeSet::new() }
    }

    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&SERVICES, key) else { return legacy::remove(world, key) };
        let service = object.value();
        let selector = pairs(&service);
        if selector.is_empty() || service["spec"]["type"] == "ExternalName" {
            return;
        }
        let candidates = candidates(world, key, &selector);
        let stranded = slices::write(world, key, &object, &service, &candidates);
        legacy::write(world, key, &service, &candidates);
        if stranded.is_empty() {
            self.stranded.remove(key);
            return self.queue.succeeded(key);
        }
        self.stranded.insert(key.clone());
        // Their nodes may yet come.
        self.queue.retry(key.clone(), world.now());
        self.complain(world, key, &object, &candidates, &stranded);
    }

    /// Says whom the slices leave out, and why.
    fn complain(
        &self,
        world: &mut World,
        key: &Key,
        object: &Object,
        candidates: &[Candidate],
        stranded: &[String],
    ) {
        let Some(about) = world.about(&SERVICES, object) else { return };
        let (namespace, name) = (&key.namespace, &key.name);
        let lines = candidates.iter().filter(|candidate| stranded.iter().any(|s| s == candidate.name()));
        let lines: Vec<String> = lines
            .map(|candidate| {
                let (pod, node) = (candidate.name(), candidate.node_name());
                format!("skipping Pod {pod} for Service {namespace}/{name}: Node {node} Not Found")
            })
            .collect();
        let all = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("Error updating Endpoint Slices for Service {namespace}/{name}: {all}");
        world.recorder.warning(&about, &SOURCE, "FailedToUpdateEndpointSlices", message);
    }

    fn observe_service(&mut self, seen: &Seen<'_>) {
        let key = Key::of(seen.object);
        let service = seen.object.value();
        let selectors = self.selectors.entry(key.namespace.clone()).or_default();
        if seen.change == Change::Deleted {
            selectors.remove(&key.name);
            self.stranded.remove(&key);
        } else {
            selectors.insert(key.name.clone(), pairs(&service));
            // One that was put there without being asked for its address has it nevertheless.
            self.addresses.lock().unwrap_or_else(PoisonError::into_inner).claim(&service);
        }
        self.queue.add(key);
    }

    fn observe_pod(&mut self, seen: &Seen<'_>) {
        let Some(selectors) = self.selectors.get(seen.object.namespace()) else { return };
        if seen.previous.is_some_and(|before| stands_alike(before, seen.object)) {
            return;
        }
        for object in [Some(seen.object), seen.previous].into_iter().flatten() {
            let selects = |selector: &[(SmolStr, SmolStr)]| {
                !selector.is_empty() && selector.iter().all(|(key, value)| object.label(key) == Some(value))
            };
            for (name, _) in selectors.iter().filter(|(_, selector)| selects(selector)) {
                self.queue.add(Key::new(object.namespace(), name.clone()));
            }
        }
    }
}

/// Whether two versions of a pod stand behind the same Services in the same way.
fn stands_alike(one: &Object, other: &Object) -> bool {
    let read = |object: &Object| object.parse::<Shape>().unwrap_or_default();
    one.labels() == other.labels()
        && one.deleting() == other.deleting()
        && read(one).place() == read(other).place()
}

/// The selector of a Service.
fn pairs(service: &Value) -> Vec<(SmolStr, SmolStr)> {
    let selector = service["spec"]["selector"].as_object().into_iter().flatten();
    selector.map(|(key, value)| (key.into(), value.as_str().unwrap_or_default().into())).collect()
}

/// The pods that a Service selects, with their nodes.
fn candidates(world: &World, key: &Key, selector: &[(SmolStr, SmolStr)]) -> Vec<Candidate> {
    let text = selector.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    let Ok(selector) = Selector::labels(&text) else { return Vec::new() };
    let query = ListQuery { namespace: Some(key.namespace.to_string()), selector, ..ListQuery::default() };
    let pods = world.store.list(&PODS, &query).map(|page| page.items).unwrap_or_default();
    let candidate = |object: &Arc<Object>| {
        let pod = object.value();
        let node = pod["spec"]["nodeName"].as_str().filter(|node| !node.is_empty());
        let node = node.and_then(|node| world.find(&NODES, &Key::new("", node))).map(|node| node.value());
        Candidate { pod, deleting: object.deleting(), node }
    };
    pods.iter().map(candidate).collect()
}

impl Controller for Services {
    fn name(&self) -> &'static str {
        "services"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        if *seen.gr == NODES && seen.change != Change::Modified {
            // Whoever was left out for want of this node is looked at again at once.
            let waiting: Vec<Key> = self.stranded.iter().cloned().collect();
            waiting.into_iter().for_each(|key| self.queue.add(key));
        } else if *seen.gr == SERVICES {
            self.observe_service(seen);
        } else if *seen.gr == PODS {
            self.observe_pod(seen);
        } else if *seen.gr == ENDPOINT_SLICES
            && seen.change == Change::Deleted
            && let Some(name) = seen.object.label(NAME)
        {
            self.queue.add(Key::new(seen.object.namespace(), name));
        }
    }

    fn work(&mut self, world: &mut World) {
        let mut done = BTreeSet::new();
        while let Some(key) = self.queue.pop(world.now()) {
            if done.insert(key.clone()) {
                self.reconcile(world, &key);
            }
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}
