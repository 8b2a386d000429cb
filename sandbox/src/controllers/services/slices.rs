//! EndpointSlices: for each family and each set of ports of a Service the endpoints that have them, a hundred to a slice.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::family::Family;
use super::super::workload::owner_reference;
use super::super::{ENDPOINT_SLICES, Key, World};
use super::endpoint::{Candidate, families_of, ports};
use super::{MANAGER, NAME};
use crate::store::{DeleteOptions, ListQuery, Object, Selector};

/// Most endpoints in one slice.
const SLICE: usize = 100;
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// Endpoints by their ports, as text so that they have an order.
type Groups = BTreeMap<String, (Vec<Value>, Vec<Value>)>;

/// A slice that is there.
struct Present {
    object: Arc<Object>,
    value: Value,
}

/// A slice as it is to be: in place of one that is there, or new.
#[derive(Debug, PartialEq)]
struct Wanted {
    place: Option<usize>,
    ports: Vec<Value>,
    endpoints: Vec<Value>,
}

/// Writes the slices of a Service; answers which pods were left out because their node does not exist.
pub(super) fn write(
    world: &World,
    key: &Key,
    object: &Object,
    service: &Value,
    candidates: &[Candidate],
) -> Vec<String> {
    let present = present(world, key);
    let mut stranded = Vec::new();
    let families = families_of(service);
    for family in &families {
        let (groups, left_out) = group(service, candidates, *family);
        stranded.extend(left_out);
        let own: Vec<&Present> =
            present.iter().filter(|slice| slice.value["addressType"] == family.name()).collect();
        let values: Vec<&Value> = own.iter().map(|slice| &slice.value).collect();
        let (wanted, surplus) = arrange(&values, &groups);
        for slice in wanted {
            let present = slice.place.and_then(|place| own.get(place));
            put(world, key, object, service, *family, present.map(|present| &present.object), &slice);
        }
        for slice in surplus.iter().filter_map(|index| own.get(*index)) {
            remove(world, key, &slice.object);
        }
    }
    let served = |slice: &&Present| families.iter().any(|family| slice.value["addressType"] == family.name());
    for slice in present.iter().filter(|slice| !served(slice)) {
        remove(world, key, &slice.object);
    }
    stranded.sort();
    stranded.dedup();
    stranded
}

fn present(world: &World, key: &Key) -> Vec<Present> {
    let Ok(selector) = Selector::labels(&format!("{NAME}={},{MANAGED_BY}={MANAGER}", key.name)) else {
        return Vec::new();
    };
    let query = ListQuery { namespace: Some(key.namespace.to_string()), selector, ..ListQuery::default() };
    let slices = world.store.list(&ENDPOINT_SLICES, &query).map(|page| page.items).unwrap_or_default();
    let staying = slices.into_iter().filter(|slice| !slice.deleting());
    staying.map(|object| Present { value: object.value(), object }).collect()
}

/// The endpoints of a family by their ports, and the pods whose node does not exist: they are left out, unless it does
/// not matter whether they are ready.
fn group(service: &Value, candidates: &[Candidate], family: Family) -> (Groups, Vec<String>) {
    let early = service["spec"]["publishNotReadyAddresses"] == true;
    let (mut groups, mut stranded) = (Groups::new(), Vec::new());
    for candidate in candidates.iter().filter(|candidate| candidate.is_there()) {
        if candidate.node.is_none() && !early {
            stranded.push(candidate.name().to_owned());
            continue;
        }
        let Some(endpoint) = candidate.in_slice(service, family) else { continue };
        let ports = ports(service, &candidate.pod);
        let group = groups.entry(json!(ports).to_string()).or_insert_with(|| (ports, Vec::new()));
        group.1.push(endpoint);
    }
    (groups, stranded)
}

/// What identifies an endpoint within its slices.
fn identity(endpoint: &Value) -> String {
    format!("{} {} {}", endpoint["addresses"], endpoint["targetRef"]["uid"], endpoint["nodeName"])
}

/// Spreads endpoints over slices: each stays where it is, new ones fill up what is there, and what is empty goes. Where
/// nobody is left, one slice without ports and endpoints says so. Answers the slices and those that are not needed.
fn arrange(present: &[&Value], groups: &Groups) -> (Vec<Wanted>, Vec<usize>) {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut unused: Vec<usize> = Vec::new();
    for (index, slice) in present.iter().enumerate() {
        let own = groups.contains_key(&ports_of(slice));
        let some = slice["endpoints"].as_array().is_some_and(|endpoints| !endpoints.is_empty());
        if !(own && some) {
            unused.push(index);
        }
    }
    for (key, (ports, endpoints)) in groups {
        let mut left: BTreeMap<String, &Value> =
            endpoints.iter().map(|endpoint| (identity(endpoint), endpoint)).collect();
        let mut slices: Vec<(Option<usize>, Vec<Value>)> = Vec::new();
        for (index, slice) in present.iter().enumerate() {
            if unused.contains(&index) || &ports_of(slice) != key {
                continue;
            }
            let before = slice["endpoints"].as_array().into_iter().flatten();
            let staying: Vec<Value> =
                before.filter_map(|endpoint| left.remove(&identity(endpoint)).cloned()).collect();
            slices.push((Some(index), staying));
        }
        let mut coming = left.into_values().cloned();
        for (_, endpoints) in &mut slices {
            endpoints.extend(coming.by_ref().take(SLICE.saturating_sub(endpoints.len())));
        }
        loop {
            let more: Vec<Value> = coming.by_ref().take(SLICE).collect();
            if more.is_empty() {
                break;
            }
            slices.push((None, more));
        }
        for (place, endpoints) in slices {
            match (endpoints.is_empty(), place) {
                (true, Some(index)) => unused.push(index),
                _ => wanted.push(Wanted { place, ports: ports.clone(), endpoints }),
            }
        }
    }
    if wanted.is_empty() {
        wanted.push(Wanted { place: None, ports: Vec::new(), endpoints: Vec::new() });
    }
    // A slice that would go and one that would come are the same one, changed.
    unused.sort_unstable();
    let mut unused = unused.into_iter();
    for slice in wanted.iter_mut().filter(|slice| slice.place.is_none()) {
        slice.place = unused.next();
    }
    (wanted, unused.collect())
}

