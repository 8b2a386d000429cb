use super::*;
use crate::context::NodeSettings;
use crate::resources::fixture::World;
use crate::resources::pods::Pods;

const KINDS: [&str; 2] = ["pods", "nodes"];

fn pod_on(world: &mut World, name: &str, node: &str, owner: Value) {
    world.put(
        Side::Virtual,
        "pods",
        name,
        json!({"metadata": {"uid": "v", "ownerReferences": owner}, "spec": {}}),
    );
    world.put(Side::Host, "pods", name, json!({"metadata": {"uid": "h"}, "spec": {"nodeName": node}}));
    world.uses(&Pods, "pods", name);
}

fn daemon() -> Value {
    json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": true}])
}

fn plan(world: &World) -> Plan {
    world.plan_with(&Nodes, "nodes", "node-1", Absence::Missing)
}

fn created(plan: &Plan) -> &Value {
    match plan.writes.as_slice() {
        [Write::Create { side: Side::Virtual, body, .. }] => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_made_up_node_is_there_while_a_pod_is_on_it() {
    let mut world = World::new(&KINDS);
    assert_eq!(plan(&world), Plan::nothing());
    pod_on(&mut world, "shop/agent", "node-1", daemon());
    assert_eq!(plan(&world), Plan::nothing(), "pods of daemons come because of the node");
    pod_on(&mut world, "shop/web", "node-1", json!([]));
    let body = created(&plan(&world)).clone();
    assert_eq!(body["metadata"]["name"], "node-1");
    assert_eq!(body["metadata"]["labels"]["kubernetes.io/hostname"], "fake-node-1");
    assert_eq!(body["metadata"]["annotations"]["vcluster.loft.sh/fake-node"], "true");
    assert_eq!(body["status"]["capacity"]["cpu"], "16");
    world.put(Side::Virtual, "nodes", "node-1", &body);
    assert_eq!(plan(&world), Plan::nothing(), "nothing is written twice");
    let mut marked = body.clone();
    marked["spec"]["taints"] = json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]);
    world.put(Side::Virtual, "nodes", "node-1", &marked);
    assert!(matches!(
        plan(&world).writes.as_slice(),
        [Write::Patch { part: Part::Main, change, .. }] if *change == json!({"spec": {"taints": null}})
    ));
    let mut world = World::new(&KINDS);
    world.put(Side::Virtual, "nodes", "node-1", &body);
    assert!(matches!(
        plan(&world).writes.as_slice(),
        [Write::Delete { side: Side::Virtual, because: Absence::Unwanted, .. }]
    ));
}

#[test]
fn no_node_goes_before_all_pods_are_known() {
    let mut world = World::listing(&KINDS, &["pods"]);
    world.put(Side::Virtual, "nodes", "node-1", json!({"metadata": {"uid": "n"}}));
    let plan = plan(&world);
    assert_eq!((plan.writes.len(), plan.waits_for.is_some()), (0, true));
}

fn host_node() -> Value {
    json!({
        "metadata": {"name": "node-1", "labels": {"kubernetes.io/arch": "arm64", "pool": "gpu", "topology.kubernetes.io/zone": "z1"}},
        "spec": {"taints": [{"key": "dedicated", "value": "t", "effect": "NoSchedule"}, {"key": "other", "effect": "NoExecute"}],
            "providerID": "p"},
        "status": {"capacity": {"cpu": "4"}, "allocatable": {"cpu": "3"}, "images": [{"names": ["i"]}],
            "volumesAttached": [{"name": "v"}], "nodeInfo": {"architecture": "arm64", "kernelVersion": "6.1"},
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]},
    })
}

#[test]
fn where_nodes_may_be_read_a_made_up_one_has_their_real_capacity() {
    let mut world = World::new(&KINDS);
    world.ctx.nodes.shown = Shown::Synthetic { measured: true };
    world.put(Side::Host, "nodes", "node-1", host_node());
    assert_eq!(plan(&world), Plan::nothing(), "without a pod it is not seen");
    pod_on(&mut world, "shop/web", "node-1", json!([]));
    let plan = plan(&world);
    let body = created(&plan);
    assert_eq!(
        (&body["status"]["capacity"], &body["status"]["allocatable"]),
        (&json!({"cpu": "4"}), &json!({"cpu": "3"}))
    );
    assert_eq!(body["metadata"]["labels"]["kubernetes.io/arch"], "arm64");
    assert_eq!(body["metadata"]["labels"]["topology.kubernetes.io/zone"], "z1");
    assert_eq!(body["metadata"]["labels"].get("pool"), None);
    assert_eq!(body["status"]["nodeInfo"]["kernelVersion"], "6.1");
}

#[test]
fn nodes_of_the_host_are_shown_by_their_labels_without_what_is_not_the_tenants_business() {
    let mut world = World::new(&KINDS);
    let labels = std::collections::BTreeMap::from([("pool".to_owned(), "gpu".to_owned())]);
    world.ctx.nodes = NodeSettings { shown: Shown::Labelled(labels), without_images: true };
    world.ctx.reach.by_name = true;
    world.ctx.pods.tolerations =
        vec![json!({"key": "dedicated", "operator": "Equal", "value": "t", "effect": "NoSchedule"})];
    world.put(Side::Host, "nodes", "node-1", host_node());
    let body = created(&plan(&world)).clone();
    assert_eq!(body["metadata"]["labels"]["pool"], "gpu");
    assert_eq!(
        body["spec"]["taints"],
        json!([{"key": "other", "effect": "NoExecute"}]),
        "the other is tolerated by all"
    );
    assert_eq!(body["status"]["images"], json!([]));
    assert_eq!(body["status"].get("volumesAttached"), None);
    assert_eq!(
        body["status"]["addresses"],
        json!([{"type": "Hostname", "address": "node-1.nodes.vcluster.com"}])
    );

    let mut seen = body.clone();
    seen["metadata"]["labels"]["mine"] = json!("kept");
    world.put(Side::Virtual, "nodes", "node-1", &seen);
    assert_eq!(plan(&world), Plan::nothing(), "what the tenant adds stays");
    let mut beating = host_node();
    beating["status"]["conditions"][0]["lastHeartbeatTime"] = json!("2026-01-01T00:00:10Z");
    world.put(Side::Host, "nodes", "node-1", &beating);
    assert_eq!(plan(&world), Plan::nothing(), "a heartbeat is no change");
    beating["spec"]["taints"] = json!([]);
    world.put(Side::Host, "nodes", "node-1", &beating);
    assert!(matches!(
        plan(&world).writes.as_slice(),
        [Write::Patch { part: Part::Main, change, .. }] if *change == json!({"spec": {"taints": null}})
    ));
    beating["metadata"]["labels"]["pool"] = json!("cpu");
    world.put(Side::Host, "nodes", "node-1", &beating);
    assert!(matches!(plan(&world).writes.as_slice(), [Write::Delete { .. }]), "it is no longer selected");
}

#[test]
fn only_nodes_with_pods_or_all_are_shown_as_configured() {
    for (shown, without_pod, with_pod) in [(Shown::Assigned, 0, 1), (Shown::All, 1, 1)] {
        let mut world = World::new(&KINDS);
        world.ctx.nodes.shown = shown;
        world.put(Side::Host, "nodes", "node-1", host_node());
        assert_eq!(plan(&world).writes.len(), without_pod);
        pod_on(&mut world, "shop/web", "node-1", json!([]));
        assert_eq!(plan(&world).writes.len(), with_pod);
        world.remove(Side::Host, "nodes", "node-1");
        assert_eq!(plan(&world), Plan::nothing(), "the host has no such node");
    }
}
