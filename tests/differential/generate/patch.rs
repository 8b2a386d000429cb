//! Patches of all four types.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{APPLY, JSON, dry_run, manager, name, named, object, one, validation, with_query};
use crate::objects::Kind;
use crate::script::Step;

/// A part of an object: the paths of it that an index chooses, with some values turned to null.
fn patch_body(kind: &'static Kind) -> BoxedStrategy<Value> {
    (object(kind), any::<[Index; 3]>(), 0..6_u8)
        .prop_map(|(object, [at, key, remove], how)| {
            let mut patch = object;
            for field in ["kind", "apiVersion"] {
                patch.as_object_mut().map(|fields| fields.remove(field));
            }
            // Deeper parts of what there is, or less of it.
            for (index, enough) in [(at, 1), (key, 2)] {
                if how >= enough {
                    thin(&mut patch, index);
                }
            }
            if how == 5 {
                nullify(&mut patch, remove);
            }
            patch
        })
        .boxed()
}

/// Leaves one field of an object with several.
fn thin(value: &mut Value, index: Index) {
    let Value::Object(fields) = value else { return };
    if fields.len() > 1 {
        let keep = fields.keys().nth(index.index(fields.len())).cloned().unwrap_or_default();
        fields.retain(|key, _| *key == keep);
    } else if let Some((_, inner)) = fields.iter_mut().next() {
        thin(inner, index);
    }
}

/// Turns a field to null.
fn nullify(value: &mut Value, index: Index) {
    let Value::Object(fields) = value else { return };
    let count = fields.len();
    if count == 0 {
        return;
    }
    let Some((_, inner)) = fields.iter_mut().nth(index.index(count)) else { return };
    match inner {
        Value::Object(fields) if !fields.is_empty() => nullify(inner, index),
        inner => *inner = Value::Null,
    }
}

pub fn merge_patch(kind: &'static Kind, content: &'static str) -> BoxedStrategy<Step> {
    let odd = select(vec![
        json!({}),
        json!({"metadata": {"labels": {"l": null}}}),
        json!({"metadata": {"finalizers": null}}),
        json!({"metadata": {"resourceVersion": format!("$OLD({}/a)", kind.plural)}}),
        json!({"metadata": {"name": "other"}}),
        json!({"metadata": {"uid": format!("$UID({}/b)", kind.plural)}}),
        json!([]),
        json!("nonsense"),
        json!({"metadata": null}),
        json!({"metadata": {"annotations": {"n": 1}}}),
        json!({"kind": "Nothing"}),
        json!({"unknown": {"field": 1}}),
        json!({"metadata": {"labels": {"l": "no good!"}}}),
        json!({"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}}),
        json!({"metadata": {"creationTimestamp": null, "generation": 7}}),
        json!({"metadata": {"managedFields": []}}),
        json!({"metadata": {"$patch": "replace", "labels": {"z": "z"}}}),
        json!({"metadata": {"labels": {"$patch": "delete"}}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.y/z"]}}),
        json!({"metadata": {"finalizers": ["x.y/q"]}}),
    ]);
    let body = prop_oneof![5 => patch_body(kind), 2 => odd];
    let force = prop_oneof![12 => Just(None), 1 => Just(Some("force=true"))];
    (name(), body, manager(), dry_run(), validation(), force)
        .prop_map(move |(name, body, manager, dry, validation, force)| {
            let path = with_query(one(kind, name), vec![manager, dry, validation, force]);
            Step::new("PATCH", path).content(content).body(body)
        })
        .boxed()
}

pub fn json_patch(kind: &'static Kind) -> BoxedStrategy<Step> {
    let odd = select(vec![
        json!([{"op": "add", "path": "/metadata/labels", "value": {"l": "x"}}]),
        json!([{"op": "remove", "path": "/metadata/labels"}]),
        json!([{"op": "replace", "path": "/metadata/labels/l", "value": "z"}]),
        json!([{"op": "test", "path": "/metadata/name", "value": kind.name("a")}]),
        json!([{"op": "test", "path": "/metadata/labels/l", "value": "x"}, {"op": "remove", "path": "/metadata/labels/l"}]),
        json!([{"op": "add", "path": "/metadata/finalizers/-", "value": "x.y/new"}]),
        json!([{"op": "remove", "path": "/metadata/finalizers/0"}]),
        json!([{"op": "copy", "from": "/metadata/name", "path": "/metadata/labels/l"}]),
        json!([{"op": "move", "from": "/metadata/labels", "path": "/metadata/annotations"}]),
        json!([{"op": "nonsense", "path": "/metadata/name"}]),
        json!([{"op": "add", "path": "metadata", "value": 1}]),
        json!([]),
        json!({}),
        json!([{"op": "replace", "path": "/metadata/name", "value": "other"}]),
        json!([{"op": "add", "path": "/unknown", "value": {"a": 1}}]),
        json!([{"op": "add", "path": "/metadata/labels", "value": 7}]),
        json!([{"op": "add", "path": ""}]),
        json!([{"path": "/metadata/labels"}]),
        json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": format!("$OLD({}/a)", kind.plural)}]),
    ]);
    let content = (kind.content)().prop_map(|content| {
        let add =
            |(key, value): (&String, &Value)| json!({"op": "add", "path": format!("/{key}"), "value": value});
        content.as_object().into_iter().flatten().map(add).collect()
    });
    let body = prop_oneof![3 => odd, 1 => content];
    (name(), body, manager(), dry_run())
        .prop_map(|(name, body, manager, dry)| {
            Step::new("PATCH", with_query(one(kind, name), vec![manager, dry])).content(JSON).body(body)
        })
        .boxed()
}

pub fn apply(kind: &'static Kind) -> BoxedStrategy<Step> {
    let whole = object(kind);
    let part = patch_body(kind).prop_map(|mut part| {
        part["kind"] = json!(kind.kind);
        part["apiVersion"] = json!(kind.api);
        part
    });
    let body = prop_oneof![3 => whole, 3 => part];
    let manager =
        select(vec![Some("fieldManager=one"), Some("fieldManager=two"), Some("fieldManager=three"), None]);
    let force = select(vec![None, Some("force=true")]);
    (name(), body, manager, force, dry_run())
        .prop_map(|(name, mut body, manager, force, dry)| {
            if !body["metadata"].is_object() {
                body["metadata"] = json!({});
            }
            let body = named(body, &kind.name(name));
            Step::new("PATCH", with_query(one(kind, name), vec![manager, force, dry]))
                .content(APPLY)
                .body(body)
        })
        .boxed()
}
