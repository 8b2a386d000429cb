//! Each way in which a proof may lie, and what comes of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::claim::{Claim, Raw};
use super::proof::{Care, Doubt, Kept, Reason, Verdict, proof};
use super::world::{Answer, Asked, Place, Sight, Standing, Store, Twin, World};
use crate::cluster::Resource;
use crate::target::Rest;

const NOW: &str = "2026-11-21T12:00:00Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

/// A pod of `default/web` in `team/shop`, made three hours ago.
fn pod() -> Value {
    json!({"metadata": {
        "name": "web-x-default-x-shop", "namespace": "team", "uid": "h1", "resourceVersion": "7",
        "creationTimestamp": "2026-11-21T09:00:00Z",
        "labels": {"vcluster.loft.sh/managed-by": "shop", "vcluster.loft.sh/namespace": "default"},
        "annotations": {
            "vcluster.loft.sh/object-name": "web", "vcluster.loft.sh/object-namespace": "default",
            "vcluster.loft.sh/object-uid": "v1", "vcluster.loft.sh/object-kind": "/v1, Kind=Pod",
            "vcluster.loft.sh/object-host-name": "web-x-default-x-shop",
            "vcluster.loft.sh/object-host-namespace": "team"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "shop", "uid": "s"}]}})
}

fn change(mut object: Value, path: &str, value: Value) -> Value {
    let at = object.pointer_mut(path);
    match at {
        Some(at) => *at = value,
        None => {
            let (parent, key) = path.rsplit_once('/').unwrap();
            let key = key.replace("~1", "/");
            object.pointer_mut(parent).unwrap()[key] = value;
        }
    }
    object
}

fn without(mut object: Value, parent: &str, key: &str) -> Value {
    object.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    object
}

fn claim(resource: &Resource, object: Value) -> Claim {
    serde_json::from_value::<Raw>(object).unwrap().into_claim(resource)
}

fn world(standing: Option<Standing>) -> World {
    let vclusters = standing.map(|standing| (Place::new("team", "shop"), standing));
    World {
        now: now(),
        sight: Sight::All,
        vclusters: vclusters.into_iter().collect(),
        going: BTreeMap::new(),
        satellites: BTreeMap::new(),
    }
}

fn runs() -> Option<Standing> {
    Some(Standing::Runs { store: Some("k".into()) })
}

/// A second after the host was read.
struct Said {
    after: i64,
    store: Store,
    twin: Option<(&'static str, &'static str)>,
    bears: bool,
}

fn nothing() -> Said {
    Said { after: 1, store: Store::Known, twin: None, bears: false }
}

struct Clock {
    seen: Instant,
    now: Instant,
}

fn clock() -> Clock {
    let seen = Instant::now() + Duration::from_secs(3600);
    Clock { seen, now: seen + Duration::from_secs(2) }
}

fn judge(resource: &Resource, object: Value, world: &World, said: Result<Said, &'static str>) -> Verdict {
    let clock = clock();
    let asked = match said {
        Err(why) => Asked::Not(why.into()),
        Ok(said) => {
            let ago = Duration::from_secs(said.after.unsigned_abs());
            let asked = if said.after < 0 { clock.seen - ago } else { clock.seen + ago };
            let twin =
                said.twin.map(|(uid, at)| Twin { uid: uid.into(), created: Some(at.parse().unwrap()) });
            Asked::Answered(Answer { asked, at: now(), store: said.store, twin, bears: said.bears })
        }
    };
    proof(&claim(resource, object), clock.seen, clock.now, world, &asked, Care::default())
}

/// The verdict in a word or two.
fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Orphan { reason, .. } => format!("orphan {} {}", reason.letter(), reason.code()),
        Verdict::Suspect { doubt, .. } => format!("suspect {}", doubt.code()),
        Verdict::Kept(kept) => format!("kept: {kept}"),
        Verdict::Unknown(why) => format!("unknown: {why}"),
    }
}

