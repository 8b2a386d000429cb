//! `default/kubernetes`: the Service by which pods reach their API server is that of the virtual cluster on the host.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;

use super::realign;
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::resources::patch;
use crate::translate::diff;

/// The Service of the tenant's API server.
pub struct ApiService;

/// The port by which the control plane is asked as if it were a kubelet.
pub(in crate::resources) const KUBELET_PORT: &str = "kubelet";

impl Mirror for ApiService {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(source(Resource::SERVICES, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        origin(ctx, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        // The tenant's API server makes its own when it is missing.
        let (Some(v), Some(h)) = (at.v, at.h) else { return Plan::nothing() };
        let (mine, mut theirs) = (field(Some(v), "spec"), field(Some(h), "spec"));
        theirs["ports"] = ports(&theirs);
        theirs["type"] = json!("ClusterIP");
        let write = match realign::begun(v, &mine) {
            Some(begun) => realign::finish(at, v, &mine, &theirs, &begun),
            None => {
                let change = diff::to_become(&mine["ports"], &theirs["ports"])
                    .map_or(json!({}), |ports| json!({"spec": {"ports": ports}}));
                patch::merge(at, &Resource::SERVICES, Side::Virtual, v, change, None)
                    .or_else(|| realign::begin(at, v, &mine, &theirs))
            }
        };
        Plan { writes: write.into_iter().collect(), ..Plan::default() }
    }
}

/// What bears the name of the API server's Service: `default/kubernetes` inside, the virtual cluster's own on the host.
pub(in crate::resources) fn source(resource: Resource, side: Side, ctx: &Context) -> Source {
    let (namespace, name) = match side {
        Side::Virtual => ("default".into(), "kubernetes".into()),
        Side::Host => (ctx.host_namespace.clone(), ctx.vcluster.clone()),
    };
    Source {
        namespace: Some(namespace),
        fields: Some(format!("metadata.name={name}")),
        ..Source::all(resource)
    }
}

/// Which pair such an object belongs to.
pub(in crate::resources) fn origin(ctx: &Context, host: &Lean) -> Origin {
    match host.metadata.namespace == ctx.host_namespace && host.metadata.name == ctx.vcluster {
        true => Origin::Ours(VirtualName::namespaced("default", "kubernetes")),
        false => Origin::Foreign("it does not bear the name of this virtual cluster's Service"),
    }
}

/// The ports that a tenant is to know, without their numbers on the host's nodes.
fn ports(spec: &Value) -> Value {
    let ports = spec["ports"].as_array().into_iter().flatten();
    let known = ports.filter(|port| port["name"] != KUBELET_PORT).map(|port| {
        let mut port = port.clone();
        drop(port.as_object_mut().map(|port| port.remove("nodePort")));
        port
    });
    known.collect()
}
