//! A Service on the host for each node: its address is the node's in the virtual cluster, and leads to the syncer.

use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::{VirtualName, safe_concat};
use v9s::wire::{annotation, label, name};

use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::{Plan, Write};
use crate::kubelet::reach;
use crate::resources::{life, patch};
use crate::translate::diff;

/// The kind's name in the registry.
pub const NODE_SERVICES: &str = "services.nodes";

/// Services of nodes. A pair is the tenant's node and the Service.
pub struct NodeServices;

const RESOURCE: Resource = Resource::SERVICES;

impl Mirror for NodeServices {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        ctx.reach.services()?;
        Some(match side {
            Side::Virtual => Source { metadata_only: true, ..Source::all(Resource::NODES) },
            Side::Host => Source {
                namespace: Some(ctx.host_namespace.clone()),
                // What a tenant has made carries the other label, whatever else it carries.
                labels: Some(format!("{}={},!{}", label::BELONGS_TO, ctx.vcluster, label::MANAGED_BY)),
                ..Source::all(RESOURCE)
            },
        })
    }

    fn keep(&self, side: Side, object: Lean) -> Lean {
        match side {
            Side::Virtual => object.without(&["apiVersion", "kind"]),
            Side::Host => object.without(&["apiVersion", "kind", "status"]),
        }
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        let meta = &host.metadata;
        if meta.namespace != ctx.host_namespace || meta.label(label::MANAGED_BY).is_some() {
            return Origin::Foreign("it is not the Service of a node");
        }
        // Those that others made for the same virtual cluster say it by the label alone.
        let said = meta.annotation(annotation::OBJECT_NAME).or_else(|| meta.label(label::NODE));
        match said {
            Some(node) if name::node_service(&ctx.vcluster, node) == meta.name => {
                Origin::Ours(VirtualName::cluster_scoped(node))
            }
            _ => Origin::Foreign("it does not bear the name that the Service of a node has"),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Some(wanted) = spec(at.ctx) else { return Plan::nothing() };
        match (at.v, at.h) {
            (None, None) => Plan::nothing(),
            (None, Some(h)) => life::withdraw(at, &RESOURCE, h, at.absence),
            (Some(v), None) if v.metadata.deletion_timestamp.is_some() => Plan::nothing(),
            (Some(_), None) => Plan::write(create(at, wanted)),
            (Some(_), Some(h)) if h.metadata.deletion_timestamp.is_some() => {
                Plan::wait("the Service of the node is being deleted")
            }
            (Some(_), Some(h)) => {
                let live = field(Some(h), "spec");
                let mut change = json!({});
                // Defaults of the server aside.
                let same = json!({"selector": live["selector"], "ports": [{"name": live["ports"][0]["name"],
                    "port": live["ports"][0]["port"], "targetPort": live["ports"][0]["targetPort"]}]});
                if let Some(lacks) = diff::to_become(&same, &wanted) {
                    change["spec"] = lacks;
                }
                let write = patch::merge(at, &RESOURCE, Side::Host, h, change, None);
                Plan { writes: write.into_iter().collect(), ..Plan::default() }
            }
        }
    }
}

fn spec(ctx: &Context) -> Option<Value> {
    let (selector, port) = ctx.reach.services()?;
    Some(
        json!({"selector": selector, "ports": [{"name": "kubelet", "port": reach::PORT, "targetPort": port}]}),
    )
}

