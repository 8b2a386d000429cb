//! Labels and annotations as they were inside.

use serde_json::{Map, Value, json};

use super::Pair;
use crate::names::{Translator, VirtualName};
use crate::wire::{annotation, label};

/// The metadata of the object inside. `made` says which annotations were made for the host besides the companion's own.
pub(super) fn metadata(names: &Translator, pair: &Pair<'_>, made: impl Fn(&str, &str) -> bool) -> Value {
    let host = &pair.host["metadata"];
    let VirtualName { namespace, name } = &pair.of;
    let mut meta = json!({
        "name": name, "namespace": namespace, "creationTimestamp": host["creationTimestamp"],
        "uid": host["annotations"][annotation::OBJECT_UID],
    });
    let labels: Map<String, Value> =
        texts(&host["labels"]).filter_map(|(key, value)| Some((label(names, key)?, json!(value)))).collect();
    let crosses = |key: &str| !annotation::STAYS.iter().any(|own| key.starts_with(own));
    let annotations: Map<String, Value> = texts(&host["annotations"])
        .filter(|(key, value)| crosses(key) && !made(key, value))
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect();
    for (field, texts) in [("labels", labels), ("annotations", annotations)] {
        if !texts.is_empty() {
            meta[field] = Value::Object(texts);
        }
    }
    meta
}

/// Key of a label inside; none for what the companion has put there.
pub(super) fn label(names: &Translator, key: &str) -> Option<String> {
    if let Some(original) = names.translated_from(key) {
        return Some(original.to_owned());
    }
    let ours = matches!(key, label::MANAGED_BY | label::NAMESPACE | label::CONTROLLED_BY)
        || key.starts_with(label::FROM_NAMESPACE)
        || key.starts_with(label::TRANSLATED);
    (!ours).then(|| key.to_owned())
}

/// The pairs of a map of texts.
pub(super) fn texts(of: &Value) -> impl Iterator<Item = (&str, &str)> {
    of.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// A map without some of its fields, and without those that say nothing.
pub(super) fn without(of: &Value, fields: &[&str]) -> Value {
    let mut kept = of.clone();
    if let Some(kept) = kept.as_object_mut() {
        kept.retain(|name, value| !value.is_null() && !fields.contains(&name.as_str()));
    }
    kept
}

/// Takes a field away.
pub(super) fn remove(of: &mut Value, field: &str) {
    drop(of.as_object_mut().map(|fields| fields.remove(field)));
}

/// Takes a list away that has nothing in it.
pub(super) fn remove_empty(of: &mut Value, list: &str) {
    if of[list].as_array().is_none_or(Vec::is_empty) {
        remove(of, list);
    }
}
