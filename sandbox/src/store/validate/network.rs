//! Ingresses and their classes, endpoints.

use super::unchanged;
use crate::status::FieldError;
use serde_json::Value;

/// An ingress leads somewhere.
pub(super) fn ingress(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if spec["rules"].is_null() && spec["defaultBackend"].is_null() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid("spec", Value::Null, detail));
    }
}

/// A class has a controller.
pub(super) fn ingress_class(new: &Value, errors: &mut Vec<FieldError>) {
    if new["spec"]["controller"].as_str().unwrap_or_default().is_empty() {
        errors.push(FieldError::required("spec.controller", ""));
    }
}

/// A slice says what its addresses are, for ever, and its endpoints have some.
pub(super) fn endpoint_slice(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    const TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];
    match new["addressType"].as_str().unwrap_or_default() {
        "" => errors.push(FieldError::required("addressType", "")),
        kind if !TYPES.contains(&kind) => errors.push(FieldError::not_supported("addressType", kind, &TYPES)),
        _ => {}
    }
    for (index, endpoint) in new["endpoints"].as_array().into_iter().flatten().enumerate() {
        if endpoint["addresses"].as_array().is_none_or(Vec::is_empty) {
            let why = "must contain at least 1 address";
            errors.push(FieldError::required(format!("endpoints[{index}].addresses"), why));
        }
    }
    if let Some(old) = old {
        unchanged(new, old, "/addressType", "addressType", errors);
    }
}
