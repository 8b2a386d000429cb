//! Endpoints and EndpointSlices of Services without selector; with one the host's own controllers find the pods.

mod api;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::label;

use super::life::{HostDeletion, Ways};
use super::pushed::{Desired, Pushed};
use super::services::is_api;
use crate::context::Context;
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, Kinds, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::translate::owned;

pub use api::{ApiEndpointSlices, ApiEndpoints};

/// Endpoints of the tenant.
pub struct Endpoints {
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

/// EndpointSlices of the tenant.
pub struct EndpointSlices {
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

/// Names the Service that a slice belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Names who makes a slice.
const SLICE_MANAGER: &str = "endpointslice.kubernetes.io/managed-by";
/// Makes slices of Endpoints, on the host as well.
const SLICE_MIRRORING: &str = "endpointslicemirroring-controller.k8s.io";
/// When the controllers of a cluster have last seen a change; it says nothing on another.
const KEPT_APART: [&str; 1] = ["endpoints.kubernetes.io/last-change-trigger-time"];

impl Mirror for Endpoints {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(Resource::ENDPOINTS, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &Resource::ENDPOINTS, host)
    }

    fn uses(&self, _: &Context, object: &VirtualName, side: Side, _: &Lean, kinds: &dyn Kinds) -> Vec<Key> {
        let service = kinds.id("services").filter(|_| side == Side::Virtual);
        service.map(|kind| Key::new(kind, object.clone())).into_iter().collect()
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let wanted = is_wanted(at, at.key.object.clone());
        pushed(&Resource::ENDPOINTS, wanted, self.host_deletion, &[]).plan(at, |v, _| {
            let mut subsets = field(Some(v), "subsets");
            for subset in subsets.as_array_mut().into_iter().flatten() {
                for list in ["addresses", "notReadyAddresses"] {
                    for address in subset.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                        translate_target(at, address);
                    }
                }
            }
            let mut desired = Desired::of([("subsets", subsets)]);
            desired.extra.kept_apart = &KEPT_APART;
            Ok(desired)
        })
    }
}

impl Mirror for EndpointSlices {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(Resource::ENDPOINT_SLICES, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &Resource::ENDPOINT_SLICES, host)
    }

    fn uses(
        &self,
        _: &Context,
        object: &VirtualName,
        side: Side,
        held: &Lean,
        kinds: &dyn Kinds,
    ) -> Vec<Key> {
        let service = kinds.id("services").filter(|_| side == Side::Virtual).zip(service_of(object, held));
        service.map(|(kind, service)| Key::new(kind, service)).into_iter().collect()
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let service = at.v.and_then(|v| service_of(&at.key.object, v));
        let mirrored = at.v.is_some_and(|v| v.metadata.label(SLICE_MANAGER) == Some(SLICE_MIRRORING));
        let wanted = !mirrored && service.clone().is_some_and(|service| is_wanted(at, service));
        pushed(&Resource::ENDPOINT_SLICES, wanted, self.host_deletion, &["addressType"]).plan(at, |v, _| {
            let mut endpoints = field(Some(v), "endpoints");
            for endpoint in endpoints.as_array_mut().into_iter().flatten() {
                translate_target(at, endpoint);
            }
            let fields = [
                ("addressType", field(Some(v), "addressType")),
                ("endpoints", endpoints),
                ("ports", field(Some(v), "ports")),
            ];
            let mut desired = Desired::of(fields);
            desired.extra.kept_apart = &KEPT_APART;
            if let Some(service) = &service {
                let name = at.ctx.names.host_name(service).to_string();
                desired.extra.labels.insert(SERVICE_NAME.into(), name);
            }
            Ok(desired)
        })
    }
}

fn pushed<'a>(
    resource: &'a Resource,
    wanted: bool,
    host_deletion: HostDeletion,
    immutable: &'static [&'static str],
) -> Pushed<'a> {
    let ways = Ways { wanted, ..Ways::plain(resource, host_deletion) };
    Pushed { ways, immutable, status: None }
}

fn service_of(slice: &VirtualName, held: &Lean) -> Option<VirtualName> {
    let name = held.metadata.label(SERVICE_NAME).filter(|name| !name.is_empty())?;
    Some(VirtualName { namespace: slice.namespace.clone(), name: name.into() })
}

/// Whether the host's controllers will not find the endpoints of a Service themselves.
fn is_wanted(at: &At<'_>, service: VirtualName) -> bool {
    if is_api(&service) {
        return false;
    }
    let controlled = |object: &Lean| object.metadata.label(label::CONTROLLED_BY).is_some();
    let Some(key) = at.other("services", service) else { return false };
    let Some(service) = at.view.get(Side::Virtual, &key) else { return false };
    let spec = field(Some(service), "spec");
    let selects = spec["selector"].as_object().is_some_and(|selector| !selector.is_empty());
    !selects && !controlled(service) && !at.v.is_some_and(controlled)
}

/// The pod behind an address, as the host knows it.
fn translate_target(at: &At<'_>, address: &mut Value) {
    let target = &address["targetRef"];
    if target["kind"] != "Pod" {
        drop(address.as_object_mut().map(|address| address.remove("targetRef")));
        return;
    }
    let namespace = target["namespace"].as_str().or(at.key.object.namespace.as_deref()).unwrap_or_default();
    let pod = VirtualName::namespaced(namespace, target["name"].as_str().unwrap_or_default());
    let host = at.other("pods", pod.clone()).and_then(|key| at.view.get(Side::Host, &key));
    let mut translated = json!({"kind": "Pod", "namespace": at.ctx.host_namespace, "name": at.ctx.names.host_name(&pod).as_str()});
    if let Some(host) = host {
        translated["uid"] = json!(host.metadata.uid);
    }
    address["targetRef"] = translated;
}
