//! Objects that are going and do not go: what holds them, and what can be done about it, safest first. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use super::claim::Claim;
use super::world::{Standing, Whose, World};
use crate::cluster::ObjectRef;

/// How much longer than its grace period something may take before it counts as stuck.
const MARGIN: Duration = Duration::from_secs(60);

/// An object that is going and does not go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Which.
    pub object: ObjectRef,
    /// Since when it should be gone.
    pub since: DateTime<Utc>,
    /// What holds it, in sentences.
    pub because: Vec<SmolStr>,
    /// What to do, the safest first.
    pub fixes: Vec<Fix>,
}

/// Something that may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What to do.
    pub what: SmolStr,
    /// What it risks; empty when nothing.
    pub risk: &'static str,
}

/// Whether a node is there and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    /// It is.
    Ready,
    /// It is there and does not answer.
    Silent,
    /// It is not there any more.
    Gone,
    /// Nobody could say.
    Unknown,
}

/// Why an object that is going is still there. None while it has time left, or is not going.
pub fn stuck(claim: &Claim, world: &World, node: Node) -> Option<Stuck> {
    let going = claim.going?;
    // A deletion's timestamp is the end of its grace period.
    let margin = TimeDelta::from_std(MARGIN).unwrap_or_default();
    if world.now.signed_duration_since(going) < margin {
        return None;
    }
    let mut because = Vec::new();
    let mut fixes = Vec::new();
    for finalizer in &claim.finalizers {
        let (holds, fix) = of_finalizer(finalizer, claim, world);
        because.push(holds);
        fixes.extend(fix);
    }
    if claim.object.resource.kind == "Pod" {
        of_pod(claim, node, &mut because, &mut fixes);
    }
    if because.is_empty() {
        because.push(
            "nothing on it says what holds it: the API server or its garbage collector is behind".into(),
        );
        fixes.push(Fix { what: "look whether the host's controller manager runs".into(), risk: "" });
    }
    if !claim.finalizers.is_empty() {
        fixes.push(Fix {
            what: format_smolstr!(
                "when nothing of the above is left to try: take {} away by hand",
                claim.finalizers.join(", ")
            ),
            risk: "what the finalizer was to clean up stays behind, outside of the cluster perhaps",
        });
    }
    Some(Stuck { object: claim.object.clone(), since: going, because, fixes })
}

/// Who takes a finalizer away, and why that may not happen.
fn of_finalizer(finalizer: &str, claim: &Claim, world: &World) -> (SmolStr, Option<Fix>) {
    let safe = |what: SmolStr| Some(Fix { what, risk: "" });
    match finalizer {
        "kubernetes.io/pvc-protection" => (
            "pvc-protection: a pod still uses the claim".into(),
            safe("end the pods that use the claim; it goes by itself then".into()),
        ),
        "kubernetes.io/pv-protection" => (
            "pv-protection: a claim is still bound to the volume".into(),
            safe("delete the claim that is bound to it; it goes by itself then".into()),
        ),
        "foregroundDeletion" => (
            "foregroundDeletion: what it owns is to go first and has not".into(),
            safe("look what belongs to it and why that does not go".into()),
        ),
        "orphan" => (
            "orphan: the garbage collector has not yet let go of what it owns".into(),
            safe("look whether the host's controller manager runs".into()),
        ),
        "batch.kubernetes.io/job-tracking" => (
            "job-tracking: the Job controller has not counted the pod yet".into(),
            safe("look whether the controller manager of the Job runs, inside the virtual cluster or on the host".into()),
        ),
        other if other.starts_with("service.kubernetes.io/load-balancer-cleanup") => (
            "load-balancer-cleanup: the cloud's controller has not taken its load balancer down".into(),
            safe("look at the events of the Service and whether the cloud controller manager runs".into()),
        ),
        other if other.starts_with("external-attacher/") || other.starts_with("external-provisioner.") => (
            format_smolstr!("{other}: the storage driver has not let go of the volume"),
            safe("look whether the storage driver's controller runs".into()),
        ),
        other => {
            let gone = matches!(world.whose(claim), Whose::Gone(_) | Whose::Of(_, Standing::Half(_)));
            let who = if other.contains("vcluster") || other.starts_with("v9s.io") { "its syncer" } else { "the controller that put it there" };
            let state = if gone { ", and its virtual cluster is gone" } else { "" };
            (
                format_smolstr!("{other}: {who} has not taken it away{state}"),
                safe(format_smolstr!("look whether {who} still runs; it takes {other} away when it does")),
            )
        }
    }
}

