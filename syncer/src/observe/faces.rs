//! What is compared of an object on both sides: only what must be the same whichever syncer mirrors it.
//!
//! Names that are translated, what is added on the host, and what the host alone decides are left out: a difference that
//! is no fault must not look like one. Of every object no more than digests is kept.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::provision::values::settings::{Content, Sync};
use v9s::wire::{annotation, label};

use crate::engine::key::Side;
use crate::engine::mirror::field;

/// A kind that is compared.
#[derive(Debug, Clone)]
pub struct Kind {
    /// As in the registry of kinds that are mirrored.
    pub name: &'static str,
    /// Where it is served.
    pub resource: Resource,
    /// Every object of the tenant is on the host; otherwise one that is not there says nothing.
    pub all: bool,
    /// What the tenant decides, beside labels.
    wanted: fn(&Lean) -> Value,
    /// What the host decides.
    reported: fn(&Lean) -> Value,
}

/// What is kept of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// The virtual object's UID: its own, or that for which the host's object was made.
    pub uid: SmolStr,
    /// It is being deleted.
    pub going: bool,
    /// Digest of what the tenant decides.
    pub wanted: u64,
    /// Digest of what the host decides.
    pub reported: u64,
}

impl Kind {
    /// What is kept of an object of a side.
    pub fn face(&self, side: Side, object: &Lean) -> Face {
        let uid = match side {
            Side::Virtual => object.metadata.uid.clone(),
            Side::Host => object.metadata.annotation(annotation::OBJECT_UID).unwrap_or_default().into(),
        };
        Face {
            uid,
            going: object.metadata.deletion_timestamp.is_some(),
            wanted: digest(&json!([labels(object), (self.wanted)(object)])),
            reported: digest(&(self.reported)(object)),
        }
    }

    /// Objects that have no partner of the usual name.
    pub fn is_special(&self, object: &VirtualName) -> bool {
        let of_default = object.namespace.as_deref() == Some("default");
        self.resource == Resource::SERVICES && of_default && object.name == "kubernetes"
    }
}

/// Kinds that are mirrored by this configuration and can be compared.
pub fn kinds(sync: &Sync) -> Vec<Kind> {
    let none: fn(&Lean) -> Value = |_| Value::Null;
    let content: fn(&Lean) -> Value =
        |object| json!([given(field(Some(object), "data")), given(field(Some(object), "binaryData"))]);
    let kind = |name, resource, all, wanted, reported| Kind { name, resource, all, wanted, reported };
    let all = [
        (sync.pods.is_some(), kind("pods", Resource::PODS, true, none, pod_status)),
        (sync.services, kind("services", Resource::SERVICES, true, service, service_address)),
        (
            sync.config_maps != Content::Off,
            kind("configmaps", Resource::CONFIG_MAPS, sync.config_maps == Content::All, content, none),
        ),
        (
            sync.secrets != Content::Off,
            kind("secrets", Resource::SECRETS, sync.secrets == Content::All, content, none),
        ),
        (
            sync.persistent_volume_claims,
            kind("persistentvolumeclaims", Resource::PERSISTENT_VOLUME_CLAIMS, true, claim, claim_phase),
        ),
        (sync.ingresses, kind("ingresses.networking.k8s.io", Resource::INGRESSES, true, none, load_balancer)),
        (
            sync.network_policies,
            kind("networkpolicies.networking.k8s.io", Resource::NETWORK_POLICIES, true, none, none),
        ),
        (
            sync.pod_disruption_budgets,
            kind("poddisruptionbudgets.policy", Resource::POD_DISRUPTION_BUDGETS, true, none, none),
        ),
        (sync.service_accounts, kind("serviceaccounts", Resource::SERVICE_ACCOUNTS, true, none, none)),
    ];
    all.into_iter().filter(|(on, _)| *on).map(|(_, kind)| kind).collect()
}

/// Labels but those that are translated or added: four keys are known under others on the host, and what syncers add has
/// their prefix.
fn labels(object: &Lean) -> BTreeMap<&str, &str> {
    let own = |key: &str| {
        key == label::RELEASE || key.starts_with("vcluster.loft.sh/") || key.starts_with("v9s.io/")
    };
    let pairs = object.metadata.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    pairs.filter(|(key, _)| !own(key)).collect()
}

/// Servers leave out what is empty.
fn given(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.is_empty() => Value::Null,
        other => other,
    }
}

fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}

