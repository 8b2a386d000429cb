//! What an API server does not accept: quotas, ranges, policies, webhooks, rights.
//!
//! A tenant's pod is refused when its syncer puts it on the host; the host's own when its controller makes it.

use smol_str::{SmolStr, format_smolstr};

use super::Line;
use crate::explain::facts::{Facts, Side, Told};
use crate::explain::message::{behind, between, exceeded, quoted};
use crate::explain::verdict::{Cause, Evidence};
use crate::fleet::quantity::Quantity;

pub(super) const LINES: &[Line] = &[
    Line { code: "quota-exceeded", why: quota },
    Line { code: "quota-needs-values", why: quota_needs },
    Line { code: "limit-range", why: limit_range },
    Line { code: "pod-security", why: pod_security },
    Line { code: "webhook-denied", why: webhook },
    Line { code: "webhook-unreachable", why: webhook_down },
    Line { code: "policy-denied", why: policy },
    Line { code: "priority-class-missing", why: priority_class },
    Line { code: "runtime-class-missing", why: runtime_class },
    Line { code: "service-account-missing", why: account },
    Line { code: "namespace-ending", why: namespace_ends },
    Line { code: "rights-missing", why: rights },
    Line { code: "invalid", why: invalid },
    Line { code: "name-taken", why: name_taken },
    Line { code: "refused", why: other },
];

/// A refusal: what was said, and who says so.
struct Refusal {
    says: SmolStr,
    evidence: Evidence,
}

/// The newest refusal, while there is nothing on the host.
fn refusal(facts: &Facts) -> Option<Refusal> {
    if facts.twin_is_missing() {
        // The companion knows what it is now; events say what was told the tenant first.
        let drift = facts.drift().filter(|drift| is_refusal(&drift.why));
        if let Some(drift) = drift {
            let source = "status of the companion".into();
            let says = drift.why.clone();
            return Some(Refusal {
                says: says.clone(),
                evidence: Evidence { at: Some(drift.since), source, says },
            });
        }
        let told = facts.told(&["SyncError", "Forbidden"])?;
        return Some(Refusal { says: told.event.message.clone(), evidence: told.evidence() });
    }
    if facts.pod().is_some() {
        return None;
    }
    let workload = facts.workload.get()?;
    let newest = workload
        .events
        .iter()
        .filter(|event| event.reason == "FailedCreate")
        .max_by_key(|event| event.last)?;
    let told = Told { side: Side::Host, event: newest };
    Some(Refusal { says: newest.message.clone(), evidence: told.evidence() })
}

/// Whether it says that an API server does not accept something, and not only that something is still to come.
pub(super) fn is_refusal(why: &str) -> bool {
    ["forbidden", "denied", "invalid", "exceeded", "failed calling webhook", "belongs to somebody else"]
        .iter()
        .any(|word| why.contains(word))
}

/// The refusal, if it says this.
fn that(facts: &Facts, is_it: impl Fn(&str) -> bool) -> Option<Refusal> {
    refusal(facts).filter(|refusal| is_it(&refusal.says))
}

/// Whose namespace it is that refuses.
fn where_to(facts: &Facts) -> &'static str {
    if facts.tenant.is_some() { "the host" } else { "the API server" }
}

fn quota(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("exceeded quota: "))?;
    let exceeded = exceeded(&refusal.says)?;
    let full: Vec<String> = exceeded
        .keys()
        .map(|(key, asked, used, limit)| format!("{key} {used} of {limit} used, this pod needs {asked}"))
        .collect();
    let name = exceeded.quota;
    let cause = Cause::certain(format_smolstr!("the quota {name} has no room: {}", full.join("; ")))
        .seen(refusal.evidence)
        .seen(quota_now(facts, name))
        .fix(format_smolstr!("raise the quota {name}, or end pods that are not needed"))
        .fix("lower the requests and limits of the pod");
    let nothing_left = exceeded.keys().any(|(_, asked, _, limit)| {
        let asked = Quantity::parse(asked);
        asked.zip(Quantity::parse(limit)).is_some_and(|(asked, limit)| asked > limit)
    });
    Some(if nothing_left {
        cause.fix("it asks for more than the whole quota: ending other pods does not help")
    } else {
        cause
    })
}

