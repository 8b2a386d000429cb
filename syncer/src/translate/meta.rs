//! Labels and annotations: what a host's object carries, and how both sides agree about them.
//!
//! Every key belongs to whoever wrote it last. What the tenant changed since it was applied last goes to the host, what
//! the host's admission or its controllers added or changed comes back. Keys of the syncer's own never cross, so that a
//! tenant cannot forge them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::wire::annotation::STAYS;
use v9s::wire::{annotation, label};

use super::applied::Applied;
use super::diff;
use super::owned::kind_mark;
use crate::context::Context;
use crate::engine::key::Key;

/// Labels or annotations.
pub type Texts = BTreeMap<String, String>;

/// What a kind adds to the metadata of the host's object.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// Labels of ours.
    pub labels: Texts,
    /// Annotations of ours.
    pub annotations: Texts,
    /// Annotations that do not cross, besides the syncer's own.
    pub kept_apart: &'static [&'static str],
    /// The same, where the keys are the tenant's choice.
    pub withheld: BTreeSet<String>,
    /// Digests of what else was applied.
    pub applied: Applied,
}

/// What both sides lack to agree, as merge patches of `metadata`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agreement {
    /// For the host's object.
    pub host: Option<Value>,
    /// For the tenant's object.
    pub virtual_side: Option<Value>,
}

/// Annotations of ours that go when they are not wanted any more.
const WITHDRAWN: [&str; 7] = [
    annotation::RESERVED,
    annotation::POD_LABELS,
    annotation::POD_OWNER_REFERENCES,
    annotation::POD_OWNER_KIND,
    annotation::POD_SERVICE_ACCOUNT,
    annotation::MANAGED_ANNOTATIONS,
    annotation::MANAGED_LABELS,
];

/// The metadata of an object that is created on the host.
pub fn to_create(ctx: &Context, resource: &Resource, key: &Key, v: &Lean, extra: &Extra) -> Value {
    let mut labels = apart(labels_to_host(ctx, v), &extra.labels);
    let mut annotations = apart(crossing(v, extra), &extra.annotations);
    let own = own_annotations(ctx, resource, key, v, extra, &labels, &annotations);
    labels.extend(own_labels(ctx, key));
    labels.extend(extra.labels.clone());
    annotations.extend(own);
    annotations.extend(extra.annotations.clone());
    let mut meta = json!({"name": ctx.names.host_name(&key.object).as_str(), "labels": labels, "annotations": annotations});
    if key.object.namespace.is_some() {
        meta["namespace"] = json!(ctx.host_namespace);
        if let Some(owner) = owner(ctx, v) {
            meta["ownerReferences"] = json!([owner]);
        }
    }
    meta
}

/// What both sides lack to agree about labels and annotations.
pub fn agree(ctx: &Context, resource: &Resource, key: &Key, v: &Lean, h: &Lean, extra: &Extra) -> Agreement {
    let applied = Applied::parse(h.metadata.annotation(annotation::APPLIED));
    let listed = |name: &str| -> BTreeSet<&str> {
        h.metadata.annotation(name).unwrap_or_default().lines().filter(|line| !line.is_empty()).collect()
    };
    let host_labels: Texts = pairs(&h.metadata.labels)
        .filter(|(key, _)| !is_own_label(ctx, key) && !extra.labels.contains_key(*key))
        .map(own_text)
        .collect();
    let labels = merge(
        &apart(labels_to_host(ctx, v), &extra.labels),
        &host_labels,
        &listed(annotation::MANAGED_LABELS)
            .into_iter()
            .map(|key| ctx.names.label_key(key).to_string())
            .collect(),
        |mine| applied.changed("labels", mine),
    );
    let host_annotations = apart(crossing(h, extra), &extra.annotations);
    let annotations = merge(
        &apart(crossing(v, extra), &extra.annotations),
        &host_annotations,
        &listed(annotation::MANAGED_ANNOTATIONS).into_iter().map(str::to_owned).collect(),
        |mine| applied.changed("annotations", mine),
    );

    let mut wanted_labels = labels.agreed.clone();
    wanted_labels.extend(own_labels(ctx, key));
    wanted_labels.extend(extra.labels.clone());
    let own = own_annotations(ctx, resource, key, v, extra, &labels.agreed, &annotations.agreed);
    let mut wanted_annotations = annotations.agreed.clone();
    // What is neither ours nor crosses stays as it is.
    wanted_annotations.extend(
        pairs(&h.metadata.annotations)
            .filter(|(key, _)| !crosses(key, extra) && !WITHDRAWN.contains(key))
            .map(own_text),
    );
    wanted_annotations.extend(own);
    wanted_annotations.extend(extra.annotations.clone());

    let virtual_labels =
        labels.for_virtual.into_iter().map(|(key, value)| (label_to_virtual(ctx, &key), value));
    Agreement {
        host: metadata([
            ("labels", diff::of_maps(pairs(&h.metadata.labels), &wanted_labels)),
            ("annotations", diff::of_maps(pairs(&h.metadata.annotations), &wanted_annotations)),
        ]),
        virtual_side: metadata([
            ("labels", as_patch(virtual_labels.collect())),
            ("annotations", as_patch(annotations.for_virtual)),
        ]),
    }
}

