//! Volumes and claims.

use super::unchanged;
use crate::kinds::quantity::Quantity;
use crate::names;
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
    host_path(spec, "spec.hostPath", errors);
}

/// A folder of the node has a path, and a type if any that is known.
pub(super) fn host_path(volume: &Value, at: &str, errors: &mut Vec<FieldError>) {
    const TYPES: [&str; 8] =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    let Some(host_path) = volume.get("hostPath").filter(|host_path| host_path.is_object()) else { return };
    let path = host_path["path"].as_str().unwrap_or_default();
    if path.is_empty() {
        errors.push(FieldError::required(format!("{at}.path"), ""));
        return;
    }
    if path.split('/').any(|part| part == "..") {
        errors.push(FieldError::invalid(format!("{at}.path"), format!("{path:?}"), "must not contain '..'"));
    }
    if let Some(kind) = host_path["type"].as_str().filter(|kind| !TYPES.contains(kind)) {
        errors.push(FieldError::not_supported(format!("{at}.type"), kind, &TYPES));
    }
}

/// A class has somebody who provides and a known way of binding and of ending, and stays as it is.
pub(super) fn class(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    const MOST_PARAMETERS: usize = 512;
    let provisioner = new["provisioner"].as_str().unwrap_or_default().to_lowercase();
    if provisioner.is_empty() {
        errors.push(FieldError::required("provisioner", ""));
    } else {
        let invalid = |why: String| FieldError::invalid("provisioner", format!("{provisioner:?}"), &why);
        errors.extend(names::qualified(&provisioner).into_iter().map(invalid));
    }
    let parameters = new["parameters"].as_object();
    if parameters.is_some_and(|all| all.len() > MOST_PARAMETERS) {
        errors.push(FieldError {
            reason: "FieldValueTooLong",
            field: "parameters".into(),
            message: format!("Too long: may not be more than {MOST_PARAMETERS} bytes"),
        });
    } else if parameters.is_some_and(|all| all.contains_key("")) {
        errors.push(FieldError::invalid("parameters", "\"\"", "field can not be empty."));
    }
    let mut among = |field: &str, known: &[&str]| {
        if let Some(value) = new[field].as_str().filter(|value| !known.contains(value)) {
            errors.push(FieldError::not_supported(field, value, known));
        }
    };
    if new["reclaimPolicy"] != "" {
        among("reclaimPolicy", &["Delete", "Retain"]);
    }
    among("volumeBindingMode", &["Immediate", "WaitForFirstConsumer"]);
    topologies(&new["allowedTopologies"], errors);
    let Some(old) = old else { return };
    for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
        unchanged(new, old, &format!("/{field}"), field, errors);
    }
}

/// Where volumes of a class may be: every demand names a label once and has values.
fn topologies(terms: &Value, errors: &mut Vec<FieldError>) {
    for (at, term) in terms.as_array().into_iter().flatten().enumerate() {
        let mut keys: Vec<&str> = Vec::new();
        for (index, demand) in term["matchLabelExpressions"].as_array().into_iter().flatten().enumerate() {
            let field = format!("allowedTopologies[{at}].matchLabelExpressions[{index}]");
            let values: Vec<&str> =
                demand["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if values.is_empty() {
                errors.push(FieldError::required(format!("{field}.values"), ""));
            }
            for (place, value) in values.iter().enumerate() {
                if values.get(..place).is_some_and(|before| before.contains(value)) {
                    errors.push(FieldError::duplicate(format!("{field}.values[{place}]"), value));
                }
            }
            let key = demand["key"].as_str().unwrap_or_default();
            let invalid = |why: String| FieldError::invalid(format!("{field}.key"), format!("{key:?}"), &why);
            errors.extend(names::qualified(key).into_iter().map(invalid));
            if keys.contains(&key) {
                errors.push(FieldError::duplicate(format!("{field}.key"), key));
            }
            keys.push(key);
        }
    }
}

/// A claim says how much and in which ways. `at` is the field that holds its spec.
pub(super) fn claim(spec: &Value, at: &str, errors: &mut Vec<FieldError>) {
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        let why = "at least 1 access mode is required";
        errors.push(FieldError::required(format!("{at}.accessModes"), why));
    }
    if spec["resources"]["requests"]["storage"].is_null() {
        errors.push(FieldError::required(format!("{at}.resources[storage]"), ""));
    }
}

/// What a claim asks for stays, but for a few things once it is bound.
pub(super) fn claim_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let classed = !old["spec"]["storageClassName"].is_null();
    let fixed = |claim: &Value| {
        let mut spec = claim["spec"].as_object().cloned().unwrap_or_default();
        for key in ["volumeAttributesClassName", "volumeName"] {
            spec.remove(key);
        }
        if old["status"]["phase"] == "Bound" {
            spec.remove("resources");
        }
        // A claim that said nothing of its class may be given one.
        if !classed {
            spec.remove("storageClassName");
        }
        spec
    };
    let volume = &old["spec"]["volumeName"];
    let rebound = !volume.is_null() && volume != "" && new["spec"]["volumeName"] != *volume;
    if fixed(new) != fixed(old) || rebound {
        let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden("spec", detail));
    }
    let size = |value: &Value| Quantity::from_json(value).unwrap_or_default();
    let requested = |claim: &Value| size(&claim["spec"]["resources"]["requests"]["storage"]);
    // What did not grow as wished may be wished smaller again, down to what is there.
    if requested(new) < requested(old) && requested(new) <= size(&old["status"]["capacity"]["storage"]) {
        let detail = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden("spec.resources.requests.storage", detail));
    }
    unchanged(new, old, "/spec/volumeMode", "volumeMode", errors);
}
