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

/// The set of fields of a value: maps by field, lists of named things by their name, other values as leaves.
fn fields(value: &Value) -> Value {
    let Value::Object(map) = value else { return json!({}) };
    let fields = map.iter().map(|(key, value)| {
        let inner = match value {
            Value::Array(items) => list_fields(items),
            other => fields(other),
        };
        (format!("f:{key}"), inner)
    });
    Value::Object(fields.collect())
}

fn list_fields(items: &[Value]) -> Value {
    let mut set = Map::new();
    for item in items {
        for key in ["uid", "name", "type", "mountPath", "containerPort", "ip"] {
            if let Some(id) = item.get(key) {
                let mut inner = fields(item);
                if let Some(inner) = inner.as_object_mut() {
                    inner.insert(".".to_owned(), json!({}));
                }
                set.insert(format!("k:{}", json!({ key: id })), inner);
                break;
            }
        }
    }
    Value::Object(set)
}
