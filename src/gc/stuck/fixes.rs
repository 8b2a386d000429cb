//! Who takes away what holds an object, why that may not happen, and what helps. Pure.

use smol_str::{SmolStr, format_smolstr};

use super::super::claim::Claim;
use super::super::world::{Standing, Whose, World};
use super::{Around, Fix, Node};
use crate::cluster::ObjectRef;

/// What a finalizer waits for, and what helps.
pub(super) fn of_finalizer(
    finalizer: &str,
    claim: &Claim,
    world: &World,
    around: &Around,
) -> (SmolStr, Vec<Fix>) {
    let object = &claim.object;
    let describe = command("describe", object);
    match finalizer {
        "kubernetes.io/pvc-protection" => match around.users.as_slice() {
            [] => (
                "pvc-protection: no pod uses the claim, and its controller has not let go".into(),
                vec![controller_manager()],
            ),
            pods => (
                format_smolstr!("pvc-protection: {} still use it", named(pods)),
                pods.iter()
                    .map(|pod| {
                        Fix::safe(format_smolstr!(
                            "end the {pod}, if it may end; the claim goes by itself then"
                        ))
                        .by(command("delete", pod))
                    })
                    .collect(),
            ),
        },
        "kubernetes.io/pv-protection" => match around.users.as_slice() {
            [] => (
                "pv-protection: no claim is bound to it, and its controller has not let go".into(),
                vec![controller_manager()],
            ),
            claims => (
                format_smolstr!("pv-protection: the {} is still bound to it", named(claims)),
                [Fix::safe("look what is on it, and whose that is").by(describe)]
                    .into_iter()
                    .chain(claims.iter().map(|claim| {
                        Fix::safe(format_smolstr!("delete the {claim}; the volume goes by itself then"))
                            .by(command("delete", claim))
                            .at_risk("what is on the volume is lost, unless its reclaim policy is Retain")
                    }))
                    .collect(),
            ),
        },
        "foregroundDeletion" => (
            "foregroundDeletion: what it owns is to go first and has not".into(),
            vec![Fix::safe("look what belongs to it and why that does not go").by(describe)],
        ),
        "orphan" => (
            "orphan: the garbage collector has not yet let go of what it owns".into(),
            vec![controller_manager()],
        ),
        "batch.kubernetes.io/job-tracking" => (
            "job-tracking: the Job controller has not counted the pod yet".into(),
            vec![Fix::safe(
                "look whether the controller manager of the Job runs, inside the virtual cluster or on the host",
            )],
        ),
        other if other.starts_with("service.kubernetes.io/load-balancer-cleanup") => (
            "load-balancer-cleanup: the cloud's controller has not taken its load balancer down".into(),
            vec![
                Fix::safe("look at the events of the Service and whether the cloud controller manager runs")
                    .by(describe),
            ],
        ),
        other if other.starts_with("external-attacher/") || other.starts_with("external-provisioner.") => (
            format_smolstr!("{other}: the storage driver has not let go of the volume"),
            vec![
                Fix::safe("look whether the storage driver's controller runs")
                    .by("kubectl get csidrivers,volumeattachments"),
            ],
        ),
        other => of_controller(other, claim, world),
    }
}

/// A finalizer of somebody's own controller, which may be dead.
fn of_controller(finalizer: &str, claim: &Claim, world: &World) -> (SmolStr, Vec<Fix>) {
    let is_syncers = finalizer.contains("vcluster") || finalizer.starts_with("v9s.io");
    let who = if is_syncers { "its syncer" } else { "the controller that put it there" };
    let look =
        Fix::safe(format_smolstr!("look whether {who} still runs; it takes {finalizer} away when it does"));
    let (state, fix) =
        match world.whose(claim) {
            Whose::Gone(_) => (", and its virtual cluster is gone", look),
            Whose::Of(place, Standing::Half(_)) => (
                ", and the control plane of its virtual cluster is gone",
                Fix::safe(format_smolstr!("finish what was begun: delete {place}, or bring it back"))
                    .by(format_smolstr!("v9s delete {} -n {}", place.name, place.namespace)),
            ),
            Whose::Of(place, Standing::Rests(_)) if is_syncers => (
                ", and its virtual cluster does not run",
                Fix::safe(format_smolstr!("let {place} run; its syncer takes it away then"))
                    .by(format_smolstr!("v9s resume {} -n {}", place.name, place.namespace)),
            ),
            Whose::Of(place, Standing::Runs { .. }) if is_syncers => (
                "",
                look.by(format_smolstr!(
                    "kubectl logs -n {} -l app=vcluster,release={} -c syncer --tail=50",
                    place.namespace,
                    place.name
                )),
            ),
            _ => ("", look),
        };
    (format_smolstr!("{finalizer}: {who} has not taken it away{state}"), vec![fix])
}

