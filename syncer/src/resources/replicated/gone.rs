//! Replicas that are configured no longer.

use v9s::cluster::lean::Lean;
use v9s::cluster::{ObjectRef, Resource};
use v9s::names::VirtualName;
use v9s::wire::label;

use super::{CONTROLLER, FromHostLine, ToHostLine};
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source};
use crate::engine::plan::{Absence, Plan, Write};
use crate::resources::life;

/// Removes what was replicated to the tenant.
pub(in crate::resources) struct GoneFromHost {
    pub(in crate::resources) lines: Vec<FromHostLine>,
}

impl Mirror for GoneFromHost {
    fn source(&self, side: Side, _: &Context) -> Option<Source> {
        let labels = Some(format!("{}={CONTROLLER}", label::CONTROLLED_BY));
        (side == Side::Virtual).then(|| Source {
            labels,
            metadata_only: true,
            ..Source::all(Resource::SERVICES)
        })
    }

    fn origin(&self, _: &Context, _: &Lean) -> Origin {
        Origin::Foreign("only the tenant's are looked at")
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Some(v) = at.v.filter(|v| v.metadata.deletion_timestamp.is_none()) else {
            return Plan::nothing();
        };
        let VirtualName { namespace, name } = &at.key.object;
        let configured =
            |line: &FromHostLine| namespace.as_ref() == Some(&line.to_namespace) && *name == line.to_name;
        if self.lines.iter().any(configured)
            || v.metadata.annotation(v9s::wire::annotation::APPLIED).is_none()
        {
            return Plan::nothing();
        }
        Plan::write(Write::delete(
            Side::Virtual,
            life::virtual_object(at, &Resource::SERVICES),
            v,
            Absence::Unwanted,
        ))
    }
}

/// Removes what was replicated to the host.
pub(in crate::resources) struct GoneToHost {
    pub(in crate::resources) lines: Vec<ToHostLine>,
}

impl Mirror for GoneToHost {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        let marker = ctx.names.marker();
        let labels = format!("{}={marker},{}={CONTROLLER}", label::MANAGED_BY, label::CONTROLLED_BY);
        (side == Side::Host).then(|| Source {
            namespace: Some(ctx.host_namespace.clone()),
            labels: Some(labels),
            metadata_only: true,
            ..Source::all(Resource::SERVICES)
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        let meta = &host.metadata;
        let ours = meta.namespace == ctx.host_namespace
            && meta.label(label::MANAGED_BY) == Some(ctx.names.marker())
            && meta.label(label::CONTROLLED_BY) == Some(CONTROLLER);
        match ours {
            true => Origin::Ours(VirtualName::namespaced(meta.namespace.clone(), meta.name.clone())),
            false => Origin::Foreign("it is no replica"),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Some(h) = at.h.filter(|h| h.metadata.deletion_timestamp.is_none()) else {
            return Plan::nothing();
        };
        if self.lines.iter().any(|line| line.to_name == h.metadata.name) {
            return Plan::nothing();
        }
        let target =
            ObjectRef::namespaced(Resource::SERVICES, at.ctx.host_namespace.clone(), h.metadata.name.clone());
        Plan::write(Write::delete(Side::Host, target, h, Absence::Unwanted))
    }
}
