//! The document as the protobuf messages that client libraries read it from: each object a message whose fields are
//! numbered, maps as lists of named values.

use serde_json::Value;

/// How a value stands in a message.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Boolean,
    Texts,
    /// A number of any kind.
    Number,
    /// A whole number.
    Integer,
    /// Any value.
    Any,
    /// A list of any values.
    Anys,
    /// Either a schema or whether there may be any.
    SchemaOrBoolean,
    /// A message.
    One(Message),
    /// A list of messages.
    List(Message),
    /// A message of a list of texts: a type, of which there could be several.
    TypeItem,
    /// A message within a message, as often as the numbers say.
    Wrapped(&'static [u64], Message),
    /// A map: a message whose fields of the first number are named values, themselves within messages of the others.
    Map(u64, &'static [u64], Message),
}

/// Which numbers the fields of an object have.
#[derive(Clone, Copy, PartialEq)]
enum Message {
    Document,
    Info,
    PathItem,
    Operation,
    Parameter,
    BodyParameter,
    QueryParameter,
    PathParameter,
    Response,
    Schema,
}

impl Message {
    /// The fields that our documents have; the number of those that begin with `x-`.
    fn fields(self) -> (&'static [(&'static str, u64, Form)], u64) {
        use Form::{
            Any, Anys, Boolean, Integer, List, Map, Number, One, SchemaOrBoolean, Text, Texts, TypeItem,
            Wrapped,
        };
        match self {
            Message::Document => (
                &[
                    ("swagger", 1, Text),
                    ("info", 2, One(Message::Info)),
                    ("paths", 8, Map(2, &[], Message::PathItem)),
                    ("definitions", 9, Map(1, &[], Message::Schema)),
                ],
                16,
            ),
            Message::Info => (&[("title", 1, Text), ("version", 2, Text)], 7),
            Message::PathItem => (
                &[
                    ("get", 2, One(Message::Operation)),
                    ("put", 3, One(Message::Operation)),
                    ("post", 4, One(Message::Operation)),
                    ("delete", 5, One(Message::Operation)),
                    ("patch", 8, One(Message::Operation)),
                    ("parameters", 9, List(Message::Parameter)),
                ],
                10,
            ),
            Message::Operation => (
                &[
                    ("tags", 1, Texts),
                    ("operationId", 5, Text),
                    ("produces", 6, Texts),
                    ("consumes", 7, Texts),
                    ("parameters", 8, List(Message::Parameter)),
                    ("responses", 9, Map(1, &[1], Message::Response)),
                ],
                13,
            ),
            // Which of the others it is stands in it.
            Message::Parameter => (&[], 0),
            Message::BodyParameter => (
                &[
                    ("name", 2, Text),
                    ("in", 3, Text),
                    ("required", 4, Boolean),
                    ("schema", 5, One(Message::Schema)),
                ],
                6,
            ),
            Message::QueryParameter => (
                &[
                    ("required", 1, Boolean),
                    ("in", 2, Text),
                    ("name", 4, Text),
                    ("type", 6, Text),
                    ("uniqueItems", 20, Boolean),
                ],
                23,
            ),
            Message::PathParameter => (
                &[
                    ("required", 1, Boolean),
                    ("in", 2, Text),
                    ("name", 4, Text),
                    ("type", 5, Text),
                    ("uniqueItems", 19, Boolean),
                ],
                22,
            ),
            Message::Response => {
                (&[("description", 1, Text), ("schema", 2, Wrapped(&[1], Message::Schema))], 5)
            }
            Message::Schema => (
                &[
                    ("$ref", 1, Text),
                    ("format", 2, Text),
                    ("title", 3, Text),
                    ("description", 4, Text),
                    ("default", 5, Any),
                    ("multipleOf", 6, Number),
                    ("maximum", 7, Number),
                    ("exclusiveMaximum", 8, Boolean),
                    ("minimum", 9, Number),
                    ("exclusiveMinimum", 10, Boolean),
                    ("maxLength", 11, Integer),
                    ("minLength", 12, Integer),
                    ("pattern", 13, Text),
                    ("maxItems", 14, Integer),
                    ("minItems", 15, Integer),
                    ("uniqueItems", 16, Boolean),
                    ("maxProperties", 17, Integer),
                    ("minProperties", 18, Integer),
                    ("required", 19, Texts),
                    ("enum", 20, Anys),
                    ("additionalProperties", 21, SchemaOrBoolean),
                    ("type", 22, TypeItem),
                    ("items", 23, Wrapped(&[1], Message::Schema)),
                    ("properties", 25, Map(1, &[], Message::Schema)),
                    ("example", 30, Any),
                ],
                31,
            ),
        }
    }
}

/// The bytes of a document.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    message(Message::Document, document)
}

