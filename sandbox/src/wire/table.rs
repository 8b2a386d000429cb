//! Which number is which field: `kinds/wire.tsv`, written by `examples/derive_wire.rs`.
//!
//! A line is a message: its OpenAPI name, a tab, its fields. A field is `NUMBER:JSON NAME:TYPE`. No name: the fields
//! of the message in it stand in the object around it. The type is `s` text, `b` true or false, `i` whole number,
//! `d` number, `y` bytes or `@N` the message of the Nth line; before it `[]` for a list or `{}` for a map of texts,
//! behind it `!` when a zero value means something.

use std::sync::LazyLock;

use super::special::Special;

const TEXT: &str = include_str!("../../kinds/wire.tsv");

/// All messages.
pub(super) struct Table {
    /// By name, as the file is.
    messages: Vec<Message>,
}

pub(super) struct Message {
    name: &'static str,
    fields: Vec<Field>,
    /// Its JSON is something else than an object of its fields.
    pub(super) special: Option<Special>,
}

pub(super) struct Field {
    number: u32,
    pub(super) json: &'static str,
    pub(super) kind: Type,
    pub(super) many: Many,
    pub(super) keeps_zero: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Boolean,
    Integer,
    Double,
    Bytes,
    /// By its place in the table.
    Message(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Many {
    One,
    List,
    Map,
}

impl Table {
    pub(super) fn get() -> &'static Self {
        static TABLE: LazyLock<Table> =
            LazyLock::new(|| Table { messages: TEXT.lines().filter_map(Message::parse).collect() });
        &TABLE
    }

    /// The message of this OpenAPI name.
    pub(super) fn message(&self, name: &str) -> Option<&Message> {
        let at = self.messages.binary_search_by_key(&name, |message| message.name).ok()?;
        self.messages.get(at)
    }

    /// The message at a place; one without fields where there is none (a test holds that there is none such).
    pub(super) fn at(&self, index: usize) -> &Message {
        static NONE: Message = Message { name: "", fields: Vec::new(), special: None };
        self.messages.get(index).unwrap_or(&NONE)
    }
}

impl Message {
    fn parse(line: &'static str) -> Option<Self> {
        let (name, fields) = line.split_once('\t')?;
        let fields = fields.split(' ').filter_map(Field::parse).collect();
        Some(Self { name, fields, special: Special::of(name) })
    }

    pub(super) fn field(&self, number: u32) -> Option<&Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

impl Field {
    fn parse(text: &'static str) -> Option<Self> {
        let (number, rest) = text.split_once(':')?;
        // JSON names hold no colon, types none either.
        let (json, kind) = rest.rsplit_once(':')?;
        let (kind, keeps_zero) = match kind.strip_suffix('!') {
            Some(kind) => (kind, true),
            None => (kind, false),
        };
        let (kind, many) = match (kind.strip_prefix("[]"), kind.strip_prefix("{}")) {
            (Some(kind), _) => (kind, Many::List),
            (_, Some(kind)) => (kind, Many::Map),
            _ => (kind, Many::One),
        };
        let kind = match kind {
            "s" => Type::Text,
            "b" => Type::Boolean,
            "i" => Type::Integer,
            "d" => Type::Double,
            "y" => Type::Bytes,
            message => Type::Message(message.strip_prefix('@')?.parse().ok()?),
        };
        Some(Self { number: number.parse().ok()?, json, kind, many, keeps_zero })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{KindSchema, Kinds, Schema, Shape, catalog};

    #[test]
    fn every_line_is_a_message_and_every_type_leads_somewhere() {
        let table = Table::get();
        assert_eq!(table.messages.len(), TEXT.lines().count());
        assert!(table.messages.is_sorted_by_key(|message| message.name));
        for (message, line) in table.messages.iter().zip(TEXT.lines()) {
            let fields = line.split_once('\t').unwrap().1.split(' ').filter(|field| !field.is_empty());
            assert_eq!(message.fields.len(), fields.count(), "{line}");
            for field in &message.fields {
                if let Type::Message(at) = field.kind {
                    assert!(at < table.messages.len(), "{line}");
                }
            }
        }
    }

    #[test]
    fn every_kind_has_a_message_with_the_fields_of_its_schema() {
        for kind in Kinds::builtin().iter() {
            let KindSchema::BuiltIn(name) = &kind.schema else { continue };
            assert!(Table::get().message(name).is_some(), "{name}");
        }
        for message in Table::get().messages.iter().filter(|message| message.special.is_none()) {
            // Parts that have no schema of their own stand in others.
            let Some(schema) = catalog::named(message.name) else { continue };
            let mut names: Vec<&str> = Vec::new();
            names_of(message, &mut names);
            // The envelope says these.
            names.retain(|name| !matches!(*name, "apiVersion" | "kind"));
            names.sort_unstable();
            assert_eq!(names, properties(schema), "{}", message.name);
        }
    }

    fn names_of<'m>(message: &'m Message, names: &mut Vec<&'m str>) {
        for field in &message.fields {
            match field.kind {
                Type::Message(at) if field.json.is_empty() => names_of(Table::get().at(at), names),
                _ => names.push(field.json),
            }
        }
    }

    fn properties(schema: &Schema) -> Vec<&str> {
        match &schema.shape {
            Shape::Struct(object) => object
                .fields
                .keys()
                .map(smol_str::SmolStr::as_str)
                .filter(|name| !matches!(*name, "apiVersion" | "kind"))
                .collect(),
            _ => Vec::new(),
        }
    }
}
