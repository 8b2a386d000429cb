//! IngressClasses of the host.

use v9s::cluster::Resource;

use super::classes::Class;

/// Kind in the registry.
pub(super) const KIND: &str = "ingressclasses.networking.k8s.io";

/// As the tenant sees them. What their parameters refer to may be in a namespace of the host; it is not shown.
pub(super) fn class() -> Class {
    Class {
        resource: Resource::INGRESS_CLASSES,
        fields: &["spec"],
        // Nothing but the controller is left in it.
        immutable: &["spec"],
        reserved: "",
        edit: |fields| {
            for spec in fields.iter_mut().filter_map(|(_, spec)| spec.as_object_mut()) {
                spec.remove("parameters");
            }
        },
    }
}
