//! Pods: what they consist of, and what of it may change.

use super::storage;
use crate::status::FieldError;
use serde_json::Value;

/// What every pod and every template of one has. `field` holds its spec.
pub(super) fn spec(spec: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (index, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        let Some(ephemeral) = volume.get("ephemeral").filter(|ephemeral| ephemeral.is_object()) else {
            continue;
        };
        let at = format!("{field}.volumes[{index}].ephemeral.volumeClaimTemplate");
        match ephemeral["volumeClaimTemplate"].is_object() {
            true => {
                let spec = &ephemeral["volumeClaimTemplate"]["spec"];
                storage::claim(spec, &format!("{at}.spec"), errors);
            }
            false => errors.push(FieldError::required(at, "")),
        }
    }
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        errors.push(FieldError::required(format!("{field}.containers"), ""));
    }
    let mut names = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let at = format!("{field}.containers[{index}]");
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        } else if let Some(why) = crate::names::label(name) {
            errors.push(FieldError::invalid(format!("{at}.name"), format!("{name:?}"), &why));
        } else if names.contains(&name) {
            errors.push(FieldError {
                reason: "FieldValueDuplicate",
                field: format!("{at}.name"),
                message: format!("Duplicate value: {name:?}"),
            });
        }
        names.push(name);
        container_ports(container, &at, errors);
        if container["image"].as_str().unwrap_or_default().is_empty() {
            errors.push(FieldError::required(format!("{at}.image"), ""));
        }
    }
}

fn container_ports(container: &Value, at: &str, errors: &mut Vec<FieldError>) {
    for (index, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        for (key, required) in [("containerPort", true), ("hostPort", false)] {
            let field = format!("{at}.ports[{index}].{key}");
            match port[key].as_i64().unwrap_or_default() {
                0 if required => errors.push(FieldError::required(field, "")),
                0..=65535 => {}
                other => {
                    let why = "must be between 1 and 65535, inclusive";
                    errors.push(FieldError::invalid(field, other, why));
                }
            }
        }
    }
}

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
