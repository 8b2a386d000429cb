//! A Service on the host that is there before the tenant's: its address is the one that the tenant's is created with.
//!
//! The mark carries the time. A tenant's Service that appears takes the host's over like that of a predecessor; where
//! none appears, because the tenant's API server refused it or nobody lived to create it, what was reserved is undone
//! after a while in the usual way: what has no partner goes, and what has one follows it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::annotation;

use super::{drop_nulls, extra, is_external, merge_spec, ports, said, selected};
use crate::context::Context;
use crate::engine::key::Key;
use crate::engine::mirror::{At, Origin, field};
use crate::engine::plan::{Absence, Plan};
use crate::resources::{life, patch};
use crate::translate::{diff, meta, owned};

/// How long a tenant's Service may take to appear after the host's was reserved. An API server gives a request a minute.
const TERM: Duration = Duration::from_secs(180);
/// What only a load balancer may say. None is ordered before the tenant's Service is there.
const OF_BALANCERS: [&str; 4] =
    ["loadBalancerClass", "loadBalancerIP", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts"];

/// Whether it was reserved and not taken over yet.
pub(super) fn is_reserved(h: &Lean) -> bool {
    h.metadata.annotation(annotation::RESERVED).is_some()
}

/// How much longer what was reserved is kept; none when it is not, or no more.
fn left(h: &Lean, now: DateTime<Utc>) -> Option<Duration> {
    let mark = h.metadata.annotation(annotation::RESERVED)?;
    let since = DateTime::parse_from_rfc3339(mark).ok()?.to_utc();
    // A clock that is ahead does not keep it for ever.
    let age = now.signed_duration_since(since).to_std().unwrap_or_default();
    TERM.checked_sub(age).filter(|left| !left.is_zero())
}

/// What follows from a reservation as long as the tenant's object is not what it was made for.
pub(super) fn wait(at: &At<'_>) -> Option<Plan> {
    let h = at.h.filter(|h| is_reserved(h))?;
    match at.v {
        None => Some(match left(h, at.now) {
            Some(left) => Plan::nothing().again_after(left),
            // Nobody deleted anything: it never came to be.
            None => life::withdraw(at, &Resource::SERVICES, h, Absence::Unwanted),
        }),
        Some(v) if is_external(&field(Some(v), "spec")) && !is_external(&field(Some(h), "spec")) => {
            left(h, at.now).map(|left| Plan::nothing().again_after(left))
        }
        Some(_) => None,
    }
}

/// What a tenant asks for: a Service as it is about to be created or changed.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Its pair.
    pub(crate) key: Key,
    /// As the tenant sends it, with what the tenant's API server has filled in.
    pub(crate) object: Lean,
}

/// The Service to create on the host.
pub(crate) fn body(ctx: &Context, asked: &Asked, now: DateTime<Utc>) -> Value {
    let spec = field(Some(&asked.object), "spec");
    let extra = extra(&spec, ports::node_ports(&spec));
    let mut metadata = meta::to_create(ctx, &Resource::SERVICES, &asked.key, &asked.object, &extra);
    if let Some(annotations) = metadata["annotations"].as_object_mut() {
        // The tenant's object has no UID yet, and nothing is agreed about it.
        annotations.remove(annotation::OBJECT_UID);
        annotations.remove(annotation::APPLIED);
        annotations.insert(annotation::RESERVED.into(), mark(now));
    }
    let mut wanted = wanted(&spec);
    wanted["selector"] = selected(ctx, &asked.key, &spec);
    drop_nulls(&mut wanted);
    patch::object(&Resource::SERVICES, metadata, [("spec", wanted)])
}

/// What makes the host's Service, which is ours, the one that is asked for.
pub(crate) fn change(ctx: &Context, asked: &Asked, h: &Lean, now: DateTime<Utc>) -> Value {
    let (spec, live) = (field(Some(&asked.object), "spec"), field(Some(h), "spec"));
    let wanted = wanted(&spec);
    let mut change = json!({"metadata": {"resourceVersion": h.metadata.resource_version,
        "annotations": {annotation::RESERVED: mark(now)}}});
    merge_spec(&mut change, &live, &wanted);
    for name in ["clusterIP", "clusterIPs", "ipFamilies"] {
        if !wanted[name].is_null() && live[name] != wanted[name] {
            change["spec"][name] = wanted[name].clone();
        }
    }
    let ports = with_numbers(&wanted["ports"], &live);
    if let Some(ports) = diff::to_become(&live["ports"], &ports) {
        change["spec"]["ports"] = ports;
    }
    if let Some(selector) = diff::to_become(&live["selector"], &selected(ctx, &asked.key, &spec)) {
        change["spec"]["selector"] = selector;
    }
    change
}

