//! Kinds that differ from pods.

use super::*;

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
