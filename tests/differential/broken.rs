//! Objects with something wrong: a value of another type, a field that does not exist, a name that may not be.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// The objects of a strategy, each with one thing wrong.
pub fn broken(valid: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let general = select(vec![
        json!({"metadata": {"name": "Upper"}}),
        json!({"metadata": {"name": ""}}),
        json!({"metadata": {"name": "a b"}}),
        json!({"metadata": {"namespace": "other"}}),
        json!({"metadata": {"resourceVersion": "7"}}),
        json!({"metadata": {"uid": "u"}}),
        json!({"metadata": {"labels": {"a b": "c"}}}),
        json!({"metadata": {"labels": {"a": "-"}}}),
        json!({"metadata": {"labels": {"a": 1}}}),
        json!({"metadata": {"annotations": {"a b": ""}}}),
        json!({"metadata": {"finalizers": ["short"]}}),
        json!({"metadata": {"finalizers": ["a b/c"]}}),
        json!({"metadata": {"finalizers": ["orphan", "foregroundDeletion"]}}),
        json!({"metadata": {"ownerReferences": [{"name": "x"}]}}),
        json!({"metadata": {"ownerReferences": [
            {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1", "controller": true},
            {"apiVersion": "v1", "kind": "B", "name": "b", "uid": "2", "controller": true}]}}),
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1"}, {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1"}]}}),
        json!({"metadata": {"labels": []}}),
        json!({"metadata": 7}),
        json!({"kind": "Other"}),
        json!({"apiVersion": "apps/v1beta9"}),
        json!({"kind": ""}),
        json!({"unknown": 1}),
        json!({"metadata": {"unknown": {}}}),
        json!({"status": 1}),
        json!({"spec": []}),
        json!({"metadata": {"managedFields": [{"manager": "x"}]}}),
        json!({"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z", "generation": 9}}),
        json!({"metadata": {"creationTimestamp": "yesterday"}}),
        json!({"metadata": {"selfLink": "/x"}}),
        json!({"metadata": {"labels": {"l": null}}}),
    ]);
    let general = (valid.clone(), general).prop_map(|(mut object, wrong)| {
        lay_over(&mut object, wrong);
        object
    });
    let typed = (
        valid.clone(),
        any::<[Index; 6]>(),
        select(vec![
            json!(7),
            json!("text"),
            json!([1]),
            json!({"a": {}}),
            json!(true),
            json!(-1),
            json!(""),
        ]),
    )
        .prop_map(|(mut object, path, wrong)| {
            *descend(&mut object, &path) = wrong;
            object
        });
    let extra = (valid.clone(), any::<[Index; 6]>()).prop_map(|(mut object, path)| {
        if let Value::Object(fields) = parent(&mut object, &path) {
            fields.insert("notAField".into(), json!({"x": 1}));
        }
        object
    });
    let missing = (valid, any::<[Index; 6]>()).prop_map(|(mut object, path)| {
        if let Value::Object(fields) = parent(&mut object, &path)
            && !fields.is_empty()
        {
            let key = fields.keys().nth(path[0].index(fields.len())).cloned().unwrap_or_default();
            fields.remove(&key);
        }
        object
    });
    prop_oneof![5 => general, 2 => typed, 2 => extra, 1 => missing].boxed()
}

/// Puts values into an object, nulls as nulls.
fn lay_over(target: &mut Value, values: Value) {
    match (target, values) {
        (Value::Object(target), Value::Object(values)) => {
            for (key, value) in values {
                lay_over(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, values) => *target = values,
    }
}

/// A value somewhere in a tree.
fn descend<'v>(value: &'v mut Value, path: &[Index]) -> &'v mut Value {
    let Some((first, rest)) = path.split_first() else { return value };
    let count = match value {
        Value::Object(fields) => fields.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if count == 0 {
        return value;
    }
    let at = first.index(count);
    match value {
        Value::Object(fields) => descend(fields.values_mut().nth(at).expect("below the count"), rest),
        Value::Array(items) => descend(&mut items[at], rest),
        _ => unreachable!("scalars have no parts"),
    }
}

/// An object somewhere in a tree.
fn parent<'v>(value: &'v mut Value, path: &[Index]) -> &'v mut Value {
    let deeper = match (&*value, path.split_first()) {
        (Value::Object(fields), Some((first, _))) if !fields.is_empty() => {
            fields.values().nth(first.index(fields.len())).is_some_and(|v| v.is_object() || v.is_array())
        }
        (Value::Array(items), Some((first, _))) if !items.is_empty() => {
            items[first.index(items.len())].is_object()
        }
        _ => false,
    };
    match path.split_first() {
        Some((first, rest)) if deeper => parent(descend(value, std::slice::from_ref(first)), rest),
        _ => value,
    }
}
