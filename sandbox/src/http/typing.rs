//! Whether the values of an object are of the types that its kind has, told in the words of Go's decoder.

use crate::kinds::quantity::Quantity;
use crate::kinds::{Custom, Schema, Shape, Struct, Text};
use base64::Engine as _;
use serde_json::Value;

/// The unknown fields of an object, which stays as it is.
pub(super) fn unknown_fields(schema: &Schema, custom: Option<&Custom>, object: &Value) -> Vec<String> {
    let mut object = object.clone();
    match custom {
        None => Walk::over(schema, &mut object, "").unknown,
        Some(custom) => Walk::over_custom(schema, custom, &mut object, "").unknown,
    }
}

/// The first value of the wrong type in an object.
pub(super) fn wrong_type(schema: &Schema, object: &Value, kind: &str) -> Option<String> {
    Walk::over(schema, &mut object.clone(), kind).wrong
}

/// One walk through an object along its schema, which removes what the kind does not have.
pub(super) struct Walk {
    /// Paths of the fields that were removed.
    pub(super) unknown: Vec<String>,
    /// The first value of the wrong type, in the words of Go's decoder.
    pub(super) wrong: Option<String>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    /// Path with positions: `spec.containers[0]`.
    path: &'p str,
    /// Go type of the struct that it is a field of.
    owner: &'p str,
    /// Go type that it should have; empty when that is not known.
    go: &'p str,
}

impl Walk {
    /// Walks through an object of a kind.
    pub(super) fn over(schema: &Schema, object: &mut Value, kind: &str) -> Self {
        let mut walk = Self { unknown: Vec::new(), wrong: None };
        walk.value(schema, object, Place { path: "", owner: kind, go: kind });
        walk
    }

    /// Walks through an object of a custom kind: only its metadata has Go types, everything else is checked later.
    pub(super) fn over_custom(schema: &Schema, custom: &Custom, object: &mut Value, kind: &str) -> Self {
        let mut walk = Self { unknown: Vec::new(), wrong: None };
        if let (Some(metadata), Some(property)) = (object.get_mut("metadata"), schema.field("metadata")) {
            let go = "v1.ObjectMeta";
            walk.value(property.schema(), metadata, Place { path: "metadata", owner: kind, go });
        }
        walk.unknown.extend(crate::custom::prune(&custom.schema, object));
        walk
    }

    fn value(&mut self, schema: &Schema, value: &mut Value, place: Place<'_>) {
        match (&schema.shape, &mut *value) {
            (_, Value::Null) | (Shape::Any, _) => {}
            (Shape::Struct(known), Value::Object(_)) => self.fields(known, value, place),
            (Shape::Map { value: inner, .. }, Value::Object(fields)) => {
                let go = place.go.split_once(']').map_or("", |(_, value)| value);
                let texts = matches!(inner.schema().shape, Shape::Text(Text::Plain | Text::Bytes));
                for (key, value) in fields {
                    // Go reads nothing as the empty text there.
                    if texts && value.is_null() {
                        *value = Value::String(String::new());
                    }
                    let path = format!("{}.{key}", place.path);
                    let path =
                        if matches!(inner.schema().shape, Shape::Struct(_)) { &path } else { place.path };
                    self.value(inner.schema(), value, Place { path, go, ..place });
                }
            }
            (Shape::List { item, .. }, Value::Array(items)) => {
                let go = place.go.strip_prefix("[]").unwrap_or_default();
                for (index, value) in items.iter_mut().enumerate() {
                    let path = format!("{}[{index}]", place.path);
                    self.value(item.schema(), value, Place { path: &path, go, ..place });
                }
            }
            (Shape::Boolean, Value::Bool(_)) | (Shape::Number, Value::Number(_)) => {}
            (Shape::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
            (Shape::IntOrString | Shape::Quantity, Value::Number(_)) => {}
            (Shape::Text(_) | Shape::IntOrString | Shape::Quantity, Value::String(text)) => {
                if let Some(why) = malformed(schema, text) {
                    self.wrong.get_or_insert(why);
                }
            }
            (shape, value) => {
                let why = mismatch(shape, value, place);
                self.wrong.get_or_insert(why);
            }
        }
    }

    fn fields(&mut self, known: &Struct, value: &mut Value, place: Place<'_>) {
        let Some(fields) = value.as_object_mut() else { return };
        let below = |name: &str| match place.path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        if !known.open && !known.fields.is_empty() {
            fields.retain(|name, _| {
                let keep = known.fields.contains_key(name.as_str());
                if !keep {
                    self.unknown.push(below(name));
                }
                keep
            });
        }
        let owner = place.go.rsplit('.').next().unwrap_or_default();
        for (name, value) in fields {
            if let Some(property) = known.fields.get(name.as_str()) {
                let go = property.go.as_ref().map_or("", |go| go.name.as_str());
                self.value(property.schema(), value, Place { path: &below(name), owner, go });
            }
        }
    }
}

/// What is wrong with a text that has to be more than text.
fn malformed(schema: &Schema, text: &str) -> Option<String> {
    match &schema.shape {
        Shape::Text(Text::Bytes) => {
            let valid = base64::engine::general_purpose::STANDARD.decode(text).is_ok();
            (!valid).then(|| format!("illegal base64 data at input byte {}", first_not_base64(text)))
        }
        Shape::Text(Text::Time) => {
            let valid = text.is_empty() || chrono::DateTime::parse_from_rfc3339(text).is_ok();
            (!valid).then(|| {
                format!("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\"")
            })
        }
        Shape::Quantity => text.parse::<Quantity>().is_err().then(|| {
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                .to_owned()
        }),
        _ => None,
    }
}

/// Where Go's decoder stops in a text that is no base64.
fn first_not_base64(text: &str) -> usize {
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'\n' | b'\r');
    let stop = text.bytes().position(|byte| !alphabet(byte)).unwrap_or(text.len());
    // Missing letters are noticed at the beginning of the last group.
    if stop == text.len() { stop - stop % 4 } else { stop }
}