#[test]
fn what_is_proven_is_an_orphan_and_each_lie_is_not() {
    let old = "2026-11-21T08:00:00Z";
    let fresh = "2026-11-21T11:59:00Z";
    let annotation = |key: &str| format!("/metadata/annotations/vcluster.loft.sh~1{key}");
    let cases: Vec<(&str, Value, World, Result<Said, &'static str>, &str)> = vec![
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

#[test]
fn kinds_that_take_over_what_a_predecessor_had_are_kept() {
    let service =
        change(pod(), "/metadata/annotations/vcluster.loft.sh~1object-kind", json!("/v1, Kind=Service"));
    let said = || Ok(Said { twin: Some(("v2", "2026-11-21T08:00:00Z")), ..nothing() });
    let verdict = judge(&Resource::SERVICES, service.clone(), &world(runs()), said());
    assert_eq!(verdict, Verdict::Kept(Kept::Adopted));
    assert_eq!(
        word(&judge(&Resource::SERVICES, service, &world(runs()), Ok(nothing()))),
        "orphan b origin-gone"
    );
}

/// A PriorityClass `high` of `NAMESPACE/NAME`.
fn class(name: &str, marker: &str) -> Value {
    json!({"metadata": {"name": name, "uid": "h1", "resourceVersion": "7", "creationTimestamp": "2026-11-21T09:00:00Z",
        "labels": {"vcluster.loft.sh/managed-by": marker},
        "annotations": {"vcluster.loft.sh/object-name": "high", "vcluster.loft.sh/object-uid": "v1"}}})
}

#[test]
fn cluster_scoped_objects_are_told_by_marker_and_name_together() {
    let kind = &Resource::PRIORITY_CLASSES;
    let of = |standing| world(standing);
    for (case, object, world, said, expected) in [
        (
            "its vcluster is gone",
            class("vcluster-high-x-team-x-shop", "team-x-shop"),
            of(None),
            Err(""),
            "orphan a vcluster-gone",
        ),
        (
            "its origin is gone",
            class("vcluster-high-x-team-x-shop", "team-x-shop"),
            of(runs()),
            Ok(nothing()),
            "orphan b origin-gone",
        ),
        ("it bears the name of none", class("mine", "team-x-shop"), of(None), Err(""), "suspect copy"),
        (
            "the marker may mean one that is there",
            class("vcluster-high-x-team-x-shop", "team-x-shop"),
            World {
                vclusters: [(Place::new("team", "shop"), Standing::Half("the Secret vc-config-shop".into()))]
                    .into(),
                ..of(None)
            },
            Err(""),
            "suspect half-deleted",
        ),
        (
            "the marker is a digest of nothing we know",
            class("vcluster-high-x-team-x-shop", "nothing"),
            of(None),
            Err(""),
            "unknown: nothing names no virtual cluster that can be looked for",
        ),
        (
            "some namespaces were not looked at",
            class("vcluster-high-x-team-x-shop", "team-x-shop"),
            World { sight: Sight::Namespaces(vec!["other".into()]), ..of(None) },
            Err(""),
            "unknown: not all namespaces were looked at",
        ),
    ] {
        assert_eq!(word(&judge(kind, object, &world, said)), expected, "{case}");
    }
    // A name in which the joint itself appears can be read in two ways; if either is there, it is that one's.
    let two = class("vcluster-high-x-a-x-b-x-c", "a-x-b-x-c");
    for place in [Place::new("a", "b-x-c"), Place::new("a-x-b", "c")] {
        let there = World { vclusters: [(place, Standing::Rests(Rest::Asleep))].into(), ..of(None) };
        assert_eq!(
            judge(kind, two.clone(), &there, Err("")),
            Verdict::Kept(Kept::Rests("its virtual cluster sleeps".into()))
        );
    }
}

#[test]
fn what_was_made_for_a_vcluster_is_residue_only_when_all_that_made_it_is_gone() {
    let claim_of_data = || {
        json!({"metadata": {"name": "data-shop-2", "namespace": "team", "uid": "h1",
        "creationTimestamp": "2026-11-21T09:00:00Z", "labels": {"app": "vcluster", "release": "shop"}},
        "spec": {"resources": {"requests": {"storage": "5Gi"}}}})
    };
    let kind = &Resource::PERSISTENT_VOLUME_CLAIMS;
    for (standing, expected) in [
        (None, "orphan a vcluster-gone"),
        (runs(), "kept: it is part of the virtual cluster"),
        (Some(Standing::Half("the Service".into())), "suspect half-deleted"),
        (Some(Standing::Rests(Rest::Paused(None))), "kept: its virtual cluster is paused"),
    ] {
        assert_eq!(word(&judge(kind, claim_of_data(), &world(standing), Ok(nothing()))), expected);
    }
    // Somebody else's chart of the same release name.
    let others = change(claim_of_data(), "/metadata/labels/app", json!("grafana"));
    assert_eq!(judge(kind, others, &world(None), Err("")), Verdict::Kept(Kept::Unclaimed));
}

#[test]
fn an_orphan_says_what_proves_it() {
    let verdict = judge(&Resource::PODS, pod(), &world(runs()), Ok(nothing()));
    let Verdict::Orphan { reason: Reason::OriginGone, evidence } = verdict else { panic!("{verdict:?}") };
    assert_eq!(evidence.says, "default/web is not found inside");
    assert_eq!(evidence.answered, Some(now()));
    assert_eq!(evidence.place, Some(Place::new("team", "shop")));
    let verdict =
        judge(&Resource::PODS, pod(), &world(Some(Standing::Half("the Service shop".into()))), Err(""));
    let Verdict::Suspect { doubt: doubt @ Doubt::HalfDeleted(_), .. } = verdict else {
        panic!("{verdict:?}")
    };
    assert!(doubt.to_string().contains("the Service shop is left"));
}

/// Whatever is said and however: with the origin there by UID nothing is ever an orphan.
mod law {
    use proptest::prelude::*;

    use super::*;

    fn standing() -> impl Strategy<Value = Option<Standing>> {
        prop::sample::select(vec![
            None,
            runs(),
            Some(Standing::Runs { store: None }),
            Some(Standing::Going),
            Some(Standing::Half("the Service".into())),
            Some(Standing::Rests(Rest::Restoring)),
            Some(Standing::Rests(Rest::Paused(None))),
        ])
    }

    proptest! {
        #[test]
        fn nothing_whose_origin_is_there_is_an_orphan(
            standing in standing().prop_filter("a vcluster that is not there has no origins", Option::is_some),
            drop in prop::collection::vec(prop::sample::select(vec!["object-name", "object-namespace", "object-uid",
                "object-kind", "object-host-name", "object-host-namespace"]), 0..4),
            renamed in any::<bool>(), bears in any::<bool>(), after in -700i64..700, store in 0usize..3, minutes in -600i64..600,
        ) {
            let mut object = pod();
            for key in drop {
                object = without(object, "/metadata/annotations", &format!("vcluster.loft.sh/{key}"));
            }
            if renamed {
                object = change(object, "/metadata/name", json!("renamed"));
            }
            object = change(object, "/metadata/creationTimestamp", json!((now() - TimeDelta::minutes(minutes)).to_rfc3339()));
            let store = match store {
                0 => Store::Known,
                1 => Store::Witnessed(2),
                _ => Store::Replaced { remembered: "k".into(), found: "x".into() },
            };
            let said = Said { after, store, twin: Some(("v1", "2026-11-21T08:00:00Z")), bears };
            let verdict = judge(&Resource::PODS, object, &world(standing), Ok(said));
            prop_assert!(!matches!(verdict, Verdict::Orphan { .. }), "{verdict:?}");
        }
    }
}
