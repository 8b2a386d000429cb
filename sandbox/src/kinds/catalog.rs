//! The built-in data: checked-in text, split on first use, each schema parsed when it is first asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, OnceLock};

use super::schema::{Schema, Shape};
use super::zeros::Go;

const RESOURCES: &str = include_str!("../../kinds/resources.jsonl");
const SCHEMAS: &str = include_str!("../../kinds/schemas.jsonl");
const GO: &str = include_str!("../../kinds/go.jsonl");
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

struct Entry {
    name: &'static str,
    text: &'static str,
    schema: OnceLock<Schema>,
}

/// In the order of their names, as the file is.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut entries: Vec<Entry> =
        texts().map(|(name, text)| Entry { name, text, schema: OnceLock::new() }).collect();
    entries.sort_by_key(|entry| entry.name);
    entries
});

/// One JSON text per built-in resource.
pub(super) fn resources() -> impl Iterator<Item = &'static str> {
    RESOURCES.lines()
}

/// Every built-in schema as (OpenAPI name, JSON text); references in it are plain names. This is what an
/// OpenAPI document can be put together from.
pub fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    SCHEMAS.lines().filter_map(|line| line.split_once('\t'))
}

/// The built-in schema of this OpenAPI name.
pub fn named(name: &str) -> Option<&'static Schema> {
    index_of(name).map(schema_at)
}

/// The JSON text of the built-in schema of this OpenAPI name.
pub fn text(name: &str) -> Option<&'static str> {
    index_of(name).and_then(|index| ENTRIES.get(index)).map(|entry| entry.text)
}

/// The OpenAPI name of the schema at a place of the catalog.
pub(super) fn name_at(index: usize) -> Option<&'static str> {
    ENTRIES.get(index).map(|entry| entry.name)
}

pub(super) fn index_of(name: &str) -> Option<usize> {
    ENTRIES.binary_search_by_key(&name, |entry| entry.name).ok()
}

/// The schema at a place of the catalog; an unknown place and a text that does not parse allow anything
/// (a test holds both impossible for the checked-in data).
pub(super) fn schema_at(index: usize) -> &'static Schema {
    match ENTRIES.get(index) {
        Some(entry) => entry.schema.get_or_init(|| parse(entry)),
        None => anything(),
    }
}

/// The schema that allows anything.
pub(crate) fn anything() -> &'static Schema {
    static ANYTHING: Schema = Schema { shape: Shape::Any, nullable: true };
    &ANYTHING
}

fn parse(entry: &Entry) -> Schema {
    match entry.name {
        QUANTITY => Schema { shape: Shape::Quantity, nullable: false },
        INT_OR_STRING => Schema { shape: Shape::IntOrString, nullable: false },
        _ => {
            let schema = serde_json::from_str(entry.text).map(|node| Schema::parse(&node));
            in_go(entry.name, schema.unwrap_or_default())
        }
    }
}

/// The schema with what its fields are in Go.
fn in_go(name: &str, mut schema: Schema) -> Schema {
    static LINES: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| GO.lines().filter_map(|line| line.split_once('\t')).collect());
    let fields = LINES.get(name).and_then(|text| serde_json::from_str::<BTreeMap<&str, &str>>(text).ok());
    if let Shape::Struct(object) = &mut schema.shape {
        for (field, text) in fields.unwrap_or_default() {
            if let Some(property) = object.fields.get_mut(field) {
                property.go = Go::parse(text);
            }
        }
    }
    schema
}