/// Go's words for a value of the wrong type.
fn mismatch(shape: &Shape, value: &Value, place: Place<'_>) -> String {
    let found = match value {
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) if matches!(shape, Shape::Integer) => format!("number {number}"),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        _ => "object".to_owned(),
    };
    let wanted = match shape {
        // These read themselves.
        Shape::IntOrString => return format!("json: cannot unmarshal {found} into Go value of type int32"),
        Shape::Quantity => {
            return malformed(&Schema { shape: Shape::Quantity, nullable: false }, "?").unwrap_or_default();
        }
        Shape::Text(Text::Time) => {
            return format!("json: cannot unmarshal {found} into Go value of type string");
        }
        _ if !place.go.is_empty() => place.go.replace("[]byte", "[]uint8"),
        Shape::Boolean => "bool".to_owned(),
        Shape::Integer => "int64".to_owned(),
        Shape::Number => "float64".to_owned(),
        Shape::Text(_) | Shape::Any => "string".to_owned(),
        Shape::Struct(_) => "struct".to_owned(),
        Shape::Map { .. } => "map[string]string".to_owned(),
        Shape::List { .. } => "[]interface {}".to_owned(),
    };
    // Fields of lists are named without positions.
    let path: String = place.path.split('[').enumerate().fold(String::new(), |path, (at, part)| {
        path + if at == 0 { part } else { part.split_once(']').map_or("", |(_, rest)| rest) }
    });
    format!("json: cannot unmarshal {found} into Go struct field {}.{path} of type {wanted}", place.owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use serde_json::json;

    fn pod() -> &'static Schema {
        Kinds::builtin().by_word("pods").unwrap().schema()
    }

    #[test]
    fn unknown_fields_are_found_with_their_path() {
        let object = json!({"spec": {"containers": [{"name": "a", "imag": "x"}], "x": 1}, "extra": {}});
        let mut unknown = unknown_fields(pod(), None, &object);
        unknown.sort();
        assert_eq!(unknown, ["extra", "spec.containers[0].imag", "spec.x"]);
    }

    #[test]
    fn labels_and_other_maps_may_hold_any_key() {
        let object = json!({"metadata": {"labels": {"any": "thing"}, "annotations": {"x/y": ""}}});
        assert_eq!(unknown_fields(pod(), None, &object), Vec::<String>::new());
    }

    #[test]
    fn wrong_types_are_told_in_the_real_servers_words() {
        let object = json!({"spec": {"containers": [{"name": 7}]}});
        let wrong = wrong_type(pod(), &object, "Pod");
        let words = "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string";
        assert_eq!(wrong.as_deref(), Some(words));
        let fine = json!({"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": 1}},
            "livenessProbe": {"httpGet": {"port": "http"}}}]}});
        assert_eq!(wrong_type(pod(), &fine, "Pod"), None);
    }
}