fn pod_status(pod: &Lean) -> Value {
    let status = field(Some(pod), "status");
    let conditions = status["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    json!([status["phase"], status["podIP"], status["startTime"], ready.map(|ready| &ready["status"])])
}

fn service(service: &Lean) -> Value {
    let spec = field(Some(service), "spec");
    let port = |port: &Value| json!([port["name"], port["port"], port["protocol"], port["targetPort"]]);
    let ports: Vec<Value> = spec["ports"].as_array().into_iter().flatten().map(port).collect();
    json!([spec["type"], spec["externalName"], ports])
}

fn service_address(service: &Lean) -> Value {
    let spec = field(Some(service), "spec");
    let balancer = if spec["type"] == "LoadBalancer" { load_balancer(service) } else { Value::Null };
    json!([spec["clusterIP"], balancer])
}

fn load_balancer(object: &Lean) -> Value {
    let ingress = &field(Some(object), "status")["loadBalancer"]["ingress"];
    let places = ingress.as_array().into_iter().flatten();
    json!(places.map(|place| json!([place["ip"], place["hostname"]])).collect::<Vec<_>>())
}

fn claim(claim: &Lean) -> Value {
    field(Some(claim), "spec")["resources"]["requests"]["storage"].clone()
}

fn claim_phase(claim: &Lean) -> Value {
    field(Some(claim), "status")["phase"].clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use v9s::provision::values;

    fn lean(object: &Value) -> Lean {
        serde_json::from_str(&object.to_string()).expect("an object")
    }

    fn kind(name: &str) -> Kind {
        let settings = values::read("").expect("defaults");
        kinds(&settings.sync).into_iter().find(|kind| kind.name == name).expect("it is on by default")
    }

    #[test]
    fn what_syncers_translate_or_add_is_no_difference() {
        let v = json!({"metadata": {"name": "web", "namespace": "default", "uid": "v-1", "labels": {"app": "web", "release": "mine"}},
            "spec": {"containers": [{"name": "a"}]}, "status": {"phase": "Running", "podIP": "10.0.0.7", "qosClass": "Burstable"}});
        let h = json!({"metadata": {"name": "web-x-default-x-t", "namespace": "tenants", "uid": "h-1",
                "annotations": {"vcluster.loft.sh/object-uid": "v-1"},
                "labels": {"app": "web", "vcluster.loft.sh/managed-by": "t", "vcluster.loft.sh/label-t-x-a4d451ec23": "mine"}},
            "spec": {"containers": [{"name": "a"}, {"name": "injected"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.7", "qosClass": "BestEffort"}});
        let pods = kind("pods");
        let (mine, theirs) = (pods.face(Side::Virtual, &lean(&v)), pods.face(Side::Host, &lean(&h)));
        assert_eq!(mine, theirs);
        for (pointer, value) in [
            ("/metadata/labels/app", json!("other")),
            ("/status/phase", json!("Failed")),
            ("/status/podIP", json!("10.0.0.8")),
            ("/metadata/annotations/vcluster.loft.sh~1object-uid", json!("v-0")),
        ] {
            let mut other = h.clone();
            *other.pointer_mut(pointer).expect("a field") = value;
            assert_ne!(pods.face(Side::Host, &lean(&other)), mine, "{pointer}");
        }
    }

    #[test]
    fn only_what_is_configured_is_compared_and_only_what_must_be_there_is_missed() {
        let settings = |text: &str| values::read(text).expect("a configuration");
        let names = |text: &str| -> Vec<(&str, bool)> {
            kinds(&settings(text).sync).iter().map(|kind| (kind.name, kind.all)).collect()
        };
        let by_default = names("");
        assert!(by_default.contains(&("pods", true)) && by_default.contains(&("configmaps", false)));
        assert!(!by_default.iter().any(|(name, _)| name.starts_with("ingresses")));
        let more = names(
            "sync: {toHost: {ingresses: {enabled: true}, configMaps: {all: true}, secrets: {enabled: false}}}",
        );
        assert!(
            more.contains(&("ingresses.networking.k8s.io", true)) && more.contains(&("configmaps", true))
        );
        assert!(!more.iter().any(|(name, _)| *name == "secrets"));
        let api = VirtualName::namespaced("default", "kubernetes");
        assert!(kind("services").is_special(&api) && !kind("pods").is_special(&api));
    }

    #[test]
    fn what_is_compared_is_what_an_installed_observer_may_read() {
        let all = "sync: {toHost: {ingresses: {enabled: true}, networkPolicies: {enabled: true},
            podDisruptionBudgets: {enabled: true}, serviceAccounts: {enabled: true}}}";
        let few = "sync: {toHost: {secrets: {enabled: false}, configMaps: {enabled: false}, services: {enabled: false}}}";
        for text in ["", all, few] {
            let sync = values::read(text).expect("a configuration").sync;
            let compared: Vec<Resource> = kinds(&sync).into_iter().map(|kind| kind.resource).collect();
            assert_eq!(v9s::lifecycle::observe::watched(&sync), compared, "{text}");
        }
    }
}