/// A pod ends on its node.
pub(super) fn of_pod(claim: &Claim, node: Node, because: &mut Vec<SmolStr>, fixes: &mut Vec<Fix>) {
    let Some(name) = &claim.holds.node else { return };
    let force = || {
        Fix::safe("delete it with a grace period of 0")
            .by(format_smolstr!("{} --grace-period=0 --force", command("delete", &claim.object)))
    };
    match node {
        Node::Gone => {
            because.push(format_smolstr!("its node {name} is gone: nobody is left to say that it has ended"));
            fixes.insert(0, force());
        }
        Node::Silent => {
            because.push(format_smolstr!(
                "its node {name} does not answer: whether it still runs there is not known"
            ));
            let back = format_smolstr!("bring the node {name} back; the pod ends by itself then");
            fixes.insert(0, Fix::safe(back).by(format_smolstr!("kubectl describe node {name}")));
            fixes.push(
                Fix::safe(format_smolstr!("once {name} is known to be switched off: take it out of service"))
                    .by(format_smolstr!(
                        "kubectl taint node {name} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
                    ))
                    .at_risk("a pod that still runs there keeps writing to its volumes beside its successor"),
            );
        }
        Node::Ready if claim.finalizers.is_empty() => {
            because.push(format_smolstr!(
                "the kubelet of {name} has not ended it: a volume or a container does not let go"
            ));
            let look = format_smolstr!("look at the events of the pod and at the kubelet of {name}");
            fixes.push(Fix::safe(look).by(command("describe", &claim.object)));
            fixes.push(force().at_risk("it may still run on the node afterwards, and keep its volumes"));
        }
        Node::Ready | Node::Unknown => {}
    }
}

/// The last resort, and only that: each finalizer by its name, so that no other goes with it.
pub(super) fn take_away(claim: &Claim) -> Vec<Fix> {
    let all = claim.finalizers.iter().enumerate();
    all.map(|(at, finalizer)| {
        let change = serde_json::json!([
            {"op": "test", "path": format!("/metadata/finalizers/{at}"), "value": finalizer},
            {"op": "remove", "path": format!("/metadata/finalizers/{at}")},
        ]);
        Fix::safe(format_smolstr!("when nothing of the above is left to try: take {finalizer} away by hand"))
            .by(format_smolstr!("{} --type=json -p '{change}'", command("patch", &claim.object)))
            .at_risk("what the finalizer was to clean up stays behind, outside of the cluster perhaps")
    })
    .collect()
}

/// The garbage collector and the controllers of volumes are parts of it.
pub(super) fn controller_manager() -> Fix {
    Fix::safe("look whether the host's controller manager runs")
        .by("kubectl get lease -n kube-system kube-controller-manager")
}

/// `kubectl VERB` of an object.
pub(super) fn command(verb: &str, object: &ObjectRef) -> SmolStr {
    let kind = object.resource.spoken();
    match &object.namespace {
        Some(namespace) => format_smolstr!("kubectl {verb} {kind} {} -n {namespace}", object.name),
        None => format_smolstr!("kubectl {verb} {kind} {}", object.name),
    }
}

/// A few of them by name.
fn named(objects: &[ObjectRef]) -> String {
    const NAMED: usize = 3;
    let names: Vec<String> = objects.iter().take(NAMED).map(ToString::to_string).collect();
    match objects.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
