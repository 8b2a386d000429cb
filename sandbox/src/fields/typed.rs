//! Walks over values along their schema: which fields there are, what changed, what a merge makes.

use serde_json::{Map, Value};

use super::path::Step;
use super::set::FieldSet;
use super::{Malformed, items};
use crate::kinds::{ListKind, Property, Schema, Shape, Text};

/// What a write changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Fields that were not there.
    pub added: FieldSet,
    /// Fields with another value.
    pub modified: FieldSet,
    /// Fields that are gone.
    pub removed: FieldSet,
}

/// How a value is walked.
enum Walk<'s> {
    /// As one value.
    Whole,
    /// Field by field; fields without a schema are walked as one.
    Fields(&'s Schema),
    /// Item by item.
    Items(&'s Property, &'s ListKind),
}

fn walk<'s>(schema: &'s Schema, value: &Value) -> Walk<'s> {
    if schema.is_atomic() {
        return Walk::Whole;
    }
    match (&schema.shape, value) {
        (Shape::Struct(_) | Shape::Map { .. }, Value::Object(_)) => Walk::Fields(schema),
        (Shape::List { item, kind }, Value::Array(_)) => Walk::Items(item, kind),
        _ => Walk::Whole,
    }
}

/// The schema of what nothing is known about.
fn child<'s>(schema: &'s Schema, name: &str) -> &'s Schema {
    static ANYTHING: Schema = Schema { shape: Shape::Any, nullable: false };
    schema.field(name).map_or(&ANYTHING, Property::schema)
}

/// Keys of a map are fields of their own even where their values have some below them.
fn is_map_key(schema: &Schema, name: &str) -> bool {
    match &schema.shape {
        Shape::Struct(object) => !object.fields.contains_key(name),
        _ => true,
    }
}

/// The fields that a value sets: its leaves, the keys of maps, the items of lists.
pub fn fields_of(value: &Value, schema: &Schema) -> FieldSet {
    match walk(schema, value) {
        Walk::Whole => FieldSet::leaf(),
        Walk::Fields(schema) => {
            let mut set = FieldSet::default();
            for (name, value) in value.as_object().into_iter().flatten() {
                let mut below = fields_of(value, child(schema, name));
                let empty = value.as_object().is_some_and(Map::is_empty);
                below.here |= value.is_null() || empty || is_map_key(schema, name);
                set.insert(Step::Field(name.into()), below);
            }
            set
        }
        Walk::Items(item, kind) => {
            let mut set = FieldSet::default();
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            for (step, value) in items::keyed_leniently(list, item, kind) {
                let mut below = fields_of(value, item.schema());
                below.here = true;
                set.insert(step, below);
            }
            set
        }
    }
}

/// What changed from one value to another.
pub fn compare(old: &Value, new: &Value, schema: &Schema) -> Changes {
    let mut changes = Changes::default();
    if old == new {
        return changes;
    }
    match (walk(schema, old), walk(schema, new)) {
        (Walk::Fields(_), Walk::Fields(_)) => {
            let (old, new) = (object(old), object(new));
            let sides = both(
                old.iter().map(|(name, value)| (Step::Field(name.into()), value)).collect(),
                new.iter().map(|(name, value)| (Step::Field(name.into()), value)).collect(),
            );
            for (step, old, new) in sides {
                let Step::Field(name) = &step else { continue };
                let schema = child(schema, name);
                changes.note(step.clone(), old, new, schema);
            }
        }
        (Walk::Items(item, kind), Walk::Items(..)) => {
            let (old, new) = (list(old), list(new));
            let sides =
                both(items::keyed_leniently(old, item, kind), items::keyed_leniently(new, item, kind));
            for (step, old, new) in sides {
                changes.note(step, old, new, item.schema());
            }
        }
        _ => changes.modified.here = true,
    }
    changes
}

impl Changes {
    fn note(&mut self, step: Step, old: Option<&Value>, new: Option<&Value>, schema: &Schema) {
        match (old, new) {
            // A null stands for a field that is always there: it appears without being owned, and who empties it owns it.
            (None | Some(Value::Null), Some(new)) if !new.is_null() => {
                let whole = old.is_none();
                self.added.insert(step, with_containers(new, schema, whole));
            }
            (Some(old), None) if !old.is_null() => {
                self.removed.insert(step, with_containers(old, schema, true));
            }
            (Some(old), Some(Value::Null)) if !old.is_null() => {
                if !matches!(walk(schema, old), Walk::Whole) {
                    self.removed.insert(step.clone(), with_containers(old, schema, false));
                }
                self.modified.insert(step, FieldSet::leaf());
            }
            (Some(old), Some(new)) => {
                let below = compare(old, new, schema);
                self.added.insert(step.clone(), below.added);
                self.modified.insert(step.clone(), below.modified);
                self.removed.insert(step, below.removed);
            }
            _ => {}
        }
    }
}

/// As [`fields_of`], with every object and list on the way as a field of its own: they came or went with it.
fn with_containers(value: &Value, schema: &Schema, here: bool) -> FieldSet {
    let mut set = if here { FieldSet::leaf() } else { FieldSet::default() };
    match walk(schema, value) {
        Walk::Whole => set.here = true,
        Walk::Fields(schema) => {
            for (name, value) in object(value) {
                set.insert(Step::Field(name.into()), with_containers(value, child(schema, name), true));
            }
        }
        Walk::Items(item, kind) => {
            for (step, value) in items::keyed_leniently(list(value), item, kind) {
                set.insert(step, with_containers(value, item.schema(), true));
            }
        }
    }
    set
}

