//! Schemas of custom resources as documents show them: what the definition says, and what every object has beside it.

use serde_json::{Map, Value, json};

use crate::kinds::Custom;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const SELECTABLE: &str = "x-kubernetes-selectable-fields";
const UNKNOWN: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";

/// The schema for `/openapi/v3`; references are plain names.
pub(super) fn newer(custom: &Custom) -> Value {
    let mut schema = custom.schema.as_object().cloned().map_or_else(|| json!({}), Value::Object);
    schema["type"] = json!("object");
    add_identity(&mut schema);
    embed(&mut schema, false);
    select(custom, &mut schema);
    schema
}

/// The schema for `/openapi/v2`, which knows no alternatives and nothing that may be null; references are plain names.
/// A resource that may hold anything says nothing at all: clients would take what it says for everything.
pub(super) fn older(custom: &Custom) -> Value {
    let mut schema = (*custom.schema).clone();
    if !schema.is_object() || schema[UNKNOWN] == true {
        schema = json!({"type": "object"});
    } else {
        simplify(&mut schema);
        schema["type"] = json!("object");
        add_identity(&mut schema);
        embed(&mut schema, true);
    }
    select(custom, &mut schema);
    schema
}

/// The three fields of every object.
fn add_identity(schema: &mut Value) {
    let text = || json!({"type": "string"});
    schema["properties"]["apiVersion"] = text();
    schema["properties"]["kind"] = text();
    schema["properties"]["metadata"] = json!({"$ref": META});
}

/// Objects within objects have them, too.
fn embed(schema: &mut Value, older: bool) {
    for child in children(schema) {
        embed(child, older);
    }
    if schema[EMBEDDED] != true || older && schema[UNKNOWN] == true {
        return;
    }
    add_identity(schema);
    let mut required = schema["required"].as_array().cloned().unwrap_or_default();
    for name in ["kind", "apiVersion"] {
        if !required.contains(&json!(name)) {
            required.push(json!(name));
        }
    }
    schema["required"] = Value::Array(required);
}

/// The schemas below a schema.
fn children(schema: &mut Value) -> Vec<&mut Value> {
    let Some(fields) = schema.as_object_mut() else { return Vec::new() };
    let below = fields.iter_mut().flat_map(|(key, value)| match (key.as_str(), value) {
        ("properties", Value::Object(properties)) => properties.values_mut().collect(),
        ("items" | "additionalProperties", child @ Value::Object(_)) => vec![child],
        _ => Vec::new(),
    });
    below.collect()
}

/// Leaves out what the older form cannot say.
fn simplify(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    for key in ["allOf", "oneOf", "anyOf", "not", "default"] {
        fields.remove(key);
    }
    let is = |fields: &Map<String, Value>, key: &str| fields.get(key) == Some(&Value::Bool(true));
    if is(fields, "nullable") {
        // Clients stumble over fields of a value without a type.
        for key in ["type", "nullable", "items", "properties"] {
            fields.remove(key);
        }
    }
    let (unknown, kind) = (is(fields, UNKNOWN), fields.get("type").cloned().unwrap_or_default());
    if unknown {
        fields.remove("items");
        fields.remove("properties");
    }
    if kind == "array" && !fields.contains_key("items") || kind == "object" && unknown {
        fields.remove("type");
    }
    forget_nullable(fields);
    for child in children(schema) {
        simplify(child);
    }
}

/// What may be null is not required.
fn forget_nullable(fields: &mut Map<String, Value>) {
    let nullable = |schema: &Value| schema["nullable"] == true;
    let names: Vec<Value> = fields
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, schema)| nullable(schema))
        .map(|(name, _)| json!(name))
        .collect();
    if fields.get("additionalProperties").is_some_and(nullable) {
        fields.remove("required");
    }
    if let Some(required) = fields.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !names.contains(name));
        if required.is_empty() {
            fields.remove("required");
        }
    }
}

/// By which fields objects can be selected.
pub(super) fn select(custom: &Custom, schema: &mut Value) {
    if !custom.selectable_fields.is_empty() {
        let fields = custom.selectable_fields.iter();
        schema[SELECTABLE] = fields.map(|path| json!({"fieldPath": path.trim_start_matches('.')})).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn custom(schema: Value) -> Custom {
        Custom { schema: Arc::new(schema), ..Custom::default() }
    }

    #[test]
    fn every_object_has_an_identity_and_so_have_those_within() {
        let schema = json!({"type": "object", "properties": {"template": {"type": "object", EMBEDDED: true,
            "properties": {"spec": {"type": "object"}}}}});
        let shown = newer(&custom(schema));
        assert_eq!(shown["properties"]["metadata"], json!({"$ref": META}));
        let template = &shown["properties"]["template"];
        assert_eq!(template["required"], json!(["kind", "apiVersion"]));
        assert_eq!(template["properties"]["kind"], json!({"type": "string"}));
    }

    #[test]
    fn the_older_form_leaves_out_what_it_cannot_say() {
        let field = |schema: Value| {
            older(&custom(json!({"type": "object", "properties": {"f": schema}})))["properties"]["f"].clone()
        };
        let cases = [
            (json!({"type": "string", "nullable": true, "pattern": "a"}), json!({"pattern": "a"})),
            (json!({"type": "object", UNKNOWN: true, "properties": {"a": {}}}), json!({UNKNOWN: true})),
            (json!({"type": "array", UNKNOWN: true, "items": {"type": "string"}}), json!({UNKNOWN: true})),
            (
                json!({"type": "integer", "anyOf": [{"minimum": 1}], "oneOf": [], "not": {}}),
                json!({"type": "integer"}),
            ),
            (
                json!({"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string", "nullable": true}}}),
                json!({"type": "object", "required": ["b"], "properties": {"a": {}}}),
            ),
        ];
        for (schema, expected) in cases {
            assert_eq!(field(schema.clone()), expected, "{schema}");
        }
        assert_eq!(
            older(&custom(json!({"type": "object", UNKNOWN: true, "properties": {"a": {}}}))),
            json!({"type": "object"})
        );
    }
}
