//! Alerting rules for Prometheus.

use serde_json::{Value, json};

use crate::fleet::model::Severity;
use crate::health::Thresholds;

/// One alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub alert: &'static str,
    /// When it holds, in PromQL.
    pub expr: String,
    /// For how many seconds it has to hold.
    pub seconds: u32,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, with the labels of the series.
    pub summary: &'static str,
}

/// What one companion's series have in common.
const BY: &str = "namespace, pod";

/// All alerts.
pub fn rules(limits: &Thresholds) -> Vec<Rule> {
    let lag =
        format!("histogram_quantile(0.99, sum by ({BY}, le) (rate(v9s_syncer_lag_seconds_bucket[5m])))");
    let busy = format!(
        "sum by ({BY}) (rate(v9s_syncer_writes_total{{result=\"busy\"}}[5m])) / sum by ({BY}) (rate(v9s_syncer_writes_total[5m]))"
    );
    let rule =
        |alert, severity, seconds, expr: String, summary| Rule { alert, expr, seconds, severity, summary };
    let (warning, critical) = (Severity::Warning, Severity::Critical);
    vec![
        rule(
            "V9sCompanionSilent",
            critical,
            limits.silent_seconds,
            format!(
                "count by ({BY}) (v9s_syncer_build_info offset 10m) unless count by ({BY}) (v9s_syncer_build_info)"
            ),
            "the companion {{ $labels.namespace }}/{{ $labels.pod }} is not scraped any more",
        ),
        rule(
            "V9sSyncLag",
            warning,
            60,
            format!("{lag} > {}", limits.lag_warning_seconds),
            "sync lag p99 is {{ $value | humanizeDuration }}",
        ),
        rule(
            "V9sSyncLagCritical",
            critical,
            60,
            format!("{lag} > {}", limits.lag_critical_seconds),
            "sync lag p99 is {{ $value | humanizeDuration }}",
        ),
        rule(
            "V9sCanaryAway",
            critical,
            0,
            format!("v9s_syncer_canary_away_seconds > {}", limits.lag_critical_seconds),
            "the canary has been away for {{ $value | humanizeDuration }}",
        ),
        rule(
            "V9sNotSynced",
            critical,
            120,
            "v9s_syncer_synced == 0".to_owned(),
            "the companion has not listed everything, or cannot watch it",
        ),
        rule(
            "V9sStoreUnknown",
            critical,
            300,
            format!("v9s_syncer_store_known == 0 and on ({BY}) v9s_syncer_leader == 1"),
            "the tenant's store is another than the host's objects belong to",
        ),
        rule(
            "V9sOldestPending",
            warning,
            0,
            format!(
                "v9s_syncer_oldest_pending_seconds > {} and on ({BY}) v9s_syncer_drifted > 0",
                limits.drift_seconds
            ),
            "a pair has been waiting for {{ $value | humanizeDuration }}",
        ),
        rule(
            "V9sDrift",
            warning,
            limits.drift_seconds,
            "v9s_syncer_drifted > 0".to_owned(),
            "{{ $value }} objects are apart on the two sides",
        ),
        rule(
            "V9sQuarantined",
            warning,
            0,
            "v9s_syncer_quarantined > 0".to_owned(),
            "{{ $value }} objects are left alone because somebody keeps undoing what is written",
        ),
        rule(
            "V9sOrphans",
            warning,
            300,
            "v9s_syncer_orphans > 0".to_owned(),
            "{{ $value }} objects are on the host alone",
        ),
        rule(
            "V9sHeldDeletions",
            warning,
            0,
            "increase(v9s_syncer_held_deletions_total[15m]) > 0".to_owned(),
            "deletions are held back",
        ),
        rule(
            "V9sThrottled",
            warning,
            300,
            format!("{busy} > {}", limits.throttled_share),
            "{{ $value | humanizePercentage }} of writes are answered with 429",
        ),
        rule(
            "V9sApiDown",
            critical,
            60,
            "v9s_syncer_api_up == 0".to_owned(),
            "the {{ $labels.side }} API server is not ready",
        ),
        rule(
            "V9sApiSlow",
            warning,
            60,
            format!("v9s_syncer_api_answer_seconds > {}", limits.api_warning_seconds),
            "the {{ $labels.side }} API server takes {{ $value | humanizeDuration }}",
        ),
        rule(
            "V9sApiSlowCritical",
            critical,
            60,
            format!("v9s_syncer_api_answer_seconds > {}", limits.api_critical_seconds),
            "the {{ $labels.side }} API server takes {{ $value | humanizeDuration }}",
        ),
        rule(
            "V9sControllerManagerStuck",
            critical,
            60,
            "v9s_syncer_controller_manager_lease_age_seconds > 60".to_owned(),
            "the tenant's controller manager has not renewed its Lease for {{ $value | humanizeDuration }}",
        ),
    ]
}

/// The group as a file of rules for Prometheus has it.
pub fn rule_group(rules: &[Rule]) -> Value {
    let rules: Vec<Value> = rules.iter().map(Rule::to_value).collect();
    json!({ "groups": [{ "name": "v9s-syncer", "rules": rules }] })
}

impl Rule {
    fn to_value(&self) -> Value {
        let severity = if self.severity == Severity::Critical { "critical" } else { "warning" };
        json!({
            "alert": self.alert,
            "expr": self.expr,
            "for": format!("{}s", self.seconds),
            "labels": { "severity": severity },
            "annotations": {
                "summary": format!("{{{{ $labels.namespace }}}}/{{{{ $labels.pod }}}}: {}", self.summary),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_thresholds_that_v9s_goes_by_are_those_of_the_alerts() {
        let limits = Thresholds {
            lag_critical_seconds: 44.5,
            throttled_share: 0.17,
            drift_seconds: 77,
            ..Thresholds::default()
        };
        let all = rules(&limits);
        let names: BTreeSet<&str> = all.iter().map(|rule| rule.alert).collect();
        assert_eq!(names.len(), all.len(), "each has a name of its own");
        let of = |name: &str| all.iter().find(|rule| rule.alert == name).unwrap();
        assert!(of("V9sSyncLagCritical").expr.ends_with("> 44.5"));
        assert!(of("V9sThrottled").expr.ends_with("> 0.17"));
        assert_eq!(of("V9sDrift").seconds, 77);
        let file = rule_group(&all);
        assert_eq!(file["groups"][0]["rules"][0]["for"], "90s");
        assert_eq!(file["groups"][0]["rules"].as_array().map(Vec::len), Some(all.len()));
    }

    #[test]
    fn brackets_and_quotes_of_every_expression_close() {
        for rule in rules(&Thresholds::default()) {
            for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
                let count = |sign| rule.expr.matches(sign).count();
                assert_eq!(count(open), count(close), "{}", rule.expr);
            }
            assert!(rule.expr.matches('"').count().is_multiple_of(2), "{}", rule.expr);
        }
    }
}
