//! Random scripts: a few requests about few objects of one or two kinds, so that they meet.

mod delete;
mod patch;
mod read;
mod write;

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use self::delete::{delete, delete_collection};
use self::patch::{apply, json_patch, merge_patch};
use self::read::{get, list, watch};
use self::write::{create, replace, scale, write_status};
use crate::objects::{KINDS, Kind};
use crate::script::{Script, Step};

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Scripts about one or two kinds.
pub fn script() -> impl Strategy<Value = Script> {
    let kinds = (select(KINDS.iter().collect::<Vec<_>>()), select(KINDS.iter().collect::<Vec<_>>()));
    kinds.prop_flat_map(|(often, seldom)| {
        let step = prop_oneof![4 => step(often), 1 => step(seldom)];
        // Most of what can be asked needs an object first.
        (create(often), prop::collection::vec(step, 1..9))
            .prop_map(|(first, rest)| Script(std::iter::once(first).chain(rest).collect()))
    })
}

fn step(kind: &'static Kind) -> BoxedStrategy<Step> {
    let mut all = vec![
        (5, create(kind)),
        (2, get(kind)),
        (3, list(kind)),
        (5, replace(kind)),
        (3, merge_patch(kind, MERGE)),
        (3, merge_patch(kind, STRATEGIC)),
        (3, json_patch(kind)),
        (6, apply(kind)),
        (5, delete(kind)),
        (1, delete_collection(kind)),
        (3, watch(kind)),
    ];
    if let Some(status) = kind.status {
        all.push((4, write_status(kind, status())));
    }
    if kind.scales {
        all.push((3, scale(kind)));
    }
    proptest::strategy::Union::new_weighted(all).boxed()
}

fn name() -> BoxedStrategy<&'static str> {
    prop_oneof![5 => Just("a"), 3 => Just("b")].boxed()
}

/// `path?query` of what is there of it.
fn with_query(path: String, parts: Vec<Option<&str>>) -> String {
    let query: Vec<&str> = parts.into_iter().flatten().collect();
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

fn manager() -> BoxedStrategy<Option<&'static str>> {
    of(select(vec!["fieldManager=one", "fieldManager=two"])).boxed()
}

fn dry_run() -> BoxedStrategy<Option<&'static str>> {
    prop_oneof![9 => Just(None), 1 => Just(Some("dryRun=All"))].boxed()
}

fn validation() -> BoxedStrategy<Option<&'static str>> {
    prop_oneof![6 => Just(None), 1 => Just(Some("fieldValidation=Strict")), 1 => Just(Some("fieldValidation=Ignore"))].boxed()
}

/// Metadata beside the name.
fn metadata() -> BoxedStrategy<Value> {
    let labels = of(select(vec![json!({"l": "x"}), json!({"l": "y", "m": ""}), json!({})]));
    let annotations = of(select(vec![json!({"n": "1"}), json!({"x.y/z": "{}"})]));
    let finalizers = prop_oneof![6 => Just(None), 1 => Just(Some(json!(["x.y/z"]))), 1 => Just(Some(json!(["x.y/z", "x.y/w"])))];
    let owners = prop_oneof![12 => Just(None), 1 => Just(Some(json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"}])))];
    (labels, annotations, finalizers, owners)
        .prop_map(|(labels, annotations, finalizers, owners)| {
            let mut metadata = json!({});
            for (key, value) in [
                ("labels", labels),
                ("annotations", annotations),
                ("finalizers", finalizers),
                ("ownerReferences", owners),
            ] {
                if let Some(value) = value {
                    metadata[key] = value;
                }
            }
            metadata
        })
        .boxed()
}

/// A whole object of a kind, without name.
fn object(kind: &'static Kind) -> BoxedStrategy<Value> {
    (metadata(), (kind.content)())
        .prop_map(move |(metadata, mut object)| {
            object["metadata"] = metadata;
            object["kind"] = json!(kind.kind);
            object["apiVersion"] = json!(kind.api);
            object
        })
        .boxed()
}

fn named(mut object: Value, name: &str) -> Value {
    object["metadata"]["name"] = json!(name);
    object
}

fn one(kind: &Kind, name: &str) -> String {
    format!("{}/{}", kind.path(), kind.name(name))
}
