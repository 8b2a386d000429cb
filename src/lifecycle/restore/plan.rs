//! Whether it can be restored, and what that comes to, before anything is done.

use smol_str::SmolStr;

use super::adopting::FROM;
use super::look::Found;
use super::mark::Mark;
use super::place::{Image, Place};
use crate::lifecycle::adopt::Adoption;
use crate::lifecycle::refusal::{kubectl_patch, unless_reconciled};
use crate::lifecycle::{Decision, Refusal};
use crate::store::keeper::Kept;
use crate::target::{Rest, Target};

/// What a restore takes.
#[derive(Debug, Clone, PartialEq)]
pub struct RestorePlan {
    pub(super) place: Place,
    pub(super) image: Image,
    /// What an unfinished restore has left: that is undone first.
    pub(super) left: Option<Mark>,
    /// What is done, a line each.
    pub lines: Vec<String>,
}

/// Whether its store can be replaced. `from` is the backup in words, and `safe` where the state of now goes.
pub fn plan(
    target: &Target,
    found: Found,
    from: &str,
    safe: Option<&str>,
    anyway: bool,
) -> Decision<RestorePlan> {
    match planned(target, found, from, safe, anyway) {
        Ok(plan) => Decision::Do(plan),
        Err(refusal) => Decision::Refused(refusal),
    }
}

/// Whether its store can be replaced by one that is made of what the host carries.
pub fn plan_adopt(
    target: &Target,
    found: Found,
    adoption: &Adoption,
    safe: Option<&str>,
    anyway: bool,
) -> Decision<RestorePlan> {
    if found.answers && !anyway {
        let why = format!(
            "its store answers, and adopting throws away what is in it: `v9s backup {0} -n {1}` and `v9s restore {0} -n {1} --from` keep more. Say --anyway where what it answers is of no use",
            target.name, target.namespace
        );
        return Decision::Refused(Refusal::Elsewhere { why, instead: Vec::new() });
    }
    let planned = planned(target, found, FROM, safe, anyway);
    match planned {
        Ok(plan) => Decision::Do(RestorePlan { lines: adopting(plan.lines, adoption), ..plan }),
        Err(refusal) => Decision::Refused(refusal),
    }
}

/// The lines of a restore, of which the first and the last are others.
fn adopting(lines: Vec<String>, adoption: &Adoption) -> Vec<String> {
    let counts: Vec<String> =
        adoption.counts().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let read = format!("read {FROM} to its end");
    let mut lines: Vec<String> = lines
        .into_iter()
        .filter(|line| !line.starts_with("what the tenant changed"))
        .map(|line| {
            if line.starts_with(&read) {
                format!("make a store of {FROM}, on this machine: {}", counts.join(", "))
            } else if line.starts_with("start it") {
                "start it and see that all is there; if not, put the old store back".to_owned()
            } else {
                line
            }
        })
        .collect();
    lines.push(
        "keep the old store on its volume, in .v9s-restore, until the next restore succeeds".to_owned(),
    );
    lines.push("pods on the host run on, with the UIDs that they have inside and outside".to_owned());
    lines.extend(outside(&adoption.led_outside));
    lines
}

/// What is told of Services without a selector.
fn outside(services: &[SmolStr]) -> Option<String> {
    (!services.is_empty()).then(|| {
        format!(
            "leave the Endpoints and EndpointSlices of {} on the host, as these have no selector: inside they lead nowhere until they are applied again",
            services.join(", ")
        )
    })
}

fn planned(
    target: &Target,
    found: Found,
    from: &str,
    safe: Option<&str>,
    anyway: bool,
) -> Result<RestorePlan, Refusal> {
    let Found { place, image, mark, not_allowed, .. } = found;
    if target.control_plane().is_some() && !target.is_ours() {
        return Err(not_ours(target));
    }
    let place = place?;
    if let Some(refusal) = target.rest().and_then(|rest| resting(target, &rest, mark.is_some())) {
        return Err(refusal);
    }
    let stop = serde_json::json!({"spec": {"replicas": 0}});
    let change = kubectl_patch(target, &place.part.kind.resource().plural, &place.part.name, &stop);
    if let Some(refusal) = unless_reconciled(target, anyway, &change) {
        return Err(refusal);
    }
    let elsewhere = |why: String| Refusal::Elsewhere { why, instead: Vec::new() };
    if !not_allowed.is_empty() {
        let named: Vec<String> = not_allowed.iter().map(ToString::to_string).collect();
        return Err(elsewhere(format!("you may not {}", named.join(", nor "))));
    }
    let Some(image) = image else {
        let why = "its control plane runs no companion, whose image the pod that holds the volume is made of";
        return Err(elsewhere(why.to_owned()));
    };
    if place.members.is_empty() {
        return Err(elsewhere(format!("{} has no pods that could hold a store", place.part.object())));
    }
    let lines = lines(target, &place, mark.as_ref(), from, safe);
    Ok(RestorePlan { place, image, left: mark, lines })
}

fn not_ours(target: &Target) -> Refusal {
    let Target { host, namespace, name, .. } = target;
    Refusal::Elsewhere {
        why: "it was not made by v9s: its own program restores it from its own snapshots. A backup of it can be restored into a new virtual cluster (--into NAME)".to_owned(),
        instead: vec![format!("vcluster restore {name} URL --context {host} -n {namespace}")],
    }
}

