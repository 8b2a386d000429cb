//! Which objects on the host are ours: annotations prove it, a name or a label alone never does.

use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::{HostName, VirtualName};
use v9s::wire::{annotation, label};

use crate::context::Context;
use crate::engine::mirror::Origin;

/// Go's words for a kind, `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`.
pub fn kind_mark(resource: &Resource) -> String {
    resource.kind_mark()
}

/// Where a namespaced object of the host namespace comes from, with the name that the usual rule gives it.
pub fn origin(ctx: &Context, resource: &Resource, host: &Lean) -> Origin {
    origin_named(ctx, resource, host, |name| ctx.names.host_name(name))
}

/// The same with another rule for names.
pub fn origin_named(
    ctx: &Context,
    resource: &Resource,
    host: &Lean,
    host_name: impl FnOnce(&VirtualName) -> HostName,
) -> Origin {
    let meta = &host.metadata;
    let says = |key: &str| meta.annotation(key).filter(|value| !value.is_empty());
    if meta.namespace != ctx.host_namespace {
        return Origin::Foreign("it is in another namespace");
    }
    if meta.label(label::MANAGED_BY) != Some(ctx.names.marker()) {
        return Origin::Foreign("it does not carry the label of this virtual cluster");
    }
    if meta.label(label::CONTROLLED_BY).is_some() {
        return Origin::Foreign("another controller keeps it");
    }
    let (Some(name), Some(namespace)) = (says(annotation::OBJECT_NAME), says(annotation::OBJECT_NAMESPACE))
    else {
        return Origin::Foreign("no annotation says what it was made for");
    };
    if says(annotation::OBJECT_KIND).is_some_and(|kind| kind != kind_mark(resource)) {
        return Origin::Foreign("it was made for an object of another kind");
    }
    if says(annotation::OBJECT_HOST_NAME).is_some_and(|made| made != meta.name)
        || says(annotation::OBJECT_HOST_NAMESPACE).is_some_and(|made| made != meta.namespace)
    {
        return Origin::Foreign("it is a copy that somebody made of one of ours");
    }
    let object = VirtualName::namespaced(namespace, name);
    if host_name(&object).as_str() != meta.name {
        return Origin::Foreign("it does not bear the name that its origin would have");
    }
    Origin::Ours(object)
}

/// Where a cluster-scoped object comes from.
pub fn origin_cluster_scoped(ctx: &Context, resource: &Resource, host: &Lean) -> Origin {
    let meta = &host.metadata;
    let says = |key: &str| meta.annotation(key).filter(|value| !value.is_empty());
    if meta.label(label::MANAGED_BY) != Some(ctx.names.cluster_scoped_marker().as_str()) {
        return Origin::Foreign("it does not carry the label of this virtual cluster");
    }
    let Some(name) = says(annotation::OBJECT_NAME) else {
        return Origin::Foreign("no annotation says what it was made for");
    };
    if says(annotation::OBJECT_KIND).is_some_and(|kind| kind != kind_mark(resource))
        || says(annotation::OBJECT_HOST_NAME).is_some_and(|made| made != meta.name)
    {
        return Origin::Foreign("it is a copy, or was made for another kind");
    }
    let object = VirtualName::cluster_scoped(name);
    if ctx.names.host_name(&object).as_str() != meta.name {
        return Origin::Foreign("it does not bear the name that its origin would have");
    }
    Origin::Ours(object)
}

/// Whether the host's object was made for this very virtual object; it may have been made for a predecessor of the same
/// name.
pub fn is_for(host: &Lean, virtual_object: &Lean) -> bool {
    host.metadata.annotation(annotation::OBJECT_UID).is_none_or(|uid| uid == virtual_object.metadata.uid)
}
