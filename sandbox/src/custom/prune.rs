//! Pruning: fields that the schema does not know go.

use serde_json::Value;

/// Removes the fields that the schema of a custom resource does not know; answers their paths, such as
/// `spec.parts[0].colour`. `metadata` is left alone at the root and in embedded objects: it has a type of its own.
pub fn prune(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut removed = Vec::new();
    walk(Some(schema), object, "", true, &mut removed);
    removed
}

/// Whether a mark of the schema is set.
pub(super) fn flag(schema: &Value, mark: &str) -> bool {
    schema[mark] == true
}

/// The schema of a field: its own, or that of all further fields. None where nothing is known of it.
pub(super) fn field<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    own.or_else(|| schema.get("additionalProperties").filter(|values| values.is_object()))
}

/// Path of a field below another one.
pub(super) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn walk(schema: Option<&Value>, value: &mut Value, path: &str, object: bool, removed: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let open = schema.is_some_and(|schema| {
                flag(schema, "x-kubernetes-preserve-unknown-fields") || schema["additionalProperties"] == true
            });
            fields.retain(|name, value| {
                if object && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                    return true;
                }
                let path = below(path, name);
                match schema.and_then(|schema| field(schema, name)) {
                    Some(schema) => {
                        let embedded = flag(schema, "x-kubernetes-embedded-resource");
                        walk(Some(schema), value, &path, embedded, removed);
                        true
                    }
                    None if open => true,
                    None => {
                        removed.push(path);
                        false
                    }
                }
            });
        }
        Value::Array(items) => {
            let schema = schema.and_then(|schema| schema.get("items"));
            let embedded = schema.is_some_and(|schema| flag(schema, "x-kubernetes-embedded-resource"));
            for (index, item) in items.iter_mut().enumerate() {
                walk(schema, item, &format!("{path}[{index}]"), embedded, removed);
            }
        }
        _ => {}
    }
}
