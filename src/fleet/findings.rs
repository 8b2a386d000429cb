//! What is wrong with a virtual cluster, worst first: what the host alone tells, and what its companion does. Pure.

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::judge::Verdict;
use super::model::{Finding, Severity};
use super::quota::Quota;
use super::rows::ControlPod;
use super::state::State;
use crate::health::certificates::Maker;
use crate::health::quota::blocked;
use crate::health::{Backups, Certificates, Companion, Isolation, Thresholds, sync};
use crate::known::Known;

/// What findings are made of.
pub(super) struct Signs<'a> {
    pub(super) verdict: &'a Verdict,
    pub(super) pods: &'a [&'a ControlPod],
    /// Restarts of the control plane within the last hour.
    pub(super) recent_restarts: u32,
    pub(super) quota: &'a Known<Arc<Quota>>,
    /// What the NetworkPolicies of its namespace come to.
    pub(super) policies: &'a Known<Arc<Isolation>>,
    /// What its companion told, as far as that counts now.
    pub(super) companion: &'a Known<Arc<Companion>>,
    /// Why what its companion told cannot be read.
    pub(super) unreadable: Option<&'a SmolStr>,
    /// Other workloads that claim the same name.
    pub(super) duplicates: &'a [SmolStr],
    /// How its backups stand.
    pub(super) backups: &'a Backups,
    /// How its certificates stand, where that is known.
    pub(super) certificates: Option<&'a Certificates>,
    /// Who makes them.
    pub(super) maker: Maker,
    pub(super) thresholds: &'a Thresholds,
}

/// All findings, worst first.
pub(super) fn findings(signs: &Signs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(not_ready(signs));
    found.extend(restarts(signs));
    found.extend(out_of_memory(signs));
    found.extend(quota(signs));
    found.extend(signs.policies.get().and_then(|isolation| isolation.finding()));
    found.extend(duplicates(signs));
    found.extend(signs.backups.findings());
    found.extend(signs.certificates.and_then(|certificates| certificates.finding(signs.maker)));
    found.extend(signs.unreadable.map(|why| sync::unreadable(why)));
    found.extend(signs.companion.get().and_then(|companion| blocked::finding(companion)));
    found.extend(signs.companion.get().into_iter().flat_map(|one| one.findings(signs.thresholds)));
    found.sort_by_key(|finding: &Finding| std::cmp::Reverse(finding.severity));
    found
}

fn not_ready(signs: &Signs<'_>) -> Option<Finding> {
    let (severity, what) = match signs.verdict.state {
        State::Down => (Severity::Critical, "control plane is down"),
        State::Degraded => (Severity::Critical, "control plane is degraded"),
        _ => return None,
    };
    let since = signs.pods.iter().filter(|pod| !pod.ready).filter_map(|pod| pod.ready_changed).min();
    Some(Finding::new(severity, "not-ready", format_smolstr!("{what}: {}", signs.verdict.reason), since))
}

fn restarts(signs: &Signs<'_>) -> Option<Finding> {
    let count = signs.recent_restarts;
    (count > signs.thresholds.restarts_per_hour).then(|| {
        let last = signs.pods.iter().filter_map(|pod| pod.last_end.as_ref()).max_by_key(|end| end.at);
        let reason = last.map(|end| format_smolstr!(", last {}", end.reason)).unwrap_or_default();
        let message = format_smolstr!("control plane restarted {count} times within an hour{reason}");
        Finding::new(Severity::Warning, "restarts", message, None)
    })
}

fn out_of_memory(signs: &Signs<'_>) -> Option<Finding> {
    let pod = signs.pods.iter().filter(|pod| pod.oom).max_by_key(|pod| pod.last_oom)?;
    let message = format_smolstr!("{} was killed for want of memory", pod.row.name);
    Some(Finding::new(Severity::Warning, "out-of-memory", message, pod.last_oom))
}