fn of_pod(claim: &Claim, node: Node, because: &mut Vec<SmolStr>, fixes: &mut Vec<Fix>) {
    let Some(name) = &claim.holds.node else { return };
    match node {
        Node::Gone => {
            because.push(format_smolstr!("its node {name} is gone: nobody is left to say that it has ended"));
            fixes.insert(0, Fix { what: "delete it with a grace period of 0".into(), risk: "" });
        }
        Node::Silent => {
            because.push(format_smolstr!(
                "its node {name} does not answer: whether it still runs there is not known"
            ));
            fixes.insert(
                0,
                Fix {
                    what: format_smolstr!("bring the node {name} back; the pod ends by itself then"),
                    risk: "",
                },
            );
            fixes.push(Fix {
                what: format_smolstr!("take the node {name} out of service (taint node.kubernetes.io/out-of-service), or delete it if it is switched off"),
                risk: "a pod that still runs there keeps writing to its volumes beside its successor",
            });
        }
        Node::Ready if claim.finalizers.is_empty() => {
            because.push(format_smolstr!(
                "the kubelet of {name} has not ended it: a volume or a container does not let go"
            ));
            fixes.push(Fix {
                what: format_smolstr!("look at the events of the pod and at the kubelet of {name}"),
                risk: "",
            });
            fixes.push(Fix {
                what: "delete it with a grace period of 0".into(),
                risk: "it may still run on the node afterwards, and keep its volumes",
            });
        }
        Node::Ready | Node::Unknown => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::claim::Raw;
    use super::super::world::Sight;
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

    #[test]
    fn what_is_going_and_does_not_go_says_why_and_the_safest_fix_comes_first() {
        let old = "2026-11-21T11:00:00Z";
        let pods = &Resource::PODS;
        for (case, claim, node, because, first, last_risk) in [
            (
                "its node is gone",
                going(pods, old, json!([]), json!("n1")),
                Node::Gone,
                "its node n1 is gone",
                "delete it with a grace period of 0",
                false,
            ),
            (
                "its node is silent",
                going(pods, old, json!([]), json!("n1")),
                Node::Silent,
                "does not answer",
                "bring the node n1 back",
                true,
            ),
            (
                "its kubelet hangs",
                going(pods, old, json!([]), json!("n1")),
                Node::Ready,
                "the kubelet of n1",
                "look at the events",
                true,
            ),
            (
                "a claim in use",
                going(
                    &Resource::PERSISTENT_VOLUME_CLAIMS,
                    old,
                    json!(["kubernetes.io/pvc-protection"]),
                    json!(null),
                ),
                Node::Unknown,
                "a pod still uses the claim",
                "end the pods",
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
                Node::Unknown,
                "load balancer",
                "look at the events of the Service",
                true,
            ),
            (
                "a dead controller of a vcluster that is gone",
                going(pods, old, json!(["example.com/hold"]), json!(null)),
                Node::Unknown,
                "its virtual cluster is gone",
                "look whether the controller",
                true,
            ),
            (
                "nothing holds it",
                going(&Resource::SECRETS, old, json!([]), json!(null)),
                Node::Unknown,
                "nothing on it",
                "look whether the host's controller manager",
                false,
            ),
        ] {
            let stuck = stuck(&claim, &world(), node).unwrap();
            assert!(stuck.because.iter().any(|it| it.contains(because)), "{case}: {:?}", stuck.because);
            assert!(stuck.fixes[0].what.starts_with(first), "{case}: {:?}", stuck.fixes);
            assert!(stuck.fixes[0].risk.is_empty(), "{case}: what is done first risks nothing");
            assert_eq!(!stuck.fixes.last().unwrap().risk.is_empty(), last_risk, "{case}");
        }
    }

    #[test]
    fn what_has_time_left_or_is_not_going_is_not_stuck() {
        let soon = going(&Resource::PODS, "2026-11-21T11:59:30Z", json!([]), json!("n1"));
        assert_eq!(stuck(&soon, &world(), Node::Gone), None);
        let ahead = going(&Resource::PODS, "2026-11-21T13:00:00Z", json!([]), json!("n1"));
        assert_eq!(stuck(&ahead, &world(), Node::Gone), None);
        let stays = Claim { going: None, ..soon };
        assert_eq!(stuck(&stays, &world(), Node::Gone), None);
    }
}
