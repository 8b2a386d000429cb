//! When something becomes a finding.

use serde::Deserialize;

use crate::target::Objective;

/// When something becomes a finding. The defaults are those of on-call practice; all can be configured (docs/health.md).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Thresholds {
    /// More restarts of the control plane than this within an hour.
    pub restarts_per_hour: u32,
    /// Use of a quota, 0 to 1, from which it is worth a look.
    pub quota_warning: f64,
    /// Use of a quota, 0 to 1, from which it is urgent.
    pub quota_critical: f64,
    /// Hours until a quota is full at the present rate, from which it is worth a look.
    pub quota_full_warning_hours: f64,
    /// The same from which it is urgent.
    pub quota_full_critical_hours: f64,
    /// Seconds that a control plane may take to start.
    pub start_seconds: u32,
    /// Sync lag p99 in seconds beyond which it is worth a look.
    pub lag_warning_seconds: f64,
    /// Sync lag p99 in seconds beyond which it is urgent.
    pub lag_critical_seconds: f64,
    /// Seconds for which two sides may disagree. Companions tell of nothing younger than a minute.
    pub drift_seconds: u32,
    /// Seconds without a word after which a companion counts as silent.
    pub silent_seconds: u32,
    /// Share of writes, 0 to 1, that a server may answer with 429.
    pub throttled_share: f64,
    /// Seconds beyond which an API server's answer is slow.
    pub api_warning_seconds: f64,
    /// Seconds beyond which an API server's answer is urgently slow.
    pub api_critical_seconds: f64,
    /// Size of a store's file, as a share of its quota (0 to 1), beyond which it is worth a look.
    pub store_quota_warning: f64,
    /// The same, beyond which it is urgent.
    pub store_quota_critical: f64,
    /// Use of a store's volume, 0 to 1, beyond which it is worth a look.
    pub store_volume_warning: f64,
    /// The same, beyond which it is urgent.
    pub store_volume_critical: f64,
    /// Seconds that one in a hundred writes of etcd's log may take to reach the disk.
    pub store_fsync_seconds: f64,
    /// The same of its database.
    pub store_commit_seconds: f64,
    /// How often etcd's leader may change within an hour.
    pub store_leader_changes_per_hour: u32,
    /// Entries of etcd's log that a member may be behind.
    pub store_raft_lag: u64,
    /// Share of a store's file, 0 to 1, that may be free room.
    pub store_free_share: f64,
    /// Share of its memory limit, 0 to 1, that a container of the control plane may use.
    pub container_memory_share: f64,
    /// How old the last good backup may become, where a virtual cluster does not say so itself; without one, as old as it likes.
    pub rpo: Option<Objective>,
    /// Days before the end of its first certificate from which it is worth a look.
    pub certificate_warning_days: u32,
    /// The same from which it is urgent.
    pub certificate_critical_days: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            restarts_per_hour: 2,
            quota_warning: 0.8,
            quota_critical: 0.9,
            quota_full_warning_hours: 24.0,
            quota_full_critical_hours: 4.0,
            start_seconds: 300,
            lag_warning_seconds: 10.0,
            lag_critical_seconds: 30.0,
            drift_seconds: 60,
            silent_seconds: 90,
            throttled_share: 0.05,
            api_warning_seconds: 1.0,
            api_critical_seconds: 2.0,
            store_quota_warning: 0.85,
            store_quota_critical: 0.95,
            store_volume_warning: 0.7,
            store_volume_critical: 0.9,
            store_fsync_seconds: 0.025,
            store_commit_seconds: 0.25,
            store_leader_changes_per_hour: 3,
            store_raft_lag: 1000,
            store_free_share: 0.5,
            container_memory_share: 0.9,
            rpo: None,
            certificate_warning_days: 30,
            certificate_critical_days: 7,
        }
    }
}

impl Thresholds {
    /// Whether the numbers make sense together.
    ///
    /// # Errors
    /// The first that does not, in one sentence.
    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("quota-warning", self.quota_warning),
            ("quota-critical", self.quota_critical),
            ("throttled-share", self.throttled_share),
            ("store-quota-critical", self.store_quota_critical),
            ("store-volume-critical", self.store_volume_critical),
            ("store-free-share", self.store_free_share),
            ("container-memory-share", self.container_memory_share),
        ];
        for (name, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{name} is a share from 0 to 1, not {share}"));
            }
        }
        let pairs = [
            ("quota", "", self.quota_warning, self.quota_critical),
            ("lag", "-seconds", self.lag_warning_seconds, self.lag_critical_seconds),
            ("api", "-seconds", self.api_warning_seconds, self.api_critical_seconds),
            ("store-quota", "", self.store_quota_warning, self.store_quota_critical),
            ("store-volume", "", self.store_volume_warning, self.store_volume_critical),
        ];
        for (name, unit, warning, critical) in pairs {
            if !(warning.is_finite() && critical.is_finite() && 0.0 <= warning && warning <= critical) {
                return Err(format!(
                    "{name}-warning{unit} ({warning}) is not between 0 and {name}-critical{unit} ({critical})"
                ));
            }
        }
        let limits = [
            ("store-fsync-seconds", self.store_fsync_seconds),
            ("store-commit-seconds", self.store_commit_seconds),
        ];
        for (name, limit) in limits {
            if !(limit.is_finite() && limit > 0.0) {
                return Err(format!("{name} is more than 0, not {limit}"));
            }
        }
        let (warning, critical) = (self.quota_full_warning_hours, self.quota_full_critical_hours);
        if !(warning.is_finite() && critical.is_finite() && 0.0 <= critical && critical <= warning) {
            return Err(format!(
                "quota-full-warning-hours ({warning}) is not as early as quota-full-critical-hours ({critical})"
            ));
        }
        let (warning, critical) = (self.certificate_warning_days, self.certificate_critical_days);
        if warning < critical {
            return Err(format!(
                "certificate-warning-days ({warning}) is not as early as certificate-critical-days ({critical})"
            ));
        }
        if self.silent_seconds == 0 {
            return Err("silent-seconds is more than 0".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_contradict_each_other_are_told() {
        assert_eq!(Thresholds::default().check(), Ok(()));
        let of = |change: fn(&mut Thresholds)| {
            let mut thresholds = Thresholds::default();
            change(&mut thresholds);
            thresholds.check().unwrap_err()
        };
        assert!(of(|t| t.quota_warning = 80.0).contains("quota-warning is a share"));
        assert!(of(|t| t.lag_warning_seconds = 60.0).contains("lag-critical-seconds (30)"));
        assert!(of(|t| t.api_critical_seconds = f64::NAN).contains("api-warning-seconds"));
        assert!(of(|t| t.certificate_critical_days = 60).contains("certificate-critical-days (60)"));
        assert!(of(|t| t.quota_full_critical_hours = 30.0).contains("quota-full-critical-hours (30)"));
        assert!(of(|t| t.silent_seconds = 0).contains("silent-seconds"));
        assert!(of(|t| t.store_quota_warning = 0.99).contains("store-quota-critical (0.95)"));
        assert!(of(|t| t.store_fsync_seconds = 0.0).contains("store-fsync-seconds is more than 0"));
    }
}
