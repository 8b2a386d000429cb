use super::*;
use crate::resources::fixture::{World, namespaced};

const SERVICES: Services = Services { host_deletion: HostDeletion::Recreate };

/// Allots addresses and ports as a server does, other ones on each side, and drops what does not go with the type.
fn server(side: Side, service: &mut Value) {
    let spec = &mut service["spec"];
    if spec["type"].is_null() {
        spec["type"] = json!("ClusterIP");
    }
    if is_external(spec) {
        for name in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            drop(spec.as_object_mut().map(|spec| spec.remove(name)));
        }
        return;
    }
    let (address, number) = match side {
        Side::Virtual => ("10.1.0.1", 31000),
        Side::Host => ("10.2.0.2", 32000),
    };
    if spec["clusterIP"].is_null() {
        spec["clusterIP"] = json!(address);
        spec["clusterIPs"] = json!([address]);
        spec["ipFamilies"] = json!(["IPv4"]);
    }
    for (name, value) in
        [("ipFamilyPolicy", "SingleStack"), ("internalTrafficPolicy", "Cluster"), ("sessionAffinity", "None")]
    {
        if spec[name].is_null() {
            spec[name] = json!(value);
        }
    }
    let numbered = spec["type"] != "ClusterIP";
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if port["protocol"].is_null() {
            port["protocol"] = json!("TCP");
        }
        let number = number + port["port"].as_u64().unwrap_or(0);
        match numbered {
            true if port["nodePort"].is_null() => port["nodePort"] = json!(number),
            true => {}
            false => drop(port.as_object_mut().map(|port| port.remove("nodePort"))),
        }
    }
}

fn world(spec: Value) -> (World, VirtualName) {
    let mut world = World::new(&["services"]).with_server(server);
    let service = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec});
    world.tenant("services", service);
    (world, namespaced("shop", "web"))
}

fn settled(spec: Value) -> (World, VirtualName) {
    let (mut world, web) = world(spec);
    world.settle(&SERVICES, "services", &web);
    (world, web)
}

fn specs(world: &World, pair: &VirtualName) -> (Value, Value) {
    let of = |side| world.get(side, "services", pair)["spec"].clone();
    (of(Side::Virtual), of(Side::Host))
}