fn message(kind: Message, value: &Value) -> Vec<u8> {
    if kind == Message::Parameter {
        return parameter(value);
    }
    let mut out = Vec::new();
    let (fields, extension) = kind.fields();
    for (key, value) in value.as_object().into_iter().flatten() {
        if key.starts_with("x-") {
            put(&mut out, extension, &named(key, &any(value)));
        } else if let Some((_, number, form)) = fields.iter().find(|(name, ..)| name == key) {
            field(&mut out, *number, *form, value);
        }
    }
    out
}

fn field(out: &mut Vec<u8>, number: u64, form: Form, value: &Value) {
    match form {
        Form::Text => put(out, number, value.as_str().unwrap_or_default().as_bytes()),
        Form::Boolean => {
            varint(out, number << 3);
            varint(out, u64::from(value.as_bool().unwrap_or_default()));
        }
        Form::Number => {
            varint(out, number << 3 | 1);
            out.extend_from_slice(&value.as_f64().unwrap_or_default().to_le_bytes());
        }
        Form::Integer => {
            varint(out, number << 3);
            // As protobuf has it: two's complement in 64 bits.
            varint(out, value.as_i64().unwrap_or_default().cast_unsigned());
        }
        Form::Any => put(out, number, &any(value)),
        Form::Anys => {
            for item in value.as_array().into_iter().flatten() {
                put(out, number, &any(item));
            }
        }
        Form::SchemaOrBoolean => match value {
            Value::Bool(_) => {
                let mut flag = Vec::new();
                field(&mut flag, 2, Form::Boolean, value);
                put(out, number, &flag);
            }
            _ => field(out, number, Form::Wrapped(&[1], Message::Schema), value),
        },
        Form::Texts => {
            for text in value.as_array().into_iter().flatten() {
                put(out, number, text.as_str().unwrap_or_default().as_bytes());
            }
        }
        Form::One(kind) => put(out, number, &message(kind, value)),
        Form::List(kind) => {
            for item in value.as_array().into_iter().flatten() {
                put(out, number, &message(kind, item));
            }
        }
        Form::TypeItem => put(out, number, &wrapped(&[1], value.as_str().unwrap_or_default().as_bytes())),
        Form::Wrapped(around, kind) => put(out, number, &wrapped(around, &message(kind, value))),
        Form::Map(item, around, kind) => {
            let mut map = Vec::new();
            for (name, value) in value.as_object().into_iter().flatten() {
                put(&mut map, item, &named(name, &wrapped(around, &message(kind, value))));
            }
            put(out, number, &map);
        }
    }
}

/// A parameter says in itself which message it is, within two others.
fn parameter(value: &Value) -> Vec<u8> {
    let (kind, around): (_, &[u64]) = match value["in"].as_str() {
        Some("body") => (Message::BodyParameter, &[1, 1]),
        Some("path") => (Message::PathParameter, &[1, 2, 4]),
        _ => (Message::QueryParameter, &[1, 2, 3]),
    };
    wrapped(around, &message(kind, value))
}

/// Bytes within messages, the outermost number first.
fn wrapped(around: &[u64], bytes: &[u8]) -> Vec<u8> {
    around.iter().rev().fold(bytes.to_vec(), |inner, number| {
        let mut out = Vec::with_capacity(inner.len() + 4);
        put(&mut out, *number, &inner);
        out
    })
}

/// A name and its value.
fn named(name: &str, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + value.len() + 8);
    put(&mut out, 1, name.as_bytes());
    put(&mut out, 2, value);
    out
}

/// Any value is kept as YAML, which JSON is.
fn any(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, 2, value.to_string().as_bytes());
    out
}

/// A field of bytes.
fn put(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_become_numbered_fields() {
        let info = json!({"info": {"title": "T", "version": "v"}});
        assert_eq!(encode(&info), [0x12, 6, 0x0a, 1, b'T', 0x12, 1, b'v']);
        let schema = json!({"type": "object", "x-a": 1});
        let expected = [
            0xb2, 1, 8, 0x0a, 6, b'o', b'b', b'j', b'e', b'c', b't', 0xfa, 1, 10, 0x0a, 3, b'x', b'-', b'a',
            0x12, 3, 0x12, 1, b'1',
        ];
        assert_eq!(message(Message::Schema, &schema), expected);
        let limits = json!({"additionalProperties": true, "enum": [1], "maxLength": 300, "minimum": 1.0});
        let expected = [
            0xaa, 1, 2, 0x10, 1, 0xa2, 1, 3, 0x12, 1, b'1', 0x58, 0xac, 2, 0x49, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
        ];
        assert_eq!(message(Message::Schema, &limits), expected);
    }

    #[test]
    fn parameters_say_in_themselves_what_they_are() {
        let path = parameter(&json!({"in": "path", "name": "n"}));
        assert_eq!(path[..6], [0x0a, 13, 0x12, 11, 0x22, 9]);
    }
}
