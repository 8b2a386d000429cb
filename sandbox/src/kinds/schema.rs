//! Structural schemas: what a field is, how lists and maps merge, what is filled in when absent.
//!
//! One parser reads both the built-in schemas (derived from OpenAPI) and the schemas of custom resources.

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

    fn parse(node: &Value) -> Self {
        let strategy = Strategy::parse(node);
        let link = match node["$ref"].as_str() {
            Some(name) => link_to(name),
            None => Link::Own(Box::new(Schema::parse(node))),
        };
        Property { link, default: node.get("default").cloned(), strategy, go: None }
    }
}

fn link_to(name: &str) -> Link {
    catalog::index_of(name).map(Link::Named).unwrap_or_default()
}

impl Strategy {
    fn parse(node: &Value) -> Self {
        let mut strategy = Strategy::default();
        for word in node["x-kubernetes-patch-strategy"].as_str().unwrap_or_default().split(',') {
            match word {
                "merge" => strategy.merge = true,
                "replace" => strategy.replace = true,
                "retainKeys" => strategy.retain_keys = true,
                _ => {}
            }
        }
        strategy.merge_key = node["x-kubernetes-patch-merge-key"].as_str().map(SmolStr::new);
        strategy
    }
}

impl Schema {
    /// Reads an OpenAPI v3 schema: a derived built-in one (references are plain names) or
    /// `openAPIV3Schema` of a custom resource definition.
    pub fn parse(node: &Value) -> Self {
        let nullable = flag(node, "nullable");
        Schema { shape: shape(node), nullable }
    }

    /// The root schema of a custom resource: `openAPIV3Schema` with the three fields every object has.
    pub fn of_custom_resource(node: &Value) -> Self {
        let mut schema = Schema::parse(node);
        if let Shape::Any = schema.shape {
            schema.shape = Shape::Struct(Struct { open: true, ..Struct::default() });
        }
        if let Shape::Struct(object) = &mut schema.shape {
            let text = || Property::of(Schema { shape: Shape::Text(Text::Plain), nullable: false });
            object.fields.insert("apiVersion".into(), text());
            object.fields.insert("kind".into(), text());
            let metadata = Property::named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
            object.fields.insert("metadata".into(), metadata);
        }
        schema
    }

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

fn flag(node: &Value, key: &str) -> bool {
    node[key].as_bool().unwrap_or(false)
}

fn shape(node: &Value) -> Shape {
    if flag(node, "x-kubernetes-int-or-string") || node["format"] == "int-or-string" {
        return Shape::IntOrString;
    }
    match node["type"].as_str() {
        Some("boolean") => Shape::Boolean,
        Some("integer") => Shape::Integer,
        Some("number") => Shape::Number,
        Some("string") => Shape::Text(match node["format"].as_str() {
            Some("byte") => Text::Bytes,
            Some("date-time") => Text::Time,
            _ => Text::Plain,
        }),
        Some("array") => list(node),
        Some("object") => object(node),
        _ if node.get("properties").is_some() => object(node),
        _ => Shape::Any,
    }
}

fn list(node: &Value) -> Shape {
    let kind = match node["x-kubernetes-list-type"].as_str() {
        Some("set") => ListKind::Set,
        Some("map") => ListKind::Map(names(&node["x-kubernetes-list-map-keys"])),
        _ => ListKind::Atomic,
    };
    Shape::List { item: Box::new(Property::parse(&node["items"])), kind }
}

fn object(node: &Value) -> Shape {
    let atomic = node["x-kubernetes-map-type"] == "atomic";
    let open = flag(node, "x-kubernetes-preserve-unknown-fields");
    if let Some(properties) = node["properties"].as_object() {
        let mut fields: BTreeMap<SmolStr, Property> =
            properties.iter().map(|(name, node)| (name.into(), Property::parse(node))).collect();
        if flag(node, "x-kubernetes-embedded-resource") {
            let metadata = Property::named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
            fields.insert("metadata".into(), metadata);
        }
        return Shape::Struct(Struct { fields, required: names(&node["required"]), atomic, open });
    }
    match node.get("additionalProperties") {
        Some(values) if values.is_object() => Shape::Map { value: Box::new(Property::parse(values)), atomic },
        _ => Shape::Any,
    }
}

fn names(list: &Value) -> Vec<SmolStr> {
    list.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(SmolStr::new)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use serde_json::json;

    fn pod() -> &'static Schema {
        catalog::named("io.k8s.api.core.v1.Pod").expect("pods are built in")
    }

