//! Ports of nodes: the host allots them, and a tenant may ask for others later.

use serde_json::{Value, json};

use super::said;
use crate::translate::applied::Applied;
use crate::translate::diff;

/// What both sides' ports are to be.
#[derive(Debug, PartialEq)]
pub(super) struct Ports {
    /// The list for the host.
    host: Value,
    /// The list for the tenant.
    virtual_side: Value,
    /// The tenant's ports of nodes when all is written.
    pub(super) agreed: Value,
}

impl Ports {
    /// Puts into the changes what the lists lack.
    pub(super) fn patch(&self, mine: &Value, theirs: &Value, for_host: &mut Value, for_virtual: &mut Value) {
        for (live, wanted, change) in
            [(theirs, &self.host, for_host), (mine, &self.virtual_side, for_virtual)]
        {
            if let Some(ports) = diff::to_become(&live["ports"], wanted) {
                change["spec"]["ports"] = ports;
            }
        }
    }
}

/// Three-way: ports that the tenant has changed since go to the host, others come from there.
pub(super) fn decide(applied: &Applied, mine: &Value, theirs: &Value) -> Ports {
    let tenant_said = applied.changed("spec", &said(mine));
    let list = if tenant_said { said(mine) } else { said(theirs) }["ports"].clone();
    let tenant_numbered = applied.changed("nodePorts", &node_ports(mine));
    let (mut host, mut virtual_side) = (list.clone(), list);
    let on_nodes = |spec: &Value| matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer"));
    // A type that both sides will have: ports of nodes that are about to go are dropped by the servers themselves.
    let numbered = on_nodes(if tenant_said { mine } else { theirs });
    if numbered {
        for port in host.as_array_mut().into_iter().flatten() {
            let there = number_of(theirs, port);
            // Where the host has allotted none yet it does so itself: numbers of the tenant's server mean nothing there.
            let number = match (number_of(mine, port), there) {
                (Some(asked), Some(_)) if tenant_numbered => Some(asked),
                (_, there) => there,
            };
            set(port, number);
        }
        for port in virtual_side.as_array_mut().into_iter().flatten() {
            let number = number_of(&json!({"ports": host}), port).or_else(|| number_of(mine, port));
            set(port, number);
        }
    }
    let agreed = node_ports(&json!({"ports": virtual_side}));
    Ports { host, virtual_side, agreed }
}

/// The ports of nodes by what they lead to.
pub(super) fn node_ports(spec: &Value) -> Value {
    let ports = spec["ports"].as_array().into_iter().flatten();
    let numbered = ports.filter(|port| port["nodePort"].as_u64().is_some_and(|number| number > 0));
    numbered.map(|port| (id(port), port["nodePort"].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// Takes the numbers out of a spec's ports.
pub(super) fn without_node_ports(spec: &mut Value) {
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        set(port, None);
    }
}

/// The port of nodes that a spec has for the same port as this one.
pub(crate) fn number_of(spec: &Value, port: &Value) -> Option<u64> {
    let ports = spec["ports"].as_array().into_iter().flatten();
    let same = ports.into_iter().find(|there| id(there) == id(port))?;
    same["nodePort"].as_u64().filter(|number| *number > 0)
}

/// What tells ports of a Service apart.
fn id(port: &Value) -> String {
    format!("{}/{}", port["protocol"].as_str().unwrap_or("TCP"), port["port"])
}

fn set(port: &mut Value, number: Option<u64>) {
    let Some(port) = port.as_object_mut() else { return };
    match number {
        Some(number) => drop(port.insert("nodePort".into(), json!(number))),
        None => drop(port.remove("nodePort")),
    }
}
