//! Defaults of a schema: wherever an object is, its absent fields.

use super::prune::{field, flag};
use serde_json::{Map, Value};

/// Fills in what the schema says of absent fields. A null that may not be one counts as absent.
pub fn fill_in(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => fill_fields(schema, fields),
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for item in items {
                if let (true, Some(default)) = (is_no_null(schema, item), schema.get("default")) {
                    *item = default.clone();
                }
                fill_in(schema, item);
            }
        }
        _ => {}
    }
}

fn fill_fields(schema: &Value, fields: &mut Map<String, Value>) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let absent = fields.get(name).is_none_or(|value| is_no_null(schema, value));
        if let (true, Some(default)) = (absent, schema.get("default")) {
            fields.insert(name.clone(), default.clone());
        }
    }
    fields.retain(|name, value| {
        let Some(schema) = field(schema, name) else { return true };
        if is_no_null(schema, value) {
            match schema.get("default") {
                Some(default) => *value = default.clone(),
                None => return false,
            }
        }
        fill_in(schema, value);
        true
    });
}

/// Whether this is a null where none may be.
fn is_no_null(schema: &Value, value: &Value) -> bool {
    value.is_null() && !flag(schema, "nullable")
}
