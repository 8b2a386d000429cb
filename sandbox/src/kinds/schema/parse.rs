//! Reading schemas: the derived built-in ones and those of custom resource definitions.

use std::collections::BTreeMap;

use serde_json::Value;
use smol_str::SmolStr;

use super::{Link, ListKind, Property, Schema, Shape, Strategy, Struct, Text, link_to};

impl Property {
    fn parse(node: &Value) -> Self {
        let strategy = Strategy::parse(node);
        let link = match node["$ref"].as_str() {
            Some(name) => link_to(name),
            None => Link::Own(Box::new(Schema::parse(node))),
        };
        Property { link, default: node.get("default").cloned(), strategy, go: None }
    }
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
