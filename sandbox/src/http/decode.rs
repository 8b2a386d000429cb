//! Bodies of requests: read, checked against the kind, cleared of what the kind does not have.

use super::Call;
use crate::kinds::{Schema, Shape, Struct};
use crate::status::Status;
use http::header;
use serde_json::Value;

/// What a client wants to happen to fields that do not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Validation {
    Ignore,
    Warn,
    Strict,
}

/// The type of a request's body.
pub(super) fn content_type(call: &Call) -> &str {
    let header = call.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim()
}

/// A body in JSON or YAML.
pub(super) fn read_value(call: &Call, body: &[u8]) -> Result<Value, Status> {
    let parsed = match content_type(call) {
        "" | "application/json" => serde_json::from_slice(body).map_err(|error| error.to_string()),
        "application/yaml" => std::str::from_utf8(body)
            .map_err(|error| error.to_string())
            .and_then(|text| serde_saphyr::from_str(text).map_err(|error| error.to_string())),
        _ => {
            return Err(Status::unsupported_media_type(&[
                "application/json",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
            ]));
        }
    };
    match parsed {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(unrecognized(call, body, "the body is no object")),
        Err(error) => Err(unrecognized(call, body, &error)),
    }
}

fn unrecognized(call: &Call, body: &[u8], why: &str) -> Status {
    let shown: String = match body {
        [] => "<empty>".to_owned(),
        body => body.iter().take(64).map(|byte| format!("{byte:02x}")).collect(),
    };
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why} ({shown})",
        call.kind.kind
    ))
}

/// An object of the kind of this call, as it comes in a create or replace.
pub(super) fn read_object(call: &Call, body: &[u8]) -> Result<Value, Status> {
    let mut object = read_value(call, body)?;
    check_kind(call, &object)?;
    fit(call, &mut object)?;
    Ok(object)
}

/// An object that says what it is must be what the path says.
pub(super) fn check_kind(call: &Call, object: &Value) -> Result<(), Status> {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let expected = call.kind.api_version();
    let api_version = Some(text("apiVersion")).filter(|v| !v.is_empty()).unwrap_or(&expected);
    let kind = Some(text("kind")).filter(|k| !k.is_empty()).unwrap_or(&call.kind.kind);
    if api_version == expected && kind == call.kind.kind {
        return Ok(());
    }
    let kinds = call.store().kinds();
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let refused = |why: String| {
        let wanted = &call.kind.kind;
        Err(Status::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {wanted}: {why}"
        )))
    };
    match kinds.by_object(api_version, kind) {
        None => refused(format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )),
        Some(found) if found.kind == call.kind.kind && found.group == call.kind.group => {
            Err(Status::bad_request(format!(
                "the API version in the data ({api_version}) does not match the expected API version ({expected})"
            )))
        }
        Some(_) => {
            let group = if call.kind.group.is_empty() { "core" } else { call.kind.group.as_str() };
            let wanted = &call.kind.kind;
            refused(format!("converting ({version}.{kind}) to ({group}.{wanted}): unknown conversion"))
        }
    }
}

