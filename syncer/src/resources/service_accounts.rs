//! ServiceAccounts: on the host they are names and annotations, by which clouds give pods their rights. Nothing there may
//! speak to the host's API server for a tenant.

use serde_json::json;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;

use super::life::{HostDeletion, Ways};
use super::pushed::{Desired, Pushed};
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source};
use crate::engine::plan::Plan;
use crate::translate::owned;

/// ServiceAccounts of the tenant.
pub struct ServiceAccounts {
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

const RESOURCE: Resource = Resource::SERVICE_ACCOUNTS;

impl Mirror for ServiceAccounts {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(match side {
            Side::Virtual => Source { metadata_only: true, ..Source::all(RESOURCE) },
            Side::Host => Source::marked(RESOURCE, ctx),
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &RESOURCE, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let resource = &RESOURCE;
        let ways = Ways::plain(resource, self.host_deletion);
        Pushed { ways, immutable: &[], status: None }
            .plan(at, |_, _| Ok(Desired::of([("automountServiceAccountToken", json!(false))])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::fixture::{World, namespaced};

    const ALL: ServiceAccounts = ServiceAccounts { host_deletion: HostDeletion::Recreate };

    #[test]
    fn an_account_has_its_annotations_on_the_host_and_no_token_or_secret() {
        let mut world = World::new(&["serviceaccounts"]);
        let robot = namespaced("shop", "robot");
        let role = json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r"});
        world.tenant("serviceaccounts", json!({"metadata": {"name": "robot", "namespace": "shop", "annotations": role},
            "secrets": [{"name": "s"}], "imagePullSecrets": [{"name": "p"}], "automountServiceAccountToken": true}));
        assert_eq!(world.settle(&ALL, "serviceaccounts", &robot).0, 1);
        let host = world.host("serviceaccounts", &robot);
        assert_eq!(host["automountServiceAccountToken"], false);
        assert_eq!((host.get("secrets"), host.get("imagePullSecrets")), (None, None));
        assert_eq!(host["metadata"]["annotations"]["eks.amazonaws.com/role-arn"], "arn:aws:iam::1:role/r");
        world.change(Side::Host, "serviceaccounts", &robot, &json!({"automountServiceAccountToken": true}));
        world.settle(&ALL, "serviceaccounts", &robot);
        assert_eq!(world.host("serviceaccounts", &robot)["automountServiceAccountToken"], false);
    }
}
