//! Zero values: an object of a built-in kind is decoded into Go and encoded again, which loses the difference between
//! empty and absent in some fields and writes others that nobody set.

use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::schema::{Property, Schema, Shape, Text};

/// A field of a built-in kind as Kubernetes has it in Go, where an empty value and an absent one may be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Go {
    /// Its type, as messages of the decoder name it, such as `v1.PodSpec` or `[]v1.Container`.
    pub name: SmolStr,
    /// What becomes of its zero value.
    pub zero: Zero,
}

/// What becomes of the zero value (`""`, `0`, `false`, `[]`, `{}`) of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zero {
    /// It is left out.
    Dropped,
    /// It is written, also when nobody set it.
    Written,
    /// It is a value like any other (the field is a pointer).
    Kept,
    /// As `Kept`, and nothing is written as null.
    Null,
}

impl Go {
    /// Reads a mark and a name, such as `-bool`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let zero = match text.chars().next()? {
            '-' => Zero::Dropped,
            '+' => Zero::Written,
            '?' => Zero::Kept,
            '!' => Zero::Null,
            _ => return None,
        };
        Some(Self { name: text.get(1..)?.into(), zero })
    }
}

/// Leaves out and fills in what a round through Go leaves out and fills in. Doing it twice changes nothing.
pub fn settle(schema: &Schema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::Struct(object), Value::Object(fields)) => {
            for (name, property) in &object.fields {
                settle_field(name, property, fields);
            }
        }
        (Shape::Map { value: inner, .. }, Value::Object(fields)) => {
            fields.values_mut().for_each(|value| settle(inner.schema(), value));
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            items.iter_mut().for_each(|value| settle(item.schema(), value));
        }
        _ => {}
    }
}

/// What storing makes of an object: empty lists and maps that are always written come back as null.
pub fn store(schema: &Schema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::Struct(object), Value::Object(fields)) => {
            for (name, property) in &object.fields {
                let Some(value) = fields.get_mut(name.as_str()) else { continue };
                store(property.schema(), value);
                let written = property.go.as_ref().is_some_and(|go| go.zero == Zero::Written);
                let collection = matches!(property.schema().shape, Shape::List { .. } | Shape::Map { .. });
                if written && collection && is_zero(value) {
                    *value = Value::Null;
                }
            }
        }
        (Shape::Map { value: inner, .. }, Value::Object(fields)) => {
            fields.values_mut().for_each(|value| store(inner.schema(), value));
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            items.iter_mut().for_each(|value| store(item.schema(), value));
        }
        _ => {}
    }
}

/// What an object of this schema is before anybody sets anything.
pub fn blank(schema: &Schema) -> Value {
    let mut value = match &schema.shape {
        Shape::Struct(_) => Value::Object(Map::new()),
        _ => Value::Null,
    };
    settle(schema, &mut value);
    value
}

fn settle_field(name: &str, property: &Property, fields: &mut Map<String, Value>) {
    if let Some(value) = fields.get_mut(name) {
        settle(property.schema(), value);
    }
    let Some(go) = &property.go else { return };
    let zero = fields.get(name).is_none_or(is_zero);
    match go.zero {
        Zero::Dropped if zero => {
            fields.remove(name);
        }
        // An empty list is one until it is stored; who says it owns the field.
        Zero::Written if fields.get(name).is_none_or(Value::is_null) => {
            let mut written = zero_of(property.schema());
            settle(property.schema(), &mut written);
            fields.insert(name.to_owned(), written);
        }
        Zero::Null => {
            fields.entry(name).or_insert(Value::Null);
        }
        _ => {}
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn zero_of(schema: &Schema) -> Value {
    match &schema.shape {
        Shape::Struct(_) => Value::Object(Map::new()),
        Shape::Boolean => false.into(),
        Shape::Integer | Shape::Number | Shape::IntOrString => 0.into(),
        Shape::Quantity => "0".into(),
        Shape::Text(Text::Plain) => "".into(),
        Shape::Text(Text::Bytes | Text::Time) | Shape::Any | Shape::Map { .. } | Shape::List { .. } => {
            Value::Null
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use serde_json::json;

    #[test]
    fn empty_and_absent_are_told_apart_only_where_go_can() {
        let cases = [
            (
                "cm",
                json!({"metadata": {"labels": {}}, "data": {}, "immutable": false}),
                json!({"metadata": {}, "immutable": false}),
            ),
            (
                "pods",
                json!({"spec": {"hostNetwork": false, "containers": [], "automountServiceAccountToken": false}}),
                json!({"metadata": {}, "spec": {"containers": [], "automountServiceAccountToken": false}, "status": {}}),
            ),
            ("leases", json!({"metadata": {}}), json!({"metadata": {}, "spec": {}})),
            ("roles", json!({"rules": []}), json!({"metadata": {}, "rules": []})),
            ("roles", json!({}), json!({"metadata": {}, "rules": null})),
            ("pc", json!({"globalDefault": false}), json!({"metadata": {}, "value": 0})),
        ];
        for (word, mut object, expected) in cases {
            let kind = Kinds::builtin().by_word(word).expect("built in");
            settle(kind.schema(), &mut object);
            assert_eq!(object, expected, "{word}");
            settle(kind.schema(), &mut object);
            assert_eq!(object, expected, "{word} again");
        }
    }

    #[test]
    fn empty_lists_are_stored_as_nothing() {
        let kind = Kinds::builtin().by_word("roles").expect("built in");
        let mut role = json!({"metadata": {}, "rules": []});
        store(kind.schema(), &mut role);
        assert_eq!(role, json!({"metadata": {}, "rules": null}));
    }
}
