//! The schemas of a document: what its operations speak and everything that refers to, each once, with the mark
//! by which clients find a kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{custom, render};
use crate::kinds::{Custom, Kind, KindSchema, Kinds, Schema, catalog};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const MARK: &str = "x-kubernetes-group-version-kind";

/// Collects the schemas of one document.
pub(super) struct Schemas<'d> {
    group: &'d str,
    version: &'d str,
    /// By their names; each is whole before it comes here, but what it refers to may still be in `todo`.
    done: BTreeMap<String, Value>,
    todo: Vec<String>,
}

impl<'d> Schemas<'d> {
    pub(super) fn new(group: &'d str, version: &'d str) -> Self {
        Self { group, version, done: BTreeMap::new(), todo: Vec::new() }
    }

    /// A reference to a kind's schema.
    pub(super) fn kind(&mut self, kind: &Kind) -> Value {
        let name = name_of(kind);
        if !self.done.contains_key(&name) {
            let mut schema = match (&kind.schema, &kind.custom) {
                (KindSchema::BuiltIn(name), _) => self.built_in(name),
                (KindSchema::Own(_), Some(custom)) => self.custom(custom),
                (KindSchema::Own(schema), None) => self.own(schema),
            };
            schema[MARK] = json!([mark(&kind.group, &kind.version, &kind.kind)]);
            self.done.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// A reference to the schema of a kind's lists.
    pub(super) fn list(&mut self, kind: &Kind) -> Value {
        let item = self.kind(kind);
        let name = format!("{}List", name_of(kind));
        let meta = self.meta("ListMeta");
        let text = || json!({"type": "string"});
        // Those of custom resources are not made from Go types, which have defaults.
        let stands_in = |reference: Value| match &kind.custom {
            Some(_) => reference,
            None => json!({"allOf": [reference], "default": {}}),
        };
        let mut schema = json!({
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": text(),
                "kind": text(),
                "metadata": stands_in(meta),
                "items": {"type": "array", "items": stands_in(item)},
            },
            MARK: [mark(&kind.group, &kind.version, &kind.list_kind())],
        });
        if let Some(found) = &kind.custom {
            custom::select(found, &mut schema);
        }
        self.done.entry(name.clone()).or_insert(schema);
        reference(&name)
    }

    /// A reference to what a subresource speaks when that is no kind of its own resource: `Scale`, `Eviction`, ….
    pub(super) fn other(&mut self, group: &str, version: &str, kind: &str) -> Value {
        let package = group.split('.').next().filter(|first| !first.is_empty()).unwrap_or("core");
        let name = format!("io.k8s.api.{package}.{version}.{kind}");
        if !self.done.contains_key(&name) {
            let mut schema = self.built_in(&name);
            schema[MARK] = json!([mark(group, version, kind)]);
            self.done.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// A reference to a type of `meta/v1`.
    pub(super) fn meta(&mut self, kind: &str) -> Value {
        let name = format!("{META}{kind}");
        self.todo.push(name.clone());
        reference(&name)
    }

    /// All schemas, by name.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        while let Some(name) = self.todo.pop() {
            if self.done.contains_key(&name) {
                continue;
            }
            let mut schema = self.built_in(&name);
            let known = match name.strip_prefix(META) {
                Some(kind @ ("Status" | "APIResourceList")) => vec![mark("", "v1", kind)],
                Some(kind @ ("DeleteOptions" | "WatchEvent")) => {
                    let mut known = vec![mark("", "v1", kind), mark(self.group, self.version, kind)];
                    known.dedup();
                    known
                }
                _ => kinds_of(&name),
            };
            if !known.is_empty() {
                schema[MARK] = Value::Array(known);
            }
            self.done.insert(name, schema);
        }
        self.done.into_iter().collect()
    }

    /// A schema of the catalog; what it refers to is collected, too.
    fn built_in(&mut self, name: &str) -> Value {
        let mut schema = catalog::text(name).and_then(|text| serde_json::from_str(text).ok());
        if let Some(schema) = &mut schema {
            self.refer(schema);
        }
        schema.unwrap_or_else(|| json!({"type": "object"}))
    }

    /// As the definition says it.
    fn custom(&mut self, custom: &Custom) -> Value {
        let mut schema = custom::newer(custom);
        self.refer(&mut schema);
        schema
    }

    fn own(&mut self, schema: &Schema) -> Value {
        let mut schema = render::schema(schema);
        self.refer(&mut schema);
        schema
    }

    /// The plain names that the catalog refers by become references within the document. A reference with something
    /// beside it needs `allOf`: the rest would not count.
    fn refer(&mut self, node: &mut Value) {
        match node {
            Value::Object(fields) => {
                if let Some(Value::String(name)) = fields.get("$ref") {
                    let name = name.clone();
                    let target = reference(&name);
                    if fields.len() == 1 {
                        *node = target;
                    } else {
                        fields.remove("$ref");
                        fields.insert("allOf".to_owned(), json!([target]));
                    }
                    self.todo.push(name);
                    return;
                }
                fields.values_mut().for_each(|value| self.refer(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|value| self.refer(value)),
            _ => {}
        }
    }
}

/// The kinds that a schema is of: some stand in those of other groups.
fn kinds_of(name: &str) -> Vec<Value> {
    let is_of = |kind: &&Arc<Kind>| matches!(&kind.schema, KindSchema::BuiltIn(own) if own == name);
    let kinds = Kinds::builtin().iter().filter(is_of);
    kinds.map(|kind| mark(&kind.group, &kind.version, &kind.kind)).collect()
}

/// How a kind is named by what operations and schemas say of it.
pub(super) fn mark(group: &str, version: &str, kind: &str) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The name of a kind's schema; that of a custom resource begins with its group, the last part first.
pub(super) fn name_of(kind: &Kind) -> String {
    match &kind.schema {
        KindSchema::BuiltIn(name) => name.to_string(),
        KindSchema::Own(_) => {
            let group: Vec<&str> = kind.group.rsplit('.').collect();
            format!("{}.{}.{}", group.join("."), kind.version, kind.kind)
        }
    }
}
