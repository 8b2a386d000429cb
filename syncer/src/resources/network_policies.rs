//! NetworkPolicies: on the host they reach pods of their own virtual cluster only, and addresses.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;

use super::life::{HostDeletion, Ways};
use super::pushed::{Desired, Pushed};
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::translate::owned;
use crate::translate::selector::{Within, confined};

/// NetworkPolicies of the tenant.
pub struct NetworkPolicies {
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

const RESOURCE: Resource = Resource::NETWORK_POLICIES;

impl Mirror for NetworkPolicies {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(RESOURCE, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &RESOURCE, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let resource = &RESOURCE;
        let ways = Ways::plain(resource, self.host_deletion);
        let namespace = at.key.object.namespace.as_deref().unwrap_or_default();
        Pushed { ways, immutable: &[], status: None }
            .plan(at, |v, _| Ok(Desired::of([("spec", to_host(at.ctx, namespace, field(Some(v), "spec")))])))
    }
}

fn to_host(ctx: &Context, namespace: &str, mut spec: Value) -> Value {
    // Left out it selects every pod of the namespace, as an empty one does.
    let selector = spec.get("podSelector").filter(|selector| !selector.is_null()).cloned();
    spec["podSelector"] = confined(ctx, &selector.unwrap_or_else(|| json!({})), Within::Namespace(namespace));
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.get_mut(direction).and_then(Value::as_array_mut).into_iter().flatten() {
            for peer in rule.get_mut(peers).and_then(Value::as_array_mut).into_iter().flatten() {
                *peer = peer_on_host(ctx, namespace, peer);
            }
        }
    }
    spec
}

/// All pods of the tenant are in one namespace there: what selects namespaces becomes part of what selects pods.
fn peer_on_host(ctx: &Context, namespace: &str, peer: &Value) -> Value {
    let (pods, namespaces) = (&peer["podSelector"], &peer["namespaceSelector"]);
    if pods.is_null() && namespaces.is_null() {
        return peer.clone();
    }
    let within = match namespaces {
        Value::Null => Within::Namespace(namespace),
        selector => Within::Matching(selector),
    };
    let all = json!({});
    json!({"podSelector": confined(ctx, if pods.is_null() { &all } else { pods }, within)})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::fixture::{World, namespaced};

    const ALL: NetworkPolicies = NetworkPolicies { host_deletion: HostDeletion::Recreate };

    #[test]
    fn a_policy_is_confined_in_every_peer_and_follows_edits() {
        let mut world = World::new(&["networkpolicies"]);
        let web = namespaced("shop", "web");
        world.tenant(
            "networkpolicies",
            json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {
            "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": 80}], "from": [
                {"podSelector": {"matchLabels": {"app": "front"}}},
                {"namespaceSelector": {"matchLabels": {"team": "x"}}},
                {"namespaceSelector": {}, "podSelector": {"matchLabels": {"release": "r"}}},
                {"ipBlock": {"cidr": "192.0.2.0/24"}}]}],
            "egress": [{}]}}),
        );
        assert_eq!(world.settle(&ALL, "networkpolicies", &web).0, 1);
        let names = &world.ctx.names;
        let (ours, here) = ("vcluster.loft.sh/managed-by", "vcluster.loft.sh/namespace");
        assert_eq!(
            world.host("networkpolicies", &web)["spec"],
            json!({
            "podSelector": {"matchLabels": {ours: "t", here: "shop"}}, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": 80}], "from": [
                {"podSelector": {"matchLabels": {"app": "front", ours: "t", here: "shop"}}},
                {"podSelector": {"matchLabels": {names.namespace_label_key("team"): "x", ours: "t"}}},
                {"podSelector": {"matchLabels": {names.label_key("release").as_str(): "r", ours: "t"}}},
                {"ipBlock": {"cidr": "192.0.2.0/24"}}]}],
            "egress": [{}]})
        );

        world.change(
            Side::Host,
            "networkpolicies",
            &web,
            &json!({"spec": {"podSelector": {"matchLabels": {here: "other"}}}}),
        );
        assert_eq!(world.settle(&ALL, "networkpolicies", &web).0, 1);
        assert_eq!(world.host("networkpolicies", &web)["spec"]["podSelector"]["matchLabels"][here], "shop");
        world.change(Side::Virtual, "networkpolicies", &web, &json!({"spec": {"ingress": null}}));
        world.settle(&ALL, "networkpolicies", &web);
        assert_eq!(world.host("networkpolicies", &web)["spec"].get("ingress"), None);
    }
}
