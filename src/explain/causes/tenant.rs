//! What is not the pod's but its virtual cluster's: stopped, no syncer, a syncer that lags or is in trouble.

use chrono::TimeDelta;
use smol_str::format_smolstr;

use super::Line;
use super::refused::is_refusal;
use crate::companion::Mode;
use crate::explain::facts::Facts;
use crate::explain::pod::{self, at};
use crate::explain::verdict::{Cause, Evidence};
use crate::target::Rest;
use crate::wire::annotation;

/// What makes everything that the host says be about another pod.
pub(super) const FIRST: &[Line] = &[Line { code: "predecessor", why: predecessor }];

pub(super) const LINES: &[Line] = &[
    Line { code: "vcluster-paused", why: paused },
    Line { code: "syncer-refused", why: refused },
    Line { code: "syncer-waiting", why: waiting },
    Line { code: "syncer-trouble", why: trouble },
    Line { code: "syncer-down", why: down },
    Line { code: "sync-behind", why: behind },
    Line { code: "twin-missing", why: missing },
];

/// How long a pod may be inside alone before somebody is to blame.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);

fn paused(facts: &Facts) -> Option<Cause> {
    let tenant = facts.tenant.as_ref().filter(|_| !pod::is_well(facts))?;
    let name = &tenant.name;
    let (because, fix) = match tenant.rest.as_ref()? {
        Rest::Paused(since) => {
            let since = since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
            (
                format_smolstr!("its virtual cluster {name} is paused{since}"),
                format_smolstr!("resume it: `v9s resume {name}`"),
            )
        }
        Rest::Asleep => (
            format_smolstr!("its virtual cluster {name} is asleep"),
            "wake it in the platform that put it to sleep".into(),
        ),
        Rest::Restoring => (
            format_smolstr!(
                "its virtual cluster {name} is stopped while it is restored or its certificates change"
            ),
            "wait until that is done".into(),
        ),
        Rest::ScaledDown => (
            format_smolstr!("the control plane of its virtual cluster {name} was scaled to nothing"),
            format_smolstr!("resume it: `v9s resume {name}`"),
        ),
    };
    let evidence = Evidence {
        at: Some(facts.now),
        source: tenant.plane.name.clone(),
        says: format_smolstr!("{} of {} replicas ready", tenant.plane.ready, tenant.plane.wanted),
    };
    Some(Cause::certain(because).seen(evidence).fix(fix))
}

/// What the syncer of v9s does not even try.
fn refused(facts: &Facts) -> Option<Cause> {
    facts.twin_is_missing().then_some(())?;
    let told = facts.told(&["SyncWarning"])?;
    Some(
        Cause::certain(format_smolstr!("its syncer does not put it on the host: {}", told.event.message))
            .seen(told.evidence())
            .fix("change the pod, or the vcluster.yaml of its virtual cluster (`v9s edit`) so that this is synced"),
    )
}

fn predecessor(facts: &Facts) -> Option<Cause> {
    let (inside, host) = (facts.virtual_pod()?, facts.host_pod()?);
    let of = host.metadata.annotations.as_ref()?.get(annotation::OBJECT_UID)?;
    let uid = inside.metadata.uid.as_deref()?;
    if of == uid {
        return None;
    }
    let source = format_smolstr!("annotation {}", annotation::OBJECT_UID);
    let cause =
        Cause::certain("the host still has the pod of a predecessor of the same name").seen(Evidence {
            at: at(host.metadata.deletion_timestamp.as_ref()),
            source,
            says: format_smolstr!("the host's pod was made for {of}, the tenant's is {uid}"),
        });
    Some(if pod::is_going(host) {
        cause.fix("wait until the predecessor has ended")
    } else {
        cause.fix("look whether its syncer runs: it takes the predecessor away")
    })
}

/// What the syncer says that it waits for; a refusal by the host has causes of its own.
fn waiting(facts: &Facts) -> Option<Cause> {
    facts.twin_is_missing().then_some(())?;
    if facts.drift().is_none() {
        return waiting_with_others(facts);
    }
    let drift = facts.drift().filter(|drift| !is_refusal(&drift.why))?;
    let status = facts.companion()?;
    Some(
        Cause::certain(format_smolstr!("its syncer waits: {}", drift.why))
            .seen(Evidence {
                at: Some(drift.since),
                source: "status of the companion".into(),
                says: drift.why.clone(),
            })
            .seen(Evidence {
                at: status.time,
                source: "status of the companion".into(),
                says: format_smolstr!("{} in the queue", status.queued),
            })
            .fix("see to what it waits for"),
    )
}

/// What it says of its pods as a whole, before it names this one.
fn waiting_with_others(facts: &Facts) -> Option<Cause> {
    let status = facts.companion().filter(|_| is_late(facts) && facts.companion_silence().is_none())?;
    let waits = status.pending.get("pods").is_some_and(|count| *count > 0);
    let reason = status.reasons.iter().find(|why| !is_refusal(why));
    let reason = reason.filter(|_| waits)?;
    Some(
        Cause::likely(format_smolstr!("its syncer waits: {reason}"))
            .seen(Evidence {
                at: status.time,
                source: "status of the companion".into(),
                says: reason.clone(),
            })
            .fix("see to what it waits for"),
    )
}

