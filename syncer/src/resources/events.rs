//! Events: what the host says about objects of the tenant is told on those objects, in the tenant's words.
//!
//! A pair is called after the UID of the host's event: whom it concerns is only known when the object that it involves
//! is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use v9s::cluster::lean::Lean;
use v9s::cluster::{ObjectRef, Resource};
use v9s::names::VirtualName;
use v9s::wire::{annotation, label};

use crate::context::Context;
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, Mirror, Origin, Source, field, own_name};
use crate::engine::plan::{Absence, Part, Plan, Write};
use crate::translate::applied::Applied;
use crate::translate::words;

/// Events of the host's namespace.
pub struct Events;

/// Kinds that are told of: group, kind, and name in the registry.
const INVOLVED: [(&str, &str, &str); 9] = [
    ("", "Pod", "pods"),
    ("", "Service", "services"),
    ("", "Endpoints", "endpoints"),
    ("", "ConfigMap", "configmaps"),
    ("", "Secret", "secrets"),
    ("", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ("networking.k8s.io", "Ingress", "ingresses.networking.k8s.io"),
    ("policy", "PodDisruptionBudget", "poddisruptionbudgets.policy"),
    ("discovery.k8s.io", "EndpointSlice", "endpointslices.discovery.k8s.io"),
];
/// Said as on the host.
const SAID: [&str; 11] = [
    "reason",
    "type",
    "action",
    "count",
    "series",
    "firstTimestamp",
    "lastTimestamp",
    "eventTime",
    "reportingComponent",
    "reportingInstance",
    "source",
];
/// An event may be seen before the answer to the creation of what it involves; so long it is waited for.
const PATIENCE: chrono::TimeDelta = chrono::TimeDelta::seconds(60);
const SOON: Duration = Duration::from_millis(500);
/// Longest name, in bytes.
const LONGEST: usize = 253;

impl Mirror for Events {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        let all = Source::all(Resource::EVENTS);
        Some(match side {
            Side::Virtual => Source { labels: Some(label::HOST_EVENT.into()), metadata_only: true, ..all },
            Side::Host => Source { namespace: Some(ctx.host_namespace.clone()), ..all },
        })
    }

    fn origin(&self, _: &Context, host: &Lean) -> Origin {
        Origin::Ours(VirtualName::cluster_scoped(host.metadata.uid.clone()))
    }

    fn virtual_origin(&self, _: &Context, object: &Lean) -> VirtualName {
        match object.metadata.label(label::HOST_EVENT) {
            Some(uid) => VirtualName::cluster_scoped(uid),
            None => own_name(object),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Some(h) = at.h else { return Plan::nothing() };
        let involved = field(Some(h), "involvedObject");
        if involved["namespace"] != at.ctx.host_namespace.as_str() {
            return Plan::nothing();
        }
        let Some(object) = object_of(at, &involved) else {
            let waits = is_mirrored(at, &involved) && at.now - last_time(h) < PATIENCE;
            return if waits { Plan::nothing().again_after(SOON) } else { Plan::nothing() };
        };
        let Some(v) = at.view.get(Side::Virtual, &object) else { return Plan::nothing() };
        let body = told(at, h, &involved, &object, v);
        let applied = Applied::default().with("event", &body).to_string();
        match at.v {
            Some(told) if told.metadata.annotation(annotation::APPLIED) == Some(applied.as_str()) => {
                Plan::nothing()
            }
            Some(told) => Plan::write(repeat(told, body, &applied)),
            // The tenant has deleted it.
            None if at.absence == Absence::Seen => Plan::nothing(),
            None => Plan::write(create(at, h, &involved, v, body, &applied)),
        }
    }
}

fn is_mirrored(at: &At<'_>, involved: &Value) -> bool {
    kind_of(involved).is_some_and(|kind| at.kinds.id(kind).is_some())
}

fn kind_of(involved: &Value) -> Option<&'static str> {
    let version = involved["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let known = INVOLVED.iter().find(|(of, kind, _)| *of == group && involved["kind"] == *kind)?;
    Some(known.2)
}

/// The pair whose host object an event involves, that very object and no predecessor of its name.
fn object_of(at: &At<'_>, involved: &Value) -> Option<Key> {
    let kind = at.kinds.id(kind_of(involved)?)?;
    let key = at.view.key_of_host(kind, involved["name"].as_str()?)?;
    let host = at.view.get(Side::Host, &key)?;
    let uid = involved["uid"].as_str().filter(|uid| !uid.is_empty());
    uid.is_none_or(|uid| host.metadata.uid == uid).then_some(key)
}

/// What the tenant is told.
fn told(at: &At<'_>, h: &Lean, involved: &Value, object: &Key, v: &Lean) -> Value {
    let mut body = json!({"apiVersion": "v1", "kind": "Event"});
    for name in SAID {
        let value = field(Some(h), name);
        if !value.is_null() {
            body[name] = value;
        }
    }
    let message = field(Some(h), "message");
    body["message"] = json!(in_tenants_words(at, object, message.as_str().unwrap_or_default()));
    let mut reference = json!({"apiVersion": involved["apiVersion"], "kind": involved["kind"], "name": v.metadata.name,
        "namespace": v.metadata.namespace, "uid": v.metadata.uid});
    if !involved["fieldPath"].is_null() {
        reference["fieldPath"] = involved["fieldPath"].clone();
    }
    body["involvedObject"] = reference;
    body
}

/// Names of any of our objects become the tenant's, wherever they stand.
fn in_tenants_words(at: &At<'_>, object: &Key, message: &str) -> String {
    let said = words::for_tenant(at.ctx, object, message);
    let kinds: Vec<_> = INVOLVED.iter().filter_map(|(_, _, name)| at.kinds.id(name)).collect();
    let part_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let mut told = String::with_capacity(said.len());
    let mut rest = said.as_str();
    while let Some(from) = rest.find(part_of_name) {
        let (before, word) = rest.split_at(from);
        let (word, after) = word.split_at(word.find(|c: char| !part_of_name(c)).unwrap_or(word.len()));
        let (word, dots) = word.split_at(word.trim_end_matches('.').len());
        let known = kinds.iter().find_map(|kind| at.view.key_of_host(*kind, word));
        told.push_str(before);
        told.push_str(known.as_ref().map_or(word, |key| &key.object.name));
        told.push_str(dots);
        rest = after;
    }
    told.push_str(rest);
    told
}

fn create(at: &At<'_>, h: &Lean, involved: &Value, v: &Lean, mut body: Value, applied: &str) -> Write {
    let host_object = involved["name"].as_str().unwrap_or_default();
    let suffix = h.metadata.name.strip_prefix(host_object).filter(|suffix| suffix.starts_with('.'));
    let name = match suffix.map(|suffix| format!("{}{suffix}", v.metadata.name)) {
        Some(name) if name.len() <= LONGEST => name,
        _ => h.metadata.uid.to_string(),
    };
    let namespace = if v.metadata.namespace.is_empty() { "default" } else { v.metadata.namespace.as_str() };
    body["metadata"] = json!({"name": name, "namespace": namespace, "labels": {label::HOST_EVENT: at.key.object.name},
        "annotations": {annotation::APPLIED: applied}});
    let target = ObjectRef::namespaced(Resource::EVENTS, namespace, name);
    Write::Create { side: Side::Virtual, target, body }
}

/// It has happened once more.
fn repeat(told: &Lean, mut change: Value, applied: &str) -> Write {
    let meta = &told.metadata;
    change["metadata"] = json!({"annotations": {annotation::APPLIED: applied}});
    let target = ObjectRef::namespaced(Resource::EVENTS, meta.namespace.clone(), meta.name.clone());
    Write::merge(Side::Virtual, target, told, Part::Main, change)
}

/// When it happened last; long ago, where it says nothing.
fn last_time(h: &Lean) -> DateTime<Utc> {
    let series = field(Some(h), "series")["lastObservedTime"].clone();
    let times = [series, field(Some(h), "lastTimestamp"), field(Some(h), "eventTime")];
    let read = |time: &Value| DateTime::parse_from_rfc3339(time.as_str()?).ok();
    times.iter().find_map(read).map(|time| time.to_utc()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::fixture::{World, namespaced};

    fn world() -> World {
        let mut world = World::new(&["events", "pods", "configmaps"]);
        let pod = |name: &str, namespace: &str, uid: &str| json!({"metadata": {"name": name, "namespace": namespace, "uid": uid}});
        world.tenant("pods", pod("web-0", "shop", "virtual"));
        world.put(
            Side::Host,
            "pods",
            &namespaced("shop", "web-0"),
            pod("web-0-x-shop-x-t", "tenants", "host"),
        );
        world.put(
            Side::Host,
            "configmaps",
            &namespaced("shop", "cfg"),
            pod("cfg-x-shop-x-t", "tenants", "c"),
        );
        world
    }

    fn event(name: &str, uid: &str, message: &str) -> (VirtualName, Value) {
        let event = json!({"metadata": {"name": format!("{name}.17a"), "namespace": "tenants", "uid": format!("event-of-{uid}")},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": name, "namespace": "tenants", "uid": uid,
                "fieldPath": "spec.containers{web}"},
            "reason": "Failed", "type": "Warning", "count": 1, "message": message, "source": {"component": "kubelet"},
            "lastTimestamp": Utc::now().to_rfc3339()});
        (VirtualName::cluster_scoped(format!("event-of-{uid}")), event)
    }

    /// Nobody has ever deleted what is not there yet.
    fn plan(world: &World, key: &VirtualName) -> Plan {
        world.plan_with(&Events, "events", key, Absence::Missing)
    }

    #[test]
    fn an_event_of_ours_is_told_in_the_tenants_words_once_and_again_when_it_repeats() {
        let mut world = world();
        let said = "cannot mount configmap \"cfg-x-shop-x-t\" into tenants/web-0-x-shop-x-t";
        let (key, event) = event("web-0-x-shop-x-t", "host", said);
        world.put(Side::Host, "events", &key, event);
        let made = plan(&world, &key).writes;
        let [Write::Create { target, body, .. }] = made.as_slice() else { panic!("{made:?}") };
        assert_eq!((target.namespace.as_deref(), target.name.as_str()), (Some("shop"), "web-0.17a"));
        assert_eq!(body["message"], "cannot mount configmap \"cfg\" into shop/web-0");
        assert_eq!(
            body["involvedObject"],
            json!({"apiVersion": "v1", "kind": "Pod", "name": "web-0", "namespace": "shop",
            "uid": "virtual", "fieldPath": "spec.containers{web}"})
        );
        assert_eq!((&body["count"], &body["source"]["component"]), (&json!(1), &json!("kubelet")));

        let body = body.clone();
        assert_eq!(Events.virtual_origin(&world.ctx, &crate::resources::fixture::lean(&body)), key);
        world.put(Side::Virtual, "events", &key, body);
        assert_eq!(plan(&world, &key), Plan::nothing());
        world.change(Side::Host, "events", &key, &json!({"count": 2}));
        let repeated = plan(&world, &key).writes;
        let [Write::Patch { change, .. }] = repeated.as_slice() else { panic!("{repeated:?}") };
        assert_eq!(change["count"], 2);
    }

    #[test]
    fn events_of_others_are_not_told() {
        let mut world = world();
        for (name, uid) in [("somebody-elses", "x"), ("web-0-x-shop-x-t", "of-a-predecessor")] {
            let (key, mut event) = event(name, uid, "m");
            event["lastTimestamp"] = json!("2026-11-21T10:00:00Z");
            world.put(Side::Host, "events", &key, event);
            assert_eq!(plan(&world, &key), Plan::nothing(), "{name} {uid}");
        }
    }

    #[test]
    fn an_event_that_is_faster_than_what_it_involves_waits_for_it() {
        let mut world = world();
        let (key, event) = event("late-x-shop-x-t", "late", "m");
        world.put(Side::Host, "events", &key, event);
        assert_eq!(plan(&world, &key), Plan::nothing().again_after(SOON));
    }

    #[test]
    fn what_a_tenant_deletes_is_not_told_again() {
        let mut world = world();
        let (key, event) = event("web-0-x-shop-x-t", "host", "m");
        world.put(Side::Host, "events", &key, event);
        assert_eq!(world.plan(&Events, "events", &key), Plan::nothing());
    }
}
