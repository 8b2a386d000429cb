//! Who is collected, on a host turned by hand.

use super::*;
use crate::controllers::testing::{Host, host};
use serde_json::json;

fn owned_by(host: &Host, kind: &str, word: &str, name: &str, block: bool) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "name": name, "uid": host.uid(word, name), "blockOwnerDeletion": block})
}

/// `a` owns `b`, `b` owns `c`; all in `default`.
fn chain() -> Host {
    let mut host = host();
    host.create("cm", json!({"metadata": {"name": "a"}}));
    for (owner, name) in [("a", "b"), ("b", "c")] {
        let owner = owned_by(&host, "ConfigMap", "cm", owner, true);
        host.create("cm", json!({"metadata": {"name": name, "ownerReferences": [owner]}}));
    }
    host.settle();
    host
}

fn delete(host: &Host, name: &str, propagation: Propagation) {
    host.delete_with(
        "cm",
        name,
        &DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() },
    );
}

#[test]
fn dependents_follow_their_owner_in_the_background() {
    let mut host = chain();
    delete(&host, "a", Propagation::Background);
    assert!(host.find("cm", "a").is_none(), "the owner goes at once");
    host.settle();
    assert!(host.find("cm", "b").is_none() && host.find("cm", "c").is_none());
}

#[test]
fn in_the_foreground_the_owner_goes_last() {
    let mut host = chain();
    host.update("cm", "c", |object| object["metadata"]["finalizers"] = json!(["example.org/hold"]));
    delete(&host, "a", Propagation::Foreground);
    host.settle();
    for name in ["a", "b"] {
        let waiting = host.find("cm", name).expect(name);
        assert_eq!(waiting["metadata"]["finalizers"], json!(["foregroundDeletion"]), "{name}");
    }
    host.update("cm", "c", |object| object["metadata"]["finalizers"] = json!([]));
    host.settle();
    assert!(["a", "b", "c"].iter().all(|name| host.find("cm", name).is_none()));
}

#[test]
fn a_dependent_that_does_not_block_is_not_waited_for() {
    let mut host = host();
    host.create("cm", json!({"metadata": {"name": "a"}}));
    let owner = owned_by(&host, "ConfigMap", "cm", "a", false);
    host.create(
        "cm",
        json!({"metadata": {"name": "b", "ownerReferences": [owner], "finalizers": ["example.org/hold"]}}),
    );
    host.settle();
    delete(&host, "a", Propagation::Foreground);
    host.settle();
    assert!(host.find("cm", "a").is_none());
    assert!(host.find("cm", "b").expect("held")["metadata"]["deletionTimestamp"].is_string());
}

#[test]
fn orphans_forget_their_owner_and_stay() {
    let mut host = chain();
    delete(&host, "a", Propagation::Orphan);
    host.settle();
    assert!(host.find("cm", "a").is_none());
    assert!(host.find("cm", "b").expect("stays")["metadata"].get("ownerReferences").is_none());
    assert!(host.find("cm", "c").is_some());
}

#[test]
fn one_living_owner_is_enough_and_the_dead_one_is_forgotten() {
    let mut host = host();
    host.create("cm", json!({"metadata": {"name": "a"}}));
    host.create("cm", json!({"metadata": {"name": "z"}}));
    let owners =
        [owned_by(&host, "ConfigMap", "cm", "a", false), owned_by(&host, "ConfigMap", "cm", "z", false)];
    host.create("cm", json!({"metadata": {"name": "b", "ownerReferences": owners}}));
    host.settle();
    host.delete("cm", "a");
    host.settle();
    let left = host.find("cm", "b").expect("stays")["metadata"]["ownerReferences"].clone();
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    assert_eq!(left[0]["name"], "z");
}

#[test]
fn another_uid_or_namespace_means_that_the_owner_is_absent() {
    let mut host = host();
    host.create("ns", json!({"metadata": {"name": "blue"}}));
    host.create("cm", json!({"metadata": {"name": "a"}}));
    let mut stranger = owned_by(&host, "ConfigMap", "cm", "a", false);
    host.create_in("blue", "cm", json!({"metadata": {"name": "far", "ownerReferences": [stranger]}}));
    stranger["uid"] = json!("00000000-0000-0000-0000-000000000000");
    host.create("cm", json!({"metadata": {"name": "wrong", "ownerReferences": [stranger]}}));
    host.settle();
    assert!(host.find_in("blue", "cm", "far").is_none());
    assert!(host.find("cm", "wrong").is_none());
    let reasons: Vec<_> = host.events().iter().map(|event| event["reason"].clone()).collect();
    assert_eq!(reasons, ["OwnerRefInvalidNamespace"]);
}

#[test]
fn what_cannot_be_judged_is_never_collected() {
    let mut host = host();
    host.create("cm", json!({"metadata": {"name": "a"}}));
    let namespaced = owned_by(&host, "ConfigMap", "cm", "a", false);
    host.create("pv", json!({"metadata": {"name": "v", "ownerReferences": [namespaced]},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/v"}}}));
    let unknown = json!({"apiVersion": "example.org/v1", "kind": "Widget", "name": "w", "uid": "u"});
    host.create("cm", json!({"metadata": {"name": "b", "ownerReferences": [unknown]}}));
    host.settle();
    host.delete("cm", "a");
    host.settle();
    assert!(host.find("pv", "v").is_some());
    assert!(host.find("cm", "b").is_some());
}

#[test]
fn a_circle_of_owners_can_be_deleted_in_the_foreground() {
    let mut host = host();
    host.create("cm", json!({"metadata": {"name": "a"}}));
    let a = owned_by(&host, "ConfigMap", "cm", "a", true);
    host.create("cm", json!({"metadata": {"name": "b", "ownerReferences": [a]}}));
    let b = owned_by(&host, "ConfigMap", "cm", "b", true);
    host.update("cm", "a", |object| object["metadata"]["ownerReferences"] = json!([b]));
    host.settle();
    delete(&host, "a", Propagation::Foreground);
    host.settle();
    assert!(host.find("cm", "a").is_none() && host.find("cm", "b").is_none());
}
