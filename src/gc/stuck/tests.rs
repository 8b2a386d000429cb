//! What is stuck says why, and what is done first risks nothing.

use serde_json::{Value, json};

use super::super::claim::{Claim, Raw};
use super::super::world::{Place, Sight, Standing};
use super::*;
use crate::cluster::Resource;

fn world() -> World {
    World {
        now: "2026-11-21T12:00:00Z".parse().unwrap(),
        sight: Sight::All,
        vclusters: Default::default(),
        going: Default::default(),
        satellites: Default::default(),
    }
}

fn going(resource: &Resource, since: &str, finalizers: Value, node: Value) -> Claim {
    let object = json!({"metadata": {"name": "web", "namespace": "team", "uid": "u", "deletionTimestamp": since,
        "finalizers": finalizers, "labels": {"vcluster.loft.sh/managed-by": "shop"}}, "spec": {"nodeName": node}});
    serde_json::from_value::<Raw>(object).unwrap().into_claim(resource)
}

fn on(node: Node) -> Around {
    Around { node, users: Vec::new() }
}

#[test]
fn what_is_going_and_does_not_go_says_why_and_the_safest_fix_comes_first() {
    let old = "2026-11-21T11:00:00Z";
    let pods = &Resource::PODS;
    let claims = &Resource::PERSISTENT_VOLUME_CLAIMS;
    let protected = json!(["kubernetes.io/pvc-protection"]);
    for (case, claim, around, because, first, last_risk) in [
        (
            "its node is gone",
            going(pods, old, json!([]), json!("n1")),
            on(Node::Gone),
            "its node n1 is gone",
            "delete it with a grace period of 0",
            false,
        ),
        (
            "its node is silent",
            going(pods, old, json!([]), json!("n1")),
            on(Node::Silent),
            "does not answer",
            "bring the node n1 back",
            true,
        ),
        (
            "its kubelet hangs",
            going(pods, old, json!([]), json!("n1")),
            on(Node::Ready),
            "the kubelet of n1",
            "look at the events",
            true,
        ),
        (
            "a claim in use",
            going(claims, old, protected.clone(), json!(null)),
            Around {
                node: Node::Unknown,
                users: vec![ObjectRef::namespaced(Resource::PODS, "team", "db-0")],
            },
            "Pod team/db-0 still use it",
            "end the Pod team/db-0",
            true,
        ),
        (
            "a claim that nothing uses",
            going(claims, old, protected, json!(null)),
            on(Node::Unknown),
            "no pod uses the claim",
            "look whether the host's controller manager",
            true,
        ),
        (
            "a volume that is bound",
            going(&Resource::PERSISTENT_VOLUMES, old, json!(["kubernetes.io/pv-protection"]), json!(null)),
            Around {
                node: Node::Unknown,
                users: vec![ObjectRef::namespaced(claims.clone(), "team", "data")],
            },
            "PersistentVolumeClaim team/data is still bound",
            "look what is on it",
            true,
        ),
        (
            "a load balancer",
            going(
                &Resource::SERVICES,
                old,
                json!(["service.kubernetes.io/load-balancer-cleanup"]),
                json!(null),
            ),
            on(Node::Unknown),
            "load balancer",
            "look at the events of the Service",
            true,
        ),
        (
            "a dead controller of a vcluster that is gone",
            going(pods, old, json!(["example.com/hold"]), json!(null)),
            on(Node::Unknown),
            "its virtual cluster is gone",
            "look whether the controller",
            true,
        ),
        (
            "nothing holds it",
            going(&Resource::SECRETS, old, json!([]), json!(null)),
            on(Node::Unknown),
            "nothing on it",
            "look whether the host's controller manager",
            false,
        ),
    ] {
        let stuck = stuck(&claim, &world(), &around, LATE).unwrap();
        assert!(stuck.because.iter().any(|it| it.contains(because)), "{case}: {:?}", stuck.because);
        assert!(stuck.fixes[0].what.starts_with(first), "{case}: {:?}", stuck.fixes);
        assert!(stuck.fixes[0].risk.is_empty(), "{case}: what is done first risks nothing");
        assert_eq!(!stuck.fixes.last().unwrap().risk.is_empty(), last_risk, "{case}");
    }
}

