//! What strict decoding complains of: fields that a kind does not have and fields that stand twice, in the order in
//! which the text has them. A parsed object has forgotten both.

use crate::kinds::{Schema, Shape};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smol_str::SmolStr;
use std::collections::HashSet;
use std::fmt;

/// The complaints about a JSON text; none about one that is no JSON.
pub(super) fn complaints(schema: &Schema, text: &[u8]) -> Vec<String> {
    walk(Some(schema), text)
}

/// The fields that stand twice in a JSON text of which nothing is known.
pub(super) fn duplicates(text: &[u8]) -> Vec<String> {
    walk(None, text)
}

fn walk(schema: Option<&Schema>, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let place = Place { schema, path: String::new(), found: &mut found };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    match place.deserialize(&mut deserializer) {
        Ok(()) => found,
        // The parser of the object says what is wrong with it.
        Err(_) => Vec::new(),
    }
}

/// A value somewhere in the text. Without a schema every field is known.
struct Place<'s, 'f> {
    schema: Option<&'s Schema>,
    path: String,
    found: &'f mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'s> Place<'s, '_> {
    /// The schema of a field; none when there is no such field.
    fn field(&self, name: &str) -> Option<Option<&'s Schema>> {
        let Some(schema) = self.schema else { return Some(None) };
        match &schema.shape {
            Shape::Struct(object) => match object.fields.get(name) {
                Some(property) => Some(Some(property.schema())),
                None if object.open || object.fields.is_empty() => Some(None),
                None => None,
            },
            Shape::Map { value, .. } => Some(Some(value.schema())),
            _ => Some(None),
        }
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // What nothing is known of is data and not decoded into fields.
        let opaque = matches!(self.schema.map(|schema| &schema.shape), Some(Shape::Any));
        let mut seen: HashSet<SmolStr> = HashSet::new();
        while let Some(name) = map.next_key::<SmolStr>()? {
            if opaque {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
            let again = !seen.insert(name.clone());
            match self.field(&name) {
                Some(schema) => {
                    if again {
                        self.found.push(format!("duplicate field {path:?}"));
                    }
                    map.next_value_seed(Place { schema, path, found: self.found })?;
                }
                None => {
                    if !again {
                        self.found.push(format!("unknown field {path:?}"));
                    }
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let schema = self.schema.and_then(Schema::item).map(|item| item.schema());
        for index in 0_usize.. {
            let place = Place { schema, path: format!("{}[{index}]", self.path), found: &mut *self.found };
            if items.next_element_seed(place)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;

    #[test]
    fn complaints_come_in_the_order_of_the_text() {
        let pod = Kinds::builtin().by_word("pods").unwrap().schema();
        let text = r#"{"metadata": {"name": "a", "name": "b", "zzz": 1, "labels": {"x": "1", "x": "2"}},
            "spec": {"containers": [{"name": "a"}, {"name": "b", "imag": {"a": 1, "a": 2}, "tty": true, "tty": false}]},
            "foo": 1, "foo": 2, "spec": {"hostname": "h"}}"#;
        assert_eq!(
            complaints(pod, text.as_bytes()),
            [
                "duplicate field \"metadata.name\"",
                "unknown field \"metadata.zzz\"",
                "duplicate field \"metadata.labels.x\"",
                "unknown field \"spec.containers[1].imag\"",
                "duplicate field \"spec.containers[1].tty\"",
                "unknown field \"foo\"",
                "duplicate field \"spec\"",
            ]
        );
        assert_eq!(complaints(pod, b"{\"spec\": "), Vec::<String>::new());
    }

    #[test]
    fn patches_have_duplicates_only() {
        assert_eq!(
            duplicates(br#"[{"op": "add", "op": "add", "value": {"a": 1}}]"#),
            ["duplicate field \"[0].op\""]
        );
    }
}