/// The labels of a virtual object as the host's object carries them.
pub fn labels_to_host(ctx: &Context, v: &Lean) -> Texts {
    pairs(&v.metadata.labels)
        .filter(|(key, _)| !key.starts_with(label::TRANSLATED) && !key.starts_with(label::FROM_NAMESPACE))
        .map(|(key, value)| (ctx.names.label_key(key).to_string(), value.to_owned()))
        .collect()
}

/// The labels of a virtual namespace as its pods on the host carry them.
pub fn namespace_labels(ctx: &Context, namespace: &Lean) -> Texts {
    pairs(&namespace.metadata.labels)
        .map(|(key, value)| (ctx.names.namespace_label_key(key), value.to_owned()))
        .collect()
}

struct Merged {
    /// What both sides are to carry, in the host's keys.
    agreed: Texts,
    /// What is to change on the tenant's side.
    for_virtual: BTreeMap<String, Option<String>>,
}

/// Three-way: `applied` holds the keys that came from the tenant when the host's object was written last, `changed` says
/// whether the tenant has changed any since.
fn merge(
    mine: &Texts,
    theirs: &Texts,
    applied: &BTreeSet<String>,
    changed: impl Fn(&Texts) -> bool,
) -> Merged {
    let changed = changed(mine);
    let mut agreed = Texts::new();
    let mut for_virtual = BTreeMap::new();
    let keys: BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
    for key in keys {
        match (mine.get(key), theirs.get(key)) {
            (Some(mine), Some(theirs)) if mine == theirs || changed => {
                agreed.insert(key.clone(), mine.clone());
            }
            (Some(mine), None) if changed || !applied.contains(key) => {
                agreed.insert(key.clone(), mine.clone());
            }
            // The host has taken it away.
            (Some(_), None) => drop(for_virtual.insert(key.clone(), None)),
            // The tenant has taken it away.
            (None, Some(_)) if applied.contains(key) => {}
            (_, Some(theirs)) => {
                agreed.insert(key.clone(), theirs.clone());
                for_virtual.insert(key.clone(), Some(theirs.clone()));
            }
            (None, None) => {}
        }
    }
    Merged { agreed, for_virtual }
}

fn own_labels(ctx: &Context, key: &Key) -> Texts {
    let mut labels = Texts::new();
    match &key.object.namespace {
        Some(namespace) => {
            labels.insert(label::MANAGED_BY.into(), ctx.names.marker().into());
            labels.insert(label::NAMESPACE.into(), namespace.to_string());
        }
        None => drop(labels.insert(label::MANAGED_BY.into(), ctx.names.cluster_scoped_marker())),
    }
    labels
}