#[test]
fn the_tenant_gets_the_hosts_address_and_ports_and_keeps_its_uid() {
    let (mut world, web) =
        world(json!({"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]}));
    let uid = world.get(Side::Virtual, "services", &web)["metadata"]["uid"].clone();
    world.settle(&SERVICES, "services", &web);
    let (mine, theirs) = specs(&world, &web);
    assert_eq!((&mine["clusterIP"], &mine["ports"]), (&json!("10.2.0.2"), &theirs["ports"]));
    assert_eq!(theirs["ports"][0]["nodePort"], 32080);
    assert_eq!(mine["type"], "NodePort");
    let service = world.get(Side::Virtual, "services", &web);
    assert_eq!(service["metadata"]["uid"], uid);
    assert_eq!(service["metadata"]["annotations"].get(annotation::REALIGNING), None, "nothing is left of it");
    assert_eq!(theirs["selector"]["app"], "web");
    assert_eq!(theirs["selector"]["vcluster.loft.sh/namespace"], "shop");
    assert_eq!(mine["selector"], json!({"app": "web"}));
}

#[test]
fn an_exchange_that_was_cut_short_is_finished_with_all_that_the_service_said() {
    let (mut world, web) = world(
        json!({"type": "LoadBalancer", "ports": [{"port": 80}], "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"}),
    );
    while !is_external(&specs(&world, &web).0) {
        let plan = world.plan(&SERVICES, "services", &web);
        assert!(!plan.writes.is_empty(), "it never begins");
        for write in plan.writes {
            world.carry_out(&SERVICES, "services", &web, &write);
        }
    }
    let (_, theirs) = specs(&world, &web);
    assert_eq!(theirs["type"], "LoadBalancer", "the host never sees the moment in between");
    world.settle(&SERVICES, "services", &web);
    let (mine, theirs) = specs(&world, &web);
    for name in ["type", "externalTrafficPolicy", "internalTrafficPolicy", "clusterIP", "ports"] {
        assert_eq!(mine[name], theirs[name], "{name}");
    }
    assert_eq!((&mine["type"], &mine["externalTrafficPolicy"]), (&json!("LoadBalancer"), &json!("Local")));
}

#[test]
fn later_edits_of_the_tenant_travel_whatever_the_field() {
    for (name, value) in [
        ("internalTrafficPolicy", json!("Local")),
        ("trafficDistribution", json!("PreferClose")),
        ("ipFamilyPolicy", json!("PreferDualStack")),
        ("sessionAffinity", json!("ClientIP")),
        ("publishNotReadyAddresses", json!(true)),
        ("ofANewerServer", json!({"x": 1})),
        ("ports", json!([{"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "UDP", "name": "dns"}])),
    ] {
        let (mut world, web) = settled(json!({"selector": {"app": "web"}, "ports": [{"port": 80}]}));
        world.change(Side::Virtual, "services", &web, &json!({"spec": {name: value}}));
        world.settle(&SERVICES, "services", &web);
        let (mine, theirs) = specs(&world, &web);
        assert_eq!((&mine[name], &theirs[name]), (&value, &value), "{name}");
        world.change(Side::Virtual, "services", &web, &json!({"spec": {"selector": null}}));
        world.settle(&SERVICES, "services", &web);
        assert_eq!(
            specs(&world, &web).1.get("selector"),
            None,
            "a Service without selector has none on the host"
        );
    }
}

#[test]
fn what_is_changed_on_the_host_comes_back_and_a_selector_is_put_right() {
    let (mut world, web) = settled(json!({"selector": {"app": "web"}, "ports": [{"port": 80}]}));
    let change = json!({"spec": {"externalTrafficPolicy": "Local", "type": "LoadBalancer",
        "ports": [{"port": 80, "protocol": "TCP", "nodePort": 32111}], "selector": {"app": "other"}}});
    world.change(Side::Host, "services", &web, &change);
    world.settle(&SERVICES, "services", &web);
    let (mine, theirs) = specs(&world, &web);
    assert_eq!((&mine["type"], &mine["externalTrafficPolicy"]), (&json!("LoadBalancer"), &json!("Local")));
    assert_eq!(mine["ports"][0]["nodePort"], 32111);
    assert_eq!(theirs["selector"]["app"], "web");
}

#[test]
fn a_tenant_may_ask_for_another_port_of_nodes_later_and_gets_the_hosts_at_first() {
    let (mut world, web) = settled(json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}));
    assert_eq!(specs(&world, &web).0["ports"][0]["nodePort"], 32080);
    let asked = json!({"spec": {"ports": [{"port": 80, "protocol": "TCP", "nodePort": 30081}]}});
    world.change(Side::Virtual, "services", &web, &asked);
    world.settle(&SERVICES, "services", &web);
    let (mine, theirs) = specs(&world, &web);
    assert_eq!(
        (&mine["ports"][0]["nodePort"], &theirs["ports"][0]["nodePort"]),
        (&json!(30081), &json!(30081))
    );
}

#[test]
fn an_external_name_comes_and_goes() {
    let (mut world, web) = settled(json!({"ports": [{"port": 80}]}));
    let external = json!({"spec": {"type": "ExternalName", "externalName": "example.org", "clusterIP": null, "clusterIPs": null}});
    world.change(Side::Virtual, "services", &web, &external);
    world.settle(&SERVICES, "services", &web);
    let (_, theirs) = specs(&world, &web);
    assert_eq!((&theirs["type"], &theirs["externalName"]), (&json!("ExternalName"), &json!("example.org")));
    assert_eq!(theirs.get("clusterIP"), None);
    let back = json!({"spec": {"type": "ClusterIP", "externalName": null}});
    world.change(Side::Virtual, "services", &web, &back);
    world.settle(&SERVICES, "services", &web);
    let (mine, theirs) = specs(&world, &web);
    assert_eq!((&mine["clusterIP"], &theirs["clusterIP"]), (&json!("10.2.0.2"), &json!("10.2.0.2")));
    assert_eq!(theirs.get("externalName"), None);
}

#[test]
fn a_headless_service_stays_headless_and_one_that_becomes_headless_is_made_anew() {
    let (mut world, web) =
        settled(json!({"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}));
    assert_eq!(specs(&world, &web).1["clusterIP"], "None");
    // The tenant has replaced it by one of the same name.
    world.remove(Side::Virtual, "services", &web);
    world.tenant("services", json!({"metadata": {"name": "web", "namespace": "shop", "uid": "new"}, "spec": {"ports": [{"port": 80}]}}));
    world.settle(&SERVICES, "services", &web);
    assert_eq!(specs(&world, &web).1["clusterIP"], "10.2.0.2");
}

#[test]
fn a_successor_takes_the_address_over() {
    let (mut world, web) = settled(json!({"ports": [{"port": 80}]}));
    let before = world.host("services", &web)["metadata"]["uid"].clone();
    world.remove(Side::Virtual, "services", &web);
    world.tenant("services", json!({"metadata": {"name": "web", "namespace": "shop", "uid": "new"}, "spec": {"ports": [{"port": 80}]}}));
    world.settle(&SERVICES, "services", &web);
    let host = world.host("services", &web);
    assert_eq!(
        (&host["metadata"]["uid"], &host["metadata"]["annotations"][annotation::OBJECT_UID]),
        (&before, &json!("new"))
    );
}

#[test]
fn only_load_balancers_have_a_status() {
    let status = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}]}});
    for (kind, expected) in [("LoadBalancer", status.clone()), ("ClusterIP", Value::Null)] {
        let (mut world, web) = settled(json!({"type": kind, "ports": [{"port": 80}]}));
        world.change(Side::Host, "services", &web, &json!({"status": status}));
        world.settle(&SERVICES, "services", &web);
        assert_eq!(world.get(Side::Virtual, "services", &web)["status"], expected, "{kind}");
    }
}

#[test]
fn the_api_service_follows_that_of_the_virtual_cluster_without_its_kubelet_port() {
    let mut world = World::new(&["services.kubernetes", "services"]).with_server(server);
    let kubernetes = namespaced("default", "kubernetes");
    let service = json!({"metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 6443}]}});
    world.tenant("services", service.clone());
    world.tenant("services.kubernetes", service);
    let host = json!({"metadata": {"name": "t", "namespace": "tenants"}, "spec": {"type": "NodePort", "clusterIP": "10.2.0.9", "ports": [
        {"name": "https", "port": 443, "targetPort": 8443, "protocol": "TCP"},
        {"name": "kubelet", "port": 10250, "targetPort": 8443, "protocol": "TCP"}]}});
    world.put(Side::Host, "services.kubernetes", &kubernetes, host);
    world.settle(&ApiService, "services.kubernetes", &kubernetes);
    let spec = world.get(Side::Virtual, "services.kubernetes", &kubernetes)["spec"].clone();
    assert_eq!((&spec["clusterIP"], &spec["type"]), (&json!("10.2.0.9"), &json!("ClusterIP")));
    assert_eq!(spec["ports"], json!([{"name": "https", "port": 443, "targetPort": 8443, "protocol": "TCP"}]));
    assert_eq!(
        world.plan(&SERVICES, "services", &kubernetes),
        Plan::nothing(),
        "it is not one of the tenant's"
    );
}
