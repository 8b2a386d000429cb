//! How the items of a list are told apart.

use serde_json::{Map, Value};

use super::path::Step;
use super::{Malformed, at};
use crate::kinds::{ListKind, Property};

/// The items of a list with their steps. Atomic lists have none: callers treat them as one value.
///
/// # Errors
/// An item without a key field that has no default, or two items that are the same.
pub(super) fn keyed<'v>(
    items: &'v [Value],
    item: &Property,
    kind: &ListKind,
    path: &str,
) -> Result<Vec<(Step, &'v Value)>, Malformed> {
    let mut found: Vec<(Step, &Value)> = Vec::with_capacity(items.len());
    for (index, value) in items.iter().enumerate() {
        let step = match kind {
            ListKind::Map(keys) => key(value, item, keys, path, index)?,
            ListKind::Set | ListKind::Atomic => Step::value(value),
        };
        if found.iter().any(|(known, _)| *known == step) {
            return Err(at(path, format!("duplicate entries for key {}", step.to_wire())));
        }
        found.push((step, value));
    }
    Ok(found)
}

/// As [`keyed`], for what is stored already: what cannot be told apart is left out rather than refused, since an
/// object from before a rule must stay changeable.
pub(super) fn keyed_leniently<'v>(
    items: &'v [Value],
    item: &Property,
    kind: &ListKind,
) -> Vec<(Step, &'v Value)> {
    let mut found: Vec<(Step, &Value)> = Vec::with_capacity(items.len());
    for value in items {
        if let Ok(mut one) = keyed(std::slice::from_ref(value), item, kind, "")
            && let Some((step, value)) = one.pop()
            && !found.iter().any(|(known, _)| *known == step)
        {
            found.push((step, value));
        }
    }
    found
}

fn key(
    value: &Value,
    item: &Property,
    keys: &[smol_str::SmolStr],
    path: &str,
    index: usize,
) -> Result<Step, Malformed> {
    let Some(fields) = value.as_object() else {
        return Err(at(
            path,
            format!("element {index}: associative list with keys may not have non-map elements"),
        ));
    };
    let mut found = Map::new();
    for key in keys {
        let default = || item.schema().field(key).and_then(|property| property.default.clone());
        match fields.get(key.as_str()).filter(|value| !value.is_null()).cloned().or_else(default) {
            Some(value) => {
                found.insert(key.to_string(), value);
            }
            // The API server leaves an absent key field out as long as one of the others is there.
            None if keys.len() > 1 => {}
            None => {
                let reason = format!(
                    "element {index}: associative list with keys has an element that omits key field {key:?} (and doesn't have default value)"
                );
                return Err(at(path, reason));
            }
        }
    }
    Ok(Step::key(found))
}