    #[test]
    fn every_built_in_schema_parses_and_every_reference_leads_somewhere() {
        for kind in Kinds::builtin().iter() {
            assert!(matches!(kind.schema().shape, Shape::Struct(_)), "{}", kind.plural);
        }
        for (name, text) in catalog::texts() {
            let node: Value = serde_json::from_str(text).expect(name);
            references(&node, &mut |to| assert!(catalog::index_of(to).is_some(), "{name} -> {to}"));
        }
    }

    fn references(node: &Value, visit: &mut impl FnMut(&str)) {
        if let Some(fields) = node.as_object() {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                visit(name);
            }
            fields.values().for_each(|value| references(value, visit));
        }
    }

    #[test]
    fn lists_know_how_they_merge() {
        let keys = |path: &[&str]| -> Vec<String> {
            let list = pod().at(path.iter().copied()).expect("known field").schema();
            list.list_keys().iter().map(ToString::to_string).collect()
        };
        assert_eq!(keys(&["spec", "containers"]), ["name"]);
        assert_eq!(keys(&["spec", "containers", "ports"]), ["containerPort", "protocol"]);
        assert_eq!(keys(&["spec", "topologySpreadConstraints"]), ["topologyKey", "whenUnsatisfiable"]);
        assert_eq!(pod().at(["spec", "tolerations"]).map(|list| list.schema().is_atomic()), Some(true));
        let finalizers = pod().at(["metadata", "finalizers"]).expect("known field");
        assert_eq!(finalizers.schema().list_kind(), Some(&ListKind::Set));
        assert!(finalizers.strategy.merge && finalizers.strategy.merge_key.is_none());
        let ports = pod().at(["spec", "containers", "ports"]).expect("known field");
        assert_eq!(ports.strategy.merge_key.as_deref(), Some("containerPort"));
        let protocol = pod().at(["spec", "containers", "ports", "protocol"]).expect("known field");
        assert_eq!(protocol.default, Some(json!("TCP")));
    }

    #[test]
    fn marks_at_a_reference_belong_to_the_place() {
        let deployment = catalog::named("io.k8s.api.apps.v1.Deployment").expect("built in");
        let strategy = deployment.at(["spec", "strategy"]).expect("known field");
        assert!(strategy.strategy.retain_keys);
        let selector = deployment.at(["spec", "selector"]).expect("known field");
        assert!(selector.schema().is_atomic());
    }

    #[test]
    fn scalars_know_their_format() {
        let shape = |path: &[&str]| pod().at(path.iter().copied()).map(|p| p.schema().shape.clone());
        assert!(matches!(shape(&["metadata", "creationTimestamp"]), Some(Shape::Text(Text::Time))));
        assert!(matches!(
            shape(&["spec", "containers", "resources", "limits", "cpu"]),
            Some(Shape::Quantity)
        ));
        assert!(matches!(
            shape(&["spec", "containers", "livenessProbe", "httpGet", "port"]),
            Some(Shape::IntOrString)
        ));
        let secret = catalog::named("io.k8s.api.core.v1.Secret").expect("built in");
        let data = secret.at(["data", "any.key"]).map(|p| p.schema().shape.clone());
        assert!(matches!(data, Some(Shape::Text(Text::Bytes))));
        assert!(pod().at(["spec", "conatiners"]).is_none());
    }

    #[test]
    fn custom_resources_get_the_fields_of_every_object() {
        let schema = Schema::of_custom_resource(&json!({"type": "object", "properties": {
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
                "size": {"type": "integer", "default": 3},
                "at": {"x-kubernetes-int-or-string": true},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}
            }}
        }}));
        assert_eq!(schema.at(["spec", "size"]).and_then(|p| p.default.clone()), Some(json!(3)));
        assert!(matches!(schema.at(["spec"]).map(|p| &p.schema().shape), Some(Shape::Struct(s)) if s.open));
        assert!(schema.at(["metadata", "ownerReferences", "uid"]).is_some());
        let bare = Schema::of_custom_resource(
            &json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        );
        assert!(matches!(&bare.shape, Shape::Struct(s) if s.open && s.fields.contains_key("metadata")));
    }
}
