//! Secrets: those that pods and ingresses refer to, those that ask for it, or all; their data may be changed on both sides.

use serde_json::json;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;

use super::content::Content;
use super::life::HostDeletion;
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::translate::owned;

/// Secrets of the tenant.
pub struct Secrets {
    /// All of them, not only those that are referred to.
    pub all: bool,
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

/// The host's token controller would fill, or delete, a Secret of this type.
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";

impl Mirror for Secrets {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(Resource::SECRETS, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &Resource::SECRETS, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let content = Content { resource: Resource::SECRETS, all: self.all, shared: &["data"], fixed };
        content.plan(at, self.host_deletion)
    }
}

/// The type never changes in a Secret's life.
fn fixed(v: &Lean) -> Vec<(&'static str, serde_json::Value)> {
    let kind = match field(Some(v), "type") {
        kind if kind == TOKEN_TYPE => json!("Opaque"),
        kind => kind,
    };
    vec![("type", kind), ("immutable", field(Some(v), "immutable"))]
}
