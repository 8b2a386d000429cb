//! Ports of nodes that lead to Services, and the one at which load balancers ask a node whether it has pods of one.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{Addresses, full, holds, text};
use crate::controllers::Key;
use crate::status::{FieldError, Status};
use crate::store::{Store, needs_health_check};

pub(super) const FIRST_PORT: i64 = 30_000;
pub(super) const LAST_PORT: i64 = 32_767;
const HEALTH: &str = "healthCheckNodePort";

impl Addresses {
    fn has_port(&self, store: &Store, port: i64, asking: &Key) -> bool {
        self.ports.get(&port).is_some_and(|key| {
            key != asking && holds(store, key, |service| held(service).any(|held| held == port))
        })
    }

    fn free_port(&self, store: &Store, asking: &Key, mine: &HashSet<i64>) -> Option<i64> {
        let chance = store.chance();
        let span = LAST_PORT - FIRST_PORT + 1;
        let start = i64::try_from(chance.below(span as usize)).unwrap_or(0);
        let mut candidates = (0..span).map(|step| FIRST_PORT + (start + step) % span);
        candidates.find(|port| !mine.contains(port) && !self.has_port(store, *port, asking))
    }
}

/// The port of a node for one port of a Service; none where there is none.
fn node_port(port: &Value) -> Option<i64> {
    port["nodePort"].as_i64().filter(|number| *number > 0)
}

/// The ports of nodes that lead to a Service.
pub(super) fn ports(service: &Value) -> impl Iterator<Item = i64> {
    service["spec"]["ports"].as_array().into_iter().flatten().filter_map(node_port)
}

/// All ports of nodes that nobody else may have.
pub(super) fn held(service: &Value) -> impl Iterator<Item = i64> {
    ports(service).chain(service["spec"][HEALTH].as_i64().filter(|port| *port > 0))
}

/// Whether its type is one with ports of nodes.
fn may_have(service: &Value) -> bool {
    matches!(text(&service["spec"], "type"), "NodePort" | "LoadBalancer")
}

/// Whether each of its ports gets one of nodes.
fn needs(service: &Value) -> bool {
    let spec = &service["spec"];
    text(spec, "type") == "NodePort" || may_have(service) && spec["allocateLoadBalancerNodePorts"] != false
}

/// A Service that turns into a type without ports of nodes gives them back, unless the update names new ones.
pub(super) fn drop(old: &Value, service: &mut Value) {
    let before: HashSet<i64> = ports(old).collect();
    if may_have(old) && !may_have(service) && ports(service).all(|port| before.contains(&port)) {
        for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
            port.as_object_mut().map(|port| port.remove("nodePort"));
        }
    }
    let checked = |service: &Value| needs_health_check(&service["spec"]);
    let same = old["spec"][HEALTH] == service["spec"][HEALTH];
    if checked(old) && !checked(service) && same {
        service["spec"].as_object_mut().map(|spec| spec.remove(HEALTH));
    }
}

/// An update that does not mention what was allotted keeps it.
pub(super) fn keep(old: &Value, service: &mut Value) {
    let both = |what: fn(&Value) -> bool, service: &Value| what(&old["spec"]) && what(&service["spec"]);
    if both(needs_health_check, service) && service["spec"][HEALTH].as_i64().unwrap_or(0) == 0 {
        service["spec"][HEALTH] = old["spec"][HEALTH].clone();
    }
    if !needs(old) || !needs(service) {
        return;
    }
    let used: HashSet<i64> = ports(old).filter(|port| ports(service).any(|now| now == *port)).collect();
    let old_ports = old["spec"]["ports"].as_array().cloned().unwrap_or_default();
    for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
        let same = |old: &&Value| text(old, "name") == text(port, "name");
        if node_port(port).is_none()
            && let Some(old) = old_ports.iter().rfind(same).and_then(node_port)
            && !used.contains(&old)
        {
            port["nodePort"] = json!(old);
        }
    }
}

/// Ports of nodes that a Service wants and that cannot be had.
pub(super) fn check(
    taken: &Addresses,
    store: &Store,
    asking: &Key,
    old: Option<&Value>,
    service: &Value,
) -> Vec<FieldError> {
    let mut problems = Vec::new();
    if !may_have(service) {
        return problems;
    }
    let had: Vec<i64> = old.map(|old| ports(old).collect()).unwrap_or_default();
    for (index, port) in service["spec"]["ports"].as_array().into_iter().flatten().enumerate() {
        let Some(number) = node_port(port) else { continue };
        if let Some(why) = unavailable(taken, store, asking, number).filter(|_| !had.contains(&number)) {
            problems.push(FieldError::invalid(format!("spec.ports[{index}].nodePort"), number, &why));
        }
    }
    problems
}

/// Why a port cannot be had; none when it can.
fn unavailable(taken: &Addresses, store: &Store, asking: &Key, port: i64) -> Option<String> {
    if !(FIRST_PORT..=LAST_PORT).contains(&port) {
        return Some(format!(
            "provided port is not in the valid range. The range of valid ports is {FIRST_PORT}-{LAST_PORT}"
        ));
    }
    taken.has_port(store, port, asking).then(|| "provided port is already allocated".to_owned())
}

/// Gives a Service the ports of nodes that it needs and has not.
pub(super) fn allot(
    taken: &Addresses,
    store: &Store,
    asking: &Key,
    old: Option<&Value>,
    service: &mut Value,
) -> Result<(), Status> {
    let mut mine: HashSet<i64> = held(service).collect();
    if needs(service) {
        // In a new Service the same port over several protocols is one port of nodes, too.
        let mut shared: HashMap<i64, i64> = HashMap::new();
        let number = |port: &Value| port["port"].as_i64().unwrap_or(0);
        let listed = service["spec"]["ports"].as_array_mut().into_iter().flatten();
        let mut listed: Vec<&mut Value> = listed.collect();
        if old.is_none() {
            let named = listed.iter().rev().filter_map(|port| Some((number(port), node_port(port)?)));
            shared.extend(named);
        }
        for port in listed.iter_mut().filter(|port| node_port(port).is_none()) {
            let found = match shared.get(&number(port)) {
                Some(found) => *found,
                None => taken.free_port(store, asking, &mine).ok_or_else(|| full("nodePort"))?,
            };
            mine.insert(found);
            if old.is_none() {
                shared.insert(number(port), found);
            }
            port["nodePort"] = json!(found);
        }
    }
    if !needs_health_check(&service["spec"]) || old.is_some_and(|old| needs_health_check(&old["spec"])) {
        return Ok(());
    }
    let wanted = service["spec"][HEALTH].as_i64().unwrap_or(0);
    if wanted == 0 {
        let free = taken.free_port(store, asking, &mine).ok_or_else(|| full("nodePort"))?;
        service["spec"][HEALTH] = json!(free);
    } else if let Some(why) = unavailable(taken, store, asking, wanted) {
        let why = format!("failed to allocate requested HealthCheck NodePort {wanted}: {why}");
        return Err(Status::internal(why));
    }
    Ok(())
}