fn own_annotations(
    ctx: &Context,
    resource: &Resource,
    key: &Key,
    v: &Lean,
    extra: &Extra,
    labels: &Texts,
    annotations: &Texts,
) -> Texts {
    let applied = extra.applied.clone().with("labels", labels).with("annotations", annotations);
    let list = |keys: Vec<String>| keys.join("\n");
    let mut own: Vec<(&str, String)> = vec![
        (annotation::OBJECT_NAME, key.object.name.to_string()),
        (annotation::OBJECT_UID, v.metadata.uid.to_string()),
        (annotation::OBJECT_KIND, kind_mark(resource)),
        (annotation::OBJECT_HOST_NAME, ctx.names.host_name(&key.object).as_str().to_owned()),
        (annotation::APPLIED, applied.to_string()),
    ];
    if let Some(namespace) = &key.object.namespace {
        own.push((annotation::OBJECT_NAMESPACE, namespace.to_string()));
        own.push((annotation::OBJECT_HOST_NAMESPACE, ctx.host_namespace.to_string()));
    }
    // What was made of the tenant's own is not the host's when it is not wanted any more.
    let labels: BTreeSet<String> = labels
        .keys()
        .chain(extra.labels.keys().filter(|key| !is_own_label(ctx, key)))
        .map(|key| label_to_virtual(ctx, key))
        .collect();
    if !labels.is_empty() {
        own.push((annotation::MANAGED_LABELS, list(labels.into_iter().collect())));
    }
    let annotations: BTreeSet<&String> =
        annotations.keys().chain(extra.annotations.keys().filter(|key| crosses(key, extra))).collect();
    if !annotations.is_empty() {
        own.push((annotation::MANAGED_ANNOTATIONS, list(annotations.into_iter().cloned().collect())));
    }
    own.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The Service of the virtual cluster owns what it needs on the host; it is a controller where the tenant's object has one.
fn owner(ctx: &Context, v: &Lean) -> Option<Value> {
    let uid = ctx.owner_uid.as_ref()?;
    let mut owner = json!({"apiVersion": "v1", "kind": "Service", "name": ctx.vcluster, "uid": uid});
    let owners = v.metadata.other("ownerReferences").map(|raw| raw.get()).unwrap_or("[]");
    let owners: Vec<Value> = serde_json::from_str(owners).unwrap_or_default();
    if owners.iter().any(|owner| owner["controller"] == true) {
        owner["controller"] = json!(true);
    }
    Some(owner)
}

/// Without those that are made for the host, of the tenant's under the same key perhaps.
fn apart(mut texts: Texts, made: &Texts) -> Texts {
    texts.retain(|key, _| !made.contains_key(key));
    texts
}

fn crossing(object: &Lean, extra: &Extra) -> Texts {
    pairs(&object.metadata.annotations).filter(|(key, _)| crosses(key, extra)).map(own_text).collect()
}

fn crosses(key: &str, extra: &Extra) -> bool {
    !STAYS.iter().any(|own| key.starts_with(own))
        && !extra.kept_apart.contains(&key)
        && !extra.withheld.contains(key)
}

fn is_own_label(ctx: &Context, key: &str) -> bool {
    // The four translated keys are the tenant's.
    let translated = key.starts_with(label::TRANSLATED) && ctx.names.translated_from(key).is_none();
    matches!(key, label::MANAGED_BY | label::NAMESPACE | label::CONTROLLED_BY)
        || key.starts_with(label::FROM_NAMESPACE)
        || translated
}

fn label_to_virtual(ctx: &Context, key: &str) -> String {
    ctx.names.translated_from(key).unwrap_or(key).to_owned()
}

/// Labels or annotations as they are.
pub fn texts(of: &v9s::cluster::lean::Pairs) -> impl Iterator<Item = (&str, &str)> {
    pairs(of)
}

/// Labels or annotations without the syncer's own.
pub fn foreign_texts(of: &v9s::cluster::lean::Pairs) -> Texts {
    pairs(of).filter(|(key, _)| !STAYS.iter().any(|own| key.starts_with(own))).map(own_text).collect()
}

/// The syncer's own of labels or annotations, and kubectl's copy of a whole object.
pub fn own_texts(of: &v9s::cluster::lean::Pairs) -> Texts {
    pairs(of).filter(|(key, _)| STAYS.iter().any(|own| key.starts_with(own))).map(own_text).collect()
}

fn pairs(pairs: &v9s::cluster::lean::Pairs) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

fn own_text((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn as_patch(changes: BTreeMap<String, Option<String>>) -> Option<Value> {
    let patch: Map<String, Value> = changes.into_iter().map(|(key, value)| (key, json!(value))).collect();
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn metadata<const N: usize>(parts: [(&str, Option<Value>); N]) -> Option<Value> {
    let parts: Map<String, Value> =
        parts.into_iter().filter_map(|(part, patch)| patch.map(|patch| (part.to_owned(), patch))).collect();
    (!parts.is_empty()).then_some(Value::Object(parts))
}
