//! The smallest change that makes an object what it should be.

use serde_json::{Map, Value};

/// The merge patch that brings every field of `desired` into `live`; fields that `desired` does not mention stay, lists
/// are replaced whole. None when there is nothing to do.
pub fn to_reach(live: &Value, desired: &Value) -> Option<Value> {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => {
            let mut patch = Map::new();
            for (key, wanted) in desired {
                match live.get(key) {
                    Some(there) => {
                        drop(to_reach(there, wanted).map(|change| patch.insert(key.clone(), change)))
                    }
                    None if is_nothing(wanted) => {}
                    None => drop(patch.insert(key.clone(), wanted.clone())),
                }
            }
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (live, desired) if live == desired || (is_nothing(live) && is_nothing(desired)) => None,
        (Value::Array(live), Value::Array(desired)) if covers_all(live, desired) => None,
        (_, desired) => Some(desired.clone()),
    }
}

/// The merge patch that makes `live` exactly what is wanted: fields that are not wanted go. None when it is that, where
/// empty and missing are the same.
pub fn to_become(live: &Value, wanted: &Value) -> Option<Value> {
    match (live, wanted) {
        (live, wanted) if live == wanted || (is_nothing(live) && is_nothing(wanted)) => None,
        (Value::Object(live), Value::Object(wanted)) => {
            let mut patch = Map::new();
            for (key, wanted) in wanted {
                let there = live.get(key).unwrap_or(&Value::Null);
                drop(to_become(there, wanted).map(|change| patch.insert(key.clone(), change)));
            }
            for (gone, there) in live.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
                drop((!is_nothing(there)).then(|| patch.insert(gone.clone(), Value::Null)));
            }
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (_, wanted) => Some(wanted.clone()),
    }
}

/// Whether each item has all that is wanted of it: what a server fills in is no difference.
fn covers_all(live: &[Value], desired: &[Value]) -> bool {
    live.len() == desired.len()
        && live.iter().zip(desired).all(|(live, desired)| to_reach(live, desired).is_none())
}

/// Servers leave out what is empty.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The merge patch between two maps, in which a missing key is removed. None when they are the same.
pub fn of_maps<K: AsRef<str>, V: AsRef<str>>(
    live: impl IntoIterator<Item = (K, V)>,
    desired: &std::collections::BTreeMap<String, String>,
) -> Option<Value> {
    let mut patch = Map::new();
    let mut there = std::collections::BTreeSet::new();
    for (key, value) in live {
        match desired.get(key.as_ref()) {
            Some(wanted) if wanted == value.as_ref() => {}
            Some(wanted) => drop(patch.insert(key.as_ref().into(), Value::String(wanted.clone()))),
            None => drop(patch.insert(key.as_ref().into(), Value::Null)),
        }
        there.insert(key.as_ref().to_owned());
    }
    for (key, wanted) in desired.iter().filter(|(key, _)| !there.contains(*key)) {
        patch.insert(key.clone(), Value::String(wanted.clone()));
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn only_what_differs_is_patched() {
        let cases = [
            (json!({"a": 1}), json!({"a": 1}), None),
            (json!({"a": 1, "defaulted": true}), json!({"a": 1}), None),
            (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}}), Some(json!({"a": {"c": 3}}))),
            (json!({"a": [1]}), json!({"a": [1, 2]}), Some(json!({"a": [1, 2]}))),
            (json!({"l": [{"port": 1, "protocol": "TCP"}]}), json!({"l": [{"port": 1}]}), None),
            (json!({}), json!({"a": {}, "b": [], "c": null}), None),
            (json!({"a": 1}), json!({"a": null}), Some(json!({"a": null}))),
        ];
        for (live, desired, expected) in cases {
            assert_eq!(to_reach(&live, &desired), expected, "{live} to {desired}");
        }
    }

    #[test]
    fn what_is_not_wanted_goes() {
        let cases = [
            (json!({"a": 1}), json!({"a": 1}), None),
            (json!({"a": 1, "b": 2}), json!({"a": 1}), Some(json!({"b": null}))),
            (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1}}), Some(json!({"a": {"c": null}}))),
            (json!({"a": {}, "b": null}), json!({"c": []}), None),
            (json!({"a": {"b": 1}}), json!({"a": {}}), Some(json!({"a": {"b": null}}))),
            (json!({"a": {"b": 1}}), json!({}), Some(json!({"a": null}))),
            (Value::Null, json!({"a": 1}), Some(json!({"a": 1}))),
            (json!({"a": 1}), Value::Null, Some(Value::Null)),
            (json!({"l": [{"x": 1, "y": 2}]}), json!({"l": [{"x": 1}]}), Some(json!({"l": [{"x": 1}]}))),
        ];
        for (live, wanted, expected) in cases {
            assert_eq!(to_become(&live, &wanted), expected, "{live} to {wanted}");
        }
    }

    #[test]
    fn maps_lose_what_is_not_wanted() {
        let wanted = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        assert_eq!(of_maps([("a", "1"), ("b", "2")], &wanted), None);
        assert_eq!(of_maps([("a", "0"), ("c", "3")], &wanted), Some(json!({"a": "1", "b": "2", "c": null})));
    }
}
