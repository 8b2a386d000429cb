//! Namespaces: not mirrored, but their labels go with their pods, and they carry the pod security standard that is
//! configured, so that the tenant's own API server tells of a violation at once.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::wire::annotation;

use super::life;
use crate::context::{Context, PodSecurity};
use crate::engine::key::Side;
use crate::engine::mirror::{Affects, At, Mirror, Origin, Source};
use crate::engine::plan::{Part, Plan, Write};

/// Namespaces of the tenant.
pub struct Namespaces;

/// Labels by which an API server is told which standard holds in a namespace.
const LABELS: [&str; 2] = ["pod-security.kubernetes.io/enforce", "pod-security.kubernetes.io/warn"];

impl Mirror for Namespaces {
    fn source(&self, side: Side, _: &Context) -> Option<Source> {
        (side == Side::Virtual).then(|| Source { metadata_only: true, ..Source::all(Resource::NAMESPACES) })
    }

    fn origin(&self, _: &Context, _: &Lean) -> Origin {
        Origin::Foreign("namespaces are not mirrored")
    }

    fn affects(&self, changed: &At<'_>, _: Side) -> Affects {
        match changed.kinds.id("pods") {
            Some(pods) => Affects::Namespace(pods, changed.key.object.name.clone()),
            None => Affects::None,
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Some(v) = at.v.filter(|v| v.metadata.deletion_timestamp.is_none()) else {
            return Plan::nothing();
        };
        match label(at.ctx.pods.security, v) {
            Some(change) => {
                let target = life::virtual_object(at, &Resource::NAMESPACES);
                let change = json!({"metadata": change});
                Plan::write(Write::merge(Side::Virtual, target, v, Part::Main, change))
            }
            None => Plan::nothing(),
        }
    }
}

/// What is to change of a namespace's metadata. A mark tells labels of ours from the tenant's own, which stay when no
/// standard is configured.
fn label(security: PodSecurity, v: &Lean) -> Option<Value> {
    let level = match security {
        PodSecurity::Privileged => None,
        PodSecurity::Baseline => Some("baseline"),
        PodSecurity::Restricted => Some("restricted"),
    };
    let is_marked = v.metadata.annotation(annotation::APPLIED).is_some();
    let is_right = LABELS.iter().all(|label| v.metadata.label(label) == level);
    if level.is_none() && !is_marked || level.is_some() && is_marked && is_right {
        return None;
    }
    let labels: Value = LABELS.iter().map(|label| ((*label).to_owned(), json!(level))).collect();
    let mark = level.map(|level| format!("pod-security={level}"));
    Some(json!({"labels": labels, "annotations": {annotation::APPLIED: mark}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::fixture::World;
    use v9s::names::VirtualName;

    #[test]
    fn the_standard_is_told_to_the_tenants_api_server_and_taken_back() {
        let mut world = World::new(&["namespaces"]);
        let team = VirtualName::cluster_scoped("team");
        let own = json!({"metadata": {"name": "team", "labels": {"a": "1"}}});
        world.tenant("namespaces", own);
        assert_eq!(world.settle(&Namespaces, "namespaces", &team).0, 0, "nothing is configured");
        world.ctx.pods.security = PodSecurity::Baseline;
        assert_eq!(world.settle(&Namespaces, "namespaces", &team).0, 1);
        let labels =
            |world: &World| world.get(Side::Virtual, "namespaces", &team)["metadata"]["labels"].clone();
        assert_eq!(labels(&world), json!({"a": "1", LABELS[0]: "baseline", LABELS[1]: "baseline"}));
        let weaker = json!({"metadata": {"labels": {LABELS[0]: "privileged"}}});
        world.change(Side::Virtual, "namespaces", &team, &weaker);
        assert_eq!(world.settle(&Namespaces, "namespaces", &team).0, 1, "a tenant does not choose it");
        world.ctx.pods.security = PodSecurity::Privileged;
        assert_eq!(world.settle(&Namespaces, "namespaces", &team).0, 1);
        assert_eq!(labels(&world), json!({"a": "1"}));
        let theirs = json!({"metadata": {"labels": {LABELS[0]: "restricted"}}});
        world.change(Side::Virtual, "namespaces", &team, &theirs);
        assert_eq!(world.settle(&Namespaces, "namespaces", &team).0, 0, "their own stays");
    }
}
