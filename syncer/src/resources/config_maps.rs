//! ConfigMaps: those that pods refer to, those that ask for it, or all; their data may be changed on both sides.

use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;

use super::canary;
use super::content::Content;
use super::life::HostDeletion;
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::translate::owned;

/// ConfigMaps of the tenant.
pub struct ConfigMaps {
    /// All of them, not only those that are referred to.
    pub all: bool,
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

/// The host makes one of its own in every namespace.
const ROOT_CA: &str = "kube-root-ca.crt";

impl Mirror for ConfigMaps {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(Resource::CONFIG_MAPS, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        if host.metadata.name == ROOT_CA {
            return Origin::Foreign("the host makes it in every namespace");
        }
        owned::origin(ctx, &Resource::CONFIG_MAPS, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        if at.key.object == canary::name() {
            return Plan::nothing();
        }
        let fixed = |v: &Lean| vec![("immutable", field(Some(v), "immutable"))];
        let content = Content {
            resource: Resource::CONFIG_MAPS,
            all: self.all,
            shared: &["data", "binaryData"],
            fixed,
        };
        content.plan(at, self.host_deletion)
    }
}
