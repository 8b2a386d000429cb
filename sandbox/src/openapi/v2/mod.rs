//! `/openapi/v2`: the older form, one document over all kinds. `kubectl` still checks lists of objects with it, and
//! asks for it in protobuf.

mod encode;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Document, custom, document, hash, release, schemas};
use crate::kinds::Kinds;

const SCHEMAS: &str = "#/components/schemas/";
const MARK: &str = "x-kubernetes-group-version-kind";

/// The document in both of its forms; they have one hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// JSON.
    pub json: Document,
    /// Protobuf.
    pub protobuf: Document,
}

/// The document of all kinds.
pub fn whole(kinds: &Kinds) -> Arc<Whole> {
    static BUILT_IN: LazyLock<Arc<Whole>> = LazyLock::new(|| Arc::new(build(Kinds::builtin())));
    let built_in = Kinds::builtin();
    let same = kinds.iter().count() == built_in.iter().count()
        && kinds.iter().zip(built_in.iter()).all(|(a, b)| Arc::ptr_eq(a, b));
    if same { Arc::clone(&BUILT_IN) } else { Arc::new(build(kinds)) }
}

fn build(kinds: &Kinds) -> Whole {
    let tree = tree(kinds);
    let json = Document::of(&tree);
    let text = Bytes::from(encode::encode(&tree));
    let protobuf = Document { hash: hash(&text), text };
    Whole { json, protobuf }
}

/// Put together from the documents of the group versions.
fn tree(kinds: &Kinds) -> Value {
    let (mut definitions, mut paths) = (Map::new(), Map::new());
    for (group, versions) in kinds.groups() {
        for version in versions {
            let document = document(kinds, &group, &version);
            let tree = document.and_then(|document| serde_json::from_slice(&document.text).ok());
            let Some(mut tree): Option<Value> = tree else { continue };
            if let Value::Object(schemas) = tree["components"]["schemas"].take() {
                schemas.into_iter().for_each(|(name, schema)| define(&mut definitions, name, schema));
            }
            if let Value::Object(items) = tree["paths"].take() {
                paths.extend(items.into_iter().map(|(path, item)| (path, path_item(item))));
            }
        }
    }
    for kind in kinds.iter() {
        let Some(found) = &kind.custom else { continue };
        let mut schema = custom::older(found);
        refer(&mut schema);
        let name = schemas::name_of(kind);
        schema[MARK] = json!([schemas::mark(&kind.group, &kind.version, &kind.kind)]);
        definitions.insert(name, schema);
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": release()},
        "paths": paths,
        "definitions": definitions,
    })
}

/// A schema that several documents have speaks for the kinds of all of them.
fn define(definitions: &mut Map<String, Value>, name: String, found: Value) {
    let marks = found[MARK].as_array().cloned().unwrap_or_default();
    let known = definitions.entry(name).or_insert_with(|| schema(found));
    if let Some(Value::Array(all)) = known.get_mut(MARK) {
        for mark in marks {
            if !all.contains(&mark) {
                all.push(mark);
            }
        }
    }
}

/// A schema in the older form: references stand alone, nothing is nullable, and what may be of two types is text.
fn schema(node: Value) -> Value {
    let Value::Object(fields) = node else { return node };
    let mut out = Map::new();
    for (key, value) in fields {
        match key.as_str() {
            "default" | "nullable" => {}
            "oneOf" => {
                out.insert("type".into(), json!("string"));
            }
            "$ref" => {
                out.insert(key, reference(&value));
            }
            // Only ever one, with marks beside it.
            "allOf" => {
                out.insert("$ref".into(), reference(&value[0]["$ref"]));
            }
            "items" | "additionalProperties" => {
                out.insert(key, schema(value));
            }
            "properties" => {
                let Value::Object(properties) = value else { continue };
                let properties = properties.into_iter().map(|(name, node)| (name, schema(node)));
                out.insert(key, Value::Object(properties.collect()));
            }
            _ => {
                out.insert(key, value);
            }
        }
    }
    Value::Object(out)
}

