//! A pod as it was inside: `syncer/src/resources/pods/spec.rs`, backwards.
//!
//! It has no node and no status: the companion gives it the node of its twin, as soon as the tenant has that, and then what the host tells.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::account::{self, Accounts};
use super::back::{self, remove, remove_empty};
use super::left::Left;
use super::resolve::Names;
use super::{Pair, container, surroundings};
use crate::cluster::Resource;
use crate::links::Advertised;
use crate::names::{VirtualName, pod_hostname};
use crate::references::{self, CONTAINERS, items_mut};
use crate::wire::annotation;

/// What pods are read against.
pub(super) struct Around<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) accounts: &'a Accounts,
    /// Services, by namespace.
    links: BTreeMap<String, Vec<Advertised>>,
    /// Addresses of the DNS of the virtual cluster.
    pub(super) dns: Vec<String>,
}

/// A pod, and what follows for others.
pub(super) struct Back {
    pub(super) body: Value,
    /// ConfigMaps and Secrets that it uses, by plural.
    pub(super) uses: BTreeSet<(String, VirtualName)>,
    pub(super) left: Vec<Left>,
}

/// What the host computes, or what means something else inside.
const OF_HOST: [&str; 13] = [
    "nodeName",
    "serviceAccount",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "priority",
    "priorityClassName",
    "preemptionPolicy",
    "overhead",
    "topologySpreadConstraints",
    "resourceClaims",
    "serviceAccountName",
    "subdomain",
    "hostAliases",
];

impl<'a> Around<'a> {
    pub(super) fn new(names: &'a Names<'a>, accounts: &'a Accounts, pairs: &[Pair<'_>]) -> Self {
        let (mut links, mut dns) = (BTreeMap::<String, Vec<Advertised>>::new(), Vec::new());
        for pair in pairs.iter().filter(|pair| *pair.resource == Resource::SERVICES) {
            let namespace = pair.of.namespace.as_deref().unwrap_or_default();
            let spec = &pair.host["spec"];
            links.entry(namespace.to_owned()).or_default().extend(Advertised::read(&pair.of.name, spec));
            if (namespace, pair.of.name.as_str()) == ("kube-system", "kube-dns") {
                dns.extend(references::texts(spec, "clusterIPs").map(str::to_owned));
                dns.extend(spec["clusterIP"].as_str().map(str::to_owned));
            }
        }
        Around { names, accounts, links, dns }
    }

    /// The Services that containers of a namespace are told of.
    pub(super) fn links(&self, namespace: &str) -> &[Advertised] {
        self.links.get(namespace).map_or(&[], Vec::as_slice)
    }
}

/// The pod inside of one on the host.
pub(super) fn back(around: &Around<'_>, pair: &Pair<'_>) -> Back {
    let host = pair.host;
    let controlled =
        host["metadata"]["annotations"][annotation::POD_OWNER_KIND].is_string() || has_controller(host);
    let metadata = back::metadata(around.names.translator, pair, |key, value| match key {
        annotation::SAFE_TO_EVICT => value == controlled.to_string(),
        annotation::DAEMONSET_POD => true,
        _ => false,
    });
    let mut back = Back { body: Value::Null, uses: BTreeSet::new(), left: Vec::new() };
    back.left.extend(owners(pair));
    let spec = spec(around, pair, &mut back);
    let qos = &host["status"]["qosClass"];
    let mut status = json!({"phase": "Pending"});
    if qos.is_string() {
        status["qosClass"] = qos.clone();
    }
    back.body =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status});
    back
}

fn has_controller(host: &Value) -> bool {
    written_owners(host).iter().any(|owner| owner["controller"] == true)
}

fn written_owners(host: &Value) -> Vec<Value> {
    let text = host["metadata"]["annotations"][annotation::POD_OWNER_REFERENCES].as_str();
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Owners are not on the host, and a control plane deletes what has an owner that is not there.
fn owners(pair: &Pair<'_>) -> Option<Left> {
    let owners = written_owners(pair.host);
    let named: Vec<String> = owners
        .iter()
        .filter_map(|owner| Some(format!("{} {}", owner["kind"].as_str()?, owner["name"].as_str()?)))
        .collect();
    (!named.is_empty()).then(|| {
        let why =
            format!("it belonged to {}, of which a host has nothing: nobody makes it anew", named.join(", "));
        Left::new(format!("pods {}", pair.of), why)
    })
}

fn spec(around: &Around<'_>, pair: &Pair<'_>, back: &mut Back) -> Value {
    let host = &pair.host["spec"];
    let namespace = pair.of.namespace.as_deref().unwrap_or_default();
    let mut spec = back::without(host, &OF_HOST);
    spec["serviceAccountName"] = json!(account::name(pair.host));
    let aliases = surroundings::aliases(host);
    if !aliases.is_empty() {
        spec["hostAliases"] = Value::Array(aliases);
    }
    surroundings::resolving(&mut spec, namespace, &around.dns);
    surroundings::hosts(&mut spec, namespace);
    if spec["hostname"] == pod_hostname(&pair.of.name) {
        remove(&mut spec, "hostname");
    }
    if let Some(affinity) = spec.get_mut("affinity") {
        remove(affinity, "podAffinity");
        remove(affinity, "podAntiAffinity");
        if affinity.as_object().is_none_or(serde_json::Map::is_empty) {
            remove(&mut spec, "affinity");
        }
    }
    container::tokens(around, &pair.of, &mut spec);
    for list in CONTAINERS {
        for container in items_mut(&mut spec, list) {
            container::environment(container, around.links(namespace));
        }
    }
    container::downward(around.names.translator, &mut spec);
    references(around, pair, &mut spec, back);
    for list in ["initContainers", "ephemeralContainers", "imagePullSecrets", "volumes"] {
        remove_empty(&mut spec, list);
    }
    spec
}

/// What it names by the names of the host.
fn references(around: &Around<'_>, pair: &Pair<'_>, spec: &mut Value, back: &mut Back) {
    let namespace = pair.of.namespace.as_deref().unwrap_or_default();
    references::each(spec, &mut |kind, name| {
        let host = name.as_str().unwrap_or_default().to_owned();
        match around.names.inside(kind.kind(), &host, namespace) {
            Some(inside) => {
                back.uses
                    .insert((kind.kind().to_owned(), VirtualName::namespaced(namespace, inside.clone())));
                *name = json!(inside);
            }
            None => back.left.push(Left::new(
                format!("pods {}", pair.of),
                format!(
                    "it names {} {host} by the name of the host, which is none of the tenant's",
                    kind.kind()
                ),
            )),
        }
    });
}
