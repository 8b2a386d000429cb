//! PodDisruptionBudgets: they count pods of their own virtual namespace, and say so on both sides.
//!
//! The host counts pods but knows none of the tenant's controllers: shares, and numbers that may be missing, are counted
//! by the tenant's own control plane, and the host is told the number of pods that has to stay.

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

/// PodDisruptionBudgets of the tenant.
pub struct PodDisruptionBudgets {
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

const RESOURCE: Resource = Resource::POD_DISRUPTION_BUDGETS;
/// What the host counts as well as the tenant's own control plane.
const COUNTED: [&str; 4] = ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"];

impl Mirror for PodDisruptionBudgets {
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
        Pushed { ways, immutable: &[], status: Some(status) }.plan(at, |v, _| {
            let mut spec = field(Some(v), "spec");
            spec["selector"] = confined(at.ctx, &spec["selector"], Within::Namespace(namespace));
            if let Some(number) = counted_by_tenant(v, &spec) {
                spec["minAvailable"] = json!(number);
                drop(spec.as_object_mut().map(|spec| spec.remove("maxUnavailable")));
            }
            if let Some(spec) = spec.as_object_mut() {
                spec.retain(|_, value| !value.is_null());
            }
            Ok(Desired::of([("spec", spec)]))
        })
    }
}

/// How many pods have to stay, where the host cannot know it and the tenant's control plane has counted for this very spec.
fn counted_by_tenant(v: &Lean, spec: &Value) -> Option<u64> {
    if spec["minAvailable"].is_u64() {
        return None;
    }
    let status = field(Some(v), "status");
    let observed = status["observedGeneration"].as_u64().filter(|observed| *observed > 0)?;
    (Some(observed) == generation(v)).then(|| status["desiredHealthy"].as_u64().unwrap_or_default())
}

fn generation(object: &Lean) -> Option<u64> {
    object.metadata.other("generation")?.get().parse().ok()
}

/// The host's counts, where it can count; otherwise what is there.
fn status(v: &Lean, h: &Lean) -> Value {
    let (mut mine, theirs) = (field(Some(v), "status"), field(Some(h), "status"));
    let observed = theirs["observedGeneration"].as_u64().is_some_and(|seen| Some(seen) == generation(h));
    if !observed || !field(Some(v), "spec")["minAvailable"].is_u64() {
        return mine;
    }
    for name in COUNTED {
        mine[name] = theirs[name].clone();
    }
    mine["observedGeneration"] = json!(generation(v));
    if mine["conditions"].is_null() {
        mine["conditions"] = theirs["conditions"].clone();
    }
    mine
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::fixture::{World, namespaced};

    const ALL: PodDisruptionBudgets = PodDisruptionBudgets { host_deletion: HostDeletion::Recreate };

    fn world(spec: Value) -> (World, v9s::names::VirtualName) {
        let mut world = World::new(&["pdb"]);
        world.tenant(
            "pdb",
            json!({"metadata": {"name": "db", "namespace": "shop", "generation": 1}, "spec": spec}),
        );
        let db = namespaced("shop", "db");
        world.settle(&ALL, "pdb", &db);
        (world, db)
    }

    #[test]
    fn a_budget_counts_pods_of_its_own_namespace_and_every_field_follows() {
        let (mut world, db) = world(json!({"minAvailable": 2, "selector": {"matchLabels": {"app": "db"}}}));
        let spec = world.host("pdb", &db)["spec"].clone();
        assert_eq!(
            spec["selector"]["matchLabels"],
            json!({"app": "db", "vcluster.loft.sh/namespace": "shop",
            "vcluster.loft.sh/managed-by": "t"})
        );
        world.change(
            Side::Virtual,
            "pdb",
            &db,
            &json!({"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}),
        );
        world.settle(&ALL, "pdb", &db);
        assert_eq!(world.host("pdb", &db)["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow");
    }

    #[test]
    fn the_hosts_count_comes_back_when_it_is_of_this_spec() {
        let (mut world, db) = world(json!({"minAvailable": 2, "selector": {}}));
        let status = json!({"observedGeneration": 4, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3, "disruptionsAllowed": 1,
            "disruptedPods": {"db-0-x-shop-x-t": "2026-11-21T10:00:00Z"}});
        world.change(Side::Host, "pdb", &db, &json!({"metadata": {"generation": 5}, "status": status}));
        assert_eq!(world.settle(&ALL, "pdb", &db).0, 0, "it has not seen the last edit yet");
        world.change(Side::Host, "pdb", &db, &json!({"metadata": {"generation": 4}}));
        world.settle(&ALL, "pdb", &db);
        let shown = world.get(Side::Virtual, "pdb", &db)["status"].clone();
        assert_eq!(
            shown,
            json!({"observedGeneration": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3, "disruptionsAllowed": 1})
        );
    }

    #[test]
    fn shares_are_counted_where_the_controllers_are_known() {
        let (mut world, db) = world(json!({"maxUnavailable": "25%", "selector": {}}));
        assert_eq!(world.host("pdb", &db)["spec"]["maxUnavailable"], "25%", "nobody has counted yet");
        let counted = json!({"observedGeneration": 1, "desiredHealthy": 3, "expectedPods": 4, "currentHealthy": 4, "disruptionsAllowed": 1});
        world.change(Side::Virtual, "pdb", &db, &json!({"status": counted}));
        world.settle(&ALL, "pdb", &db);
        let spec = world.host("pdb", &db)["spec"].clone();
        assert_eq!((&spec["minAvailable"], spec.get("maxUnavailable")), (&json!(3), None));
        assert_eq!(world.get(Side::Virtual, "pdb", &db)["status"], counted);
    }
}
