//! Structural schemas as OpenAPI: what a custom resource definition gave, as far as the server acts on it.

use serde_json::{Map, Value, json};

use crate::kinds::{ListKind, Property, Schema, Shape, Struct, Text};

/// The schema; built-in types in it are `{"$ref": "name"}`, as in the catalog.
pub(super) fn schema(schema: &Schema) -> Value {
    let mut node = match &schema.shape {
        Shape::Any => json!({"x-kubernetes-preserve-unknown-fields": true}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Integer => json!({"type": "integer"}),
        Shape::Number => json!({"type": "number"}),
        Shape::Text(Text::Plain) | Shape::Quantity => json!({"type": "string"}),
        Shape::Text(Text::Bytes) => json!({"type": "string", "format": "byte"}),
        Shape::Text(Text::Time) => json!({"type": "string", "format": "date-time"}),
        Shape::IntOrString => json!({"x-kubernetes-int-or-string": true}),
        Shape::Struct(object) => fields(object),
        Shape::Map { value, atomic } => {
            let mut node = json!({"type": "object", "additionalProperties": property(value)});
            if *atomic {
                node["x-kubernetes-map-type"] = json!("atomic");
            }
            node
        }
        Shape::List { item, kind } => list(item, kind),
    };
    if schema.nullable {
        node["nullable"] = json!(true);
    }
    node
}

fn property(property: &Property) -> Value {
    let mut node = match property.built_in() {
        Some(name) => json!({"$ref": name}),
        None => schema(property.schema()),
    };
    if let Some(default) = &property.default {
        node["default"] = default.clone();
    }
    node
}

fn fields(object: &Struct) -> Value {
    let properties: Map<String, Value> =
        object.fields.iter().map(|(name, value)| (name.to_string(), property(value))).collect();
    let mut node = json!({"type": "object", "properties": properties});
    if !object.required.is_empty() {
        node["required"] = json!(object.required);
    }
    if object.atomic {
        node["x-kubernetes-map-type"] = json!("atomic");
    }
    if object.open {
        node["x-kubernetes-preserve-unknown-fields"] = json!(true);
    }
    node
}

fn list(item: &Property, kind: &ListKind) -> Value {
    let mut node = json!({"type": "array", "items": property(item)});
    match kind {
        ListKind::Atomic => {}
        ListKind::Set => node["x-kubernetes-list-type"] = json!("set"),
        ListKind::Map(keys) => {
            node["x-kubernetes-list-type"] = json!("map");
            node["x-kubernetes-list-map-keys"] = json!(keys);
        }
    }
    node
}
