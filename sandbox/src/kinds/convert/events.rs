//! Events: `events.k8s.io/v1` calls the fields of `v1` otherwise.

use serde_json::{Map, Value, json};

/// Names in `v1` and in `events.k8s.io/v1`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

pub(super) fn show(stored: Value) -> Value {
    let mut shown = rename(stored, |name| NAMES.iter().find(|(old, _)| *old == name).map(|(_, new)| *new));
    // Here empty texts are left out, there they are written.
    if let Some(fields) = shown.as_object_mut() {
        fields.retain(|name, value| {
            !(matches!(name.as_str(), "reportingController" | "reportingInstance") && *value == "")
        });
        for name in ["eventTime", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"] {
            fields.entry(name).or_insert(Value::Null);
        }
        for name in ["regarding", "deprecatedSource"] {
            fields.entry(name).or_insert_with(|| json!({}));
        }
    }
    shown
}

pub(super) fn store(shown: Value) -> Value {
    rename(shown, |name| NAMES.iter().find(|(_, new)| *new == name).map(|(old, _)| *old))
}

fn rename(object: Value, other: impl Fn(&str) -> Option<&'static str>) -> Value {
    let Value::Object(fields) = object else { return object };
    let renamed = fields.into_iter().map(|(name, value)| match other(&name) {
        Some(other) => (other.to_owned(), value),
        None => (name, value),
    });
    Value::Object(renamed.collect::<Map<_, _>>())
}
