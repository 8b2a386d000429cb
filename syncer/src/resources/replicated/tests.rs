use serde_json::{Value, json};
use v9s::names::VirtualName;

use super::*;
use crate::engine::key::Side;
use crate::engine::mirror::{Mirror, Origin};
use crate::engine::plan::Absence;
use crate::resources::fixture::{World, lean, namespaced};

fn from_host() -> FromHostLine {
    FromHostLine {
        namespace: Some("infra".into()),
        name: "db".into(),
        to_namespace: "shared".into(),
        to_name: "database".into(),
    }
}

fn host_service(spec: Value) -> Value {
    json!({"metadata": {"name": "db", "namespace": "infra"}, "spec": spec})
}

#[test]
fn a_service_of_the_host_is_there_under_the_tenants_name_and_leads_to_its_address() {
    let mut world = World::new(&["services", "endpointslices", "namespaces"]);
    let replica = Replica { line: from_host(), headless: "none".into() };
    let database = namespaced("shared", "database");
    let host = host_service(
        json!({"type": "ClusterIP", "clusterIP": "10.2.0.5", "clusterIPs": ["10.2.0.5", "2001:db8::5"],
        "ports": [{"name": "sql", "port": 5432, "targetPort": "sql", "protocol": "TCP", "nodePort": 30000}]}),
    );
    assert_eq!(replica.origin(&world.ctx, &lean(&host)), Origin::Ours(database.clone()));
    world.put(Side::Host, "services", &database, host.clone());
    world.settle(&replica, "services", &database);
    let made = world.get(Side::Virtual, "services", &database);
    assert_eq!(
        made["spec"],
        json!({"type": "ClusterIP", "clusterIP": "None",
        "ports": [{"name": "sql", "port": 5432, "targetPort": 5432, "protocol": "TCP"}]})
    );
    assert_eq!(made["metadata"]["labels"], json!({"vcluster.loft.sh/controlled-by": "vcluster"}));

    for (family, name, address) in
        [(Family::V4, "database-ipv4", "10.2.0.5"), (Family::V6, "database-ipv6", "2001:db8::5")]
    {
        let mirror = Addresses { line: from_host(), family };
        let slice = namespaced("shared", name);
        assert_eq!(mirror.origin(&world.ctx, &lean(&host)), Origin::Ours(slice.clone()));
        world.put(Side::Host, "endpointslices", &slice, host.clone());
        world.settle(&mirror, "endpointslices", &slice);
        let made = world.get(Side::Virtual, "endpointslices", &slice);
        assert_eq!(made["endpoints"][0]["addresses"], json!([address]));
        assert_eq!(made["metadata"]["labels"]["kubernetes.io/service-name"], "database");
        assert_eq!(made["ports"], json!([{"name": "sql", "port": 5432, "protocol": "TCP"}]));
    }
}

#[test]
fn a_headless_service_leads_to_the_endpoints_themselves() {
    let mut world = World::new(&["replica", "slices"]);
    let mirror = HeadlessAddresses { line: from_host(), service: "replica".into() };
    let slice = json!({"metadata": {"name": "db-ab12c", "namespace": "infra", "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "n", "targetRef": {"kind": "Pod", "name": "db-0"}}],
        "ports": [{"port": 5432}]});
    let name = namespaced("shared", "database-ab12c");
    assert_eq!(mirror.origin(&world.ctx, &lean(&slice)), Origin::Ours(name.clone()));
    let service = namespaced("shared", "database");
    world.put(Side::Host, "slices", &name, slice);
    world.put(Side::Host, "replica", &service, host_service(json!({"clusterIP": "None"})));
    world.settle(&mirror, "slices", &name);
    assert_eq!(world.get(Side::Virtual, "slices", &name)["endpoints"], json!([{"addresses": ["10.0.0.1"]}]));
    world.put(Side::Host, "replica", &service, host_service(json!({"clusterIP": "10.2.0.5"})));
    world.settle(&mirror, "slices", &name);
    assert!(world.get(Side::Virtual, "slices", &name).is_null(), "its address is enough");
}

#[test]
fn a_service_of_somebodys_own_is_not_replaced() {
    let mut world = World::new(&["services"]);
    let database = namespaced("shared", "database");
    world.tenant("services", json!({"metadata": {"name": "database", "namespace": "shared"}, "spec": {}}));
    world.put(Side::Host, "services", &database, host_service(json!({})));
    let (writes, plan) =
        world.settle(&Replica { line: from_host(), headless: "none".into() }, "services", &database);
    assert_eq!(writes, 0);
    assert!(plan.note.is_some());
}

#[test]
fn a_service_of_the_tenant_is_on_the_host_under_the_configured_name() {
    let line = ToHostLine { namespace: "shop".into(), name: "web".into(), to_name: "storefront".into() };
    let mirror = ToHost { line: line.clone() };
    let web = namespaced("shop", "web");
    let mut world = World::new(&["services"]);
    world.tenant("services", json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"type": "NodePort", "clusterIP": "10.1.0.1",
        "selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30080}]}}));
    assert_eq!(world.settle(&mirror, "services", &web).0, 1);
    let host = world.host("services", &web);
    assert_eq!(host["metadata"]["name"], "storefront");
    let confined =
        json!({"app": "web", "vcluster.loft.sh/managed-by": "t", "vcluster.loft.sh/namespace": "shop"});
    assert_eq!(host["spec"], json!({"type": "ClusterIP", "ports": [{"port": 80}], "selector": confined}));
    world.change(
        Side::Virtual,
        "services",
        &web,
        &json!({"spec": {"selector": {"app": null, "tier": "front"}}}),
    );
    assert_eq!(world.settle(&mirror, "services", &web).0, 1);
    let selector = world.host("services", &web)["spec"]["selector"].clone();
    assert_eq!((selector.get("app"), &selector["tier"]), (None, &json!("front")));

    let host = world.host("services", &web);
    let key = namespaced("tenants", "storefront");
    let mut later = World::new(&["services"]);
    for (lines, kept) in [(vec![line], true), (Vec::new(), false)] {
        let gone = GoneToHost { lines };
        assert_eq!(gone.origin(&later.ctx, &lean(&host)), Origin::Ours(key.clone()));
        later.put(Side::Host, "services", &key, host.clone());
        later.settle(&gone, "services", &key);
        assert_eq!(!later.host("services", &key).is_null(), kept);
    }
    world.remove(Side::Virtual, "services", &web);
    world.settle(&mirror, "services", &web);
    assert!(world.host("services", &web).is_null());
}

#[test]
fn what_is_configured_no_longer_goes_and_what_nobody_configured_stays() {
    let replica = |applied: bool| {
        let mut service = json!({"metadata": {"name": "database", "namespace": "shared", "labels": {"vcluster.loft.sh/controlled-by": "vcluster"}}});
        if applied {
            service["metadata"]["annotations"] = json!({"v9s.io/applied": "spec=1"});
        }
        service
    };
    for (lines, applied, kept) in
        [(vec![from_host()], true, true), (Vec::new(), true, false), (Vec::new(), false, true)]
    {
        let mut world = World::new(&["services"]);
        let database: VirtualName = namespaced("shared", "database");
        world.tenant("services", replica(applied));
        let gone = GoneFromHost { lines };
        for write in world.plan_with(&gone, "services", &database, Absence::Missing).writes {
            world.carry_out(&gone, "services", &database, &write);
        }
        assert_eq!(!world.get(Side::Virtual, "services", &database).is_null(), kept);
    }
}
