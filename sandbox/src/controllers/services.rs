//! Services: who is behind them, as Endpoints and EndpointSlices.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::admission::Addresses;
use super::queue::Queue;
use super::{Controller, ENDPOINT_SLICES, ENDPOINTS, Key, PODS, SERVICES, Seen, World};
use crate::store::{Change, DeleteOptions, ListQuery, Object, Selector};

const MANAGER: &str = "endpointslice-controller.k8s.io";
const NAME: &str = "kubernetes.io/service-name";
/// Most endpoints in one slice.
const SLICE: usize = 100;

/// The controller.
#[derive(Debug)]
pub(crate) struct Services {
    addresses: Arc<Mutex<Addresses>>,
    queue: Queue<Key>,
    /// Selectors of the Services of a namespace.
    selectors: HashMap<SmolStr, BTreeMap<SmolStr, Vec<(SmolStr, SmolStr)>>>,
}

/// A pod behind a Service.
struct Endpoint {
    ip: String,
    node: String,
    ready: bool,
    terminating: bool,
    reference: Value,
    pod: Arc<Object>,
}

/// What of a pod counts for its Services.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Shape {
    spec: Spec,
    status: Status,
}

impl Shape {
    /// Address and node of a pod that has one and is not over, and whether it is ready.
    fn place(self) -> Option<(String, String, bool)> {
        let Status { phase, pod_ip, conditions } = self.status;
        if matches!(phase.as_str(), "Succeeded" | "Failed") || pod_ip.is_empty() {
            return None;
        }
        let ready = conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
        Some((pod_ip, self.spec.node_name, ready))
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
    conditions: Vec<Condition>,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: SmolStr,
    status: SmolStr,
}

impl Services {
    pub(crate) fn new(addresses: Arc<Mutex<Addresses>>) -> Self {
        Services { addresses, queue: Queue::default(), selectors: HashMap::new() }
    }

    fn reconcile(&mut self, world: &World, key: &Key) {
        let Some(object) = world.find(&SERVICES, key) else { return clean(world, key) };
        let service = object.value();
        let selector = pairs(&service);
        if selector.is_empty() || service["spec"]["type"] == "ExternalName" {
            return;
        }
        let endpoints = endpoints(world, key, &service, &selector);
        let pod = endpoints.first().map(|endpoint| endpoint.pod.value());
        let ports = ports(&service, pod.as_ref());
        write_slices(world, key, &object, &service, &endpoints, &ports);
        write_endpoints(world, key, &service, &endpoints, &ports);
    }

