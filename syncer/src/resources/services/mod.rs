//! Services: what they say travels both ways, the selector goes to the host, and what a server allots is the host's.

pub(super) mod api;
mod ports;
mod realign;
pub(crate) mod reserved;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::{annotation, label};

use super::life::{self, HostDeletion, Life, Ways};
use super::patch;
use crate::context::Context;
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::{Absence, Plan, Write};
use crate::translate::applied::Applied;
use crate::translate::meta::{self, Extra};
use crate::translate::{diff, owned, selector};

pub use api::ApiService;
pub(crate) use ports::number_of;

/// Services of the tenant.
pub struct Services {
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

/// What each side's server allots or what is translated, rather than said by somebody.
const APART: [&str; 5] = ["clusterIP", "clusterIPs", "ipFamilies", "healthCheckNodePort", "selector"];
/// What may be changed on the host as well. Other fields are known to one of the servers alone, perhaps.
const SHARED: [&str; 10] = [
    "type",
    "ports",
    "externalIPs",
    "externalName",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "publishNotReadyAddresses",
    "externalTrafficPolicy",
    "sessionAffinity",
    "sessionAffinityConfig",
];
/// Rancher's list of addresses, of the side that it was made on.
const KEPT_APART: [&str; 1] = ["field.cattle.io/publicEndpoints"];

/// The Service of the API server itself, which every cluster has.
pub(crate) fn is_api(object: &VirtualName) -> bool {
    object.name == "kubernetes" && object.namespace.as_deref() == Some("default")
}

impl Mirror for Services {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(Resource::SERVICES, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &Resource::SERVICES, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        if is_api(&at.key.object) {
            return Plan::nothing();
        }
        let wanted = at.v.is_none_or(|v| v.metadata.label(label::CONTROLLED_BY).is_none());
        let resource = &Resource::SERVICES;
        let ways = Ways { wanted, adopts: true, ..Ways::plain(resource, self.host_deletion) };
        if let Some(wait) = reserved::wait(at) {
            return wait;
        }
        match life::of(at, ways) {
            Life::Decided(plan) => plan,
            Life::Create(v) => create(at, v),
            Life::Agree(v, h) => agree(at, v, h),
        }
    }
}

fn create(at: &At<'_>, v: &Lean) -> Plan {
    let spec = field(Some(v), "spec");
    let mut said = said(&realign::meant(v, &spec));
    if !is_external(&said) && spec["clusterIP"] == "None" {
        said["clusterIP"] = json!("None");
    }
    said["selector"] = selected(at.ctx, at.key, &spec);
    drop_nulls(&mut said);
    let extra = extra(&spec, ports::node_ports(&spec));
    let metadata = meta::to_create(at.ctx, &Resource::SERVICES, at.key, v, &extra);
    let body = patch::object(&Resource::SERVICES, metadata, [("spec", said)]);
    let target = life::host_object(at, &Resource::SERVICES);
    Plan::write(Write::Create { side: Side::Host, target, body })
}

fn agree(at: &At<'_>, v: &Lean, h: &Lean) -> Plan {
    let (mine, theirs) = (field(Some(v), "spec"), field(Some(h), "spec"));
    if let Some(half_done) = realign::begun(v, &mine) {
        let write = realign::finish(at, v, &mine, &theirs, &half_done);
        return Plan { writes: write.into_iter().collect(), ..Plan::default() };
    }
    if is_headless(&mine) != is_headless(&theirs) && !is_external(&mine) && !is_external(&theirs) {
        // No server lets an address come or go.
        return life::withdraw(at, &Resource::SERVICES, h, Absence::Replaced);
    }
    // What was reserved for the tenant's object was never agreed about: all of it is the tenant's.
    let applied = match reserved::is_reserved(h) {
        true => Applied::default(),
        false => Applied::parse(h.metadata.annotation(annotation::APPLIED)),
    };
    let ports = ports::decide(&applied, &mine, &theirs);
    let (mut for_host, mut for_virtual) = (json!({}), json!({}));
    match applied.changed("spec", &said(&mine)) {
        true => merge_spec(&mut for_host, &theirs, &mine),
        false => {
            let only_shared = |spec: &Value| shared(&said(spec));
            merge_spec(&mut for_virtual, &only_shared(&mine), &only_shared(&theirs));
        }
    }
    ports.patch(&mine, &theirs, &mut for_host, &mut for_virtual);
    if let Some(change) = diff::to_become(&theirs["selector"], &selected(at.ctx, at.key, &mine)) {
        for_host["spec"]["selector"] = change;
    }
    let agreed =
        if for_virtual["spec"].is_null() { mine.clone() } else { merged(&mine, &for_virtual["spec"]) };
    let extra = extra(&agreed, ports.agreed);
    let agreement = meta::agree(at.ctx, &Resource::SERVICES, at.key, v, h, &extra);
    let settled = for_host.as_object().is_some_and(Map::is_empty);
    let resource = &Resource::SERVICES;
    let for_virtual = patch::merge(at, resource, Side::Virtual, v, for_virtual, agreement.virtual_side)
        .or_else(|| realign::begin(at, v, &mine, &theirs).filter(|_| settled))
        .or_else(|| patch::status(at, resource, v, status(v, h, &mine)));
    let for_host = patch::merge(at, resource, Side::Host, h, for_host, agreement.host);
    let waits_for = realign::stays(at, &mine, &theirs);
    Plan { writes: for_virtual.into_iter().chain(for_host).collect(), waits_for, ..Plan::default() }
}

/// Puts into `change` what makes the one spec say what the other says; ports are another matter.
fn merge_spec(change: &mut Value, live: &Value, wanted: &Value) {
    let without_ports = |spec: &Value| {
        let mut said = said(spec);
        drop(said.as_object_mut().map(|said| said.remove("ports")));
        said
    };
    let Some(spec) = diff::to_become(&without_ports(live), &without_ports(wanted)) else { return };
    change["spec"] = spec;
    if is_external(wanted) && !is_external(live) {
        for address in ["clusterIP", "clusterIPs", "ipFamilies"] {
            change["spec"][address] = Value::Null;
        }
    }
}

/// What somebody has said of a Service, in words that both servers understand.
fn said(spec: &Value) -> Value {
    let mut said = spec.clone();
    if let Some(said) = said.as_object_mut() {
        said.retain(|name, _| !APART.contains(&name.as_str()));
        let headless = spec["clusterIP"] == "None";
        if headless {
            // A headless Service without selector gets families that depend on the server alone.
            said.remove("ipFamilyPolicy");
        }
    }
    ports::without_node_ports(&mut said);
    said
}

fn shared(said: &Value) -> Value {
    let mut shared = said.clone();
    if let Some(shared) = shared.as_object_mut() {
        shared.retain(|name, _| SHARED.contains(&name.as_str()));
    }
    shared
}

fn selected(ctx: &Context, key: &Key, spec: &Value) -> Value {
    let namespace = key.object.namespace.as_deref().unwrap_or_default();
    selector::confined_map(ctx, &spec["selector"], namespace)
}

fn extra(spec: &Value, node_ports: Value) -> Extra {
    let applied = Applied::default().with("spec", &said(spec)).with("nodePorts", &node_ports);
    Extra { applied, kept_apart: &KEPT_APART, ..Extra::default() }
}

/// What a load balancer of the host says; other Services have nothing to say.
fn status(v: &Lean, h: &Lean, spec: &Value) -> Option<Value> {
    let wanted = match spec["type"] == "LoadBalancer" {
        true => field(Some(h), "status"),
        false => json!({}),
    };
    diff::to_become(&field(Some(v), "status"), &wanted)
}

pub(crate) fn is_external(spec: &Value) -> bool {
    spec["type"] == "ExternalName"
}

pub(crate) fn is_headless(spec: &Value) -> bool {
    spec["clusterIP"] == "None"
}

fn drop_nulls(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

/// What a value is after a merge patch of its own fields.
fn merged(value: &Value, change: &Value) -> Value {
    let (Value::Object(fields), Value::Object(changes)) = (value, change) else { return change.clone() };
    let mut merged = fields.clone();
    for (name, change) in changes {
        match change {
            Value::Null => drop(merged.remove(name)),
            Value::Object(_) => {
                let inner = self::merged(fields.get(name).unwrap_or(&json!({})), change);
                merged.insert(name.clone(), inner);
            }
            other => drop(merged.insert(name.clone(), other.clone())),
        }
    }
    Value::Object(merged)
}
