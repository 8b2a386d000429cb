//! `managedFields` as an API server keeps them: who set which field.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::meta::{set, timestamp};

/// Adds the records of the manager that made the object and, for pods, of the kubelet.
pub(super) fn add(object: &mut Value, at: DateTime<Utc>) {
    let api_version = object.get("apiVersion").cloned().unwrap_or_default();
    let is_pod = object.get("kind").and_then(Value::as_str) == Some("Pod");
    let mut own = object.clone();
    let status = own.as_object_mut().and_then(|map| {
        map.remove("apiVersion");
        map.remove("kind");
        map.remove("status")
    });
    if let Some(meta) = own.get_mut("metadata").and_then(Value::as_object_mut) {
        for set_by_server in ["name", "namespace", "uid", "creationTimestamp", "resourceVersion"] {
            meta.remove(set_by_server);
        }
    }
    let mut entries = vec![entry(&api_version, if is_pod { "vcluster" } else { "helm" }, at, fields(&own))];
    if let (true, Some(status)) = (is_pod, status) {
        let mut kubelet = entry(&api_version, "kubelet", at, fields(&json!({ "status": status })));
        set(&mut kubelet, "subresource", json!("status"));
        entries.push(kubelet);
    }
    if let Some(meta) = object.get_mut("metadata") {
        set(meta, "managedFields", Value::Array(entries));
    }
}

fn entry(api_version: &Value, manager: &str, at: DateTime<Utc>, fields: Value) -> Value {
    json!({
        "manager": manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": timestamp(at),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    })
}

/// Lists whose items are merged by a key, and the key; all other lists are one field as a whole.
const KEYED: [(&str, &str); 10] = [
    ("conditions", "type"),
    ("containers", "name"),
    ("env", "name"),
    ("hostAliases", "ip"),
    ("initContainers", "name"),
    ("ownerReferences", "uid"),
    ("podIPs", "ip"),
    ("ports", "containerPort"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
];

/// Maps that are one field as a whole.
const ATOMIC: [&str; 4] = ["fieldRef", "secretKeyRef", "labelSelector", "nodeSelector"];

/// The set of fields of a value: maps by field, lists by the keys of their items, other values as leaves.
fn fields(value: &Value) -> Value {
    let Value::Object(map) = value else { return json!({}) };
    let fields = map.iter().map(|(key, value)| {
        let keyed = KEYED.iter().find(|(list, _)| list == key);
        let inner = match (value, keyed) {
            (Value::Array(items), Some((_, by))) => list_fields(items, by),
            _ if ATOMIC.contains(&key.as_str()) => json!({}),
            _ => fields(value),
        };
        (format!("f:{key}"), inner)
    });
    Value::Object(fields.collect())
}

fn list_fields(items: &[Value], by: &str) -> Value {
    let mut set = Map::new();
    for item in items {
        let Some(id) = item.get(by) else { continue };
        let mut inner = fields(item);
        if let Some(inner) = inner.as_object_mut() {
            inner.insert(".".to_owned(), json!({}));
        }
        set.insert(format!("k:{}", json!({ by: id })), inner);
    }
    Value::Object(set)
}
