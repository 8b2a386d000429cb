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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A field of bytes.
    fn bytes(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let types = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &types), bytes(2, raw), bytes(3, b""), bytes(4, b"")].concat()
    }

    fn read(api_version: &str, kind: &str, raw: &[u8]) -> Result<Value, WireError> {
        let name = format!(
            "io.k8s.api.{}.{kind}",
            api_version.replace('/', ".").replace("v1", "core.v1").replace("apps.core.v1", "apps.v1")
        );
        decode(&envelope(api_version, kind, raw), |_, _| Some(name))
    }

    #[test]
    fn maps_times_and_what_is_empty() {
        let metadata = [bytes(1, b"settings"), bytes(2, b""), bytes(8, b"")].concat();
        let entry = [bytes(1, b"a"), bytes(2, b"1")].concat();
        let object = read("v1", "ConfigMap", &[bytes(1, &metadata), bytes(2, &entry)].concat()).unwrap();
        let expected = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "settings"}, "data": {"a": "1"}});
        assert_eq!(object, expected);
        let secret = [bytes(1, b""), bytes(2, &[bytes(1, b"k"), bytes(2, b"v")].concat())].concat();
        assert_eq!(read("v1", "Secret", &secret).unwrap()["data"]["k"], "dg==");
    }

    #[test]
    fn zero_behind_a_pointer_means_something() {
        // replicas, and minReadySeconds that is no pointer.
        let spec = [0x08, 0, 0x28, 0];
        let object = read("apps/v1", "Deployment", &bytes(2, &spec)).unwrap();
        assert_eq!(object["spec"], json!({"replicas": 0}));
    }

    #[test]
    fn what_stands_in_the_object_around_it_is_put_there() {
        // A volume whose source is an empty directory.
        let volume = [bytes(1, b"tmp"), bytes(2, &bytes(2, b""))].concat();
        let object = read("v1", "Pod", &bytes(2, &bytes(1, &volume))).unwrap();
        assert_eq!(object["spec"]["volumes"], json!([{"name": "tmp", "emptyDir": {}}]));
    }

    #[test]
    fn numbers_that_may_be_texts() {
        let number = [0x08, 0, 0x10, 80];
        let text = [vec![0x08, 1], bytes(3, b"http")].concat();
        for (port, expected) in [(number.to_vec(), json!(80)), (text, json!("http"))] {
            let ports = bytes(1, &bytes(4, &port));
            let object = read("v1", "Service", &bytes(2, &ports)).unwrap();
            assert_eq!(object["spec"]["ports"][0]["targetPort"], expected);
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(
            read("v1", "Nonsense", b"").map_err(|e| e.to_string()),
            Err("no kind \"Nonsense\" is registered for version \"v1\"".to_owned())
        );
        assert_eq!(decode(b"{}", |_, _| None), Err(WireError::NotProtobuf));
        assert!(matches!(read("v1", "ConfigMap", &[0x0a, 9]), Err(WireError::Malformed(_))));
    }
}
