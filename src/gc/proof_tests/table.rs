//! Pods, which everything may happen to.

use super::*;

/// What it is about, the object, the host, what the tenant says, and the verdict in a word.
type Case = (&'static str, Value, World, Result<Said, &'static str>, &'static str);

#[test]
fn what_is_proven_is_an_orphan_and_each_lie_is_not() {
    let old = "2026-11-21T08:00:00Z";
    let fresh = "2026-11-21T11:59:00Z";
    let annotation = |key: &str| format!("/metadata/annotations/vcluster.loft.sh~1{key}");
    let cases: Vec<Case> = vec![
        ("its origin is gone", pod(), world(runs()), Ok(nothing()), "orphan b origin-gone"),
        (
            "its origin is there",
            pod(),
            world(runs()),
            Ok(Said { twin: Some(("v1", old)), ..nothing() }),
            "kept: its origin is there",
        ),
        (
            "its origin is another, long since",
            pod(),
            world(runs()),
            Ok(Said { twin: Some(("v2", old)), ..nothing() }),
            "orphan b origin-replaced",
        ),
        (
            "recreated under the same name just now",
            pod(),
            world(runs()),
            Ok(Said { twin: Some(("v2", fresh)), ..nothing() }),
            "suspect recreated",
        ),
        (
            "recreated by a clock that is ahead",
            pod(),
            world(runs()),
            Ok(Said { twin: Some(("v2", "2026-11-21T13:00:00Z")), ..nothing() }),
            "suspect recreated",
        ),
        (
            "a stale cache: asked before it was seen",
            pod(),
            world(runs()),
            Ok(Said { after: -5, ..nothing() }),
            "suspect stale",
        ),
        (
            "an answer of long ago",
            pod(),
            world(runs()),
            Ok(Said { after: -600, ..nothing() }),
            "suspect stale",
        ),
        (
            "the virtual API is down",
            pod(),
            world(runs()),
            Err("it cannot be reached"),
            "unknown: it cannot be reached",
        ),
        (
            "paused",
            pod(),
            world(Some(Standing::Rests(Rest::Paused(None)))),
            Err("it is paused"),
            "kept: its virtual cluster is paused",
        ),
        (
            "restored, and an answer that is of no use",
            pod(),
            world(Some(Standing::Rests(Rest::Restoring))),
            Ok(nothing()),
            "kept: its virtual cluster is being restored",
        ),
        (
            "asleep",
            pod(),
            world(Some(Standing::Rests(Rest::Asleep))),
            Ok(nothing()),
            "kept: its virtual cluster sleeps",
        ),
        (
            "scaled to nothing",
            pod(),
            world(Some(Standing::Rests(Rest::ScaledDown))),
            Ok(nothing()),
            "kept: its virtual cluster is scaled to nothing",
        ),
        (
            "being deleted",
            pod(),
            world(Some(Standing::Going)),
            Ok(nothing()),
            "kept: its virtual cluster is being deleted, which takes it along",
        ),
        (
            "the store was lost and began anew",
            pod(),
            world(runs()),
            Ok(Said { store: Store::Replaced { remembered: "k".into(), found: "x".into() }, ..nothing() }),
            "kept: the store inside is another than the one that is remembered: it can be adopted back",
        ),
        (
            "nobody remembers the store, and nothing else proves it",
            pod(),
            world(runs()),
            Ok(Said { store: Store::Witnessed(0), ..nothing() }),
            "suspect store-unproved",
        ),
        (
            "nobody remembers the store, and others of its objects prove it",
            pod(),
            world(runs()),
            Ok(Said { store: Store::Witnessed(3), ..nothing() }),
            "orphan b origin-gone",
        ),
        (
            "too young",
            change(pod(), "/metadata/creationTimestamp", json!(fresh)),
            world(runs()),
            Ok(nothing()),
            "kept: it is too young to judge",
        ),
        (
            "made in the future: the clocks disagree",
            change(pod(), "/metadata/creationTimestamp", json!("2026-11-21T15:00:00Z")),
            world(runs()),
            Ok(nothing()),
            "kept: it is too young to judge",
        ),
        ("no vcluster of that name", pod(), world(None), Err("there is none"), "orphan a vcluster-gone"),
        (
            "no vcluster, and too young",
            change(pod(), "/metadata/creationTimestamp", json!(fresh)),
            world(None),
            Err(""),
            "kept: it is too young to judge",
        ),
        (
            "the vcluster was not looked for everywhere",
            pod(),
            World { sight: Sight::Partial("forbidden: needs list secrets".into()), ..world(None) },
            Err(""),
            "unknown: forbidden: needs list secrets",
        ),
        (
            "the namespace was not looked at",
            pod(),
            World { sight: Sight::Namespaces(vec!["other".into()]), ..world(None) },
            Err(""),
            "unknown: not all namespaces were looked at",
        ),
        (
            "deleted halfway",
            pod(),
            world(Some(Standing::Half("the Service".into()))),
            Ok(nothing()),
            "suspect half-deleted",
        ),
        (
            "forged: the label alone",
            without(pod(), "/metadata", "annotations"),
            world(runs()),
            Ok(nothing()),
            "suspect no-origin",
        ),
        (
            "forged: the label alone, of no vcluster",
            without(pod(), "/metadata", "annotations"),
            world(None),
            Err(""),
            "suspect no-origin",
        ),
        (
            "forged: annotations of another object",
            change(pod(), &annotation("object-name"), json!("api")),
            world(runs()),
            Ok(Said { twin: Some(("v1", old)), ..nothing() }),
            "suspect copy",
        ),
        (
            "renamed: a copy of one whose origin lives",
            change(pod(), "/metadata/name", json!("mine")),
            world(runs()),
            Ok(Said { twin: Some(("v1", old)), ..nothing() }),
            "suspect copy",
        ),
        (
            "renamed: a copy of what is nowhere",
            change(pod(), "/metadata/name", json!("mine")),
            world(runs()),
            Ok(nothing()),
            "orphan c contradiction",
        ),
        (
            "a copy that bears the name of another that lives",
            change(pod(), &annotation("object-name"), json!("gone")),
            world(runs()),
            Ok(Said { bears: true, ..nothing() }),
            "suspect copy",
        ),
        (
            "a copy in a namespace without a vcluster",
            change(pod(), &annotation("object-host-namespace"), json!("elsewhere")),
            world(None),
            Err(""),
            "suspect copy",
        ),
        (
            "a name that is none of that vcluster's",
            without(
                change(pod(), "/metadata/name", json!("web")),
                "/metadata/annotations",
                "vcluster.loft.sh/object-host-name",
            ),
            world(None),
            Err(""),
            "suspect copy",
        ),
        (
            "of another kind by its own word",
            change(pod(), &annotation("object-kind"), json!("/v1, Kind=Secret")),
            world(runs()),
            Ok(Said { twin: Some(("v1", old)), ..nothing() }),
            "suspect copy",
        ),
        (
            "the kind in another version is the same kind",
            change(pod(), &annotation("object-kind"), json!("/v2, Kind=Pod")),
            world(runs()),
            Ok(nothing()),
            "orphan b origin-gone",
        ),
        (
            "its namespace is going",
            pod(),
            World { going: [("team".into(), now())].into(), ..world(None) },
            Err(""),
            "kept: its namespace is going, and takes it along",
        ),
        (
            "it is going",
            change(pod(), "/metadata/deletionTimestamp", json!(NOW)),
            world(runs()),
            Ok(nothing()),
            "kept: it is going already",
        ),
        (
            "it is to stay",
            change(pod(), "/metadata/annotations/vcluster.loft.sh~1skip-backsync", json!("true")),
            world(None),
            Err(""),
            "kept: an annotation says that it stays",
        ),
        (
            "something on the host owns it",
            change(
                pod(),
                "/metadata/ownerReferences",
                json!([{"kind": "ReplicaSet", "name": "r", "uid": "r"}]),
            ),
            world(None),
            Err(""),
            "kept: it goes with ReplicaSet r",
        ),
        (
            "a Service of another name owns it",
            change(
                pod(),
                "/metadata/ownerReferences",
                json!([{"kind": "Service", "name": "other", "uid": "r"}]),
            ),
            world(None),
            Err(""),
            "kept: it goes with Service other",
        ),
        (
            "a controller of its own keeps it",
            change(pod(), "/metadata/labels/vcluster.loft.sh~1controlled-by", json!("v9s-canary")),
            world(runs()),
            Ok(nothing()),
            "kept: v9s-canary looks after it",
        ),
        (
            "made before its object inside, which may come",
            change(
                change(pod(), "/metadata/annotations/v9s.io~1reserved", json!(NOW)),
                "/metadata/creationTimestamp",
                json!(fresh),
            ),
            world(runs()),
            Ok(nothing()),
            "kept: it waits for its object inside",
        ),
        (
            "it claims nothing",
            change(pod(), "/metadata/labels", json!({})),
            world(runs()),
            Ok(nothing()),
            "kept: it claims to belong to no virtual cluster",
        ),
        (
            "in a namespace made for one of the tenant's",
            pod(),
            World {
                satellites: [("team".into(), Place::new("home", "shop"))].into(),
                vclusters: [(Place::new("home", "shop"), Standing::Rests(Rest::Paused(None)))].into(),
                ..world(None)
            },
            Err(""),
            "kept: its virtual cluster is paused",
        ),
    ];
    for (case, object, world, said, expected) in cases {
        assert_eq!(word(&judge(&Resource::PODS, object, &world, said)), expected, "{case}");
    }
}
