//! Where `default/kubernetes` leads: to the control plane's own pods, as the host knows them.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;

use super::SERVICE_NAME;
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::resources::services::api::{self, KUBELET_PORT};
use crate::resources::shown::{Face, Shown};
use crate::translate::meta::Texts;

/// The Endpoints of the tenant's API server.
pub struct ApiEndpoints;

/// Its EndpointSlices, one or more for each family of addresses.
pub struct ApiEndpointSlices;

/// The tenant's controllers are not to make slices of these Endpoints: there are some.
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Who makes a slice.
const MANAGER: &str = "v9s-syncer";

impl Mirror for ApiEndpoints {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(api::source(Resource::ENDPOINTS, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        api::origin(ctx, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let shown = Shown { resource: &Resource::ENDPOINTS, immutable: &[], completed: &[] };
        shown.plan(at, |h| {
            let mut subsets = field(Some(h), "subsets");
            for subset in subsets.as_array_mut().into_iter().flatten() {
                without_kubelet(subset);
                for list in ["addresses", "notReadyAddresses"] {
                    nameless(subset, list);
                }
            }
            Some(Face {
                fields: vec![("subsets".into(), subsets)],
                labels: Texts::from([(SKIP_MIRROR.into(), "true".into())]),
                ..Face::default()
            })
        })
    }
}

impl Mirror for ApiEndpointSlices {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        let (namespace, service) = match side {
            Side::Virtual => ("default".into(), "kubernetes".into()),
            Side::Host => (ctx.host_namespace.clone(), ctx.vcluster.clone()),
        };
        Some(Source {
            namespace: Some(namespace),
            labels: Some(format!("{SERVICE_NAME}={service}")),
            ..Source::all(Resource::ENDPOINT_SLICES)
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        let of_service = host.metadata.label(SERVICE_NAME) == Some(ctx.vcluster.as_str());
        let rest = host.metadata.name.strip_prefix(ctx.vcluster.as_str());
        match rest.filter(|_| of_service && host.metadata.namespace == ctx.host_namespace) {
            Some(rest) => Origin::Ours(VirtualName::namespaced("default", format!("kubernetes{rest}"))),
            None => Origin::Foreign("it is no slice of the Service of this virtual cluster"),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let shown =
            Shown { resource: &Resource::ENDPOINT_SLICES, immutable: &["addressType"], completed: &[] };
        shown.plan(at, |h| {
            let mut slice =
                json!({"endpoints": field(Some(h), "endpoints"), "ports": field(Some(h), "ports")});
            without_kubelet(&mut slice);
            nameless(&mut slice, "endpoints");
            let labels = [(SERVICE_NAME, "kubernetes"), (super::SLICE_MANAGER, MANAGER)]
                .map(|(key, value)| (key.into(), value.into()));
            Some(Face {
                fields: vec![
                    ("addressType".into(), field(Some(h), "addressType")),
                    ("endpoints".into(), slice["endpoints"].take()),
                    ("ports".into(), slice["ports"].take()),
                ],
                labels: Texts::from(labels),
                ..Face::default()
            })
        })
    }
}

fn without_kubelet(of: &mut Value) {
    if let Some(ports) = of.get_mut("ports").and_then(Value::as_array_mut) {
        ports.retain(|port| port["name"] != KUBELET_PORT);
    }
}

/// Pods and nodes of the host mean nothing to a tenant.
fn nameless(of: &mut Value, list: &str) {
    for address in of.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
        for name in ["targetRef", "nodeName", "zone", "hints"] {
            drop(address.as_object_mut().map(|address| address.remove(name)));
        }
    }
}
