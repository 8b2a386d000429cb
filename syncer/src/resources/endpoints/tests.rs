use super::*;
use crate::resources::fixture::{World, namespaced};

fn world(selector: Value) -> World {
    let mut world = World::new(&["services", "endpoints", "endpointslices.discovery.k8s.io", "pods"]);
    world.tenant(
        "services",
        json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": {"selector": selector}}),
    );
    let addresses = json!([{"ip": "192.0.2.1", "targetRef": {"kind": "Pod", "name": "db-0", "namespace": "shop", "uid": "virtual"}},
        {"ip": "192.0.2.2", "targetRef": {"kind": "Node", "name": "n"}}]);
    world.tenant(
        "endpoints",
        json!({"metadata": {"name": "db", "namespace": "shop"},
        "subsets": [{"addresses": addresses, "ports": [{"port": 5432}]}]}),
    );
    let endpoints = json!([{"addresses": ["192.0.2.1"], "targetRef": {"kind": "Pod", "name": "db-0", "namespace": "shop"}}]);
    world.tenant(
        "endpointslices.discovery.k8s.io",
        json!({"metadata": {"name": "db-x1", "namespace": "shop",
        "labels": {SERVICE_NAME: "db", SLICE_MANAGER: "me"}},
        "addressType": "IPv4", "endpoints": endpoints, "ports": [{"port": 5432}]}),
    );
    let pod = json!({"metadata": {"name": "db-0-x-shop-x-t", "namespace": "tenants", "uid": "on-host"}});
    world.put(Side::Host, "pods", &namespaced("shop", "db-0"), pod);
    world
}

const ENDPOINTS: Endpoints = Endpoints { host_deletion: HostDeletion::Recreate };
const ENDPOINT_SLICES: EndpointSlices = EndpointSlices { host_deletion: HostDeletion::Recreate };
const SLICES: &str = "endpointslices.discovery.k8s.io";

#[test]
fn endpoints_of_a_service_without_selector_go_to_the_host_with_the_pods_names_there() {
    let mut world = world(Value::Null);
    let db = namespaced("shop", "db");
    assert_eq!(world.settle(&ENDPOINTS, "endpoints", &db).0, 1);
    let addresses = world.host("endpoints", &db)["subsets"][0]["addresses"].clone();
    let pod = json!({"kind": "Pod", "name": "db-0-x-shop-x-t", "namespace": "tenants", "uid": "on-host"});
    assert_eq!(addresses, json!([{"ip": "192.0.2.1", "targetRef": pod}, {"ip": "192.0.2.2"}]));

    let slice = namespaced("shop", "db-x1");
    assert_eq!(world.settle(&ENDPOINT_SLICES, SLICES, &slice).0, 1);
    let host = world.host(SLICES, &slice);
    assert_eq!(host["metadata"]["labels"][SERVICE_NAME], "db-x-shop-x-t");
    assert_eq!(host["endpoints"][0]["targetRef"], pod);
    assert_eq!(world.get(Side::Virtual, SLICES, &slice)["metadata"]["labels"][SERVICE_NAME], "db");

    world.change(Side::Virtual, SLICES, &slice, &json!({"endpoints": [{"addresses": ["192.0.2.9"]}]}));
    assert_eq!(world.settle(&ENDPOINT_SLICES, SLICES, &slice).0, 1);
    assert_eq!(world.host(SLICES, &slice)["endpoints"], json!([{"addresses": ["192.0.2.9"]}]));
}

#[test]
fn a_service_of_a_long_name_is_named_by_the_rule_for_names() {
    let mut world = world(Value::Null);
    let long = "a-service-with-a-rather-long-name-that-needs-shortening-on-the-host";
    world.tenant("services", json!({"metadata": {"name": long, "namespace": "shop"}, "spec": {}}));
    let slice = namespaced("shop", "x");
    world.tenant(SLICES, json!({"metadata": {"name": "x", "namespace": "shop", "labels": {SERVICE_NAME: long}}, "addressType": "IPv4", "endpoints": []}));
    world.settle(&ENDPOINT_SLICES, SLICES, &slice);
    let named = world.host(SLICES, &slice)["metadata"]["labels"][SERVICE_NAME].clone();
    assert_eq!(named, world.ctx.names.host_name(&namespaced("shop", long)).as_str());
    assert!(named.as_str().is_some_and(|name| name.len() <= 63));
}