/// Whether the host's Service was made for the pair of this name and for no object that is there: `Some(true)` when
/// it is reserved, `Some(false)` when it has or had a partner, none when it is somebody else's.
pub(crate) fn is_free(ctx: &Context, name: &VirtualName, h: &Lean) -> Option<bool> {
    let ours = owned::origin(ctx, &Resource::SERVICES, h) == Origin::Ours(name.clone());
    ours.then(|| is_reserved(h) && h.metadata.annotation(annotation::OBJECT_UID).is_none())
}

fn mark(now: DateTime<Utc>) -> Value {
    json!(now.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The spec that is reserved: what the tenant says, with addresses, families and ports of nodes that are asked for.
fn wanted(spec: &Value) -> Value {
    let mut wanted = said(spec);
    for name in ["clusterIP", "clusterIPs", "ipFamilies"] {
        let empty = |value: &Value| value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        if !spec[name].is_null() && !empty(&spec[name]) {
            wanted[name] = spec[name].clone();
        }
    }
    wanted["ports"] = spec["ports"].clone();
    if spec["type"] == "LoadBalancer" {
        let on_nodes = spec["allocateLoadBalancerNodePorts"] != false;
        wanted["type"] = json!(if on_nodes { "NodePort" } else { "ClusterIP" });
        if let Some(wanted) = wanted.as_object_mut() {
            wanted.retain(|name, _| !OF_BALANCERS.contains(&name.as_str()));
            if !on_nodes {
                wanted.remove("externalTrafficPolicy");
            }
        }
    }
    wanted
}

/// A list of ports with the numbers that another spec has for them, where it asks for none itself.
fn with_numbers(ports: &Value, live: &Value) -> Value {
    let mut ports = ports.clone();
    for port in ports.as_array_mut().into_iter().flatten() {
        if let (true, Some(number)) = (port["nodePort"].is_null(), ports::number_of(live, port)) {
            port["nodePort"] = json!(number);
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::key::{KindId, Side};
    use crate::resources::fixture::{World, lean, namespaced};
    use crate::resources::life::HostDeletion;
    use crate::resources::services::Services;

    const SERVICES: Services = Services { host_deletion: HostDeletion::Recreate };

    fn asked(object: Value) -> Asked {
        let name = namespaced("shop", "web");
        Asked { key: Key::new(KindId(0), name), object: lean(&object) }
    }

    fn service(spec: Value) -> Value {
        json!({"metadata": {"name": "web", "namespace": "shop", "labels": {"team": "a"}}, "spec": spec})
    }

    fn reserved(world: &mut World, spec: Value, ago: chrono::TimeDelta) {
        let mut body = super::body(&world.ctx, &asked(service(spec)), Utc::now() - ago);
        body["spec"]["clusterIP"] = json!("10.2.0.7");
        body["spec"]["clusterIPs"] = json!(["10.2.0.7"]);
        world.put(Side::Host, "services", &namespaced("shop", "web"), body);
    }

    const FRESH: chrono::TimeDelta = chrono::TimeDelta::seconds(10);
    const STALE: chrono::TimeDelta = chrono::TimeDelta::seconds(181);

    #[test]
    fn what_is_reserved_is_the_mirrors_with_what_the_tenant_asked_for() {
        let ctx = Context::new("t", "tenants");
        let spec = json!({"type": "NodePort", "clusterIP": "10.2.0.9", "selector": {"app": "web"},
            "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 81, "protocol": "TCP"}]});
        let body = super::body(&ctx, &asked(service(spec)), Utc::now());
        assert_eq!(body["metadata"]["name"], "web-x-shop-x-t");
        assert_eq!(body["metadata"]["labels"]["vcluster.loft.sh/managed-by"], "t");
        assert_eq!(body["metadata"]["labels"]["team"], "a");
        let annotations = &body["metadata"]["annotations"];
        assert!(
            annotations[annotation::RESERVED].is_string() && annotations[annotation::OBJECT_UID].is_null()
        );
        assert_eq!(body["spec"]["clusterIP"], "10.2.0.9");
        assert_eq!(body["spec"]["ports"][0]["nodePort"], 30080);
        assert_eq!(body["spec"]["selector"]["vcluster.loft.sh/namespace"], "shop");
        assert_eq!(is_free(&ctx, &namespaced("shop", "web"), &lean(&in_namespace(body.clone()))), Some(true));
        assert_eq!(is_free(&ctx, &namespaced("shop", "other"), &lean(&in_namespace(body))), None);
    }

    fn in_namespace(mut body: Value) -> Value {
        body["metadata"]["namespace"] = json!("tenants");
        body
    }

    #[test]
    fn no_load_balancer_is_ordered_before_the_tenants_service_is_there() {
        let ctx = Context::new("t", "tenants");
        let balancer = |more: Value| {
            let mut spec = json!({"type": "LoadBalancer", "loadBalancerClass": "x", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body(&ctx, &asked(service(spec)), Utc::now())["spec"].clone()
        };
        let spec = balancer(json!({}));
        assert_eq!((&spec["type"], &spec["externalTrafficPolicy"]), (&json!("NodePort"), &json!("Local")));
        assert!(spec["loadBalancerClass"].is_null());
        let spec = balancer(json!({"allocateLoadBalancerNodePorts": false}));
        assert_eq!(spec["type"], "ClusterIP");
        assert!(spec["externalTrafficPolicy"].is_null() && spec["allocateLoadBalancerNodePorts"].is_null());
    }

    #[test]
    fn it_waits_for_the_tenants_service_and_goes_when_none_comes() {
        let mut world = World::new(&["services"]);
        let web = namespaced("shop", "web");
        reserved(&mut world, json!({"type": "ClusterIP", "ports": [{"port": 80}]}), FRESH);
        let plan = world.plan(&SERVICES, "services", &web);
        assert!(plan.writes.is_empty() && plan.again.is_some_and(|again| again <= TERM), "{plan:?}");
        reserved(&mut world, json!({"type": "ClusterIP", "ports": [{"port": 80}]}), STALE);
        assert_eq!(world.settle(&SERVICES, "services", &web).0, 1);
        assert!(world.host("services", &web).is_null());
    }

    #[test]
    fn the_tenants_service_takes_it_over() {
        for ago in [FRESH, STALE] {
            let mut world = World::new(&["services"]);
            let web = namespaced("shop", "web");
            let spec = json!({"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP"}], "sessionAffinity": "None"});
            reserved(&mut world, spec.clone(), ago);
            let mut object = service(spec);
            object["metadata"]["uid"] = json!("u1");
            object["spec"]["clusterIP"] = json!("10.2.0.7");
            object["spec"]["clusterIPs"] = json!(["10.2.0.7"]);
            world.tenant("services", object);
            assert_eq!(world.settle(&SERVICES, "services", &web).0, 1, "one write marks it as taken over");
            let annotations = world.host("services", &web)["metadata"]["annotations"].clone();
            assert_eq!(annotations[annotation::OBJECT_UID], "u1");
            assert!(
                annotations[annotation::RESERVED].is_null() && annotations[annotation::APPLIED].is_string()
            );
        }
    }

    #[test]
    fn a_change_that_was_refused_is_undone_on_the_host() {
        for (ago, expected) in [(FRESH, "ClusterIP"), (STALE, "ExternalName")] {
            let mut world = World::new(&["services"]);
            let web = namespaced("shop", "web");
            let mut object = service(json!({"type": "ExternalName", "externalName": "example.org"}));
            object["metadata"]["uid"] = json!("u1");
            world.tenant("services", object);
            world.settle(&SERVICES, "services", &web);
            let mut wanted = asked(service(json!({"type": "ClusterIP", "ports": [{"port": 80}]})));
            wanted.key = Key::new(KindId(0), web.clone());
            let h = lean(&world.host("services", &web));
            let mut change = super::change(&world.ctx, &wanted, &h, Utc::now() - ago);
            change["spec"]["clusterIP"] = json!("10.2.0.7");
            drop(change["metadata"].as_object_mut().map(|meta| meta.remove("resourceVersion")));
            world.change(Side::Host, "services", &web, &change);
            world.settle(&SERVICES, "services", &web);
            let h = world.host("services", &web);
            assert_eq!(h["spec"]["type"], expected, "{h:#}");
            assert_eq!(
                h["metadata"]["annotations"][annotation::RESERVED].is_null(),
                expected == "ExternalName"
            );
            let v = world.get(Side::Virtual, "services", &web);
            assert_eq!(
                (&v["spec"]["type"], &v["spec"]["externalName"]),
                (&json!("ExternalName"), &json!("example.org"))
            );
        }
    }
}
