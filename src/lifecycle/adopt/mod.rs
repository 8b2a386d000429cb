//! What a virtual cluster was, made again of what its host carries: for one whose store is lost, and of which there is no backup.
//!
//! The host has the tenant's pods, the ConfigMaps, Secrets and claims that they use, and its Services, each with the name, the namespace
//! and the UID that it had inside. Of these the objects inside are made as they were, *with their UIDs*: what the companion finds on the
//! host then belongs to what it finds inside, and nothing there is made anew or taken away. What only lived inside is gone, and named.
//!
//! Pure: host objects in, virtual objects out. The way there is that of `syncer/src/resources/`, whose tests hold both together.

mod account;
mod back;
mod container;
mod content;
mod left;
mod pod;
mod resolve;
mod surroundings;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

pub use left::Left;

use crate::cluster::{ObjectRef, Resource};
use crate::names::{Translator, VirtualName};
use crate::wire::annotation;

/// The kinds of which a host carries enough to make them again, in the order in which they are told.
pub const KINDS: [Resource; 5] = [
    Resource::PODS,
    Resource::CONFIG_MAPS,
    Resource::SECRETS,
    Resource::SERVICES,
    Resource::PERSISTENT_VOLUME_CLAIMS,
];

/// The namespace whose UID tells stores apart.
const SYSTEM: &str = "kube-system";

/// What a host carries of one virtual cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// Name and host namespace of the virtual cluster.
    pub names: Translator,
    /// UID of `kube-system` inside, as the host remembers it.
    pub store: Option<SmolStr>,
    /// Objects of [`KINDS`] that bear its label, as the host has them; Secrets with tokens of pods among them.
    pub objects: Vec<(Resource, Value)>,
    /// When they were looked at.
    pub at: DateTime<Utc>,
}

/// An object inside that is made again.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopted {
    /// Which.
    pub object: ObjectRef,
    /// As the API server is to have it, in JSON.
    pub body: Value,
    /// UID of the object on the host that it stands for; none for what is only made so that others have a place.
    pub host: Option<SmolStr>,
}

/// What can be made again, and what cannot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Adoption {
    /// Namespaces and accounts first.
    pub objects: Vec<Adopted>,
    /// What is not as it was, or not there.
    pub left: Vec<Left>,
    /// Services of which only the host knows where they lead: they have no selector, and their endpoints are not made again.
    pub led_outside: Vec<SmolStr>,
}

impl Adoption {
    /// How many there are of each kind, as the plural says it.
    pub fn counts(&self) -> BTreeMap<SmolStr, usize> {
        let mut counts = BTreeMap::new();
        for adopted in &self.objects {
            *counts.entry(adopted.object.resource.plural.clone()).or_default() += 1;
        }
        counts
    }

    /// Whether the host carries nothing of it.
    pub fn is_empty(&self) -> bool {
        self.objects.iter().all(|adopted| adopted.host.is_none())
    }
}

/// An object of the host with what it stands for.
struct Pair<'a> {
    resource: &'a Resource,
    of: VirtualName,
    host: &'a Value,
}

/// What the objects of a host come to inside.
pub fn adopt(carried: &Carried) -> Adoption {
    let mut adoption = Adoption::default();
    let pairs = pairs(carried, &mut adoption.left);
    let accounts = account::Accounts::of(carried);
    let names = resolve::Names::of(&carried.names, &pairs);
    let around = pod::Around::new(&names, &accounts, &pairs);
    let mut used = BTreeSet::new();
    let mut objects = Vec::new();
    for pair in pairs.iter().filter(|pair| *pair.resource == Resource::PODS) {
        let back = pod::back(&around, pair);
        adoption.left.extend(back.left);
        used.extend(back.uses);
        objects.push(adopted(pair, back.body));
    }
    for pair in pairs.iter().filter(|pair| *pair.resource != Resource::PODS) {
        let body = content::back(&names, pair, &used);
        if content::is_led_by_hand(pair.resource, &body) {
            adoption.led_outside.push(pair.of.to_smolstr());
            adoption.left.push(left::endpoints(&pair.of));
        }
        objects.push(adopted(pair, body));
    }
    let mut homes: BTreeSet<&str> = pairs.iter().filter_map(|pair| pair.of.namespace.as_deref()).collect();
    if carried.store.is_some() {
        // Whatever is in it: by this one the companion knows its store again.
        homes.insert(SYSTEM);
    }
    adoption.objects = homes.into_iter().map(|name| namespace(carried, name)).collect();
    adoption.objects.extend(account::back(carried, &accounts, &pairs));
    adoption.objects.extend(objects);
    adoption.left.extend(left::always());
    adoption
}

