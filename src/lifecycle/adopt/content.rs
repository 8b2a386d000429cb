//! ConfigMaps, Secrets, Services and claims as they were inside.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Pair;
use super::back::{self, texts, without};
use super::resolve::Names;
use crate::cluster::Resource;
use crate::names::VirtualName;
use crate::references::items_mut;
use crate::wire::annotation;

/// Rancher's list of addresses, of the side that it was made on.
const ADDRESSES: &str = "field.cattle.io/publicEndpoints";

/// The object inside of one on the host. `used` are the ConfigMaps and Secrets that pods use.
pub(super) fn back(names: &Names<'_>, pair: &Pair<'_>, used: &BTreeSet<(String, VirtualName)>) -> Value {
    let mut metadata = back::metadata(names.translator, pair, |key, _| key == ADDRESSES);
    let host = pair.host;
    let fields: &[&str] = match pair.resource.plural.as_str() {
        "configmaps" => &["data", "binaryData", "immutable"],
        "secrets" => &["data", "type", "immutable"],
        _ => &[],
    };
    if !fields.is_empty() && !used.contains(&(pair.resource.plural.to_string(), pair.of.clone())) {
        // It was there because something needs it of which nothing is known any more: it stays on the host.
        metadata["annotations"][annotation::FORCE_SYNC] = json!("true");
    }
    let mut body = json!({"apiVersion": "v1", "kind": pair.resource.kind, "metadata": metadata});
    for field in fields.iter().filter(|field| !host[**field].is_null()) {
        body[*field] = host[*field].clone();
    }
    if *pair.resource == Resource::SERVICES {
        body["spec"] = service(names, &host["spec"]);
    }
    if *pair.resource == Resource::PERSISTENT_VOLUME_CLAIMS {
        body["spec"] = claim(names, pair);
        body["status"] = json!({"phase": "Pending"});
    }
    body
}

/// The address is the host's on both sides; the selector is that of the tenant.
fn service(names: &Names<'_>, host: &Value) -> Value {
    let mut spec = without(host, &[]);
    let selector: Map<String, Value> = texts(&host["selector"])
        .filter_map(|(key, value)| Some((back::label(names.translator, key)?, json!(value))))
        .collect();
    match selector.is_empty() {
        true => back::remove(&mut spec, "selector"),
        false => spec["selector"] = Value::Object(selector),
    }
    for port in items_mut(&mut spec, "ports") {
        if port["nodePort"] == 0 {
            back::remove(port, "nodePort");
        }
    }
    spec
}

/// Whether somebody leads it by hand, so that its endpoints are nobody else's to make.
pub(super) fn is_led_by_hand(resource: &Resource, inside: &Value) -> bool {
    *resource == Resource::SERVICES
        && inside["spec"]["selector"].is_null()
        && inside["spec"]["type"] != "ExternalName"
}

/// A claim before it was bound: the companion shows the volume, and then what the claim is bound to.
fn claim(names: &Names<'_>, pair: &Pair<'_>) -> Value {
    let mut spec = without(&pair.host["spec"], &["volumeName"]);
    let namespace = pair.of.namespace.as_deref().unwrap_or_default();
    for source in ["dataSource", "dataSourceRef"] {
        if spec[source]["kind"] == "PersistentVolumeClaim"
            && let Some(host) = spec[source]["name"].as_str()
            && let Some(name) = names.inside("persistentvolumeclaims", host, namespace)
        {
            spec[source]["name"] = json!(name);
        }
    }
    spec
}