fn quota(signs: &Signs<'_>) -> Vec<Finding> {
    let thresholds = signs.thresholds;
    match signs.quota {
        Known::No(_) => Vec::new(),
        Known::NotApplicable => {
            let message =
                SmolStr::new_static("its namespace has no ResourceQuota: nothing limits this tenant");
            vec![Finding::new(Severity::Info, "no-resource-quota", message, None)]
        }
        Known::Yes(quota) => {
            let full = |entry: &super::quota::QuotaEntry| {
                let ratio = entry.ratio?;
                let severity = if ratio > thresholds.quota_critical {
                    Severity::Critical
                } else if ratio > thresholds.quota_warning {
                    Severity::Warning
                } else {
                    return None;
                };
                let message = format_smolstr!(
                    "quota {} is {:.0} % used: {} of {} ({})",
                    entry.resource,
                    (ratio * 100.0).floor(),
                    entry.used,
                    entry.hard,
                    entry.quota
                );
                Some(Finding::new(severity, "quota-near-limit", message, None))
            };
            quota.entries.iter().filter_map(full).collect()
        }
    }
}

fn duplicates(signs: &Signs<'_>) -> Option<Finding> {
    let names = signs.duplicates.join(", ");
    (!names.is_empty()).then(|| {
        let message = format_smolstr!("other workloads claim the same virtual cluster: {names}");
        Finding::new(Severity::Warning, "duplicate-workload", message, None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::quota::QuotaEntry;
    use crate::fleet::rows::End;
    use crate::fleet::table::tests::control_pod;

    fn verdict(state: State, reason: &str) -> Verdict {
        Verdict { state, reason: reason.into(), revisit: None }
    }

    fn of(entries: &[(&str, &str, &str)]) -> Known<Arc<Quota>> {
        let entry = |(resource, used, hard): &(&str, &str, &str)| {
            QuotaEntry::new("vc-team-a".into(), (*resource).into(), (*used).into(), (*hard).into())
        };
        Known::Yes(Arc::new(entries.iter().map(entry).collect()))
    }

    /// Severity and code of everything found.
    fn found(
        verdict: &Verdict,
        pods: &[&ControlPod],
        recent: u32,
        quota: &Known<Arc<Quota>>,
    ) -> Vec<(Severity, &'static str)> {
        let signs = Signs {
            verdict,
            pods,
            recent_restarts: recent,
            quota,
            policies: &Known::NotApplicable,
            companion: &Known::NotApplicable,
            unreadable: None,
            duplicates: &[],
            backups: &Backups::default(),
            certificates: None,
            maker: Maker::V9s,
            thresholds: &Thresholds::default(),
        };
        findings(&signs).into_iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    #[test]
    fn a_healthy_one_within_its_quota_has_none() {
        let pod = control_pod("team-a-0", 0);
        let quota = of(&[("pods", "16", "20")]);
        assert_eq!(found(&verdict(State::Running, ""), &[&pod], 2, &quota), []);
        assert_eq!(found(&verdict(State::Paused, ""), &[], 0, &quota), []);
        assert_eq!(found(&verdict(State::Unknown, "forbidden"), &[], 0, &Known::unknown("forbidden")), []);
    }

    #[test]
    fn thresholds_are_crossed_not_touched() {
        let cases = [
            ("80", None),
            ("81", Some(Severity::Warning)),
            ("90", Some(Severity::Warning)),
            ("91", Some(Severity::Critical)),
            ("120", Some(Severity::Critical)),
        ];
        for (used, severity) in cases {
            let found = found(&verdict(State::Running, ""), &[], 0, &of(&[("requests.cpu", used, "100")]));
            let expected: Vec<_> =
                severity.map(|severity| (severity, "quota-near-limit")).into_iter().collect();
            assert_eq!(found, expected, "{used} of 100");
        }
        let restarts = |recent| found(&verdict(State::Running, ""), &[], recent, &of(&[]));
        assert_eq!(restarts(2), []);
        assert_eq!(restarts(3), [(Severity::Warning, "restarts")]);
    }

    #[test]
    fn the_worst_comes_first() {
        let mut pod = control_pod("team-a-0", 9);
        pod.ready = false;
        pod.oom = true;
        pod.last_end = Some(End { reason: "OOMKilled".into(), at: None });
        let found = found(&verdict(State::Down, "0 of 1 ready"), &[&pod], 9, &Known::NotApplicable);
        let expected = [
            (Severity::Critical, "not-ready"),
            (Severity::Warning, "restarts"),
            (Severity::Warning, "out-of-memory"),
            (Severity::Info, "no-resource-quota"),
        ];
        assert_eq!(found, expected);
    }
}
