//! What a pod waits for before the host gets it, and why the host never does.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use smol_str::SmolStr;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;

use super::env::Advertised;
use super::refs::items;
use super::spec::{self, is_system_class};
use super::{claims, dns, node_of, security};
use crate::context::{Classes, Nodes};
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, field};
use crate::engine::plan::{Note, Plan};
use crate::translate::selector;

/// How soon lists that are not whole yet are asked for again.
const LISTING: Duration = Duration::from_millis(250);
/// How soon a node that the tenant names is looked for again.
const NODE: Duration = Duration::from_secs(15);

/// The Service of the virtual cluster's DNS.
pub(super) fn dns_service() -> VirtualName {
    VirtualName::namespaced("kube-system", "kube-dns")
}

/// What of the surroundings a pod is made of.
pub(super) struct Found {
    pub(super) dns: Vec<SmolStr>,
    pub(super) services: Vec<Advertised>,
}

/// Lets a pod through, or says what is decided instead.
pub(super) fn pass(at: &At<'_>, v: &Lean, spec: &Value) -> Result<Found, Plan> {
    let ctx = at.ctx;
    if items(spec, "resourceClaims").next().is_some() {
        return Err(Plan::refuse(Note::warning("resource claims are not synced: the pod cannot run here")));
    }
    class(at, spec, "priorityClassName", "priorityclasses.scheduling.k8s.io", ctx.pods.priority_classes)?;
    class(at, spec, "runtimeClassName", "runtimeclasses.node.k8s.io", ctx.pods.runtime_classes)?;
    let violations = security::violations(ctx.pods.security, v, spec);
    if !violations.is_empty() {
        let level = security::name(ctx.pods.security);
        let message = format!("violates PodSecurity \"{level}:latest\": {}", violations.join(", "));
        return Err(Plan::refuse(Note { warning: true, reason: "Forbidden", message }));
    }
    node(at, spec)?;
    if ctx.api_addresses.is_empty() {
        return Err(Plan::wait("the virtual cluster's own Service has no address yet").again_after(LISTING));
    }
    let namespaces = whole(at, "namespaces", &[Side::Virtual])?;
    let home = at.key.object.namespace.clone().unwrap_or_default();
    if let Some(kind) = namespaces {
        let key = Key::new(kind, VirtualName::cluster_scoped(home));
        if at.view.get(Side::Virtual, &key).is_none() {
            return Err(Plan::wait("its namespace is not known yet"));
        }
    }
    account(at, spec)?;
    let mut found = advertised(at, spec)?;
    if dns::asks_cluster(spec) && at.kinds.id("services").is_some() {
        found.dns = match addresses_of_dns(at) {
            // Nobody promised one.
            Err(_) if ctx.pods.without_dns => Vec::new(),
            other => other?,
        };
    }
    Ok(found)
}

/// What containers are told of: the API server and, unless the pod does not want them, the Services of its namespace.
pub(super) fn advertised(at: &At<'_>, spec: &Value) -> Result<Found, Plan> {
    let ctx = at.ctx;
    let services = whole(at, "services", &[Side::Virtual, Side::Host])?;
    let home = at.key.object.namespace.clone().unwrap_or_default();
    let links = spec["enableServiceLinks"] != false;
    let mut advertised: Vec<Advertised> =
        ctx.api_addresses.first().map(|address| Advertised::api_server(address)).into_iter().collect();
    if let Some(kind) = services.filter(|_| links) {
        advertised.extend(at.view.in_namespace(kind, home).filter_map(|(name, pair)| {
            let mut spec = field(pair.v.as_deref(), "spec");
            if let Some(address) = field(pair.h.as_deref(), "spec").get("clusterIP") {
                spec["clusterIP"] = address.clone();
            }
            Advertised::read(&name.name, &spec)
        }));
    }
    Ok(Found { dns: Vec::new(), services: advertised })
}

/// Virtual namespaces whose labels match a selector.
pub(super) fn matching(at: &At<'_>, of: &Value) -> Vec<SmolStr> {
    let Some(kind) = at.kinds.id("namespaces") else { return Vec::new() };
    let pairs = at.view.all(kind).filter_map(|(name, pair)| Some((name, pair.v.as_ref()?)));
    pairs
        .filter(|(_, namespace)| selector::matches(of, &namespace.metadata.labels))
        .map(|(name, _)| name.name.clone())
        .collect()
}

