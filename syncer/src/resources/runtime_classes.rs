//! RuntimeClasses of the host.

use v9s::cluster::Resource;

use super::classes::Class;

/// Kind in the registry.
pub(super) const KIND: &str = "runtimeclasses.node.k8s.io";

/// As the tenant sees them.
pub(super) fn class() -> Class {
    Class {
        resource: Resource::RUNTIME_CLASSES,
        fields: &["handler", "overhead", "scheduling"],
        immutable: &["handler"],
        reserved: "",
        edit: |_| {},
    }
}