fn resting(target: &Target, rest: &Rest, marked: bool) -> Option<Refusal> {
    let resume = || {
        format!("`v9s resume {} -n {}` first: what is restored is seen to run", target.name, target.namespace)
    };
    let refused = |how, instead| Some(Refusal::Rests { how, instead });
    match rest {
        // By us, or on the way to it.
        Rest::Restoring if marked => None,
        Rest::ScaledDown if marked => None,
        Rest::Restoring => refused(
            "it is being restored by another program, or its certificates are rotated",
            "wait until that has ended".to_owned(),
        ),
        Rest::Paused(_) => refused("it is paused", resume()),
        Rest::ScaledDown => refused("it is scaled to nothing", resume()),
        Rest::Asleep => refused("it sleeps", "wake it where it was put to sleep, then restore it".to_owned()),
    }
}

fn lines(target: &Target, place: &Place, left: Option<&Mark>, from: &str, safe: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(mark) = left {
        lines.push(format!(
            "undo the restore from {} that {} began at {} and that was not finished",
            mark.from,
            mark.who,
            mark.began.format("%Y-%m-%d %H:%M:%S UTC")
        ));
    }
    lines.push(format!("read {from} to its end and make a store of it on this machine"));
    lines.push(match safe {
        Some(place) => format!("save the state of now to {place}"),
        None => "save the state of now nowhere; the old store stays on its volume".to_owned(),
    });
    let parts: Vec<String> = target.parts.iter().map(|part| part.object().to_string()).collect();
    lines.push(format!("stop {}; what runs on the host for its tenant runs on", parts.join(" and ")));
    let claims: Vec<&SmolStr> = place.members.iter().map(|member| &member.claim).collect();
    let claims = claims.into_iter().map(SmolStr::as_str).collect::<Vec<_>>().join(", ");
    let what = match place.kept {
        Kept::Sqlite => "a new SQLite file",
        Kept::Etcd => "a new member of etcd each",
    };
    lines.push(format!("put {what} in the place of the old one on {claims}, by a pod that holds the volume"));
    lines.push(
        "start it, see that all is there, and only then let go of the old store; if not, put it back"
            .to_owned(),
    );
    lines.push(
        "what the tenant changed after the backup is gone inside; the data of volumes stay as they are now"
            .to_owned(),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::restore::place::{image, place, tests::sqlite};
    use crate::lifecycle::tests::{alone, paused, plane};
    use crate::target::Part;

    fn found(mark: Option<Mark>) -> Found {
        let place = place(&plane(1), 1, sqlite());
        Found { place, image: image(&sqlite()), mark, not_allowed: Vec::new(), answers: false }
    }

    fn mark() -> Mark {
        let began = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        Mark::new(&alone(vec![plane(1)]), "/b/x".into(), "ada".into(), began).unwrap()
    }

    fn decided(target: &Target, found: Found) -> Result<Vec<String>, String> {
        match plan(target, found, "/b/y", Some("/safe"), false) {
            Decision::Do(plan) => Ok(plan.lines),
            Decision::Refused(refusal) => Err(refusal.to_string()),
            Decision::Nothing(why) => Err(why),
        }
    }

    #[test]
    fn a_plan_says_what_stops_and_what_is_lost() {
        insta::assert_snapshot!(decided(&alone(vec![plane(1)]), found(None)).unwrap().join("\n"));
    }

    #[test]
    fn a_store_that_answers_is_not_given_up_without_a_word() {
        let adopt = |answers, anyway| {
            let found = Found { answers, ..found(None) };
            match plan_adopt(&alone(vec![plane(1)]), found, &Adoption::default(), None, anyway) {
                Decision::Do(plan) => Ok(plan.lines),
                Decision::Refused(refusal) => Err(refusal.to_string()),
                Decision::Nothing(why) => Err(why),
            }
        };
        assert!(adopt(true, false).unwrap_err().contains("its store answers"));
        assert!(adopt(true, true).is_ok());
        insta::assert_snapshot!(adopt(false, false).unwrap().join("\n"));
    }

    #[test]
    fn services_whose_endpoints_stay_outside_are_named() {
        assert_eq!(outside(&[]), None);
        let line = outside(&["web/a".into(), "web/b".into()]).unwrap();
        assert!(line.contains("EndpointSlices of web/a, web/b on the host"), "{line}");
    }

    #[test]
    fn what_a_killed_run_has_left_is_undone_first() {
        let stopped = Part { restoring: true, replicas: 0, ..plane(1) };
        let lines = decided(&alone(vec![stopped.clone()]), found(Some(mark()))).unwrap();
        assert!(lines[0].contains("undo the restore from /b/x that ada began at 2026-09-21"), "{}", lines[0]);
        let refused = decided(&alone(vec![stopped]), found(None)).unwrap_err();
        assert!(refused.contains("another program"), "{refused}");
    }

    #[test]
    fn what_cannot_be_seen_to_run_afterwards_is_refused() {
        for (target, says) in [
            (alone(vec![paused(plane(1))]), "v9s resume shop -n team"),
            (alone(vec![Part { replicas: 0, ..plane(1) }]), "scaled to nothing"),
            (alone(vec![Part { asleep: true, ..plane(1) }]), "wake it"),
            (alone(vec![Part { heritage: "Helm".into(), ..plane(1) }]), "not made by v9s"),
        ] {
            let refused = decided(&target, found(None)).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
        let denied = crate::cluster::access::Asked {
            verb: "create",
            resource: crate::cluster::Resource::PODS,
            namespace: Some("team".into()),
        };
        let found = Found { not_allowed: vec![denied], ..found(None) };
        let refused = decided(&alone(vec![plane(1)]), found).unwrap_err();
        assert!(refused.contains("you may not create pods in team"), "{refused}");
    }
}