/// Names of the variables that a container takes from ConfigMaps and Secrets.
pub(super) fn taken(at: &At<'_>, container: &Value) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    for source in items(container, "envFrom") {
        let prefix = source["prefix"].as_str().unwrap_or_default();
        for (kind, of) in [("configmaps", "configMapRef"), ("secrets", "secretRef")] {
            let Some(name) = source[of]["name"].as_str() else { continue };
            let object = VirtualName { namespace: at.key.object.namespace.clone(), name: name.into() };
            let held = at.other(kind, object).and_then(|key| at.view.get(Side::Virtual, &key));
            let data = field(held, "data");
            taken.extend(data.as_object().into_iter().flatten().map(|(key, _)| format!("{prefix}{key}")));
        }
    }
    taken
}

fn class(at: &At<'_>, spec: &Value, name: &str, kind: &str, mirrored: Classes) -> Result<(), Plan> {
    let Some(class) = spec[name].as_str().filter(|class| !class.is_empty()) else { return Ok(()) };
    if mirrored == Classes::Apart || is_system_class(class) {
        return Ok(());
    }
    let Some(key) = at.other(kind, VirtualName::cluster_scoped(class)) else { return Ok(()) };
    if at.view.get(Side::Host, &key).is_some() {
        return Ok(());
    }
    let message = match mirrored {
        Classes::FromHost => format!("{name} {class:?} is not available here"),
        _ => format!("{name} {class:?} is not synced yet"),
    };
    Err(Plan::refuse(Note::warning(message)))
}

/// Where only some nodes are shown, a pod that names its node may name only one of them.
fn node(at: &At<'_>, spec: &Value) -> Result<(), Plan> {
    let (Nodes::Labelled(_), Some(node)) = (&at.ctx.nodes.shown, node_of(spec)) else { return Ok(()) };
    let Some(key) = at.other("nodes", VirtualName::cluster_scoped(node)) else { return Ok(()) };
    if at.view.get(Side::Virtual, &key).is_some() {
        return Ok(());
    }
    Err(Plan::refuse(Note::warning(format!("there is no node {node:?}"))).again_after(NODE))
}

fn account(at: &At<'_>, spec: &Value) -> Result<(), Plan> {
    if !at.ctx.pods.own_accounts {
        return Ok(());
    }
    let name = claims::account(spec).into();
    let object = VirtualName { namespace: at.key.object.namespace.clone(), name };
    match at.other("serviceaccounts", object) {
        Some(key) if at.view.get(Side::Host, &key).is_none() => {
            Err(Plan::wait("its service account is not synced yet"))
        }
        _ => Ok(()),
    }
}

fn addresses_of_dns(at: &At<'_>) -> Result<Vec<SmolStr>, Plan> {
    let service = at.other("services", dns_service());
    let spec = field(service.and_then(|key| at.view.get(Side::Host, &key)), "spec");
    let all = items(&spec, "clusterIPs").filter_map(Value::as_str);
    let mut addresses: Vec<SmolStr> = all.filter(|address| *address != "None").map(SmolStr::from).collect();
    if addresses.is_empty() {
        let one = spec["clusterIP"].as_str().filter(|address| !address.is_empty() && *address != "None");
        addresses.extend(one.map(SmolStr::from));
    }
    if addresses.is_empty() {
        return Err(Plan::wait("the Service kube-system/kube-dns has no address yet"));
    }
    Ok(addresses)
}

/// The place of a kind whose lists are whole; none when it is not mirrored.
fn whole(at: &At<'_>, kind: &str, sides: &[Side]) -> Result<Option<crate::engine::key::KindId>, Plan> {
    let Some(id) = at.kinds.id(kind) else { return Ok(None) };
    if sides.iter().all(|side| at.view.is_whole(id, *side)) {
        return Ok(Some(id));
    }
    Err(Plan::wait(format!("{kind} have not been listed yet")).again_after(LISTING))
}

/// Makes the host's spec of what was found.
pub(super) fn translate(at: &At<'_>, v: &Lean, found: Found, spec: Value) -> (Value, bool) {
    around(at, v, found, |around| spec::to_host(around, spec))
}

/// What specs are read against.
pub(super) fn around<T>(at: &At<'_>, v: &Lean, found: Found, with: impl FnOnce(&spec::Around<'_>) -> T) -> T {
    let matching = |of: &Value| matching(at, of);
    let taken = |container: &Value| taken(at, container);
    with(&spec::Around {
        ctx: at.ctx,
        pod: &at.key.object,
        labels: &v.metadata.labels,
        dns: found.dns,
        services: found.services,
        matching: &matching,
        taken: &taken,
        keep_hosts: super::keeps_hosts(v),
    })
}
