//! How a watch turns bytes into what its user keeps.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};
use smol_str::SmolStr;

/// Which object of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its namespace, empty for cluster-scoped objects.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.pad(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// What a watch needs of every object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// `metadata.namespace`, empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
    /// `metadata.uid`.
    pub uid: &'a str,
    /// `metadata.resourceVersion`.
    pub resource_version: &'a str,
}

/// An object that says which one it is.
pub trait Identified {
    /// Which one it is.
    fn identity(&self) -> Identity<'_>;
}

/// Turns objects into rows on the watch's own task, so that nothing larger than a row is ever kept.
pub trait Fold: Send + 'static {
    /// As much of an object as the fold looks at; it borrows from the answer's bytes.
    type Object<'a>: Deserialize<'a> + Identified;
    /// What is kept of it.
    type Row: Send + 'static;

    /// The row of an object, none when the object does not belong to what is watched.
    /// `key` shares its text with the watch's own table: clone it instead of the object's name.
    fn fold(&mut self, key: &Key, object: Self::Object<'_>) -> Option<Self::Row>;
}

/// Text that borrows from the answer where it can.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_borrows_unless_it_has_escapes() {
        let plain: Text<'_> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(plain.0, Cow::Borrowed("plain")));
        let escaped: Text<'_> = serde_json::from_str(r#""two\nlines""#).unwrap();
        assert_eq!(escaped.as_str(), "two\nlines");
        assert_eq!(serde_json::from_str::<Text<'_>>("null").unwrap().as_str(), "");
    }
}
