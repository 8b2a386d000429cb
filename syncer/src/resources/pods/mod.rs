//! Pods: the tenant's run on the host, and what the host says of them comes back.

mod affinity;
pub(super) mod claims;
mod dns;
mod downward;
mod env;
mod gate;
mod hosts;
mod keep;
mod life;
mod marks;
mod security;
mod spec;
mod status;
mod update;

use serde_json::Value;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::references::{self as refs, CONTAINERS};
use v9s::wire::annotation;

use crate::context::{Classes, Context};
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{Affects, At, Kinds, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::translate::owned;

pub(super) use marks::is_of_daemon_set;

/// Pods of the tenant.
pub struct Pods;

impl Mirror for Pods {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(Resource::PODS, side, ctx))
    }

    fn keep(&self, side: Side, object: Lean) -> Lean {
        keep::keep(side, object)
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &Resource::PODS, host)
    }

    fn uses(&self, ctx: &Context, pod: &VirtualName, side: Side, held: &Lean, kinds: &dyn Kinds) -> Vec<Key> {
        let spec = field(Some(held), "spec");
        let key = |kind: &str, object| kinds.id(kind).map(|kind| Key::new(kind, object));
        let node = node_of(&spec).map(VirtualName::cluster_scoped);
        match side {
            Side::Host => node.and_then(|node| key("nodes", node)).into_iter().collect(),
            Side::Virtual => used_by_spec(ctx, pod, spec)
                .into_iter()
                .filter_map(|(kind, object)| key(kind, object))
                .collect(),
        }
    }

    fn affects(&self, changed: &At<'_>, _: Side) -> Affects {
        let (Some(v), Some(h)) = (changed.v, changed.h) else { return Affects::None };
        let Some(tokens) = changed.other("tokens", changed.key.object.clone()) else { return Affects::None };
        let asks = v.field("spec").is_some_and(|spec| claims::asks(spec.get()));
        let there = changed.view.get(Side::Host, &tokens);
        if asks && !there.is_some_and(|secret| super::tokens::is_of(secret, v, h)) {
            return Affects::Keys(vec![tokens]);
        }
        Affects::None
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        life::plan(at)
    }
}

/// What a virtual spec refers to, and what creating its pod waits for.
fn used_by_spec(ctx: &Context, pod: &VirtualName, mut spec: Value) -> Vec<(&'static str, VirtualName)> {
    let mut used = Vec::new();
    let own = |name: &str| VirtualName { namespace: pod.namespace.clone(), name: name.into() };
    refs::each(&mut spec, &mut |kind, name| {
        used.extend(name.as_str().map(|name| (kind.kind(), own(name))));
    });
    used.extend(
        refs::ephemeral_claims(&spec, &pod.name).iter().map(|claim| ("persistentvolumeclaims", own(claim))),
    );
    if node_of(&spec).is_some() {
        return used;
    }
    used.push(("services", gate::dns_service()));
    if ctx.pods.own_accounts {
        used.push(("serviceaccounts", own(claims::account(&spec))));
    }
    let classes = [
        ("priorityclasses.scheduling.k8s.io", "priorityClassName", ctx.pods.priority_classes),
        ("runtimeclasses.node.k8s.io", "runtimeClassName", ctx.pods.runtime_classes),
    ];
    for (kind, field, mirrored) in classes {
        if let Some(name) = spec[field].as_str().filter(|name| !name.is_empty() && mirrored != Classes::Apart)
        {
            used.push((kind, VirtualName::cluster_scoped(name)));
        }
    }
    used
}

/// The node that a spec is bound to.
fn node_of(spec: &Value) -> Option<&str> {
    spec["nodeName"].as_str().filter(|name| !name.is_empty())
}

/// Whether the tenant wants `/etc/hosts` left alone.
fn keeps_hosts(v: &Lean) -> bool {
    v.metadata.annotation(annotation::KEEP_HOSTS) == Some("true")
}
