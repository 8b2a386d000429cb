//! A message as serde sees it: a map of the fields that a table names.

use chrono::{DateTime, SecondsFormat};
use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::reader::{Malformed, Reader, Wire};

/// A field that a view looks at.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its number on the wire.
    pub number: u32,
    /// Its name in JSON.
    pub name: &'static str,
    /// What it holds.
    pub of: Of,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Text; empty text is none.
    Text,
    /// An integer; zero is none.
    Integer,
    /// A truth value; false is none.
    Truth,
    /// A truth value that may be missing, so that false says something.
    OptionalTruth,
    /// A moment, to the second.
    Time,
    /// A message.
    Message(&'static [Field]),
    /// Messages.
    List(&'static [Field]),
    /// Text by text.
    TextMap,
}

impl Field {
    /// A field of a table.
    pub const fn new(number: u32, name: &'static str, of: Of) -> Self {
        Field { number, name, of }
    }
}

/// Key and value of an entry of a map.
const ENTRY: (u32, u32) = (1, 2);
/// Seconds of a moment.
const SECONDS: u32 = 1;

/// What serde is given.
pub(super) enum Value<'a> {
    Text(&'a str),
    Integer(i64),
    Truth(bool),
    Time(i64),
    Message(&'static [Field], &'a [u8]),
    List(&'static [Field], Reader<'a>),
    TextMap(Reader<'a>),
}

impl<'a> Value<'a> {
    /// None for a value that counts as not there.
    fn of(
        of: Of,
        wire: Wire<'a>,
        run: impl FnOnce() -> Result<&'a [u8], Malformed>,
    ) -> Result<Option<Self>, Error> {
        Ok(match (of, wire) {
            (Of::Text, Wire::Bytes(bytes)) => {
                Some(text(bytes)?).filter(|text| !text.is_empty()).map(Value::Text)
            }
            // Negative numbers are written as their two's complement.
            (Of::Integer, Wire::Number(number)) => {
                Some(number.cast_signed()).filter(|number| *number != 0).map(Value::Integer)
            }
            (Of::Truth, Wire::Number(number)) => (number != 0).then_some(Value::Truth(true)),
            (Of::OptionalTruth, Wire::Number(number)) => Some(Value::Truth(number != 0)),
            (Of::Time, Wire::Bytes(bytes)) => seconds(bytes).map_err(malformed)?.map(Value::Time),
            (Of::Message(fields), Wire::Bytes(bytes)) => Some(Value::Message(fields, bytes)),
            (Of::List(fields), Wire::Bytes(_)) => {
                Some(Value::List(fields, Reader::new(run().map_err(malformed)?)))
            }
            (Of::TextMap, Wire::Bytes(_)) => Some(Value::TextMap(Reader::new(run().map_err(malformed)?))),
            _ => return Err(malformed(Malformed)),
        })
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Truth(truth) => visitor.visit_bool(truth),
            Value::Time(seconds) => match DateTime::from_timestamp(seconds, 0) {
                Some(time) => visitor.visit_string(time.to_rfc3339_opts(SecondsFormat::Secs, true)),
                None => Err(Error::custom("a moment beyond all years")),
            },
            Value::Message(table, message) => visitor.visit_map(Fields::new(table, message)),
            Value::List(fields, items) => visitor.visit_seq(Items { fields, items }),
            Value::TextMap(entries) => visitor.visit_map(Entries { entries, value: "" }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// The fields of a message that its table names.
struct Fields<'a> {
    table: &'static [Field],
    message: Reader<'a>,
    value: Option<Value<'a>>,
}

impl<'a> Fields<'a> {
    fn new(table: &'static [Field], message: &'a [u8]) -> Self {
        Fields { table, message: Reader::new(message), value: None }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        loop {
            let before = self.message;
            let Some((number, wire)) = self.message.field().map_err(malformed)? else { return Ok(None) };
            let Some(field) = self.table.iter().find(|field| field.number == number) else { continue };
            let message = &mut self.message;
            let run = || {
                *message = before;
                message.run(number)
            };
            self.value = Value::of(field.of, wire, run)?;
            if self.value.is_some() {
                return seed.deserialize(BorrowedStrDeserializer::new(field.name)).map(Some);
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.value.take().ok_or_else(|| Error::custom("a value without its name"))?)
    }
}

/// The messages of a list.
struct Items<'a> {
    fields: &'static [Field],
    items: Reader<'a>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.items.field().map_err(malformed)? {
            Some((_, Wire::Bytes(item))) => seed.deserialize(Value::Message(self.fields, item)).map(Some),
            Some(_) => Err(malformed(Malformed)),
            None => Ok(None),
        }
    }
}

/// The entries of a map.
struct Entries<'a> {
    entries: Reader<'a>,
    value: &'a str,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((_, Wire::Bytes(entry))) = self.entries.field().map_err(malformed)? else { return Ok(None) };
        let mut key = "";
        self.value = "";
        let mut entry = Reader::new(entry);
        while let Some((number, wire)) = entry.field().map_err(malformed)? {
            match wire {
                Wire::Bytes(bytes) if number == ENTRY.0 => key = text(bytes)?,
                Wire::Bytes(bytes) if number == ENTRY.1 => self.value = text(bytes)?,
                _ => {}
            }
        }
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Value::Text(self.value))
    }
}

/// The seconds of a moment; none for the empty one, which stands for no moment.
fn seconds(message: &[u8]) -> Result<Option<i64>, Malformed> {
    let mut message = Reader::new(message);
    while let Some((number, wire)) = message.field()? {
        if let Wire::Number(seconds) = wire
            && number == SECONDS
        {
            return Ok(Some(seconds.cast_signed()));
        }
    }
    Ok(None)
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(Error::custom)
}

fn malformed(Malformed: Malformed) -> Error {
    Error::custom("no protobuf message")
}