    fn observe_service(&mut self, seen: &Seen<'_>) {
        let key = Key::of(seen.object);
        let service = seen.object.value();
        let selectors = self.selectors.entry(key.namespace.clone()).or_default();
        if seen.change == Change::Deleted {
            selectors.remove(&key.name);
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

fn endpoints(world: &World, key: &Key, service: &Value, selector: &[(SmolStr, SmolStr)]) -> Vec<Endpoint> {
    let text = selector.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    let Ok(selector) = Selector::labels(&text) else { return Vec::new() };
    let query = ListQuery { namespace: Some(key.namespace.to_string()), selector, ..ListQuery::default() };
    let pods = world.store.list(&PODS, &query).map(|page| page.items).unwrap_or_default();
    let early = service["spec"]["publishNotReadyAddresses"] == true;
    let endpoint = |object: &Arc<Object>| {
        let (ip, node, ready) = object.parse::<Shape>()?.place()?;
        Some(Endpoint {
            ip,
            node,
            ready: early || ready && !object.deleting(),
            terminating: object.deleting(),
            reference: json!({"kind": "Pod", "namespace": object.namespace(), "name": object.name(), "uid": object.uid()}),
            pod: Arc::clone(object),
        })
    };
    pods.iter().filter_map(endpoint).collect()
}

/// The ports of a Service as a pod has them; named ports are looked up in its containers.
fn ports(service: &Value, pod: Option<&Value>) -> Vec<Value> {
    let number = |target: &Value, port: &Value| match target {
        Value::Number(_) => Some(target.clone()),
        Value::String(name) => {
            let lists = ["containers", "initContainers"];
            let containers = lists.iter().flat_map(|list| pod?["spec"][list].as_array()).flatten();
            let mut ports = containers.flat_map(|container| container["ports"].as_array()).flatten();
            ports.find(|port| port["name"] == name.as_str()).map(|port| port["containerPort"].clone())
        }
        _ => Some(port["port"].clone()),
    };
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports
        .filter_map(|port| {
            let number = number(&port["targetPort"], port)?;
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            let mut all = json!({"name": port["name"].as_str().unwrap_or_default(), "port": number, "protocol": protocol});
            if let Some(application) = port.get("appProtocol") {
                all["appProtocol"] = application.clone();
            }
            Some(all)
        })
        .collect()
}

fn slices_of(world: &World, key: &Key) -> Vec<Arc<Object>> {
    let Ok(selector) =
        Selector::labels(&format!("{NAME}={},endpointslice.kubernetes.io/managed-by={MANAGER}", key.name))
    else {
        return Vec::new();
    };
    let query = ListQuery { namespace: Some(key.namespace.to_string()), selector, ..ListQuery::default() };
    world.store.list(&ENDPOINT_SLICES, &query).map(|page| page.items).unwrap_or_default()
}

fn write_slices(
    world: &World,
    key: &Key,
    object: &Object,
    service: &Value,
    endpoints: &[Endpoint],
    ports: &[Value],
) {
    let wanted: Vec<Vec<Value>> = match endpoints.is_empty() {
        true => vec![Vec::new()],
        false => endpoints.chunks(SLICE).map(|chunk| chunk.iter().map(slice_endpoint).collect()).collect(),
    };
    let present = slices_of(world, key);
    for (index, endpoints) in wanted.iter().enumerate() {
        match present.get(index) {
            Some(slice) => {
                // Gone meanwhile: the event of that brings us back.
                let _ = world.update(&ENDPOINT_SLICES, &Key::of(slice), "", |slice| {
                    slice["endpoints"] = json!(endpoints);
                    slice["ports"] = json!(ports);
                });
            }
            None => {
                let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
                labels.insert(NAME.to_owned(), json!(key.name));
                labels.insert("endpointslice.kubernetes.io/managed-by".to_owned(), json!(MANAGER));
                if service["spec"]["clusterIP"] == "None" {
                    labels.insert("service.kubernetes.io/headless".to_owned(), json!(""));
                }
                let slice = json!({
                    "metadata": {
                        "generateName": format!("{}-", key.name), "labels": labels,
                        "ownerReferences": [super::workload::owner_reference("v1", "Service", object)],
                    },
                    "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
                });
                // Refused in a namespace that is going away.
                let _ = world.create(&ENDPOINT_SLICES, &key.namespace, slice);
            }
        }
    }
    for slice in present.iter().skip(wanted.len()) {
        let options = DeleteOptions::now().uid(slice.uid());
        let _ = world.store.delete(&ENDPOINT_SLICES, key.namespace(), slice.name(), &options);
    }
}

fn slice_endpoint(endpoint: &Endpoint) -> Value {
    let ready = endpoint.ready && !endpoint.terminating;
    let mut value = json!({
        "addresses": [endpoint.ip],
        "conditions": {"ready": ready, "serving": endpoint.ready || ready, "terminating": endpoint.terminating},
        "targetRef": endpoint.reference,
    });
    if !endpoint.node.is_empty() {
        value["nodeName"] = json!(endpoint.node);
    }
    value
}

fn write_endpoints(world: &World, key: &Key, service: &Value, endpoints: &[Endpoint], ports: &[Value]) {
    let address = |endpoint: &Endpoint| {
        let mut address = json!({"ip": endpoint.ip, "targetRef": endpoint.reference});
        if !endpoint.node.is_empty() {
            address["nodeName"] = json!(endpoint.node);
        }
        address
    };
    let of = |ready: bool| -> Vec<Value> {
        let some = endpoints.iter().filter(|endpoint| !endpoint.terminating && endpoint.ready == ready);
        some.map(address).collect()
    };
    let (ready, not_ready) = (of(true), of(false));
    let mut subset = json!({});
    for (name, list) in [("addresses", &ready), ("notReadyAddresses", &not_ready)] {
        if !list.is_empty() {
            subset[name] = json!(list);
        }
    }
    if !ports.is_empty() {
        subset["ports"] = json!(ports);
    }
    let subsets = if ready.is_empty() && not_ready.is_empty() { json!([]) } else { json!([subset]) };
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert("endpoints.kubernetes.io/managed-by".to_owned(), json!("endpoint-controller"));
    let updated = world.update(&ENDPOINTS, key, "", |endpoints| {
        endpoints["subsets"] = subsets.clone();
        endpoints["metadata"]["labels"] = json!(labels);
    });
    if updated.is_err_and(|refusal| refusal.is_not_found()) {
        let object = json!({"metadata": {"name": key.name, "labels": labels}, "subsets": subsets});
        // Refused in a namespace that is going away.
        let _ = world.create(&ENDPOINTS, &key.namespace, object);
    }
}

/// A Service that went takes its Endpoints with it; its slices go with their owner.
fn clean(world: &World, key: &Key) {
    if let Some(endpoints) = world.find(&ENDPOINTS, key) {
        let options = DeleteOptions::now().uid(endpoints.uid());
        let _ = world.store.delete(&ENDPOINTS, key.namespace(), &key.name, &options);
    }
}

impl Controller for Services {
    fn name(&self) -> &'static str {
        "services"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        if *seen.gr == SERVICES {
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

#[cfg(test)]
mod tests;
