//! StorageClasses.

use v9s::cluster::Resource;

use super::classes::Class;

/// Kind in the registry.
pub(super) const KIND: &str = "storageclasses.storage.k8s.io";

/// The same on both sides.
pub(super) fn class() -> Class {
    Class {
        resource: Resource::STORAGE_CLASSES,
        fields: &[
            "provisioner",
            "parameters",
            "reclaimPolicy",
            "mountOptions",
            "volumeBindingMode",
            "allowVolumeExpansion",
            "allowedTopologies",
        ],
        immutable: &["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"],
        reserved: "",
        edit: |_| {},
    }
}