/// The ports of a slice, as groups are named by them.
fn ports_of(slice: &Value) -> String {
    let ports = &slice["ports"];
    if ports.is_array() { ports.to_string() } else { json!([]).to_string() }
}

fn labels(service: &Value, key: &Key) -> Map<String, Value> {
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.remove(HEADLESS);
    if !has_address(service) {
        labels.insert(HEADLESS.to_owned(), json!(""));
    }
    labels.insert(NAME.to_owned(), json!(key.name));
    labels.insert(MANAGED_BY.to_owned(), json!(MANAGER));
    labels
}

/// Whether a Service is reached through an address of its own.
pub(super) fn has_address(service: &Value) -> bool {
    !matches!(service["spec"]["clusterIP"].as_str(), None | Some("" | "None"))
}

fn put(
    world: &World,
    key: &Key,
    object: &Object,
    service: &Value,
    family: Family,
    present: Option<&Arc<Object>>,
    wanted: &Wanted,
) {
    let labels = labels(service, key);
    match present {
        Some(slice) => {
            // Gone meanwhile: the event of that brings us back.
            let _ = world.update(&ENDPOINT_SLICES, &Key::of(slice), "", |slice| {
                slice["endpoints"] = json!(wanted.endpoints);
                slice["ports"] = json!(wanted.ports);
                slice["metadata"]["labels"] = json!(labels);
            });
        }
        None => {
            let slice = json!({
                "metadata": {
                    "generateName": format!("{}-", key.name), "labels": labels,
                    "ownerReferences": [owner_reference("v1", "Service", object)],
                },
                "addressType": family.name(), "endpoints": wanted.endpoints, "ports": wanted.ports,
            });
            // Refused in a namespace that is going away.
            let _ = world.create(&ENDPOINT_SLICES, &key.namespace, slice);
        }
    }
}

fn remove(world: &World, key: &Key, slice: &Object) {
    let options = DeleteOptions::now().uid(slice.uid());
    let _ = world.store.delete(&ENDPOINT_SLICES, key.namespace(), slice.name(), &options);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(number: usize) -> Value {
        json!({"addresses": [format!("10.1.0.{number}")], "targetRef": {"uid": format!("u{number:03}")}})
    }

    fn slice(port: i64, numbers: impl Iterator<Item = usize>) -> Value {
        json!({"ports": [{"port": port}], "endpoints": numbers.map(endpoint).collect::<Vec<_>>()})
    }

    fn groups(all: &[(i64, &[usize])]) -> Groups {
        let group = |(port, numbers): &(i64, &[usize])| {
            let ports = vec![json!({"port": port})];
            (json!(ports).to_string(), (ports, numbers.iter().copied().map(endpoint).collect()))
        };
        all.iter().map(group).collect()
    }

    /// Place and number of endpoints of each slice, and the places of those that go.
    fn shape(present: &[Value], groups: &Groups) -> (Vec<(Option<usize>, usize)>, Vec<usize>) {
        let (wanted, surplus) = arrange(&present.iter().collect::<Vec<_>>(), groups);
        (wanted.iter().map(|slice| (slice.place, slice.endpoints.len())).collect(), surplus)
    }

    #[test]
    fn endpoints_stay_in_their_slices() {
        let many: Vec<usize> = (0..150).collect();
        let cases = [
            ("nobody", vec![], groups(&[]), (vec![(None, 0)], vec![])),
            ("many", vec![], groups(&[(80, &many)]), (vec![(None, 100), (None, 50)], vec![])),
            ("one goes", vec![slice(80, 0..3)], groups(&[(80, &[0, 2])]), (vec![(Some(0), 2)], vec![])),
            ("one comes", vec![slice(80, 0..2)], groups(&[(80, &[0, 1, 2])]), (vec![(Some(0), 3)], vec![])),
            ("all go", vec![slice(80, 0..2)], groups(&[]), (vec![(Some(0), 0)], vec![])),
            ("other ports", vec![slice(80, 0..2)], groups(&[(81, &[0, 1])]), (vec![(Some(0), 2)], vec![])),
            (
                "ports that differ",
                vec![],
                groups(&[(80, &[0]), (81, &[1])]),
                (vec![(None, 1), (None, 1)], vec![]),
            ),
            (
                "one slice less",
                vec![slice(80, 0..100), slice(80, 100..101)],
                groups(&[(80, &many[..99])]),
                (vec![(Some(0), 99)], vec![1]),
            ),
        ];
        for (why, present, groups, expected) in cases {
            assert_eq!(shape(&present, &groups), expected, "{why}");
        }
    }

    #[test]
    fn whose_node_is_gone_is_left_out() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "gone"}, "status": {"podIPs": [{"ip": "10.1.0.1"}]}});
        let candidates = [Candidate { pod, ..Candidate::default() }];
        let service = |early: bool| json!({"spec": {"publishNotReadyAddresses": early}});
        assert_eq!(group(&service(false), &candidates, Family::V4), (Groups::new(), vec!["p".to_owned()]));
        let (groups, stranded) = group(&service(true), &candidates, Family::V4);
        assert_eq!((groups.len(), stranded.len()), (1, 0));
    }
}
