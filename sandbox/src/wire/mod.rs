//! Objects in protobuf, as typed Go clients send them (`application/vnd.kubernetes.protobuf`), read into JSON.
//!
//! The bytes are an envelope that names the kind, and in it a message whose fields are numbers; which number is
//! which field, and of which type, says a table derived from the definitions of one Kubernetes version.

mod reader;
mod special;
mod table;

use serde_json::{Map, Value};

use reader::{Reader, Token};
use table::{Field, Many, Message, Table, Type};

/// What the bytes begin with.
const MAGIC: &[u8] = b"k8s\0";
/// Deeper than any kind is nested; schemas of custom resources may be, a little.
const DEEPEST: usize = 100;

/// Why bytes are no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They do not begin as they must.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NotProtobuf,
    /// They end within a value, or a value is not what it must be.
    #[error("proto: {0}")]
    Malformed(&'static str),
    /// They name a kind that is not known here.
    #[error("no kind {kind:?} is registered for version {api_version:?}")]
    UnknownKind {
        /// `apiVersion` in the envelope.
        api_version: String,
        /// `kind` in the envelope.
        kind: String,
    },
}

/// Reads an object. `schema_of` tells the OpenAPI name of a kind, given `apiVersion` and `kind`.
///
/// # Errors
/// When the bytes are no message, or one of a kind that has no name.
pub fn decode(
    bytes: &[u8],
    schema_of: impl FnOnce(&str, &str) -> Option<String>,
) -> Result<Value, WireError> {
    let envelope = Envelope::read(bytes)?;
    let table = Table::get();
    let message = schema_of(&envelope.api_version, &envelope.kind).and_then(|name| table.message(&name));
    let Some(message) = message else {
        return Err(WireError::UnknownKind { api_version: envelope.api_version, kind: envelope.kind });
    };
    let mut fields = Map::new();
    Decoder { table }.fields(message, envelope.raw, &mut fields, 0)?;
    // The message itself does not say what it is.
    for (key, value) in [("kind", envelope.kind), ("apiVersion", envelope.api_version)] {
        if !value.is_empty() {
            fields.insert(key.to_owned(), Value::String(value));
        }
    }
    Ok(Value::Object(fields))
}

/// What is around every object.
#[derive(Default)]
struct Envelope<'b> {
    api_version: String,
    kind: String,
    raw: &'b [u8],
}

impl<'b> Envelope<'b> {
    fn read(bytes: &'b [u8]) -> Result<Self, WireError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(WireError::NotProtobuf)?;
        let mut envelope = Envelope::default();
        let mut reader = Reader::new(rest);
        while let Some((number, token)) = reader.next()? {
            match number {
                1 => {
                    let mut types = Reader::new(token.bytes()?);
                    while let Some((number, token)) = types.next()? {
                        match number {
                            1 => envelope.api_version = token.text()?,
                            2 => envelope.kind = token.text()?,
                            _ => {}
                        }
                    }
                }
                2 => envelope.raw = token.bytes()?,
                _ => {}
            }
        }
        Ok(envelope)
    }
}

struct Decoder {
    table: &'static Table,
}

impl Decoder {
    /// Reads a message; fields that the table does not have are left out, as Go does.
    fn fields(
        &self,
        message: &Message,
        bytes: &[u8],
        into: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), WireError> {
        if depth > DEEPEST {
            return Err(WireError::Malformed("nested too deeply"));
        }
        let mut reader = Reader::new(bytes);
        while let Some((number, token)) = reader.next()? {
            let Some(field) = message.field(number) else { continue };
            self.field(field, &token, into, depth)?;
        }
        Ok(())
    }

    fn field(
        &self,
        field: &Field,
        token: &Token<'_>,
        into: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), WireError> {
        if let (Type::Message(at), true) = (field.kind, field.json.is_empty()) {
            return self.fields(self.table.at(at), token.bytes()?, into, depth + 1);
        }
        match field.many {
            Many::One => {
                let value = self.value(field.kind, token, depth)?;
                if field.keeps_zero || !is_zero(&value) {
                    into.insert(field.json.to_owned(), value);
                }
            }
            Many::List => {
                let list = into.entry(field.json).or_insert_with(|| Value::Array(Vec::new()));
                let Value::Array(list) = list else { return Ok(()) };
                match (field.kind, token) {
                    // Numbers may come packed.
                    (Type::Integer | Type::Boolean, Token::Bytes(bytes)) => {
                        let mut packed = Reader::new(bytes);
                        while let Some(number) = packed.packed()? {
                            list.push(self.value(field.kind, &Token::Number(number), depth)?);
                        }
                    }
                    _ => list.push(self.value(field.kind, token, depth)?),
                }
            }
            Many::Map => {
                let map = into.entry(field.json).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(map) = map else { return Ok(()) };
                let (key, value) = self.entry(field.kind, token.bytes()?, depth)?;
                map.insert(key, value);
            }
        }
        Ok(())
    }

    fn entry(&self, kind: Type, bytes: &[u8], depth: usize) -> Result<(String, Value), WireError> {
        let (mut key, mut value) = (String::new(), None);
        let mut reader = Reader::new(bytes);
        while let Some((number, token)) = reader.next()? {
            match number {
                1 => key = token.text()?,
                2 => value = Some(self.value(kind, &token, depth)?),
                _ => {}
            }
        }
        let value = match value {
            Some(value) => value,
            None => self.value(kind, &Token::Bytes(&[]), depth)?,
        };
        Ok((key, value))
    }

    fn value(&self, kind: Type, token: &Token<'_>, depth: usize) -> Result<Value, WireError> {
        Ok(match kind {
            Type::Text => Value::String(token.text()?),
            Type::Boolean => Value::Bool(token.number()? != 0),
            // Negative numbers are their 64 bit complement.
            Type::Integer => Value::from(token.number()?.cast_signed()),
            Type::Double => Value::from(token.double()?),
            Type::Bytes => Value::String(special::base64(token.bytes()?)),
            Type::Message(at) => {
                let message = self.table.at(at);
                match message.special {
                    Some(special) => special::read(self, special, message, token.bytes()?, depth)?,
                    None => {
                        let mut fields = Map::new();
                        self.fields(message, token.bytes()?, &mut fields, depth + 1)?;
                        Value::Object(fields)
                    }
                }
            }
        })
    }
}

/// What Go leaves out unless told otherwise. Structures are never left out.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    }
}