/// What the quota says of itself by now.
fn quota_now(facts: &Facts, name: &str) -> Option<Evidence> {
    let quota = facts.quotas.get()?.iter().find(|quota| quota.metadata.name.as_deref() == Some(name))?;
    let status = quota.status.as_ref()?;
    let used = status.used.as_ref()?;
    let lines: Vec<String> = status
        .hard
        .iter()
        .flatten()
        .map(|(key, hard)| format!("{key} {} of {}", used.get(key).map_or("?", |it| it.0.as_str()), hard.0))
        .collect();
    Some(Evidence {
        at: Some(facts.now),
        source: format_smolstr!("status of quota {name}"),
        says: lines.join(", ").into(),
    })
}

fn quota_needs(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("failed quota: "))?;
    let quota = between(&refusal.says, "failed quota: ", ":")?.to_owned();
    let what = behind(&refusal.says, "must specify ")?.to_owned();
    Some(
        Cause::certain(format_smolstr!("the quota {quota} asks every container for {what}"))
            .seen(refusal.evidence)
            .fix(format_smolstr!("set {what} in the pod"))
            .fix("give the namespace a LimitRange with defaults: then pods need not say it"),
    )
}

fn limit_range(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| {
        let usage = says.contains("usage per") && (says.contains("maximum") || says.contains("minimum"));
        usage || says.contains("limit to request ratio per")
    })?;
    let what =
        behind(&refusal.says, "is forbidden: ").unwrap_or(&refusal.says).trim_matches(['[', ']']).to_owned();
    Some(
        Cause::certain(format_smolstr!("a LimitRange of {} does not allow it: {what}", where_to(facts)))
            .seen(refusal.evidence)
            .fix("change the requests or limits of the pod so that they fit")
            .fix("change the LimitRange"),
    )
}

fn pod_security(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("violates PodSecurity"))?;
    let level = quoted(&refusal.says, "violates PodSecurity").unwrap_or("?").to_owned();
    let mark = format!("PodSecurity \"{level}\": ");
    let what = behind(&refusal.says, &mark).unwrap_or_default().to_owned();
    Some(
        Cause::certain(format_smolstr!("PodSecurity {level} forbids what it asks for: {what}"))
            .seen(refusal.evidence)
            .fix("change the securityContext of the pod as the message says")
            .risky(
                "lower the level of the namespace (label pod-security.kubernetes.io/enforce)",
                "every pod there may then do what this level forbids",
            ),
    )
}

fn webhook(facts: &Facts) -> Option<Cause> {
    let refusal =
        that(facts, |says| says.contains("admission webhook \"") && says.contains("denied the request"))?;
    let name = quoted(&refusal.says, "admission webhook ")?.to_owned();
    let why = behind(&refusal.says, "denied the request: ").unwrap_or("without a reason").to_owned();
    Some(
        Cause::certain(format_smolstr!(
            "the admission webhook {name} of {} denies it: {why}",
            where_to(facts)
        ))
        .seen(refusal.evidence)
        .fix("change the pod so that the policy behind the webhook is met")
        .fix(format_smolstr!("ask whoever runs {name} for an exception")),
    )
}

fn webhook_down(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("failed calling webhook"))?;
    let name = quoted(&refusal.says, "failed calling webhook ").unwrap_or("?").to_owned();
    let why = behind(&refusal.says, "failed to call webhook: ").unwrap_or(&refusal.says).to_owned();
    Some(
        Cause::certain(format_smolstr!(
            "the admission webhook {name} of {} does not answer: {why}",
            where_to(facts)
        ))
        .seen(refusal.evidence)
        .fix(format_smolstr!("bring the pods behind {name} back"))
        .risky(
            format_smolstr!("set failurePolicy of {name} to Ignore for as long as it is away"),
            "what it is to prevent is let through meanwhile",
        ),
    )
}

