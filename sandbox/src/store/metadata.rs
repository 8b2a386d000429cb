//! The rules that hold for `metadata` of every kind.

use super::object::OwnerRef;
use crate::kinds::Kind;
use crate::names;
use crate::status::{FieldError, Status};
use serde_json::{Map, Value, json};

/// Makes sure that there is a `metadata` object to work on.
pub(crate) fn ensure(object: &mut Value) -> Result<(), Status> {
    let fields = object.as_object_mut().ok_or_else(|| Status::bad_request("the object is no JSON object"))?;
    match fields.entry("metadata").or_insert(Value::Null) {
        Value::Object(_) => Ok(()),
        slot @ Value::Null => {
            *slot = Value::Object(Map::new());
            Ok(())
        }
        _ => Err(Status::bad_request("metadata is no JSON object")),
    }
}

/// Sets a field of metadata.
pub(crate) fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert(key.to_owned(), value);
    }
}

/// Removes a field of metadata.
pub(crate) fn unset(object: &mut Value, key: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove(key);
    }
}

/// Takes a field of metadata over from another version of the object, its absence too.
pub(crate) fn copy(from: &Value, to: &mut Value, key: &str) {
    match from.get("metadata").and_then(|m| m.get(key)) {
        Some(value) => set(to, key, value.clone()),
        None => unset(to, key),
    }
}

/// A text in metadata; empty when absent.
pub(crate) fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default()
}

/// The finalizers of an object.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Puts the object into the namespace of the request.
pub(crate) fn settle_namespace(
    kind: &Kind,
    namespace: Option<&str>,
    object: &mut Value,
) -> Result<(), Status> {
    let own = text(object, "namespace");
    match namespace.filter(|_| kind.namespaced) {
        Some(wanted) if own.is_empty() || own == wanted => {
            set(object, "namespace", json!(wanted));
            Ok(())
        }
        Some(_) => Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
        None => {
            unset(object, "namespace");
            Ok(())
        }
    }
}

/// What is wrong with the metadata of a new object. Its name rule comes with the kind.
pub(crate) fn check(kind: &Kind, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let name = text(object, "name");
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else if let Some(why) = name_rule(kind)(name) {
        errors.push(FieldError::invalid("metadata.name", format!("{name:?}"), &why));
    }
    check_common(object, &mut errors);
    errors
}

/// What is wrong with the metadata of an update.
pub(crate) fn check_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for key in ["name", "namespace", "uid"] {
        let (new, old) = (text(new, key), text(old, key));
        if new != old {
            let field = format!("metadata.{key}");
            errors.push(FieldError::invalid(field, format!("{new:?}"), "field is immutable"));
        }
    }
    for key in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        let (new, old) = (&new["metadata"][key], &old["metadata"][key]);
        if new != old {
            errors.push(FieldError::invalid(format!("metadata.{key}"), new, "field is immutable"));
        }
    }
    if !old["metadata"]["deletionTimestamp"].is_null() {
        let known = finalizers(old);
        let fresh: Vec<&str> = finalizers(new).into_iter().filter(|f| !known.contains(f)).collect();
        if !fresh.is_empty() {
            let list: Vec<String> = fresh.iter().map(|f| format!("{f:?}")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", &detail));
        }
    }
    check_common(new, &mut errors);
    errors
}

/// Finalizers that need no domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// How an object of a kind may be named.
fn name_rule(kind: &Kind) -> fn(&str) -> Option<String> {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "namespaces" | "services") | ("apps", "statefulsets") => names::label,
        ("rbac.authorization.k8s.io", _) | ("policy", "poddisruptionbudgets") => names::path_segment,
        _ => names::subdomain,
    }
}

fn check_common(object: &Value, errors: &mut Vec<FieldError>) {
    let metadata = &object["metadata"];
    if let Some(generation) = metadata["generation"].as_i64().filter(|generation| *generation < 0) {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("metadata.generation", generation, detail));
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        if let Some(why) = names::label_key(key) {
            errors.push(FieldError::invalid("metadata.labels", format!("{key:?}"), &why));
        }
        let value = value.as_str().unwrap_or_default();
        if let Some(why) = names::label_value(value) {
            errors.push(FieldError::invalid("metadata.labels", format!("{value:?}"), &why));
        }
    }
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        if let Some(why) = names::label_key(&key.to_lowercase()) {
            errors.push(FieldError::invalid("metadata.annotations", format!("{key:?}"), &why));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > 256 * 1024 {
        errors.push(FieldError {
            reason: "FieldValueTooLong",
            field: "metadata.annotations".into(),
            message: "Too long: may not be more than 262144 bytes".into(),
        });
    }
    check_owners(metadata, errors);
    check_finalizers(object, errors);
}

fn check_owners(metadata: &Value, errors: &mut Vec<FieldError>) {
    let owners: Vec<OwnerRef> =
        serde_json::from_value(metadata["ownerReferences"].clone()).unwrap_or_default();
    let mut first = String::new();
    for owner in &owners {
        let wanted = [
            ("apiVersion", owner.api_version.as_str(), "version must not be empty"),
            ("kind", owner.kind.as_str(), "must not be empty"),
            ("name", owner.name.as_str(), "must not be empty"),
            ("uid", owner.uid.as_str(), "must not be empty"),
        ];
        for (key, value, detail) in wanted {
            if value.is_empty() {
                let field = format!("metadata.ownerReferences.{key}");
                errors.push(FieldError::invalid(field, "\"\"", detail));
            }
        }
        let name = format!("{}/{}", owner.kind, owner.name);
        match (owner.controller, first.is_empty()) {
            (true, true) => first = name,
            (true, false) => {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                let shown = &metadata["ownerReferences"];
                errors.push(FieldError::invalid("metadata.ownerReferences", shown, &detail));
            }
            _ => {}
        }
    }
}

fn check_finalizers(object: &Value, errors: &mut Vec<FieldError>) {
    let finalizers = finalizers(object);
    for (index, finalizer) in finalizers.iter().enumerate() {
        if let Some(why) = names::label_key(finalizer) {
            errors.push(FieldError::invalid("metadata.finalizers", format!("{finalizer:?}"), &why));
        } else if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(finalizer) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            let field = format!("metadata.finalizers[{index}]");
            errors.push(FieldError::invalid(field, format!("{finalizer:?}"), detail));
        }
    }
    if finalizers.contains(&"orphan") && finalizers.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid("metadata.finalizers", format!("{finalizers:?}"), detail));
    }
}
