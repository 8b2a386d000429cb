//! What Kubernetes keeps in code per kind when an object is written: starting states, fields that only one side
//! may write, when the generation moves.

use super::metadata;
use crate::kinds::{Generation, Kind, StatusOnCreate};
use serde_json::{Map, Value, json};

/// Brings a new object into the state in which its kind starts.
pub(super) fn prepare_create(kind: &Kind, object: &mut Value) {
    if kind.status_on_create() == StatusOnCreate::Dropped {
        remove(object, "status");
    }
    if kind.generation() == Generation::Absent {
        metadata::unset(object, "generation");
    } else {
        metadata::set(object, "generation", json!(1));
    }
    if !kind.is_custom() {
        starting_state(kind, object);
    }
}

fn starting_state(kind: &Kind, object: &mut Value) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => {
            let class = quality_of_service(object);
            object["status"] = json!({"phase": "Pending", "qosClass": class});
        }
        ("", "namespaces") => {
            let finalizers = &mut object["spec"]["finalizers"];
            if finalizers.as_array().is_none_or(|all| !all.contains(&json!("kubernetes"))) {
                match finalizers.as_array_mut() {
                    Some(all) => all.push(json!("kubernetes")),
                    None => *finalizers = json!(["kubernetes"]),
                }
            }
            object["status"] = json!({"phase": "Active"});
            label_namespace(object);
        }
        ("", "secrets") => fold_string_data(object),
        ("", "persistentvolumeclaims" | "persistentvolumes") => {
            object["status"] = json!({"phase": "Pending"})
        }
        ("", "services") => object["status"] = json!({"loadBalancer": {}}),
        ("", "resourcequotas") | ("apps" | "batch", _) if kind.subresource("status").is_some() => {
            object["status"] = json!({});
        }
        _ => {}
    }
}

/// What even an object that is stored as it is cannot do without.
pub(super) fn seed(kind: &Kind, object: &mut Value) {
    if kind.generation() != Generation::Absent && object["metadata"]["generation"].is_null() {
        metadata::set(object, "generation", json!(1));
    }
    if kind.is_custom() || !kind.group.is_empty() {
        return;
    }
    if kind.plural == "namespaces" {
        label_namespace(object);
        if object["spec"]["finalizers"].is_null() {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
        }
        if object["status"]["phase"].is_null() {
            object["status"]["phase"] = json!("Active");
        }
    }
}

/// Brings an update into line with what this path may change. `subresource` is empty for the object itself.
pub(super) fn prepare_update(kind: &Kind, subresource: &str, new: &mut Value, old: &Value) {
    match subresource {
        "" if kind.subresource("status").is_some() => copy(old, new, "status"),
        "status" => only_status(kind, new, old),
        _ => {}
    }
    if !kind.is_custom() {
        match (kind.group.as_str(), kind.plural.as_str()) {
            ("", "secrets") => fold_string_data(new),
            ("", "namespaces") if subresource.is_empty() => {
                copy_in(old, new, "spec", "finalizers");
                label_namespace(new);
            }
            _ => {}
        }
    }
    metadata::copy(old, new, "generation");
    if subresource != "status" && content_changed(kind, new, old) {
        bump_generation(new);
    }
}

/// Counts the generation up by one, where the object has one.
pub(super) fn bump_generation(object: &mut Value) {
    if let Some(generation) = object["metadata"]["generation"].as_i64().filter(|n| *n > 0) {
        metadata::set(object, "generation", json!(generation + 1));
    }
}

/// A write to `/status` changes nothing else; built-in kinds let labels and annotations through.
fn only_status(kind: &Kind, new: &mut Value, old: &Value) {
    let status = new.get("status").cloned();
    let mut metadata = new["metadata"].clone();
    *new = old.clone();
    match status {
        Some(status) => new["status"] = status,
        None => remove(new, "status"),
    }
    if !kind.is_custom() {
        for key in ["ownerReferences", "deletionTimestamp"] {
            match old["metadata"].get(key) {
                Some(value) => metadata[key] = value.clone(),
                None => remove(&mut metadata, key),
            }
        }
        new["metadata"] = metadata;
    } else {
        let revision = metadata.get("resourceVersion").cloned().unwrap_or(Value::Null);
        let fields = metadata.get("managedFields").cloned().unwrap_or(Value::Null);
        metadata::set(new, "resourceVersion", revision);
        metadata::set(new, "managedFields", fields);
    }
}

fn content_changed(kind: &Kind, new: &Value, old: &Value) -> bool {
    let extra: &[&str] = match kind.generation() {
        Generation::Absent | Generation::Constant => return false,
        Generation::Content => &[],
        Generation::ContentAndAnnotations => &["annotations"],
        Generation::ContentAndLabels => &["labels"],
    };
    let content = |object: &Value| -> Map<String, Value> {
        let mut fields = object.as_object().cloned().unwrap_or_default();
        for key in ["metadata", "status", "kind", "apiVersion"] {
            fields.remove(key);
        }
        fields
    };
    content(new) != content(old) || extra.iter().any(|key| new["metadata"][key] != old["metadata"][key])
}

fn label_namespace(object: &mut Value) {
    let name = metadata::text(object, "name").to_owned();
    let labels = &mut object["metadata"]["labels"];
    if !labels.is_object() {
        *labels = Value::Object(Map::new());
    }
    labels["kubernetes.io/metadata.name"] = json!(name);
}

/// `stringData` of a Secret becomes `data`.
fn fold_string_data(object: &mut Value) {
    use base64::Engine as _;
    let Some(fields) = object.as_object_mut() else { return };
    let Some(Value::Object(plain)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    for (key, value) in plain {
        let text = value.as_str().unwrap_or_default();
        data[key] = json!(base64::engine::general_purpose::STANDARD.encode(text));
    }
}

/// Quality-of-service class of a pod: by requests and limits of cpu and memory of all its containers.
fn quality_of_service(pod: &Value) -> &'static str {
    let lists = [&pod["spec"]["containers"], &pod["spec"]["initContainers"]];
    let containers = lists.into_iter().filter_map(Value::as_array).flatten();
    let (mut any, mut guaranteed) = (false, true);
    for container in containers {
        let resources = &container["resources"];
        for key in ["cpu", "memory"] {
            let (request, limit) = (&resources["requests"][key], &resources["limits"][key]);
            any |= !request.is_null() || !limit.is_null();
            guaranteed &= !limit.is_null() && (request.is_null() || request == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn remove(object: &mut Value, key: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(key);
    }
}

fn copy(from: &Value, to: &mut Value, key: &str) {
    match from.get(key) {
        Some(value) => to[key] = value.clone(),
        None => remove(to, key),
    }
}

fn copy_in(from: &Value, to: &mut Value, parent: &str, key: &str) {
    match from.get(parent).and_then(|p| p.get(key)) {
        Some(value) if !to[parent].is_object() => to[parent] = json!({key: value}),
        Some(value) => to[parent][key] = value.clone(),
        None => {
            if let Some(parent) = to.get_mut(parent) {
                remove(parent, key);
            }
        }
    }
}
