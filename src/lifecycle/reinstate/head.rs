//! The metadata with which an object comes back. Pure.

use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

use super::meta::{Meta, Owner};
use crate::wire::annotation;

/// Annotations by which controllers remember what they did with the object that was, or tell of one on the host.
const OTHERS: [&str; 9] = [
    annotation::APPLIED,
    annotation::HOST_PV,
    annotation::REALIGNING,
    "deployment.kubernetes.io/revision",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];
/// Finalizers of a deletion that was under way.
const GOING: [&str; 2] = ["foregroundDeletion", "orphan"];

/// What of the object that is there now goes into the one that takes its place.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Live {
    #[serde(rename = "metadata")]
    pub(super) meta: Meta,
    pub(super) status: Option<Value>,
}

/// What is sent: labels, annotations and generated name of the backup, with these owners. What others keep is as it is now: who guards
/// the object against deletion, and what controllers note on it.
pub(super) fn head(then: &Meta, owners: Vec<Owner>, now: Option<&Meta>) -> Meta {
    let mut annotations = then.annotations.clone();
    annotations.retain(|key, _| !OTHERS.contains(&key.as_str()));
    let kept = now.into_iter().flat_map(|now| &now.annotations);
    let kept = kept.filter(|(key, _)| OTHERS.contains(&key.as_str()));
    annotations.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
    let guards = |finalizer: &&SmolStr| !GOING.contains(&finalizer.as_str());
    Meta {
        uid: now.map(|now| now.uid.clone()).unwrap_or_default(),
        resource_version: now.map(|now| now.resource_version.clone()).unwrap_or_default(),
        finalizers: match now {
            Some(now) => now.finalizers.clone(),
            None => then.finalizers.iter().filter(guards).cloned().collect(),
        },
        annotations,
        owner_references: owners,
        ..then.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meta(value: Value) -> Meta {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_comes_back_has_no_past_and_what_is_there_keeps_what_others_keep() {
        let then = meta(json!({"name": "web", "namespace": "shop", "uid": "old", "resourceVersion": "3",
            "labels": {"app": "web"}, "finalizers": ["foregroundDeletion", "example.com/guard"],
            "annotations": {"note": "mine", "deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{"kind": "A", "name": "a", "uid": "b", "apiVersion": "v1"}]}));
        assert_eq!(
            head(&then, Vec::new(), None),
            meta(json!({"name": "web", "namespace": "shop", "labels": {"app": "web"},
                "finalizers": ["example.com/guard"], "annotations": {"note": "mine"}}))
        );
        let now = meta(json!({"name": "web", "namespace": "shop", "uid": "new", "resourceVersion": "9",
            "labels": {"app": "broken"}, "finalizers": ["example.com/other"],
            "annotations": {"theirs": "x", "deployment.kubernetes.io/revision": "4"}}));
        assert_eq!(
            head(&then, then.owner_references.clone(), Some(&now)),
            meta(json!({"name": "web", "namespace": "shop", "uid": "new", "resourceVersion": "9",
                "labels": {"app": "web"}, "finalizers": ["example.com/other"],
                "annotations": {"note": "mine", "deployment.kubernetes.io/revision": "4"},
                "ownerReferences": [{"kind": "A", "name": "a", "uid": "b", "apiVersion": "v1"}]}))
        );
    }
}
