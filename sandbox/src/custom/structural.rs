//! What makes a schema structural: every field has a type, said once and where it belongs.

use super::prune::flag;
use super::validate::{problems, shown};
use crate::status::FieldError;
use regex::Regex;
use serde_json::Value;

/// What is wrong with the schema of a version, at a path such as `spec.validation.openAPIV3Schema`.
pub(super) fn check(schema: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match schema["type"].as_str().unwrap_or_default() {
        "" => errors.push(FieldError::required(format!("{path}.type"), "must not be empty at the root")),
        "object" => {}
        other => errors.push(FieldError::invalid(
            format!("{path}.type"),
            format!("{other:?}"),
            "must be object at the root",
        )),
    }
    check_metadata(schema, &format!("{path}.properties[metadata]"), true, &mut errors);
    node(schema, path, Level::Root, &mut errors);
    errors
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Field,
    Item,
}

/// What no schema may say.
const NEVER: [&str; 11] = [
    "$ref",
    "definitions",
    "dependencies",
    "deprecated",
    "discriminator",
    "id",
    "patternProperties",
    "readOnly",
    "writeOnly",
    "xml",
    "additionalItems",
];

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

fn node(schema: &Value, path: &str, level: Level, errors: &mut Vec<FieldError>) {
    for key in NEVER {
        if schema.get(key).is_some_and(|value| !value.is_null() && value != false) {
            errors.push(FieldError::forbidden(format!("{path}.{key}"), &format!("{key} is not supported")));
        }
    }
    if flag(schema, "uniqueItems") {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(format!("{path}.uniqueItems"), detail));
    }
    check_type(schema, path, level, errors);
    check_marks(schema, path, level, errors);
    check_list(schema, path, errors);
    check_default(schema, path, errors);
    if let Some(pattern) = schema["pattern"].as_str()
        && let Err(why) = Regex::new(pattern)
    {
        let detail = format!("must be a valid regular expression, but isn't: {why}");
        errors.push(FieldError::invalid(format!("{path}.pattern"), format!("{pattern:?}"), &detail));
    }
    for (index, key, why) in super::cel::broken(schema) {
        let field = format!("{path}.x-kubernetes-validations[{index}].{key}");
        let rule = &schema["x-kubernetes-validations"][index][key];
        errors.push(FieldError::invalid(field, shown(rule), &why));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        node(field, &format!("{path}.properties[{name}]"), Level::Field, errors);
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        node(values, &format!("{path}.additionalProperties"), Level::Field, errors);
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        node(items, &format!("{path}.items"), Level::Item, errors);
    }
    junctors(schema, schema, path, errors);
}

fn check_type(schema: &Value, path: &str, level: Level, errors: &mut Vec<FieldError>) {
    let field = format!("{path}.type");
    let said = schema["type"].as_str().unwrap_or_default();
    let either = flag(schema, "x-kubernetes-int-or-string");
    match said {
        "" if either || flag(schema, "x-kubernetes-preserve-unknown-fields") || level == Level::Root => {}
        "" if level == Level::Item => {
            errors.push(FieldError::required(field, "must not be empty for specified array items"));
        }
        "" => errors.push(FieldError::required(field, "must not be empty for specified object fields")),
        _ if either => {
            let detail = "must be empty if x-kubernetes-int-or-string is true";
            errors.push(FieldError::invalid(field, format!("{said:?}"), detail));
        }
        known if TYPES.contains(&known) => {}
        other => errors.push(FieldError::not_supported(field, other, &TYPES)),
    }
    match schema.get("additionalProperties") {
        Some(Value::Bool(false)) => {
            let detail = "additionalProperties cannot be set to false";
            errors.push(FieldError::forbidden(format!("{path}.additionalProperties"), detail));
        }
        Some(Value::Bool(true) | Value::Object(_))
            if schema["properties"].as_object().is_some_and(|fields| !fields.is_empty()) =>
        {
            let detail = "additionalProperties and properties are mutual exclusive";
            errors.push(FieldError::forbidden(format!("{path}.additionalProperties"), detail));
        }
        _ => {}
    }
    if said == "array" && !schema["items"].is_object() {
        errors.push(FieldError::required(format!("{path}.items"), "must be specified"));
    }
}

fn check_marks(schema: &Value, path: &str, level: Level, errors: &mut Vec<FieldError>) {
    let preserve = "x-kubernetes-preserve-unknown-fields";
    if schema[preserve] == false {
        let detail = "must be true or undefined";
        errors.push(FieldError::invalid(format!("{path}.{preserve}"), "false", detail));
    }
    if flag(schema, "x-kubernetes-embedded-resource") {
        if schema["type"] != "object" {
            let detail = "must be object if x-kubernetes-embedded-resource is true";
            errors.push(FieldError::invalid(format!("{path}.type"), shown(&schema["type"]), detail));
        }
        let bare = schema["properties"].as_object().is_none_or(|fields| fields.is_empty());
        if bare && !flag(schema, preserve) {
            let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
            errors.push(FieldError::required(format!("{path}.properties"), detail));
        }
        if level != Level::Root {
            check_metadata(schema, &format!("{path}.properties[metadata]"), false, errors);
        }
    }
    let map_type = "x-kubernetes-map-type";
    if let Some(other) = schema[map_type].as_str().filter(|kind| !matches!(*kind, "granular" | "atomic")) {
        errors.push(FieldError::not_supported(format!("{path}.{map_type}"), other, &["atomic", "granular"]));
    }
}