/// The live value with the applied one merged into it.
///
/// # Errors
/// A list in the applied value whose items cannot be told apart.
pub fn merge(live: &Value, applied: &Value, schema: &Schema, path: &str) -> Result<Value, Malformed> {
    match (walk(schema, live), walk(schema, applied)) {
        (_, Walk::Whole) => Ok(applied.clone()),
        (Walk::Fields(_), Walk::Fields(_)) => merge_objects(object(live), object(applied), schema, path),
        (_, Walk::Fields(_)) => merge_objects(&Map::new(), object(applied), schema, path),
        (live_walk, Walk::Items(item, kind)) => {
            let live = if let Walk::Items(..) = live_walk { list(live) } else { &[] };
            let live = items::keyed_leniently(live, item, kind);
            let applied = items::keyed(list(applied), item, kind, path)?;
            merge_lists(&live, &applied, item.schema(), path)
        }
    }
}

fn merge_objects(
    live: &Map<String, Value>,
    applied: &Map<String, Value>,
    schema: &Schema,
    path: &str,
) -> Result<Value, Malformed> {
    let mut merged = live.clone();
    for (name, value) in applied {
        if value.is_null() {
            if is_map_of_texts(schema) {
                merged.insert(name.clone(), Value::String(String::new()));
            } else if let Some(value) =
                merged.get_mut(name).filter(|value| is_one(child(schema, name), value))
            {
                // Taken away, which is a change like any other.
                *value = Value::Null;
            }
            continue;
        }
        let path = format!("{path}.{name}");
        let value = merge(live.get(name).unwrap_or(&Value::Null), value, child(schema, name), &path)?;
        merged.insert(name.clone(), value);
    }
    Ok(Value::Object(merged))
}

/// Whether a value is owned as a whole, as empty ones are. What consists of parts keeps those that are not applied,
/// also when nothing is.
fn is_one(schema: &Schema, value: &Value) -> bool {
    let empty = value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
    empty || matches!(walk(schema, value), Walk::Whole)
}

/// Go reads nothing as the empty text there.
fn is_map_of_texts(schema: &Schema) -> bool {
    let Shape::Map { value, .. } = &schema.shape else { return false };
    matches!(value.schema().shape, Shape::Text(Text::Plain | Text::Bytes))
}

/// Applied items in their order; each live item that is not applied as early as the live order allows.
fn merge_lists(
    live: &[(Step, &Value)],
    applied: &[(Step, &Value)],
    schema: &Schema,
    path: &str,
) -> Result<Value, Malformed> {
    let find = |list: &[(Step, &Value)], step: &Step| list.iter().position(|(other, _)| other == step);
    let mut merged = Vec::with_capacity(live.len() + applied.len());
    let (mut at_live, mut at_applied) = (0, 0);
    while at_live < live.len() || at_applied < applied.len() {
        let rest = applied.get(at_applied..).unwrap_or_default();
        if let Some((step, value)) = live.get(at_live) {
            if find(applied, step).is_none() {
                merged.push((*value).clone());
                at_live += 1;
                continue;
            }
            let shared = rest.iter().map(|(step, _)| step).find(|step| find(live, step).is_some());
            match shared {
                // Its turn comes, or came, by the order of the applied list.
                Some(next) if next != step => {
                    at_live += 1;
                    continue;
                }
                // New items stand before it.
                Some(_) if rest.first().is_some_and(|(next, _)| next != step) => {}
                _ => at_live += 1,
            }
        }
        if let Some((step, value)) = rest.first() {
            let old = find(live, step).and_then(|at| live.get(at)).map_or(&Value::Null, |(_, old)| *old);
            merged.push(merge(old, value, schema, &format!("{path}{step}"))?);
            at_applied += 1;
        }
    }
    Ok(Value::Array(merged))
}

/// The value without the members of a set; objects and lists that lose everything go too.
pub fn remove(value: &Value, set: &FieldSet, schema: &Schema) -> Option<Value> {
    if set.is_empty() {
        return Some(value.clone());
    }
    match walk(schema, value) {
        Walk::Whole => Some(value.clone()),
        Walk::Fields(schema) => {
            let kept: Map<String, Value> = object(value)
                .iter()
                .filter_map(|(name, value)| {
                    let kept = match set.below(&Step::Field(name.into())) {
                        Some(below) if below.here => None,
                        Some(below) => remove(value, below, child(schema, name)),
                        None => Some(value.clone()),
                    };
                    kept.map(|value| (name.clone(), value))
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Walk::Items(item, kind) => {
            let kept: Vec<Value> = items::keyed_leniently(list(value), item, kind)
                .into_iter()
                .filter_map(|(step, value)| match set.below(&step) {
                    Some(below) if below.here => None,
                    Some(below) => remove(value, below, item.schema()),
                    None => Some(value.clone()),
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Pairs what is on either side by its step.
fn both<'v>(
    old: Vec<(Step, &'v Value)>,
    new: Vec<(Step, &'v Value)>,
) -> Vec<(Step, Option<&'v Value>, Option<&'v Value>)> {
    let mut sides: std::collections::BTreeMap<Step, (Option<&Value>, Option<&Value>)> =
        old.into_iter().map(|(step, value)| (step, (Some(value), None))).collect();
    for (step, value) in new {
        sides.entry(step).or_default().1 = Some(value);
    }
    sides.into_iter().map(|(step, (old, new))| (step, old, new)).collect()
}