fn adopted(pair: &Pair<'_>, body: Value) -> Adopted {
    let VirtualName { namespace, name } = pair.of.clone();
    let object = ObjectRef { resource: pair.resource.clone(), namespace, name };
    Adopted { object, body, host: pair.host["metadata"]["uid"].as_str().map(SmolStr::new) }
}

/// The objects that stand for one inside, each for another.
fn pairs<'a>(carried: &'a Carried, left: &mut Vec<Left>) -> Vec<Pair<'a>> {
    let mut known = BTreeSet::new();
    let mut pairs = Vec::new();
    for (resource, host) in &carried.objects {
        let Some(of) = resolve::origin(&carried.names, resource, host) else { continue };
        let what = || format!("{} {of}", resource.spoken());
        if !host["metadata"]["deletionTimestamp"].is_null() {
            left.push(Left::new(what(), "it is being deleted on the host"));
        } else if host["metadata"]["annotations"][annotation::RESERVED].is_string() {
            left.push(Left::new(what(), "its address was reserved, and it had not been made yet"));
        } else if known.insert((resource.plural.clone(), of.clone())) {
            pairs.push(Pair { resource, of, host });
        }
    }
    pairs.sort_by(|a, b| (&a.resource.plural, &a.of).cmp(&(&b.resource.plural, &b.of)));
    pairs
}

/// A namespace, of which the host knows only the name; of `kube-system` also the UID.
fn namespace(carried: &Carried, name: &str) -> Adopted {
    let uid = carried.store.clone().filter(|_| name == SYSTEM);
    let object = ObjectRef { resource: Resource::NAMESPACES, namespace: None, name: name.into() };
    let uid = uid.unwrap_or_else(|| new_uid(carried, &object));
    let body = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": name, "uid": uid, "creationTimestamp": seconds(carried.at),
            "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    });
    Adopted { object, body, host: None }
}

