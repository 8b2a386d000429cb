//! Volumes and claims.

use crate::status::FieldError;
use serde_json::Value;

/// A volume says how large it is, how it is reached, and what it is.
pub(super) fn volume(new: &Value, errors: &mut Vec<FieldError>) {
    const SETTINGS: [&str; 9] = [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeMode",
        "volumeAttributesClassName",
    ];
    let spec = &new["spec"];
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required("spec.accessModes", ""));
    }
    let capacity = spec["capacity"].as_object();
    if capacity.is_none() {
        errors.push(FieldError::required("spec.capacity", ""));
    }
    if capacity.is_none_or(|capacity| capacity.len() != 1 || !capacity.contains_key("storage")) {
        let shown = &spec["capacity"];
        errors.push(FieldError {
            reason: "FieldValueNotSupported",
            field: "spec.capacity".into(),
            message: format!("Unsupported value: {shown}: supported values: \"storage\""),
        });
    }
    let typed = spec.as_object().is_some_and(|spec| spec.keys().any(|key| !SETTINGS.contains(&key.as_str())));
    if !typed {
        errors.push(FieldError::required("spec", "must specify a volume type"));
    }
}

/// A claim says how much and in which ways.
pub(super) fn claim(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required("spec.accessModes", "at least 1 access mode is required"));
    }
    if spec["resources"]["requests"]["storage"].is_null() {
        errors.push(FieldError::required("spec.resources[storage]", ""));
    }
}
