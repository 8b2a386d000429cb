//! Lists that are sets or maps: no item twice.

use super::prune::{below, field};
use super::validate::shown;
use crate::status::FieldError;
use serde_json::{Map, Value};

/// Items that are there twice, in lists that are sets or maps. What `old` has in the same place is let through.
pub(super) fn duplicates(schema: &Value, value: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(schema, value, old, "", &mut errors);
    errors
}

/// The item of the old list that has the same keys; none in lists that are no maps.
pub(super) fn counterpart<'o>(schema: &Value, item: &Value, old: Option<&'o Value>) -> Option<&'o Value> {
    let keys = keys(schema, item)?;
    old?.as_array()?.iter().find(|other| self::keys(schema, other).as_ref() == Some(&keys))
}

/// What tells an item of a map list from the others, with defaults filled in.
fn keys(schema: &Value, item: &Value) -> Option<Map<String, Value>> {
    if schema["x-kubernetes-list-type"] != "map" {
        return None;
    }
    let names = schema["x-kubernetes-list-map-keys"].as_array()?;
    let mut keys = Map::new();
    for name in names.iter().filter_map(Value::as_str) {
        let default = || schema["items"]["properties"][name].get("default");
        if let Some(value) = item.get(name).or_else(default) {
            keys.insert(name.to_owned(), value.clone());
        }
    }
    Some(keys)
}

fn walk(schema: &Value, value: &Value, old: Option<&Value>, path: &str, errors: &mut Vec<FieldError>) {
    if old == Some(value) {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(schema) = field(schema, name) {
                    walk(schema, value, old.and_then(|old| old.get(name)), &below(path, name), errors);
                }
            }
        }
        Value::Array(items) => {
            tell_twice(schema, items, path, errors);
            let Some(item_schema) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                let old = counterpart(schema, item, old);
                walk(item_schema, item, old, &format!("{path}[{index}]"), errors);
            }
        }
        _ => {}
    }
}

fn tell_twice(schema: &Value, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let what = |item: &Value| match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Some(item.clone()),
        Some("map") => keys(schema, item).map(Value::Object),
        _ => None,
    };
    let mut seen: Vec<(Value, bool)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(what) = what(item) else { return };
        match seen.iter_mut().find(|(known, _)| *known == what) {
            // Told once, however often it comes.
            Some((_, told)) if *told => {}
            Some((_, told)) => {
                *told = true;
                errors.push(FieldError {
                    reason: "FieldValueDuplicate",
                    field: format!("{path}[{index}]"),
                    message: format!("Duplicate value: {}", shown(&what)),
                });
            }
            None => seen.push((what, false)),
        }
    }
}
