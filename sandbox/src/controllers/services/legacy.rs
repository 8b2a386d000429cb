//! Endpoints: the older object that says who is behind a Service, all in one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::family::Family;
use super::super::{ENDPOINTS, Key, World};
use super::endpoint::{Candidate, ports};
use super::slices::has_address;
use crate::store::DeleteOptions;

const HEADLESS: &str = "service.kubernetes.io/headless";

/// Writes the Endpoints of a Service.
pub(super) fn write(world: &World, key: &Key, service: &Value, candidates: &[Candidate]) {
    let subsets = subsets(service, candidates);
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.remove(HEADLESS);
    if !has_address(service) {
        labels.insert(HEADLESS.to_owned(), json!(""));
    }
    labels.insert("endpoints.kubernetes.io/managed-by".to_owned(), json!("endpoint-controller"));
    let updated = world.update(&ENDPOINTS, key, "", |endpoints| {
        endpoints["subsets"] = json!(subsets);
        endpoints["metadata"]["labels"] = json!(labels);
    });
    if updated.is_err_and(|refusal| refusal.is_not_found()) {
        let object = json!({"metadata": {"name": key.name, "labels": labels}, "subsets": subsets});
        // Refused in a namespace that is going away.
        let _ = world.create(&ENDPOINTS, &key.namespace, object);
    }
}

/// A Service that went takes its Endpoints with it; its slices go with their owner.
pub(super) fn remove(world: &World, key: &Key) {
    if let Some(endpoints) = world.find(&ENDPOINTS, key) {
        let options = DeleteOptions::now().uid(endpoints.uid());
        let _ = world.store.delete(&ENDPOINTS, key.namespace(), &key.name, &options);
    }
}

/// Endpoints by their addresses.
type Addresses = BTreeMap<String, Value>;

/// The pods by the ports they have, in the order of the ports and of their addresses.
fn subsets(service: &Value, candidates: &[Candidate]) -> Vec<Value> {
    let early = service["spec"]["publishNotReadyAddresses"] == true;
    let family = match service["spec"]["clusterIP"].as_str().and_then(Family::of_text) {
        Some(family) => Some(family),
        None => match service["spec"]["ipFamilies"][0].as_str() {
            Some("IPv6") => Some(Family::V6),
            _ => Some(Family::V4),
        },
    };
    // Ports, then ready ones and others by their addresses.
    let mut groups: BTreeMap<String, (Vec<Value>, [Addresses; 2])> = BTreeMap::new();
    for candidate in candidates.iter().filter(|candidate| candidate.is_there()) {
        if candidate.deleting && !early {
            continue;
        }
        let address =
            family.and_then(|family| candidate.addresses_of(family).first().map(ToString::to_string));
        let Some(address) = address else { continue };
        let ports = ports(service, &candidate.pod);
        let bare = service["spec"]["ports"].as_array().is_none_or(Vec::is_empty);
        if ports.is_empty() && !bare {
            continue;
        }
        let mut shown =
            json!({"ip": address, "nodeName": candidate.node_name(), "targetRef": candidate.reference()});
        if let Some(name) = candidate.hostname(service) {
            shown["hostname"] = json!(name);
        }
        let group = groups.entry(json!(ports).to_string()).or_insert_with(|| (ports, Default::default()));
        let [ready, waiting] = &mut group.1;
        let place = if early || candidate.ready() { ready } else { waiting };
        place.insert(format!("{address} {}", candidate.name()), shown);
    }
    groups.into_values().map(|(ports, lists)| subset(ports, lists)).collect()
}

fn subset(ports: Vec<Value>, [ready, waiting]: [BTreeMap<String, Value>; 2]) -> Value {
    let mut subset = json!({});
    let lists = [
        ("addresses", ready.into_values().collect::<Vec<_>>()),
        ("notReadyAddresses", waiting.into_values().collect()),
        ("ports", ports),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            subset[name] = json!(list);
        }
    }
    subset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_ones_and_others_stand_apart_and_those_that_go_are_left_out() {
        let pod = |name: &str, address: &str, ready: bool, deleting: bool| Candidate {
            pod: json!({"metadata": {"name": name}, "spec": {}, "status": {"podIPs": [{"ip": address}],
                "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}}),
            deleting,
            node: None,
        };
        let candidates = [
            pod("c", "10.1.0.3", true, false),
            pod("a", "10.1.0.1", true, false),
            pod("b", "10.1.0.2", false, false),
            pod("d", "10.1.0.4", true, true),
        ];
        let service = |early: bool| json!({"spec": {"clusterIP": "10.96.0.9", "publishNotReadyAddresses": early, "ports": [{"port": 80}]}});
        let names = |early: bool, list: &str| -> Vec<String> {
            let found = subsets(&service(early), &candidates);
            let list = found[0][list].as_array().cloned().unwrap_or_default();
            list.iter()
                .map(|address| address["targetRef"]["name"].as_str().expect("a name").to_owned())
                .collect()
        };
        assert_eq!(
            (names(false, "addresses"), names(false, "notReadyAddresses")),
            (vec!["a".into(), "c".into()], vec!["b".into()])
        );
        assert_eq!(names(true, "addresses"), ["a", "b", "c", "d"]);
        let none: [Candidate; 0] = [];
        assert_eq!(subsets(&service(false), &none), Vec::<Value>::new());
    }
}
