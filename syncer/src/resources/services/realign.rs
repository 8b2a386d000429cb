//! Gives a Service of the tenant the address that the host has given it.
//!
//! A server allots an address for life, unless the Service becomes one without: so it becomes an external name for a
//! moment and returns with the host's address. It keeps its UID, its owners and whoever watches it, and what is begun is
//! written on it, so that a crash in between leaves nothing but the rest to do.

use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::wire::annotation;

use super::{is_external, is_headless, said};
use crate::engine::key::Side;
use crate::engine::mirror::At;
use crate::engine::plan::Write;
use crate::resources::patch;
use crate::translate::diff;

/// What it is called meanwhile; the top-level domain never resolves.
const MEANWHILE: &str = "address-is-being-exchanged.invalid";
/// What only a Service with an address may have.
const OF_ADDRESSES: [&str; 10] = [
    "clusterIP",
    "clusterIPs",
    "ipFamilies",
    "ipFamilyPolicy",
    "internalTrafficPolicy",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "allocateLoadBalancerNodePorts",
    "loadBalancerClass",
    "loadBalancerSourceRanges",
];

/// An exchange that has begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// The type that it returns to.
    pub(super) kind: String,
    /// How many addresses it had.
    pub(super) addresses: usize,
}

/// The exchange that a Service is in.
pub(super) fn begun(v: &Lean, spec: &Value) -> Option<Begun> {
    let mark = v.metadata.annotation(annotation::REALIGNING)?;
    if !is_external(spec) || spec["externalName"] != MEANWHILE {
        return None;
    }
    let (kind, addresses) = mark.split_once('/')?;
    Some(Begun { kind: kind.to_owned(), addresses: addresses.parse().ok()? })
}

/// What the tenant means by a Service that is in an exchange.
pub(super) fn meant(v: &Lean, spec: &Value) -> Value {
    let mut meant = spec.clone();
    if let Some(begun) = begun(v, spec) {
        meant["type"] = json!(begun.kind);
        drop(meant.as_object_mut().map(|meant| meant.remove("externalName")));
    }
    meant
}

/// Begins where the addresses differ.
pub(super) fn begin(at: &At<'_>, v: &Lean, mine: &Value, theirs: &Value) -> Option<Write> {
    if [mine, theirs].into_iter().any(|spec| is_external(spec) || is_headless(spec)) {
        return None;
    }
    let (have, given) = (addresses(mine), addresses(theirs));
    if !differ(&have, &given) || !can_be_taken(at, &have, &given) {
        return None;
    }
    let mut spec = json!({"type": "ExternalName", "externalName": MEANWHILE, "ports": said(mine)["ports"]});
    for name in OF_ADDRESSES {
        spec[name] = Value::Null;
    }
    let mark = format!("{}/{}", mine["type"].as_str().unwrap_or("ClusterIP"), have.len());
    let metadata = json!({"annotations": {annotation::REALIGNING: mark}});
    patch::merge(at, &Resource::SERVICES, Side::Virtual, v, json!({"spec": spec}), Some(metadata))
}

/// Why the addresses stay as different as they are: the tenant's API server would refuse the host's, and the Service
/// would be without any.
pub(super) fn stays(at: &At<'_>, mine: &Value, theirs: &Value) -> Option<SmolStr> {
    let (have, given) = (addresses(mine), addresses(theirs));
    let stays = !is_headless(mine) && differ(&have, &given) && !can_be_taken(at, &have, &given);
    let given = given.first().filter(|_| stays)?;
    Some(format_smolstr!(
        "the host's address {given} is not in the range of the virtual API server ({})",
        at.ctx.service_range
    ))
}

fn differ(have: &[String], given: &[String]) -> bool {
    !given.is_empty() && !have.is_empty() && !given.starts_with(have) && !have.starts_with(given)
}

/// Whether the tenant's API server accepts as many of the host's addresses as it has given itself.
fn can_be_taken(at: &At<'_>, have: &[String], given: &[String]) -> bool {
    let range = &at.ctx.service_range;
    let accepted = |address: &String| address.parse().is_ok_and(|address| range.holds(address));
    range.blocks.is_empty() || given.iter().take(have.len()).all(accepted)
}

/// Returns it with the host's addresses, and all that it lost on the way.
pub(super) fn finish(at: &At<'_>, v: &Lean, mine: &Value, theirs: &Value, begun: &Begun) -> Option<Write> {
    let mut given = addresses(theirs);
    if given.is_empty() {
        return None;
    }
    given.truncate(begun.addresses.max(1));
    let mut wanted = said(theirs);
    wanted["type"] = json!(begun.kind);
    wanted["ports"] = theirs["ports"].clone();
    let mut live = said(mine);
    live["ports"] = mine["ports"].clone();
    let mut spec = diff::to_become(&live, &wanted)?;
    spec["clusterIP"] = json!(given[0]);
    spec["clusterIPs"] = json!(given);
    let families = theirs["ipFamilies"].as_array().into_iter().flatten().take(given.len());
    spec["ipFamilies"] = families.cloned().collect();
    let metadata = json!({"annotations": {annotation::REALIGNING: null}});
    patch::merge(at, &Resource::SERVICES, Side::Virtual, v, json!({"spec": spec}), Some(metadata))
}

fn addresses(spec: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().filter(|ip| !ip.is_empty()).map(str::to_owned);
    let all: Vec<String> = spec["clusterIPs"].as_array().into_iter().flatten().filter_map(text).collect();
    if all.is_empty() { text(&spec["clusterIP"]).into_iter().collect() } else { all }
}