fn create(at: &At<'_>, spec: Value) -> Write {
    let node = &at.key.object.name;
    let mut metadata = json!({
        "name": name::node_service(&at.ctx.vcluster, node),
        "namespace": at.ctx.host_namespace,
        "labels": {label::BELONGS_TO: at.ctx.vcluster, label::NODE: safe_concat(&[node])},
        "annotations": {annotation::OBJECT_NAME: node},
    });
    if let Some(uid) = &at.ctx.owner_uid {
        metadata["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "Service", "name": at.ctx.vcluster, "uid": uid}]);
    }
    let mut target = life::host_object(at, &RESOURCE);
    target.name = name::node_service(&at.ctx.vcluster, node).into();
    Write::Create { side: Side::Host, target, body: patch::object(&RESOURCE, metadata, [("spec", spec)]) }
}

/// Addresses of a node's Service, the primary family first.
pub fn addresses(service: Option<&Lean>) -> Vec<SmolStr> {
    let spec = field(service, "spec");
    let all = spec["clusterIPs"].as_array().into_iter().flatten().filter_map(Value::as_str);
    all.filter(|address| !address.is_empty() && *address != "None").map(SmolStr::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::Absence;
    use crate::kubelet::reach::{Address, Reach};
    use crate::resources::fixture::{World, lean};
    use crate::resources::nodes::Nodes;

    const KINDS: [&str; 3] = ["pods", "nodes", NODE_SERVICES];

    fn world() -> World {
        let mut world = World::new(&KINDS);
        let selector = [("app".into(), "vcluster".into()), ("release".into(), "t".into())];
        let by_address = Address::Services { selector: selector.into(), port: 10251 };
        world.ctx.reach = Reach { by_name: true, by_address };
        world.ctx.owner_uid = Some("owner".into());
        world
    }

    fn plan(world: &World) -> Plan {
        world.plan_with(&NodeServices, NODE_SERVICES, "node.one", Absence::Missing)
    }

    fn service(world: &World) -> Value {
        match plan(world).writes.as_slice() {
            [Write::Create { side: Side::Host, target, body }] => {
                assert_eq!(target.name, "t-node-node-one");
                body.clone()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_node_has_a_service_that_leads_to_the_syncer_while_it_is_there() {
        let mut world = world();
        assert_eq!(plan(&world), Plan::nothing());
        world.put(Side::Virtual, NODE_SERVICES, "node.one", json!({"metadata": {"uid": "n"}}));
        let mut made = service(&world);
        assert_eq!(
            made["metadata"]["labels"],
            json!({"vcluster.loft.sh/belongs-to": "t", "vcluster.loft.sh/node": "node.one"})
        );
        assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], "owner");
        assert_eq!(made["spec"]["selector"], json!({"app": "vcluster", "release": "t"}));
        assert_eq!(made["spec"]["ports"], json!([{"name": "kubelet", "port": 10250, "targetPort": 10251}]));
        made["spec"]["clusterIPs"] = json!(["10.0.0.7", "fd00::7"]);
        made["spec"]["ports"][0]["protocol"] = json!("TCP");
        assert_eq!(
            NodeServices.origin(&world.ctx, &lean(&made)),
            Origin::Ours(VirtualName::cluster_scoped("node.one"))
        );
        world.put(Side::Host, NODE_SERVICES, "node.one", &made);
        assert_eq!(plan(&world), Plan::nothing(), "nothing is written twice");
        let mut moved = made.clone();
        moved["spec"]["selector"] = json!({"app": "other"});
        moved["spec"]["ports"][0]["targetPort"] = json!(1);
        world.put(Side::Host, NODE_SERVICES, "node.one", &moved);
        assert!(matches!(plan(&world).writes.as_slice(), [Write::Patch { side: Side::Host, .. }]));
        world.remove(Side::Virtual, NODE_SERVICES, "node.one");
        assert!(matches!(
            plan(&world).writes.as_slice(),
            [Write::Delete { side: Side::Host, because: Absence::Missing, .. }]
        ));
    }

    #[test]
    fn the_address_of_its_service_is_the_nodes() {
        let mut world = world();
        world.put(Side::Virtual, "pods", "shop/web", json!({"metadata": {"uid": "v"}, "spec": {}}));
        world.put(
            Side::Host,
            "pods",
            "shop/web",
            json!({"metadata": {"uid": "h"}, "spec": {"nodeName": "node.one"}}),
        );
        world.uses(&crate::resources::pods::Pods, "pods", "shop/web");
        let addresses = |world: &World| match world
            .plan_with(&Nodes, "nodes", "node.one", Absence::Missing)
            .writes
            .as_slice()
        {
            [Write::Create { body, .. }] => body["status"]["addresses"].clone(),
            other => panic!("{other:?}"),
        };
        let name = json!({"type": "Hostname", "address": "node.one.nodes.vcluster.com"});
        assert_eq!(addresses(&world), json!([name]));
        let service = json!({"metadata": {"name": "t-node-node-one"}, "spec": {"clusterIPs": ["10.0.0.7"]}});
        world.put(Side::Host, NODE_SERVICES, "node.one", &service);
        assert_eq!(addresses(&world), json!([{"type": "InternalIP", "address": "10.0.0.7"}, name]));
    }

    #[test]
    fn no_service_of_a_tenant_passes_for_that_of_a_node() {
        let ctx = world().ctx;
        let of = |name: &str, namespace: &str, labels: Value| {
            NodeServices.origin(
                &ctx,
                &lean(&json!({"metadata": {"name": name, "namespace": namespace, "labels": labels}})),
            )
        };
        let marks = || json!({"vcluster.loft.sh/belongs-to": "t", "vcluster.loft.sh/node": "a-x-shop-x-t"});
        let mut forged = marks();
        forged["vcluster.loft.sh/managed-by"] = json!("t");
        let is_ours = |origin: Origin| matches!(origin, Origin::Ours(_));
        assert!(!is_ours(of("t-node-a-x-shop-x-t", "tenants", forged)));
        assert!(is_ours(of("t-node-a-x-shop-x-t", "tenants", marks())), "made by another syncer before us");
        assert!(!is_ours(of("t-node-b", "tenants", marks())));
        assert!(!is_ours(of("t-node-a-x-shop-x-t", "elsewhere", marks())));
        assert!(!is_ours(of("t-node-a", "tenants", json!({}))));
    }
}
