//! Nodes: made up for those that pods are on, or the host's own.

mod made_up;
mod services;
mod shown;

pub use services::{NODE_SERVICES, NodeServices, addresses};

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;

use super::life::virtual_object;
use super::pods::is_of_daemon_set;
use crate::context::{Context, Nodes as Shown};
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, Kinds, Mirror, Origin, Source, field};
use crate::engine::plan::{Absence, Part, Plan, Write};
use crate::translate::selector;

/// Nodes as the tenant sees them. Nothing is written to the host.
pub struct Nodes;

impl Mirror for Nodes {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        let all = Source::all(Resource::NODES);
        match (side, &ctx.nodes.shown) {
            (Side::Virtual, _) => Some(all),
            (Side::Host, Shown::Synthetic { measured: false }) => None,
            (Side::Host, _) => Some(all),
        }
    }

    fn keep(&self, _: Side, object: Lean) -> Lean {
        object.without(&["apiVersion", "kind"])
    }

    fn origin(&self, _: &Context, host: &Lean) -> Origin {
        Origin::Ours(VirtualName::cluster_scoped(host.metadata.name.clone()))
    }

    fn uses(&self, _: &Context, node: &VirtualName, side: Side, _: &Lean, kinds: &dyn Kinds) -> Vec<Key> {
        let service = kinds.id(NODE_SERVICES).filter(|_| side == Side::Virtual);
        service.map(|services| Key::new(services, node.clone())).into_iter().collect()
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let is_wanted = match (&at.ctx.nodes.shown, at.h) {
            (Shown::Synthetic { .. }, _) => has_pods(at),
            (_, None) => Some(false),
            (Shown::Assigned, Some(_)) => has_pods(at),
            (Shown::Labelled(labels), Some(host)) => {
                Some(selector::matches(&json!({"matchLabels": labels}), &host.metadata.labels))
            }
            (Shown::All, Some(_)) => Some(true),
        };
        let Some(is_wanted) = is_wanted else {
            return Plan::wait("pods have not been listed yet");
        };
        match (at.v, is_wanted) {
            (None, true) => Plan::write(create(at)),
            (None, false) => Plan::nothing(),
            (Some(v), _) if v.metadata.deletion_timestamp.is_some() => Plan::nothing(),
            (Some(v), false) => Plan::write(delete(at, v)),
            (Some(v), true) => agree(at, v),
        }
    }
}

/// Whether a pod that is there for its own sake is on a node; not known while pods are not listed whole.
fn has_pods(at: &At<'_>) -> Option<bool> {
    let pods = at.kinds.id("pods")?;
    let mut users = at.view.users(at.key).filter(|user| user.kind == pods);
    let counts = users.any(|pod| at.view.get(Side::Virtual, pod).is_some_and(|v| !is_of_daemon_set(v)));
    let whole = [Side::Virtual, Side::Host].into_iter().all(|side| at.view.is_whole(pods, side));
    (counts || whole).then_some(counts)
}

/// The node as it should be.
fn desired(at: &At<'_>) -> Value {
    let mut node = match (&at.ctx.nodes.shown, at.h) {
        (Shown::Synthetic { .. }, host) => made_up::node(at.ctx, &at.key.object.name, host),
        (_, Some(host)) => shown::node(at.ctx, host),
        (_, None) => return Value::Null,
    };
    // A made-up or a shown one, it is we who answer in its place.
    let service = at.other(NODE_SERVICES, at.key.object.clone());
    let service = service.and_then(|service| at.view.get(Side::Host, &service));
    let (addresses, endpoints) = at.ctx.reach.status(&at.key.object.name, &addresses(service));
    node["status"]["addresses"] = addresses;
    node["status"]["daemonEndpoints"] = endpoints;
    node
}

fn create(at: &At<'_>) -> Write {
    let mut body = desired(at);
    body["apiVersion"] = json!("v1");
    body["kind"] = json!("Node");
    body["metadata"]["name"] = json!(at.key.object.name);
    Write::Create { side: Side::Virtual, target: virtual_object(at, &Resource::NODES), body }
}

fn delete(at: &At<'_>, v: &Lean) -> Write {
    let is_hosts = at.h.is_none() && !matches!(at.ctx.nodes.shown, Shown::Synthetic { .. });
    let because = if is_hosts { at.absence } else { Absence::Unwanted };
    Write::delete(Side::Virtual, virtual_object(at, &Resource::NODES), v, because)
}

/// First what it is, then how it does.
fn agree(at: &At<'_>, v: &Lean) -> Plan {
    let desired = desired(at);
    let patch = |part: Part, change: Value| {
        let target = virtual_object(at, &Resource::NODES);
        Plan::write(Write::merge(Side::Virtual, target, v, part, change))
    };
    let live = |name: &str| field(Some(v), name);
    if let Some(change) = shown::main_change(v, &live("spec"), &desired) {
        return patch(Part::Main, change);
    }
    match shown::status_change(&live("status"), &desired["status"]) {
        Some(change) => patch(Part::Status, json!({"status": change})),
        None => Plan::nothing(),
    }
}

#[cfg(test)]
mod tests;
