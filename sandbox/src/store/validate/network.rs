//! Ingresses and their classes.

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
