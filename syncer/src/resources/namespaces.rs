//! Namespaces: not mirrored, but their labels go with their pods.

use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;

use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{Affects, At, Mirror, Origin, Source};
use crate::engine::plan::Plan;

/// Namespaces of the tenant.
pub struct Namespaces;

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

    fn plan(&self, _: &At<'_>) -> Plan {
        Plan::nothing()
    }
}
