//! What operations are put together from: answers, bodies, parameters, names.

use serde_json::{Map, Value, json};

/// In which types objects are answered.
const TYPES: [&str; 2] = ["application/json", "application/yaml"];
/// And lists, which may be watches.
pub(super) const READ_TYPES: [&str; 3] =
    ["application/json", "application/json;stream=watch", "application/yaml"];

pub(super) fn answers(codes: &[u16], schema: &Value) -> Value {
    answers_of(codes, schema, &TYPES)
}

pub(super) fn answers_of(codes: &[u16], schema: &Value, types: &[&str]) -> Value {
    let content: Map<String, Value> =
        types.iter().map(|&name| (name.to_owned(), json!({"schema": schema}))).collect();
    let mut answers: Map<String, Value> = codes
        .iter()
        .map(|code| {
            let description = match code {
                200 => "OK",
                201 => "Created",
                _ => "Accepted",
            };
            (code.to_string(), json!({"description": description, "content": content}))
        })
        .collect();
    answers.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    Value::Object(answers)
}

pub(super) fn patch_body(schema: &Value, custom: bool) -> Value {
    let mut content = Map::new();
    for name in [
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ] {
        // Custom resources have no rules for strategic merges.
        if !(custom && name.contains("strategic")) {
            content.insert(name.to_owned(), json!({"schema": schema}));
        }
    }
    json!({"content": content, "required": true})
}

pub(super) fn parameters(names: &[&str]) -> Value {
    Value::Array(names.iter().copied().map(parameter).collect())
}

/// A query parameter.
pub(super) fn parameter(name: &str) -> Value {
    let kind = match name {
        "allowWatchBookmarks"
        | "follow"
        | "force"
        | "orphanDependents"
        | "previous"
        | "sendInitialEvents"
        | "stderr"
        | "stdin"
        | "stdout"
        | "timestamps"
        | "tty"
        | "watch" => "boolean",
        "gracePeriodSeconds" | "limit" | "limitBytes" | "ports" | "sinceSeconds" | "tailLines"
        | "timeoutSeconds" => "integer",
        _ => "string",
    };
    json!({"in": "query", "name": name, "schema": {"type": kind, "uniqueItems": true}})
}

/// A variable in the path.
pub(super) fn variable(name: &str) -> Value {
    json!({"in": "path", "name": name, "required": true, "schema": {"type": "string", "uniqueItems": true}})
}

/// `core_v1`, `rbacAuthorization_v1`
pub(super) fn tag(group: &str, version: &str) -> String {
    let camel = camel_group(group);
    let mut letters = camel.chars();
    let first: String = letters.next().map(|first| first.to_ascii_lowercase()).into_iter().collect();
    format!("{first}{}_{version}", letters.as_str())
}

/// `Core`, `RbacAuthorization`, `ExampleOrg`
pub(super) fn camel_group(group: &str) -> String {
    let group = group.strip_suffix(".k8s.io").unwrap_or(group);
    if group.is_empty() { "Core".to_owned() } else { group.split('.').map(capital).collect() }
}

pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first: String = letters.next().map(|first| first.to_ascii_uppercase()).into_iter().collect();
    first + letters.as_str()
}
