//! What the documents say of custom resources: clients check objects with it before they send them.

use crate::custom::{definition, served};
use crate::hosts::{Host, both, until};
use anyhow::Result;
use serde_json::{Map, Value, json};

/// A schema with everything that one may have.
fn rich() -> Value {
    json!({"type": "object", "description": "A widget.", "required": ["spec"], "properties": {
        "spec": {"type": "object", "description": "What it shall be.", "required": ["size", "maybe"], "properties": {
            "size": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 10, "default": 3, "description": "How large."},
            "colour": {"type": "string", "enum": ["red", "green"], "maxLength": 5},
            "maybe": {"type": "string", "nullable": true},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": {"type": "string"}}},
            "loose": {"type": "array", "x-kubernetes-preserve-unknown-fields": true, "items": {"type": "object"}},
            "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "anything": {"x-kubernetes-preserve-unknown-fields": true},
            "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set", "maxItems": 9},
            "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "x-kubernetes-map-type": "atomic",
                    "properties": {"name": {"type": "string", "pattern": "^a"}, "count": {"type": "integer"}}}},
            "template": {"type": "object", "x-kubernetes-embedded-resource": true, "properties": {"spec": {"type": "object"}}},
            "choice": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "not": {"required": ["c"]}},
            "checked": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "message": "positive"}]}}},
        "status": {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}}}})
}

/// A schema without the prose of the fields that every object has, and with single references for themselves.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut kept = Map::new();
            let refers = fields.contains_key("allOf") && fields["allOf"][0].get("$ref").is_some()
                || fields.contains_key("$ref");
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("description", Value::String(text))
                        if refers || text.contains("git.k8s.io") || text.contains(" is a list of ") => {}
                    ("allOf", _) if refers => {
                        kept.insert("$ref".to_owned(), value[0]["$ref"].clone());
                    }
                    _ => {
                        kept.insert(key.clone(), bare(value));
                    }
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// The schema of a kind in a list of schemas, by the mark that it carries.
fn of_kind(schemas: &Value, group: &str, kind: &str) -> Value {
    let marked = |schema: &&Value| {
        let marks = schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten();
        marks.into_iter().any(|mark| mark["group"] == group && mark["kind"] == kind)
    };
    schemas
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, schema)| schema)
        .find(marked)
        .cloned()
        .unwrap_or_default()
}

async fn shown(host: &Host, stem: &str, schema: &Value) -> Result<String> {
    let mut definition = definition(host, stem, schema);
    let group = definition["spec"]["group"].as_str().unwrap_or_default().to_owned();
    if schema["properties"]["spec"]["properties"].get("colour").is_some() {
        definition["spec"]["versions"][0]["selectableFields"] = json!([{"jsonPath": ".spec.colour"}]);
    }
    served(host, stem, &definition).await?;
    let mut text = String::new();
    for (path, schemas) in [
        (format!("/openapi/v3/apis/{group}/v1"), "/components/schemas"),
        ("/openapi/v2".to_owned(), "/definitions"),
    ] {
        let at = |document: &Value| document.pointer(schemas).cloned().unwrap_or_default();
        let document =
            until(host, &path, |document| of_kind(&at(document), &group, "Widget").is_object()).await?;
        for kind in ["Widget", "WidgetList"] {
            let schema = bare(&of_kind(&at(&document), &group, kind));
            text.push_str(&format!("{path} {kind}\n{schema:#}\n"));
        }
    }
    let reversed: Vec<&str> = group.rsplit('.').collect();
    Ok(text.replace(&group, "GROUP").replace(&reversed.join("."), "PUORG"))
}

both! {
    async fn documents_have_the_schema_of_a_definition(host: Host) -> Result<()> {
        insta::assert_snapshot!("rich", shown(&host, "richschema", &rich()).await?);
        Ok(())
    }

    async fn what_may_hold_anything_says_so(host: Host) -> Result<()> {
        let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"spec": {"type": "object"}}});
        insta::assert_snapshot!("open", shown(&host, "openschema", &open).await?);
        Ok(())
    }
}