fn check_list(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let (list_type, list_keys) = ("x-kubernetes-list-type", "x-kubernetes-list-map-keys");
    let keys: Vec<&str> =
        schema[list_keys].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let kind = schema[list_type].as_str();
    match kind {
        None | Some("atomic" | "set" | "map") => {}
        Some(other) => {
            let known = ["atomic", "map", "set"];
            errors.push(FieldError::not_supported(format!("{path}.{list_type}"), other, &known));
        }
    }
    if kind.is_some() && schema["type"] != "array" {
        let detail = "must be array if x-kubernetes-list-type is specified";
        errors.push(FieldError::invalid(format!("{path}.type"), shown(&schema["type"]), detail));
    }
    if kind == Some("map") && keys.is_empty() {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        errors.push(FieldError::required(format!("{path}.{list_keys}"), detail));
    }
    if kind != Some("map") && !keys.is_empty() {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        errors.push(FieldError::invalid(format!("{path}.{list_type}"), shown(&schema[list_type]), detail));
    }
    if kind != Some("map") {
        return;
    }
    let items = &schema["items"];
    if items["type"] != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(FieldError::invalid(format!("{path}.items.type"), shown(&items["type"]), detail));
    }
    for (index, key) in keys.iter().enumerate() {
        let Some(field) = items["properties"].get(key) else {
            let detail = "entries must all be names of item properties";
            errors.push(FieldError::invalid(
                format!("{path}.{list_keys}[{index}]"),
                format!("{key:?}"),
                detail,
            ));
            continue;
        };
        let required = items["required"].as_array().is_some_and(|all| all.iter().any(|name| name == key));
        if field.get("default").is_none() && !required {
            let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            errors.push(FieldError::required(format!("{path}.items.properties[{key}].default"), detail));
        }
    }
}

/// A default must hold what the schema asks for, and nothing that would be pruned.
fn check_default(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(default) = schema.get("default") else { return };
    let field = format!("{path}.default");
    let mut pruned = default.clone();
    if !super::prune(schema, &mut pruned).is_empty() {
        errors.push(FieldError::invalid(field.clone(), shown(default), "must not have unknown fields"));
    }
    for problem in problems(schema, default, None) {
        let below = problem.path.clone();
        let mut error = problem.into_error();
        error.field = if below.is_empty() { field.clone() } else { format!("{field}.{below}") };
        error.message = error
            .message
            .replace(": in body", &format!(": {field} in body"))
            .replace(":  in body", &format!(": {field} in body"));
        errors.push(error);
    }
}

/// Within `allOf`, `anyOf`, `oneOf` and `not` nothing is defined; values are only asked for more.
fn junctors(root: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let lists = ["allOf", "anyOf", "oneOf"].into_iter().flat_map(|key| {
        let all = schema[key].as_array().into_iter().flatten().enumerate();
        all.map(move |(index, node)| (format!("{path}.{key}[{index}]"), node))
    });
    let not = schema.get("not").map(|node| (format!("{path}.not"), node));
    for (path, inner) in lists.chain(not) {
        nested(root, inner, &path, errors);
    }
}

fn nested(structure: &Value, inner: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let either = flag(structure, "x-kubernetes-int-or-string");
    for key in [
        "description",
        "default",
        "nullable",
        "title",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "additionalProperties",
        "type",
    ] {
        // The two types of int-or-string may be spelled out.
        if inner.get(key).is_none() || key == "type" && either {
            continue;
        }
        errors.push(FieldError::forbidden(format!("{path}.{key}"), "must be empty to be structural"));
    }
    for (name, field) in inner["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.properties[{name}]");
        match super::prune::field(structure, name) {
            Some(structure) => nested(structure, field, &path, errors),
            None => {
                let known = path_of_structure(&path);
                errors.push(FieldError::required(known, &format!("because it is defined in {path}")));
            }
        }
    }
    if let Some(items) = inner.get("items").filter(|items| items.is_object()) {
        nested(&structure["items"], items, &format!("{path}.items"), errors);
    }
    junctors(structure, inner, path, errors);
}

/// The place outside of junctors that a place within them speaks of.
fn path_of_structure(path: &str) -> String {
    let steps = path.split('.').filter(|step| {
        let name = step.split('[').next().unwrap_or_default();
        !matches!(name, "allOf" | "anyOf" | "oneOf" | "not")
    });
    steps.collect::<Vec<_>>().join(".")
}

/// `metadata` has a type of its own; schemas may narrow names only.
fn check_metadata(schema: &Value, path: &str, root: bool, errors: &mut Vec<FieldError>) {
    let Some(metadata) = schema["properties"].get("metadata") else { return };
    let plain = |node: &Value, fields: &[&str]| {
        node.as_object().is_none_or(|all| all.keys().all(|key| fields.contains(&key.as_str())))
    };
    let only_names = metadata["properties"]
        .as_object()
        .is_none_or(|fields| fields.keys().all(|name| matches!(name.as_str(), "name" | "generateName")));
    if root
        && !(only_names
            && plain(metadata, &["type", "properties", "description", "x-kubernetes-validations"]))
    {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(FieldError::forbidden(path, detail));
    }
}
