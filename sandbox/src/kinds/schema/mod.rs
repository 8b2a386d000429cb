//! Structural schemas: what a field is, how lists and maps merge, what is filled in when absent.
//!
//! One parser reads both the built-in schemas (derived from OpenAPI) and the schemas of custom resources.

mod parse;

use std::collections::BTreeMap;

use serde_json::Value;
use smol_str::SmolStr;

use super::catalog;
use super::zeros::Go;

/// What one place in an object may hold.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The type proper.
    pub shape: Shape,
    /// `nullable: true` (custom resources only): an explicit null is kept.
    pub nullable: bool,
}

/// The type of a value and, for collections, how they merge.
#[derive(Debug, Clone, Default)]
pub enum Shape {
    /// Anything goes and nothing is known about it (`RawExtension`, `fieldsV1`, preserve-unknown without properties).
    #[default]
    Any,
    /// true or false.
    Boolean,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// Text, with its format.
    Text(Text),
    /// A number or text, such as a port or a percentage.
    IntOrString,
    /// A quantity such as `500m` or `1Gi`; numbers are accepted and written back as text.
    Quantity,
    /// An object with known fields.
    Struct(Struct),
    /// An object whose keys are data, such as labels.
    Map {
        /// What every value is.
        value: Box<Property>,
        /// Apply replaces it whole.
        atomic: bool,
    },
    /// A list.
    List {
        /// What every item is.
        item: Box<Property>,
        /// How server-side apply merges it.
        kind: ListKind,
    },
}

/// Formats of text that the API server treats in their own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Text {
    /// No format.
    #[default]
    Plain,
    /// Base64.
    Bytes,
    /// RFC 3339.
    Time,
}

/// An object with known fields.
#[derive(Debug, Clone, Default)]
pub struct Struct {
    /// The fields by name.
    pub fields: BTreeMap<SmolStr, Property>,
    /// Names of fields that must be present.
    pub required: Vec<SmolStr>,
    /// Apply replaces it whole (`x-kubernetes-map-type: atomic`).
    pub atomic: bool,
    /// Fields that are not known are kept (`x-kubernetes-preserve-unknown-fields`).
    pub open: bool,
}

/// How server-side apply merges a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// As one value.
    Atomic,
    /// As a set of scalars.
    Set,
    /// As a map by these keys of each item.
    Map(Vec<SmolStr>),
}

/// A field, an item or a map value: its schema and what is said about it at this place.
#[derive(Debug, Clone, Default)]
pub struct Property {
    link: Link,
    /// What OpenAPI says is filled in when the field is absent. For built-in kinds a zero value (`""`, `0`, `{}`)
    /// only says that the field is always present in Go; see `defaults` for what the API server fills in.
    pub default: Option<Value>,
    /// How strategic merge patch treats it.
    pub strategy: Strategy,
    /// What it is in Go; none for custom resources, whose objects keep what they are given.
    pub go: Option<Go>,
}

/// What strategic merge patch does with a field (`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strategy {
    /// Lists merge item by item instead of being replaced.
    pub merge: bool,
    /// Objects are replaced whole although objects usually merge.
    pub replace: bool,
    /// The patch names the keys to keep (`$retainKeys`).
    pub retain_keys: bool,
    /// The key by which items of a merging list are matched; none for lists of scalars.
    pub merge_key: Option<SmolStr>,
}

#[derive(Debug, Clone)]
enum Link {
    Own(Box<Schema>),
    Named(usize),
}

impl Default for Link {
    fn default() -> Self {
        Link::Own(Box::default())
    }
}

impl Property {
    /// The schema at this place.
    pub fn schema(&self) -> &Schema {
        match &self.link {
            Link::Own(schema) => schema,
            Link::Named(index) => catalog::schema_at(*index),
        }
    }

    /// The OpenAPI name of the built-in type at this place, when it is one.
    pub fn built_in(&self) -> Option<&'static str> {
        match &self.link {
            Link::Own(_) => None,
            Link::Named(index) => catalog::name_at(*index),
        }
    }

    /// A property without any mark of its own.
    pub fn of(schema: Schema) -> Self {
        Property { link: Link::Own(Box::new(schema)), ..Property::default() }
    }

    /// A property that holds a built-in type, by the last part of its OpenAPI name, such as
    /// `io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`.
    pub fn named(name: &str) -> Self {
        Property { link: link_to(name), ..Property::default() }
    }
}

fn link_to(name: &str) -> Link {
    catalog::index_of(name).map(Link::Named).unwrap_or_default()
}

impl Schema {
    /// The field or map value of this name. None where fields are known and this is not one of them, and where
    /// nothing is known.
    pub fn field(&self, name: &str) -> Option<&Property> {
        match &self.shape {
            Shape::Struct(object) => object.fields.get(name),
            Shape::Map { value, .. } => Some(value),
            _ => None,
        }
    }

    /// What the items of a list are.
    pub fn item(&self) -> Option<&Property> {
        match &self.shape {
            Shape::List { item, .. } => Some(item),
            _ => None,
        }
    }

    /// How server-side apply merges this list.
    pub fn list_kind(&self) -> Option<&ListKind> {
        match &self.shape {
            Shape::List { kind, .. } => Some(kind),
            _ => None,
        }
    }

    /// The keys by which items of this list are told apart in server-side apply; empty for every other value.
    pub fn list_keys(&self) -> &[SmolStr] {
        match self.list_kind() {
            Some(ListKind::Map(keys)) => keys,
            _ => &[],
        }
    }

    /// The property at a path of field names; a list on the way is stepped into without a name of its own.
    ///
    /// `["spec", "containers", "ports"]` is the list of ports of a pod's containers.
    pub fn at<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<&Property> {
        let mut schema = self;
        let mut found = None;
        for name in path {
            while let Some(item) = schema.item() {
                schema = item.schema();
            }
            let property = schema.field(name)?;
            found = Some(property);
            schema = property.schema();
        }
        found
    }

    /// Whether apply treats the value as one: scalars, atomic lists, atomic objects, and what has no known structure.
    pub fn is_atomic(&self) -> bool {
        match &self.shape {
            Shape::Struct(object) => object.atomic,
            Shape::Map { atomic, .. } => *atomic,
            Shape::List { kind, .. } => *kind == ListKind::Atomic,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
