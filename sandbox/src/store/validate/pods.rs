//! Pods: what of them may change.

use super::pod_spec;
use crate::status::FieldError;
use serde_json::Value;

/// Containers for debugging come and never change or go; their names are those of no other.
pub(super) fn debug_containers(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let list = |pod: &Value, key: &str| pod["spec"][key].as_array().cloned().unwrap_or_default();
    let (now, before) = (list(new, "ephemeralContainers"), list(old, "ephemeralContainers"));
    let others: Vec<Value> = ["containers", "initContainers"]
        .iter()
        .flat_map(|key| list(new, key))
        .map(|container| container["name"].clone())
        .collect();
    for (index, container) in now.iter().enumerate() {
        let earlier = now.iter().take(index).any(|other| other["name"] == container["name"]);
        if others.contains(&container["name"]) || earlier {
            errors.push(FieldError {
                reason: "FieldValueDuplicate",
                field: format!("spec.ephemeralContainers[{index}].name"),
                message: format!("Duplicate value: {}", container["name"]),
            });
        }
    }
    for container in &before {
        let name = &container["name"];
        let why = match now.iter().find(|other| other["name"] == *name) {
            Some(same) if same == container => continue,
            Some(_) => format!("existing ephemeral containers {name} may not be changed"),
            None => format!("existing ephemeral containers {name} may not be removed"),
        };
        errors.push(FieldError::forbidden("spec.ephemeralContainers", &why));
    }
}

/// Nearly nothing of a pod's spec changes through the pod itself.
pub(super) fn update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    pod_spec::check(&new["spec"], "spec", &[], errors);
    for list in ["containers", "initContainers"] {
        let count = |pod: &Value| pod["spec"][list].as_array().map_or(0, Vec::len);
        if count(new) != count(old) {
            let detail = match list {
                "containers" => "pod updates may not add or remove containers",
                _ => "pod updates may not add or remove init containers",
            };
            errors.push(FieldError::forbidden(format!("spec.{list}"), detail));
            return;
        }
    }
    let deadline = |pod: &Value| pod["spec"]["activeDeadlineSeconds"].as_i64();
    let field = "spec.activeDeadlineSeconds";
    match (deadline(new), deadline(old)) {
        (Some(now), Some(before)) if now > before => {
            let why = "must be less than or equal to previous value";
            errors.push(FieldError::invalid(field, now, why));
            return;
        }
        (None, Some(_)) => {
            let why = "must not update from a positive integer to nil value";
            errors.push(FieldError::invalid(field, "null", why));
        }
        _ => {}
    }
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        for key in
            ["activeDeadlineSeconds", "tolerations", "schedulingGates", "terminationGracePeriodSeconds"]
        {
            spec[key] = Value::Null;
        }
        spec
    };
    if fixed(new) != fixed(old) {
        errors.push(FieldError::forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"));
    }
}
