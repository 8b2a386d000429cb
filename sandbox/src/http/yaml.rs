//! Bodies in YAML. A key that stands twice is no error: the last one counts, and clients may want to know.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;
use std::collections::HashSet;
use std::fmt;

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins }
}

/// The value of a body.
///
/// # Errors
/// Why it is no YAML.
pub(super) fn parse(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| error.to_string())
}

/// The keys that stand twice, each with its line: `line 5: key "name" already set in map`.
pub(super) fn duplicate_keys(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let text = std::str::from_utf8(body).unwrap_or_default();
    let walked = serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
        Place(&mut found).deserialize(deserializer)
    });
    match walked {
        Ok(()) => found,
        // The parser of the object says what is wrong with it.
        Err(_) => Vec::new(),
    }
}

/// The same as strict decoding tells them: one complaint with a line for each.
pub(super) fn strict_complaint(duplicates: &[String]) -> Option<String> {
    let lines = (!duplicates.is_empty()).then(|| duplicates.join("\n  "))?;
    Some(format!("yaml: unmarshal errors:\n  {lines}"))
}

struct Place<'f>(&'f mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if seen.contains(&key.value) {
                self.0.push(format!("line {}: key {:?} already set in map", key.defined.line(), key.value));
                map.next_value::<IgnoredAny>()?;
            } else {
                seen.insert(key.value);
                map.next_value_seed(Place(&mut *self.0))?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Place(&mut *self.0))?.is_some() {}
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

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &[u8] = b"metadata:\n  name: a\n  name: b\nitems:\n- k: 1\n  k: 2\n  n: ~\n";

    #[test]
    fn the_last_of_equal_keys_counts() {
        let expected = json!({"metadata": {"name": "b"}, "items": [{"k": 2, "n": null}]});
        assert_eq!(parse(TEXT), Ok(expected));
        assert!(parse(b"a: [").is_err());
    }

    #[test]
    fn equal_keys_are_told_with_their_lines() {
        let found = duplicate_keys(TEXT);
        assert_eq!(
            found,
            ["line 3: key \"name\" already set in map", "line 6: key \"k\" already set in map"]
        );
        let told = strict_complaint(&found).unwrap();
        assert_eq!(told.lines().nth(2), Some("  line 6: key \"k\" already set in map"));
        assert_eq!(strict_complaint(&duplicate_keys(b"a: 1\nb: 2\n")), None);
    }
}