/// A time as API servers write it.
fn seconds(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// A UID for what has none on the host: another for each object and each moment, and the same for the same ones.
fn new_uid(carried: &Carried, object: &ObjectRef) -> SmolStr {
    let said =
        format!("{:?} {object} {}", carried.names, carried.at.timestamp_nanos_opt().unwrap_or_default());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(said).as_slice()[..16]);
    // RFC 9562: version 8, of our own making.
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = HEXLOWER.encode(&bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format_smolstr!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(objects: Vec<(Resource, Value)>) -> Carried {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        Carried { names: Translator::new("shop", "team"), store: Some("known".into()), objects, at }
    }

    fn pod(name: &str, more: Value) -> (Resource, Value) {
        let on_host = format!("{name}-x-web-x-shop");
        let mut pod = json!({"metadata": {
            "name": on_host, "namespace": "team", "uid": format!("host-{name}"),
            "labels": {"vcluster.loft.sh/managed-by": "shop"},
            "annotations": {
                "vcluster.loft.sh/object-name": name, "vcluster.loft.sh/object-namespace": "web",
                "vcluster.loft.sh/object-uid": format!("uid-{name}"), "vcluster.loft.sh/object-kind": "/v1, Kind=Pod",
            },
        }, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        for (place, value) in more.as_object().into_iter().flatten() {
            *pod.pointer_mut("/metadata").and_then(|meta| meta.pointer_mut(place)).unwrap() = value.clone();
        }
        (Resource::PODS, pod)
    }

    #[test]
    fn the_store_is_known_again_whatever_is_in_it() {
        let adoption = adopt(&carried(Vec::new()));
        assert!(adoption.is_empty(), "nothing stands on the host for any of it");
        let system = &adoption.objects[0];
        assert_eq!((system.object.name.as_str(), &system.body["metadata"]["uid"]), (SYSTEM, &json!("known")));
        let unknown = adopt(&Carried { store: None, ..carried(Vec::new()) });
        assert_eq!(unknown.objects, [], "the API server makes its own");
    }

    #[test]
    fn only_what_its_annotations_prove_is_adopted() {
        let copied = json!({"/name": "copy-x-web-x-shop"});
        let others = json!({"/labels": {"vcluster.loft.sh/managed-by": "other"}});
        let kept = json!({"/labels": {"vcluster.loft.sh/managed-by": "shop", "vcluster.loft.sh/controlled-by": "x"}});
        let of_kind = json!({"/annotations/vcluster.loft.sh~1object-kind": "/v1, Kind=Secret"});
        for (why, more) in
            [("copy", copied), ("another's", others), ("another keeps it", kept), ("kind", of_kind)]
        {
            assert!(adopt(&carried(vec![pod("a", more)])).is_empty(), "{why}");
        }
        let adoption = adopt(&carried(vec![pod("a", json!({})), pod("b", json!({}))]));
        let pods: Vec<_> =
            adoption.objects.iter().filter(|it| it.object.resource == Resource::PODS).collect();
        let host: Vec<_> = pods.iter().filter_map(|it| it.host.as_deref()).collect();
        assert_eq!(host, ["host-a", "host-b"]);
        assert_eq!(pods[0].body["metadata"]["uid"], "uid-a", "the one that the host remembers");
        assert_eq!(adoption.counts()["namespaces"], 2);
    }

    #[test]
    fn what_is_going_is_not_held_back() {
        let (resource, mut going) = pod("a", json!({}));
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let adoption = adopt(&carried(vec![(resource, going)]));
        assert!(adoption.is_empty());
        assert_eq!(adoption.left[0], Left::new("pods web/a", "it is being deleted on the host"));
    }

    #[test]
    fn where_a_service_without_a_selector_leads_is_named_and_stays_outside() {
        let service = |name: &str, spec: Value| {
            let (_, mut object) =
                pod(name, json!({"/annotations/vcluster.loft.sh~1object-kind": "/v1, Kind=Service"}));
            object["spec"] = spec;
            (Resource::SERVICES, object)
        };
        let adoption = adopt(&carried(vec![
            service("by-hand", json!({"clusterIP": "10.0.0.1", "ports": [{"port": 80}]})),
            service("led", json!({"clusterIP": "10.0.0.2", "selector": {"app": "led"}})),
            service("elsewhere", json!({"type": "ExternalName", "externalName": "example.com"})),
        ]));
        assert_eq!(adoption.counts()["services"], 3, "each of them comes back");
        assert_eq!(adoption.led_outside, ["web/by-hand"]);
        let told: Vec<&Left> = adoption.left.iter().filter(|left| left.what.contains("Endpoints")).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].what.contains("web/by-hand"), "{told:?}");
    }

    #[test]
    fn what_has_no_uid_on_the_host_gets_one_of_its_own() {
        let object =
            |name: &str| ObjectRef { resource: Resource::NAMESPACES, namespace: None, name: name.into() };
        let carried = carried(Vec::new());
        let (one, other) = (new_uid(&carried, &object("a")), new_uid(&carried, &object("b")));
        assert_ne!(one, other);
        assert_eq!((one.len(), one.as_bytes()[14]), (36, b'8'));
    }
}