fn policy(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("ValidatingAdmissionPolicy '"))?;
    let name = between(&refusal.says, "ValidatingAdmissionPolicy '", "'")?.to_owned();
    let why = behind(&refusal.says, "denied request: ").unwrap_or_default().to_owned();
    Some(
        Cause::certain(format_smolstr!("the policy {name} of {} denies it: {why}", where_to(facts)))
            .seen(refusal.evidence)
            .fix("change the pod so that the policy is met"),
    )
}

fn priority_class(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("no PriorityClass with name"))?;
    let name = between(&refusal.says, "no PriorityClass with name ", " was found").unwrap_or("?").to_owned();
    Some(
        Cause::certain(format_smolstr!("there is no PriorityClass {name} on {}", where_to(facts)))
            .seen(refusal.evidence)
            .fix("name a PriorityClass that there is, or none")
            .fix("let PriorityClasses be synced (sync.toHost.priorityClasses of vcluster.yaml)"),
    )
}

fn runtime_class(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("RuntimeClass \"") && says.contains("not found"))?;
    let name = quoted(&refusal.says, "RuntimeClass ").unwrap_or("?").to_owned();
    Some(
        Cause::certain(format_smolstr!("there is no RuntimeClass {name} on {}", where_to(facts)))
            .seen(refusal.evidence)
            .fix("name a RuntimeClass that there is, or none"),
    )
}

fn account(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("error looking up service account"))?;
    let name = quoted(&refusal.says, ": serviceaccount ").unwrap_or("?").to_owned();
    Some(
        Cause::certain(format_smolstr!("its service account {name} does not exist on {}", where_to(facts)))
            .seen(refusal.evidence)
            .fix(format_smolstr!("make the ServiceAccount {name}, or name another one")),
    )
}

fn namespace_ends(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("because it is being terminated"))?;
    Some(
        Cause::certain("its namespace is being deleted: nothing new is let in")
            .seen(refusal.evidence)
            .fix("wait until the namespace is gone, and make it anew"),
    )
}

fn rights(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("is forbidden: User \"") && says.contains("cannot "))?;
    let user = quoted(&refusal.says, "User ").unwrap_or("?").to_owned();
    let what = behind(&refusal.says, "\" cannot ").unwrap_or("do it").to_owned();
    Some(
        Cause::certain(format_smolstr!("{user} may not do what that takes: it cannot {what}"))
            .seen(refusal.evidence)
            .fix("give it that right (docs/syncer-deploy.yaml has the Role that a syncer needs)"),
    )
}

fn invalid(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains(" is invalid: "))?;
    let what = behind(&refusal.says, " is invalid: ").unwrap_or_default().to_owned();
    Some(
        Cause::certain(format_smolstr!("{} does not take such a pod: {what}", where_to(facts)))
            .seen(refusal.evidence)
            .fix("change the pod as the message says"),
    )
}

fn name_taken(facts: &Facts) -> Option<Cause> {
    let refusal = that(facts, |says| says.contains("belongs to somebody else"))?;
    let name = facts.tenant.as_ref().map(|tenant| tenant.host_name.as_str()).unwrap_or_default();
    Some(
        Cause::certain(format_smolstr!("its name on the host, {name}, is taken by somebody else's object"))
            .seen(refusal.evidence)
            .fix("rename the pod")
            .fix(format_smolstr!("find out whose {name} is, and rename that")),
    )
}

/// Whatever none of the others knows.
fn other(facts: &Facts) -> Option<Cause> {
    let known = LINES.iter().filter(|line| line.code != "refused").any(|line| (line.why)(facts).is_some());
    let refusal = refusal(facts).filter(|_| !known)?;
    let told = behind(&refusal.says, "is forbidden: ").unwrap_or(&refusal.says).to_owned();
    Some(
        Cause::certain(format_smolstr!("{} refuses it: {told}", where_to(facts)))
            .seen(refusal.evidence)
            .fix("change the pod, or what refuses it"),
    )
}
