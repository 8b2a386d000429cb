//! Strategic merge patch: a merge patch that knows which lists merge and by which key
//! (Kubernetes documentation, "Strategic Merge Patch").

use serde_json::{Map, Value};

use super::PatchError;
use crate::kinds::{Property, Schema};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// Carries out a strategic merge patch.
///
/// # Errors
/// A directive that does not exist, an item of a merging list without its key, or a value of the wrong type.
pub fn strategic(object: &Value, patch: &Value, schema: &Schema) -> Result<Value, PatchError> {
    let changes =
        patch.as_object().ok_or_else(|| PatchError::Malformed("the patch is no JSON object".into()))?;
    objects(fields(object), changes, Some(schema)).map(Value::Object)
}

fn fields(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

fn objects(
    old: &Map<String, Value>,
    patch: &Map<String, Value>,
    schema: Option<&Schema>,
) -> Result<Map<String, Value>, PatchError> {
    match patch.get(DIRECTIVE).map(Value::as_str) {
        None | Some(Some("merge")) => {}
        Some(Some("replace")) => return Ok(without_directives(patch)),
        Some(Some("delete")) => return Ok(Map::new()),
        Some(other) => return Err(unknown_directive(other)),
    }
    let mut merged = old.clone();
    retain_keys(&mut merged, patch)?;
    for (name, change) in patch {
        if let Some(list) = name.strip_prefix(DELETE_PRIMITIVES) {
            delete_primitives(&mut merged, list, change);
        } else if !name.starts_with('$') {
            field(&mut merged, name, change, schema)?;
        }
    }
    // Last, when every list has its items.
    for (name, order) in patch {
        if let Some(list) = name.strip_prefix(ORDER) {
            let key = schema.and_then(|s| s.field(list)).and_then(|p| p.strategy.merge_key.as_deref());
            reorder(&mut merged, old.get(list), list, order, key);
        }
    }
    Ok(merged)
}

fn field(
    merged: &mut Map<String, Value>,
    name: &str,
    change: &Value,
    schema: Option<&Schema>,
) -> Result<(), PatchError> {
    let property = schema.and_then(|schema| schema.field(name));
    let old = merged.get(name).unwrap_or(&Value::Null);
    let value = match (change, property) {
        (Value::Null, _) => {
            merged.remove(name);
            return Ok(());
        }
        (Value::Object(patch), Some(property)) if property.strategy.replace => {
            Value::Object(without_directives(patch))
        }
        (Value::Object(patch), property) => {
            let patched = objects(fields(old), patch, property.map(Property::schema))?;
            if patched.is_empty() && patch.get(DIRECTIVE).and_then(Value::as_str) == Some("delete") {
                merged.remove(name);
                return Ok(());
            }
            Value::Object(patched)
        }
        (Value::Array(patch), Some(property)) if property.strategy.merge => {
            Value::Array(list(old, patch, property, name)?)
        }
        (value, _) => value.clone(),
    };
    merged.insert(name.to_owned(), value);
    Ok(())
}

/// `$retainKeys`: what the patch does not name goes.
fn retain_keys(merged: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), PatchError> {
    let Some(keys) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let keys = keys.as_array().ok_or_else(|| PatchError::Malformed(format!("{RETAIN_KEYS} is no list")))?;
    let absent = |name: &String| !name.starts_with('$') && !keys.iter().any(|key| key == name);
    if let Some(name) =
        patch.iter().find(|(name, value)| !value.is_null() && absent(name)).map(|(name, _)| name)
    {
        return Err(PatchError::Malformed(format!(
            "{RETAIN_KEYS} does not name {name:?}, which the patch sets"
        )));
    }
    merged.retain(|name, _| keys.iter().any(|key| key == name));
    Ok(())
}

fn delete_primitives(merged: &mut Map<String, Value>, list: &str, gone: &Value) {
    if let (Some(Value::Array(items)), Some(gone)) = (merged.get_mut(list), gone.as_array()) {
        items.retain(|item| !gone.contains(item));
    }
}

/// Merges a list by its key, or as a set when it has none.
fn list(old: &Value, patch: &[Value], property: &Property, name: &str) -> Result<Vec<Value>, PatchError> {
    let old = old.as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(key) = property.strategy.merge_key.as_deref() else {
        let mut merged = old.to_vec();
        let fresh: Vec<Value> = patch.iter().filter(|item| !old.contains(item)).cloned().collect();
        merged.extend(fresh);
        return Ok(in_order(merged, patch, old, None));
    };
    if patch.iter().any(|item| item.get(DIRECTIVE).and_then(Value::as_str) == Some("replace")) {
        let rest = patch.iter().filter(|item| item.get(DIRECTIVE).is_none());
        return Ok(rest.cloned().collect());
    }
    let item_schema = property.schema().item().map(Property::schema);
    let mut merged = old.to_vec();
    for change in patch {
        let change = change
            .as_object()
            .ok_or_else(|| PatchError::Malformed(format!("an item of {name} is no JSON object")))?;
        let id = change.get(key).ok_or_else(|| {
            PatchError::Malformed(format!(
                "map: {} does not contain declared merge key: {key}",
                Value::Object(change.clone())
            ))
        })?;
        let at = merged.iter().position(|item| item.get(key) == Some(id));
        match (change.get(DIRECTIVE).map(Value::as_str), at) {
            (Some(Some("delete")), _) => merged.retain(|item| item.get(key) != Some(id)),
            (None | Some(Some("merge")), Some(at)) => {
                if let Some(slot) = merged.get_mut(at) {
                    *slot = Value::Object(objects(fields(slot), change, item_schema)?);
                }
            }
            (None | Some(Some("merge")), None) => {
                merged.push(Value::Object(objects(&Map::new(), change, item_schema)?));
            }
            (Some(other), _) => return Err(unknown_directive(other)),
        }
    }
    Ok(in_order(merged, patch, old, Some(key)))
}

/// `$setElementOrder`: items in the order that the patch wants.
fn reorder(
    merged: &mut Map<String, Value>,
    old: Option<&Value>,
    list: &str,
    order: &Value,
    key: Option<&str>,
) {
    let (Some(Value::Array(items)), Some(order)) = (merged.get_mut(list), order.as_array()) else { return };
    let old = old.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    *items = in_order(std::mem::take(items), order, old, key);
}

/// Wanted items in the wanted order; each other one before the first wanted item that it preceded in the old list,
/// else behind all of them.
fn in_order(items: Vec<Value>, wanted: &[Value], old: &[Value], key: Option<&str>) -> Vec<Value> {
    let rank = |order: &[Value], item: &Value| {
        order.iter().position(|other| match key {
            Some(key) => other.get(key).is_some() && other.get(key) == item.get(key),
            None => other == item,
        })
    };
    let (mut first, mut others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| rank(wanted, item).is_some());
    first.sort_by_key(|item| rank(wanted, item));
    others.sort_by_key(|item| rank(old, item));
    let mut ordered = Vec::with_capacity(first.len() + others.len());
    let mut others = others.into_iter().peekable();
    for item in first {
        let place = rank(old, &item);
        while let Some(other) = others
            .next_if(|other| matches!((rank(old, other), place), (Some(own), Some(place)) if own < place))
        {
            ordered.push(other);
        }
        ordered.push(item);
    }
    ordered.extend(others);
    ordered
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch.iter().filter(|(name, _)| !name.starts_with('$')).map(|(n, v)| (n.clone(), v.clone())).collect()
}

fn unknown_directive(directive: Option<&str>) -> PatchError {
    let directive = directive.unwrap_or("(not a text)");
    PatchError::Malformed(format!("Unknown patch type {directive:?}: use replace, delete or merge"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::Kinds;

    fn patched(kind: (&str, &str), object: Value, patch: Value) -> Result<Value, PatchError> {
        let schema = Kinds::builtin().by_object(kind.0, kind.1).expect("built in").schema();
        strategic(&object, &patch, schema)
    }

    fn pod(object: Value, patch: Value) -> Value {
        patched(("v1", "Pod"), object, patch).expect("a good patch")
    }

    #[test]
    fn containers_merge_by_name() {
        let object =
            json!({"spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]}});
        let patch =
            json!({"spec": {"containers": [{"name": "b", "image": "b:2"}, {"name": "c", "image": "c:1"}]}});
        assert_eq!(
            pod(object, patch)["spec"]["containers"],
            json!([{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:2"}, {"name": "c", "image": "c:1"}])
        );
    }

    #[test]
    fn directives_delete_replace_and_order() {
        let object = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}});
        let names = |value: &Value| -> Vec<String> {
            let items = value["spec"]["containers"].as_array().cloned().unwrap_or_default();
            items.iter().filter_map(|c| c["name"].as_str().map(str::to_owned)).collect()
        };
        let cases = [
            (json!({"containers": [{"name": "b", "$patch": "delete"}]}), vec!["a", "c"]),
            (json!({"containers": [{"name": "x"}, {"$patch": "replace"}]}), vec!["x"]),
            (json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}), vec!["b", "c", "a"]),
            (
                json!({"$setElementOrder/containers": [{"name": "x"}, {"name": "a"}], "containers": [{"name": "x"}]}),
                vec!["x", "a", "b", "c"],
            ),
        ];
        for (patch, expected) in cases {
            assert_eq!(names(&pod(object.clone(), json!({"spec": patch}))), expected, "{patch}");
        }
    }

    #[test]
    fn lists_of_texts_merge_as_sets_and_lose_what_is_named() {
        let object = json!({"metadata": {"finalizers": ["a", "b"]}});
        let patch =
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c", "b"]}});
        assert_eq!(pod(object, patch), json!({"metadata": {"finalizers": ["c", "b"]}}));
    }

    #[test]
    fn lists_without_a_strategy_are_replaced_and_null_deletes() {
        let object = json!({"spec": {"tolerations": [{"key": "a"}], "nodeName": "n"}});
        let patch = json!({"spec": {"tolerations": [{"key": "b"}], "nodeName": null}});
        assert_eq!(pod(object, patch), json!({"spec": {"tolerations": [{"key": "b"}]}}));
    }

    #[test]
    fn retained_keys_are_all_that_stays() {
        let object =
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
        let made = patched(("apps/v1", "Deployment"), object.clone(), patch).expect("a good patch");
        assert_eq!(made, json!({"spec": {"strategy": {"type": "Recreate"}}}));
        let bad = json!({"spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": {}}}});
        assert!(matches!(patched(("apps/v1", "Deployment"), object, bad), Err(PatchError::Malformed(_))));
    }

    #[test]
    fn objects_may_be_replaced_or_deleted_whole() {
        let object = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
        let replace = json!({"metadata": {"labels": {"$patch": "replace", "c": "3"}}});
        assert_eq!(pod(object.clone(), replace), json!({"metadata": {"labels": {"c": "3"}}}));
        let delete = json!({"metadata": {"labels": {"$patch": "delete"}}});
        assert_eq!(pod(object, delete), json!({"metadata": {}}));
    }

    #[test]
    fn wrong_patches_are_refused() {
        let object = json!({"spec": {"containers": [{"name": "a"}]}});
        for patch in [
            json!([]),
            json!({"spec": {"$patch": "explode"}}),
            json!({"spec": {"containers": [{"image": "x"}]}}),
            json!({"spec": {"containers": ["x"]}}),
        ] {
            assert!(
                matches!(
                    patched(("v1", "Pod"), object.clone(), patch.clone()),
                    Err(PatchError::Malformed(_))
                ),
                "{patch}"
            );
        }
    }
}