/// Plain names of schemas become references within the document.
fn refer(node: &mut Value) {
    match node {
        Value::Object(fields) => {
            if let Some(Value::String(name)) = fields.get_mut("$ref") {
                *name = format!("#/definitions/{name}");
            }
            fields.values_mut().for_each(refer);
        }
        Value::Array(items) => items.iter_mut().for_each(refer),
        _ => {}
    }
}

fn reference(to: &Value) -> Value {
    let name = to.as_str().and_then(|to| to.strip_prefix(SCHEMAS)).unwrap_or_default();
    json!(format!("#/definitions/{name}"))
}

fn path_item(item: Value) -> Value {
    let Value::Object(fields) = item else { return item };
    let fields = fields.into_iter().map(|(key, value)| match key.as_str() {
        "parameters" => (key, parameters(value)),
        _ => (key, operation(value)),
    });
    Value::Object(fields.collect())
}

fn operation(mut operation: Value) -> Value {
    let Some(fields) = operation.as_object_mut() else { return operation };
    let mut all = match fields.remove("parameters").map(parameters) {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    if let Some(mut body) = fields.remove("requestBody") {
        let content = body["content"].take();
        let types: Vec<&String> = content.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        let speaks = content.as_object().and_then(|content| content.values().next());
        let speaks = speaks.map(|content| schema(content["schema"].clone()));
        let mut parameter = json!({"in": "body", "name": "body", "schema": speaks});
        if body["required"] == true {
            parameter["required"] = json!(true);
        }
        fields.insert("consumes".into(), json!(types));
        all.insert(0, parameter);
    }
    if !all.is_empty() {
        fields.insert("parameters".into(), Value::Array(all));
    }
    let mut produces: Vec<String> = Vec::new();
    if let Some(Value::Object(answers)) = fields.get_mut("responses") {
        for answer in answers.values_mut() {
            let Value::Object(content) = answer["content"].take() else { continue };
            if let Some(fields) = answer.as_object_mut() {
                fields.remove("content");
                if let Some(speaks) = content.values().next() {
                    fields.insert("schema".into(), schema(speaks["schema"].clone()));
                }
            }
            produces = content.into_iter().map(|(name, _)| name).collect();
        }
        for answer in answers.values_mut().filter_map(Value::as_object_mut) {
            answer.remove("content");
        }
    }
    fields.insert("produces".into(), json!(produces));
    operation
}

/// Types of parameters stand beside their names.
fn parameters(list: Value) -> Value {
    let Value::Array(list) = list else { return list };
    let flat = list.into_iter().map(|mut parameter| {
        if let (Value::Object(schema), Some(fields)) = (parameter["schema"].take(), parameter.as_object_mut())
        {
            fields.remove("schema");
            fields.extend(schema);
        }
        parameter
    });
    Value::Array(flat.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_alone_and_lead_to_definitions() {
        fn walk(node: &Value, definitions: &Value) {
            match node {
                Value::Object(fields) => {
                    if let Some(to) = fields.get("$ref").and_then(Value::as_str) {
                        let name = to.strip_prefix("#/definitions/").expect(to);
                        assert!(definitions.get(name).is_some(), "{name}");
                        assert!(!fields.contains_key("type") && !fields.contains_key("properties"), "{node}");
                    }
                    // Schemas of schemas have fields of such names.
                    assert!(!fields.get("oneOf").is_some_and(Value::is_array), "{node}");
                    fields.values().for_each(|value| walk(value, definitions));
                }
                Value::Array(items) => items.iter().for_each(|value| walk(value, definitions)),
                _ => {}
            }
        }
        let tree = tree(Kinds::builtin());
        walk(&tree, &tree["definitions"]);
        assert_eq!(tree["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"], "string");
        let post = &tree["paths"]["/api/v1/namespaces/{namespace}/pods"]["post"];
        assert_eq!(post["parameters"][0]["schema"]["$ref"], "#/definitions/io.k8s.api.core.v1.Pod");
        let patch = &tree["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"];
        assert!(patch["consumes"].as_array().unwrap().contains(&json!("application/merge-patch+json")));
    }
}