#[test]
fn a_selector_makes_copies_stale_and_the_hosts_controllers_do_the_rest() {
    let mut with_selector = world(json!({"app": "db"}));
    let db = namespaced("shop", "db");
    assert_eq!(with_selector.settle(&ENDPOINTS, "endpoints", &db).0, 0);
    let mut world = world(Value::Null);
    world.settle(&ENDPOINTS, "endpoints", &db);
    world.change(Side::Virtual, "services", &db, &json!({"spec": {"selector": {"app": "db"}}}));
    assert_eq!(world.settle(&ENDPOINTS, "endpoints", &db).0, 1);
    assert!(world.host("endpoints", &db).is_null());
}

#[test]
fn slices_that_controllers_make_of_endpoints_are_made_on_the_host_too_and_not_copied() {
    let mut world = world(Value::Null);
    let slice = namespaced("shop", "db-x1");
    world.change(
        Side::Virtual,
        SLICES,
        &slice,
        &json!({"metadata": {"labels": {SLICE_MANAGER: SLICE_MIRRORING}}}),
    );
    assert_eq!(world.settle(&ENDPOINT_SLICES, SLICES, &slice).0, 0);
    assert!(world.host(SLICES, &slice).is_null());
}

#[test]
fn the_api_servers_endpoints_are_those_of_the_control_plane_without_names_and_kubelet_port() {
    let mut world = World::new(&["endpoints.kubernetes", "endpointslices.kubernetes"]);
    let kubernetes = namespaced("default", "kubernetes");
    let ports = json!([{"name": "https", "port": 8443}, {"name": "kubelet", "port": 8443}]);
    let target = json!({"kind": "Pod", "name": "t-0"});
    world.put(Side::Host, "endpoints.kubernetes", &kubernetes, json!({"metadata": {"name": "t", "namespace": "tenants"},
        "subsets": [{"addresses": [{"ip": "10.0.0.1", "nodeName": "n", "targetRef": target}], "ports": ports}]}));
    assert_eq!(world.settle(&ApiEndpoints, "endpoints.kubernetes", &kubernetes).0, 1);
    let made = world.get(Side::Virtual, "endpoints.kubernetes", &kubernetes);
    assert_eq!(
        made["subsets"],
        json!([{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "https", "port": 8443}]}])
    );
    assert_eq!(made["metadata"]["labels"], json!({SKIP_MIRROR: "true"}));

    let slice = namespaced("default", "kubernetes-ab12c");
    let host = json!({"metadata": {"name": "t-ab12c", "namespace": "tenants", "labels": {SERVICE_NAME: "t"}}, "addressType": "IPv6",
        "endpoints": [{"addresses": ["2001:db8::1"], "nodeName": "n", "targetRef": target}], "ports": ports});
    let found = crate::resources::fixture::lean(&host);
    assert_eq!(ApiEndpointSlices.origin(&world.ctx, &found), Origin::Ours(slice.clone()));
    world.put(Side::Host, "endpointslices.kubernetes", &slice, host);
    assert_eq!(world.settle(&ApiEndpointSlices, "endpointslices.kubernetes", &slice).0, 1);
    let made = world.get(Side::Virtual, "endpointslices.kubernetes", &slice);
    assert_eq!(made["endpoints"], json!([{"addresses": ["2001:db8::1"]}]));
    assert_eq!(made["metadata"]["labels"][SERVICE_NAME], "kubernetes");
    world.change(Side::Virtual, "endpointslices.kubernetes", &slice, &json!({"endpoints": []}));
    world.settle(&ApiEndpointSlices, "endpointslices.kubernetes", &slice);
    let mended = world.get(Side::Virtual, "endpointslices.kubernetes", &slice);
    assert_eq!(mended["endpoints"], made["endpoints"], "what a tenant does to it is undone");
}
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";