#[test]
fn what_has_time_left_or_is_not_going_is_not_stuck() {
    let soon = going(&Resource::PODS, "2026-11-21T11:59:30Z", json!([]), json!("n1"));
    assert_eq!(stuck(&soon, &world(), &on(Node::Gone), LATE), None);
    let ahead = going(&Resource::PODS, "2026-11-21T13:00:00Z", json!([]), json!("n1"));
    assert_eq!(stuck(&ahead, &world(), &on(Node::Gone), LATE), None);
    let stays = Claim { going: None, ..soon };
    assert_eq!(stuck(&stays, &world(), &on(Node::Gone), LATE), None);
}

#[test]
fn a_dead_controller_is_looked_for_where_its_virtual_cluster_is() {
    let held =
        going(&Resource::CONFIG_MAPS, "2026-11-21T11:00:00Z", json!(["vcluster.loft.sh/sync"]), json!(null));
    let on = |standing| World { vclusters: [(Place::new("team", "shop"), standing)].into(), ..world() };
    for (standing, first) in [
        (Standing::Half("the Service t".into()), "v9s --context prod delete shop -n team"),
        (Standing::Rests(crate::target::Rest::ScaledDown), "v9s --context prod resume shop -n team"),
        (
            Standing::Runs { store: None },
            "kubectl --context prod logs -n team -l app=vcluster,release=shop -c syncer --tail=50",
        ),
    ] {
        let stuck = stuck(&held, &on(standing), &Around::default(), LATE).unwrap();
        assert_eq!(stuck.fixes[0].command_on("prod").as_deref(), Some(first), "{:?}", stuck.because);
    }
}

#[test]
fn what_is_taken_away_by_hand_is_named_and_nothing_else_goes_with_it() {
    let held = going(&Resource::CONFIG_MAPS, "2026-11-21T11:00:00Z", json!(["a.b/c", "d.e/f"]), json!(null));
    let stuck = stuck(&held, &world(), &Around::default(), LATE).unwrap();
    let last: Vec<String> =
        stuck.fixes[stuck.fixes.len() - 2..].iter().filter_map(|it| it.command_on("my host")).collect();
    let patch = |at: usize, name: &str| {
        format!(
            "kubectl --context 'my host' patch configmaps web -n team --type=json -p \
             '[{{\"op\":\"test\",\"path\":\"/metadata/finalizers/{at}\",\"value\":\"{name}\"}},{{\"op\":\"remove\",\"path\":\"/metadata/finalizers/{at}\"}}]'"
        )
    };
    assert_eq!(last, [patch(0, "a.b/c"), patch(1, "d.e/f")]);
}

#[test]
fn a_namespace_that_does_not_go_says_what_is_left_in_it() {
    let since = "2026-11-21T11:00:00Z".parse().unwrap();
    let condition = |kind: &str, message: &str| spaces::Condition {
        r#type: kind.into(),
        status: "True".into(),
        message: message.into(),
    };
    for (case, conditions, because, first) in [
        (
            "an API that is down",
            vec![
                condition("NamespaceDeletionDiscoveryFailure", "metrics.k8s.io/v1beta1: stale"),
                condition("NamespaceContentRemaining", "pods. has 1"),
            ],
            "metrics.k8s.io/v1beta1: stale",
            "bring that API server back",
        ),
        (
            "finalizers",
            vec![
                condition("NamespaceContentRemaining", "configmaps. has 1"),
                condition("NamespaceFinalizersRemaining", "a.b/c in 1 resource instances"),
            ],
            "a.b/c in 1 resource instances",
            "let those who put them there",
        ),
        ("content", vec![condition("NamespaceContentRemaining", "pods. has 1")], "pods. has 1", "look why"),
        (
            "a webhook",
            vec![condition("NamespaceDeletionContentFailure", "denied")],
            "denied",
            "look what refuses",
        ),
        ("nothing is said", Vec::new(), "nothing on it says", "look whether the host's controller manager"),
    ] {
        let stuck = spaces::stuck_space(&"team".into(), since, world().now, &conditions, LATE).unwrap();
        assert!(stuck.because.iter().any(|it| it.contains(because)), "{case}: {:?}", stuck.because);
        assert!(stuck.fixes[0].what.starts_with(first), "{case}: {:?}", stuck.fixes);
    }
    let going = condition("NamespaceContentRemaining", "pods. has 1");
    assert_eq!(
        spaces::stuck_space(&"team".into(), world().now, world().now, &[going], LATE),
        None,
        "it has time left"
    );
}
