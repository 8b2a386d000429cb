//! Messages whose JSON is no object of their fields: times, quantities, numbers that may be texts, raw JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use super::reader::{Reader, Token};
use super::table::Message;
use super::{Decoder, WireError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    /// Seconds and nanoseconds: a time in seconds.
    Time,
    /// A time in microseconds.
    MicroTime,
    /// One text.
    Quantity,
    /// A number or a text, and which of them.
    IntOrString,
    /// JSON as bytes.
    Raw,
    /// A list in a message of its own.
    Items,
    /// True, false or a schema.
    SchemaOrBool,
    /// A schema or a list of them.
    SchemaOrArray,
    /// A schema or a list of texts.
    SchemaOrTexts,
}

impl Special {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.rsplit('.').next().unwrap_or_default() {
            "Time" => Self::Time,
            "MicroTime" => Self::MicroTime,
            "Quantity" => Self::Quantity,
            "IntOrString" => Self::IntOrString,
            "RawExtension" | "FieldsV1" | "JSON" => Self::Raw,
            "ExtraValue" | "Verbs" => Self::Items,
            "JSONSchemaPropsOrBool" => Self::SchemaOrBool,
            "JSONSchemaPropsOrArray" => Self::SchemaOrArray,
            "JSONSchemaPropsOrStringArray" => Self::SchemaOrTexts,
            _ => return None,
        })
    }
}

/// Bytes as JSON has them.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads such a message.
pub(super) fn read(
    decoder: &Decoder,
    special: Special,
    message: &Message,
    bytes: &[u8],
    depth: usize,
) -> Result<Value, WireError> {
    match special {
        Special::Time => time(bytes, SecondsFormat::Secs),
        Special::MicroTime => time(bytes, SecondsFormat::Micros),
        Special::Quantity => Ok(Value::String(first_text(bytes)?)),
        Special::IntOrString => int_or_string(bytes),
        Special::Raw => raw(bytes),
        Special::Items => {
            let mut fields = Map::new();
            decoder.fields(message, bytes, &mut fields, depth + 1)?;
            Ok(fields.remove("items").unwrap_or_else(|| Value::Array(Vec::new())))
        }
        Special::SchemaOrBool => {
            let fields = parts(decoder, message, bytes, depth)?;
            let allows = fields.iter().any(|(number, value)| *number == 1 && value == &Value::Bool(true));
            let schema = fields.into_iter().find(|(number, _)| *number == 2);
            Ok(schema.map_or(Value::Bool(allows), |(_, schema)| schema))
        }
        Special::SchemaOrArray | Special::SchemaOrTexts => {
            let mut fields = parts(decoder, message, bytes, depth)?;
            match fields.iter().position(|(number, _)| *number == 1) {
                Some(at) => Ok(fields.swap_remove(at).1),
                None => Ok(Value::Array(fields.into_iter().map(|(_, value)| value).collect())),
            }
        }
    }
}

/// The fields of a message in their order, without names.
fn parts(
    decoder: &Decoder,
    message: &Message,
    bytes: &[u8],
    depth: usize,
) -> Result<Vec<(u32, Value)>, WireError> {
    let mut parts = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some((number, token)) = reader.next()? {
        let Some(field) = message.field(number) else { continue };
        parts.push((number, decoder.value(field.kind, &token, depth + 1)?));
    }
    Ok(parts)
}

/// No time at all is null, as Go writes it.
fn time(bytes: &[u8], format: SecondsFormat) -> Result<Value, WireError> {
    let (mut seconds, mut nanos) = (None, 0);
    let mut reader = Reader::new(bytes);
    while let Some((number, token)) = reader.next()? {
        match number {
            1 => seconds = Some(token.number()?.cast_signed()),
            2 => nanos = u32::try_from(token.number()?).unwrap_or_default(),
            _ => {}
        }
    }
    let Some(seconds) = seconds else { return Ok(Value::Null) };
    let time = DateTime::<Utc>::from_timestamp(seconds, nanos);
    let time = time.ok_or(WireError::Malformed("a time is out of range"))?;
    Ok(Value::String(time.to_rfc3339_opts(format, true)))
}

fn first_text(bytes: &[u8]) -> Result<String, WireError> {
    let mut reader = Reader::new(bytes);
    let mut text = String::new();
    while let Some((number, token)) = reader.next()? {
        if number == 1 {
            text = token.text()?;
        }
    }
    Ok(text)
}

fn int_or_string(bytes: &[u8]) -> Result<Value, WireError> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    let mut reader = Reader::new(bytes);
    while let Some((field, token)) = reader.next()? {
        match (field, token) {
            (1, Token::Number(kind)) => is_text = kind == 1,
            (2, Token::Number(value)) => number = value.cast_signed(),
            (3, token) => text = token.text()?,
            _ => {}
        }
    }
    Ok(if is_text { Value::String(text) } else { Value::from(number) })
}

/// JSON in a field; nothing is null.
fn raw(bytes: &[u8]) -> Result<Value, WireError> {
    let mut reader = Reader::new(bytes);
    while let Some((number, token)) = reader.next()? {
        if let (1, Token::Bytes(text @ [_, ..])) = (number, token) {
            return serde_json::from_slice(text).map_err(|_| WireError::Malformed("a raw value is no JSON"));
        }
    }
    Ok(Value::Null)
}