fn trouble(facts: &Facts) -> Option<Cause> {
    facts.twin_is_missing().then_some(())?;
    let status = facts.companion().filter(|_| facts.companion_silence().is_none())?;
    let trouble = status.trouble.as_ref()?;
    Some(
        Cause::likely(format_smolstr!("its syncer is in trouble: {trouble}"))
            .seen(Evidence {
                at: status.time,
                source: "status of the companion".into(),
                says: trouble.clone(),
            })
            .fix("see to that first; everything else of this virtual cluster waits as well"),
    )
}

/// Whether the two sides show that nobody mirrors: none on the host after some time.
fn is_late(facts: &Facts) -> bool {
    let created = facts.virtual_pod().and_then(|pod| at(pod.metadata.creation_timestamp.as_ref()));
    facts.twin_is_missing()
        && created.is_some_and(|created| facts.now.signed_duration_since(created) > PATIENCE)
}

fn down(facts: &Facts) -> Option<Cause> {
    let tenant = facts.tenant.as_ref().filter(|_| is_late(facts))?;
    if tenant.rest.is_some() || facts.told(&["SyncError", "SyncWarning", "Forbidden"]).is_some() {
        return None;
    }
    let plane = &tenant.plane;
    let mut evidence = Vec::new();
    if plane.ready < plane.wanted || plane.wanted == 0 {
        evidence.push(Evidence {
            at: Some(facts.now),
            source: plane.name.clone(),
            says: format_smolstr!("{} of {} replicas ready", plane.ready, plane.wanted),
        });
    }
    if let (Some(silence), Some(status)) = (facts.companion_silence(), facts.companion()) {
        evidence.push(Evidence {
            at: status.time,
            source: "status of the companion".into(),
            says: format_smolstr!(
                "the last one is {} s old; every 30 s there should be one",
                silence.num_seconds()
            ),
        });
    }
    if evidence.is_empty() {
        return None;
    }
    let name = &tenant.name;
    let cause = Cause {
        evidence,
        ..Cause::likely(format_smolstr!("its syncer does not run, so nothing puts it on the host"))
    };
    Some(
        cause
            .fix(format_smolstr!("look why the control plane of {name} is not ready: `v9s explain {name}`"))
            .fix(format_smolstr!("restart it: `v9s restart {name}`")),
    )
}

/// It is fine on the host, and the tenant has not been told.
fn behind(facts: &Facts) -> Option<Cause> {
    let (inside, host) = (facts.virtual_pod()?, facts.host_pod()?);
    let is_ready = |pod| pod::condition(pod, "Ready").is_some_and(|ready| ready.status == "True");
    if !is_ready(host) || is_ready(inside) || pod::is_going(host) || pod::is_going(inside) {
        return None;
    }
    let ready = pod::condition(host, "Ready")?;
    let since = at(ready.last_transition_time.as_ref());
    if since.is_some_and(|since| facts.now.signed_duration_since(since) < PATIENCE) {
        return None;
    }
    let name = facts.tenant.as_ref().map(|tenant| tenant.name.as_str()).unwrap_or_default();
    let queued = facts.companion().map(|status| Evidence {
        at: status.time,
        source: "status of the companion".into(),
        says: format_smolstr!(
            "{} in the queue, oldest pending {} s",
            status.queued,
            status.oldest_pending_seconds.unwrap_or_default()
        ),
    });
    Some(
        Cause::certain("it runs on the host and is ready there, and its syncer has not told the tenant")
            .seen(Evidence { at: since, source: "condition Ready on the host".into(), says: "True".into() })
            .seen(queued)
            .fix(format_smolstr!(
                "look at the health of the syncer, and restart it when it is stuck: `v9s restart {name}`"
            )),
    )
}

fn missing(facts: &Facts) -> Option<Cause> {
    let tenant = facts.tenant.as_ref().filter(|_| is_late(facts))?;
    if facts.told(&["SyncError", "SyncWarning", "Forbidden"]).is_some() {
        return None;
    }
    let observes = facts.companion().is_some_and(|status| status.mode == Mode::Observe);
    let by = if observes { "its syncer (the companion only observes)" } else { "its syncer" };
    Some(
        Cause::likely(format_smolstr!("{by} has not put it on the host as {}", tenant.host_name))
            .seen(Evidence {
                at: Some(facts.now),
                source: "host".into(),
                says: format_smolstr!("there is no pod {} in {}", tenant.host_name, tenant.namespace),
            })
            .fix(format_smolstr!(
                "look at the logs of the control plane of {}; restart it when it is stuck: `v9s restart {}`",
                tenant.name,
                tenant.name
            )),
    )
}
