//! What is wrong with a virtual cluster, worst first, from what the host alone tells. Pure.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::judge::Verdict;
use super::model::{Finding, Severity};
use super::quota::Quota;
use super::rows::ControlPod;
use super::state::State;
use crate::known::Known;

/// When something becomes a finding. The defaults are those of on-call practice; all can be configured.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Thresholds {
    /// More restarts of the control plane than this within an hour.
    pub restarts_per_hour: u32,
    /// Use of a quota, 0 to 1, from which it is worth a look.
    pub quota_warning: f64,
    /// Use of a quota, 0 to 1, from which it is urgent.
    pub quota_critical: f64,
    /// Seconds that a control plane may take to start.
    pub start_seconds: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { restarts_per_hour: 2, quota_warning: 0.8, quota_critical: 0.9, start_seconds: 300 }
    }
}

/// What findings are made of.
pub(super) struct Signs<'a> {
    pub(super) verdict: &'a Verdict,
    pub(super) pods: &'a [&'a ControlPod],
    /// Restarts of the control plane within the last hour.
    pub(super) recent_restarts: u32,
    pub(super) quota: &'a Known<Quota>,
    /// Other workloads that claim the same name.
    pub(super) duplicates: &'a [SmolStr],
    pub(super) thresholds: &'a Thresholds,
}

/// All findings, worst first.
pub(super) fn findings(signs: &Signs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(not_ready(signs));
    found.extend(restarts(signs));
    found.extend(out_of_memory(signs));
    found.extend(quota(signs));
    found.extend(duplicates(signs));
    found.sort_by_key(|finding: &Finding| std::cmp::Reverse(finding.severity));
    found
}

fn finding(
    severity: Severity,
    code: &'static str,
    message: SmolStr,
    since: Option<DateTime<Utc>>,
) -> Finding {
    Finding { severity, code, message, since }
}

fn not_ready(signs: &Signs<'_>) -> Option<Finding> {
    let (severity, what) = match signs.verdict.state {
        State::Down => (Severity::Critical, "control plane is down"),
        State::Degraded => (Severity::Critical, "control plane is degraded"),
        _ => return None,
    };
    let since = signs.pods.iter().filter(|pod| !pod.ready).filter_map(|pod| pod.ready_changed).min();
    Some(finding(severity, "not-ready", format_smolstr!("{what}: {}", signs.verdict.reason), since))
}

fn restarts(signs: &Signs<'_>) -> Option<Finding> {
    let count = signs.recent_restarts;
    (count > signs.thresholds.restarts_per_hour).then(|| {
        let last = signs.pods.iter().filter_map(|pod| pod.last_end.as_ref()).max_by_key(|end| end.at);
        let reason = last.map(|end| format_smolstr!(", last {}", end.reason)).unwrap_or_default();
        let message = format_smolstr!("control plane restarted {count} times within an hour{reason}");
        finding(Severity::Warning, "restarts", message, None)
    })
}

fn out_of_memory(signs: &Signs<'_>) -> Option<Finding> {
    let pod = signs.pods.iter().filter(|pod| pod.oom).max_by_key(|pod| pod.last_oom)?;
    let message = format_smolstr!("{} was killed for want of memory", pod.row.name);
    Some(finding(Severity::Warning, "out-of-memory", message, pod.last_oom))
}

fn quota(signs: &Signs<'_>) -> Vec<Finding> {
    let thresholds = signs.thresholds;
    match signs.quota {
        Known::No(_) => Vec::new(),
        Known::NotApplicable => {
            let message =
                SmolStr::new_static("its namespace has no ResourceQuota: nothing limits this tenant");
            vec![finding(Severity::Info, "no-resource-quota", message, None)]
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
                Some(finding(severity, "quota-near-limit", message, None))
            };
            quota.entries.iter().filter_map(full).collect()
        }
    }
}

fn duplicates(signs: &Signs<'_>) -> Option<Finding> {
    let names = signs.duplicates.join(", ");
    (!names.is_empty()).then(|| {
        let message = format_smolstr!("other workloads claim the same virtual cluster: {names}");
        finding(Severity::Warning, "duplicate-workload", message, None)
    })
}