/// Makes an object fit its kind: wrong types are refused, unknown fields removed, warned of or refused.
pub(super) fn fit(call: &Call, object: &mut Value) -> Result<(), Status> {
    let mode = match call.query.text("fieldValidation") {
        "Ignore" => Validation::Ignore,
        "Strict" => Validation::Strict,
        _ => Validation::Warn,
    };
    let mut walk = Walk { unknown: Vec::new(), wrong: None };
    walk.value(call.kind.schema(), object, "");
    let prefix = format!(
        "{} in version {:?} cannot be handled as a {}",
        call.kind.kind, call.kind.version, call.kind.kind
    );
    if let Some(wrong) = walk.wrong {
        return Err(Status::bad_request(format!(
            "{prefix}: json: cannot unmarshal {}",
            wrong.text(&call.kind.kind)
        )));
    }
    let unknown: Vec<String> = walk.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
    match mode {
        Validation::Strict if !unknown.is_empty() => {
            Err(Status::bad_request(format!("{prefix}: strict decoding error: {}", unknown.join(", "))))
        }
        Validation::Warn => {
            call.warn(unknown);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The unknown fields of an object, which stays as it is.
pub(super) fn unknown_fields(schema: &Schema, object: &Value) -> Vec<String> {
    let mut walk = Walk { unknown: Vec::new(), wrong: None };
    walk.value(schema, &mut object.clone(), "");
    walk.unknown
}

/// The first value of the wrong type in an object.
pub(super) fn wrong_type(schema: &Schema, object: &Value, kind: &str) -> Option<String> {
    let mut walk = Walk { unknown: Vec::new(), wrong: None };
    walk.value(schema, &mut object.clone(), "");
    walk.wrong.map(|wrong| format!("json: cannot unmarshal {}", wrong.text(kind)))
}

struct Walk {
    unknown: Vec<String>,
    wrong: Option<Wrong>,
}

struct Wrong {
    found: &'static str,
    path: String,
    wanted: &'static str,
}

impl Wrong {
    fn text(&self, kind: &str) -> String {
        // Fields of lists are named without positions.
        let path: String = self.path.split('[').enumerate().fold(String::new(), |path, (at, part)| {
            path + if at == 0 { part } else { part.split_once(']').map_or("", |(_, rest)| rest) }
        });
        format!("{} into Go struct field {kind}.{path} of type {}", self.found, self.wanted)
    }
}

impl Walk {
    fn value(&mut self, schema: &Schema, value: &mut Value, path: &str) {
        let wanted = match (&schema.shape, &*value) {
            (_, Value::Null) | (Shape::Any, _) => return,
            (Shape::Struct(known), Value::Object(_)) => return self.fields(known, value, path),
            (Shape::Map { value: inner, .. }, Value::Object(_)) => {
                for (_, value) in value.as_object_mut().into_iter().flatten() {
                    self.value(inner.schema(), value, path);
                }
                return;
            }
            (Shape::List { item, .. }, Value::Array(_)) => {
                for (index, value) in value.as_array_mut().into_iter().flatten().enumerate() {
                    self.value(item.schema(), value, &format!("{path}[{index}]"));
                }
                return;
            }
            (Shape::Boolean, Value::Bool(_))
            | (Shape::Integer | Shape::Number, Value::Number(_))
            | (Shape::Text(_), Value::String(_))
            | (Shape::IntOrString | Shape::Quantity, Value::Number(_) | Value::String(_)) => return,
            (Shape::Boolean, _) => "bool",
            (Shape::Integer, _) => "int64",
            (Shape::Number, _) => "float64",
            (Shape::Text(_), _) => "string",
            (Shape::IntOrString, _) => "intstr.IntOrString",
            (Shape::Quantity, _) => "resource.Quantity",
            (Shape::Struct(_), _) => "struct",
            (Shape::Map { .. }, _) => "map[string]string",
            (Shape::List { .. }, _) => "[]interface {}",
        };
        let found = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            _ => "object",
        };
        self.wrong.get_or_insert(Wrong { found, path: path.to_owned(), wanted });
    }

    fn fields(&mut self, known: &Struct, value: &mut Value, path: &str) {
        let Some(fields) = value.as_object_mut() else { return };
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if !known.open && !known.fields.is_empty() {
            fields.retain(|name, _| {
                let keep = known.fields.contains_key(name.as_str());
                if !keep {
                    self.unknown.push(below(name));
                }
                keep
            });
        }
        for (name, value) in fields {
            if let Some(property) = known.fields.get(name.as_str()) {
                self.value(property.schema(), value, &below(name));
            }
        }
    }
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
        let mut unknown = unknown_fields(pod(), &object);
        unknown.sort();
        assert_eq!(unknown, ["extra", "spec.containers[0].imag", "spec.x"]);
    }

    #[test]
    fn labels_and_other_maps_may_hold_any_key() {
        let object = json!({"metadata": {"labels": {"any": "thing"}, "annotations": {"x/y": ""}}});
        assert_eq!(unknown_fields(pod(), &object), Vec::<String>::new());
    }

    #[test]
    fn wrong_types_are_told_in_the_real_servers_words() {
        let object = json!({"spec": {"containers": [{"name": 7}]}});
        let wrong = wrong_type(pod(), &object, "Pod");
        let words =
            "json: cannot unmarshal number into Go struct field Pod.spec.containers.name of type string";
        assert_eq!(wrong.as_deref(), Some(words));
        let fine = json!({"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": 1}},
            "livenessProbe": {"httpGet": {"port": "http"}}}]}});
        assert_eq!(wrong_type(pod(), &fine, "Pod"), None);
    }
}
