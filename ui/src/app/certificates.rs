//! What is known of certificates because somebody has looked at them: where a workload tells nothing, their Secret is read while the
//! virtual cluster is seen. For an hour it stands in the fleet, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use v9s::fleet::Fleet;
use v9s::fleet::model::{Vcluster, VclusterKey};
use v9s::health::Thresholds;
use v9s::health::certificates::{Maker, judge};
use v9s::known::Known;

/// For so long an end that was read holds: certificates are made anew a few times a year.
const COUNTS: TimeDelta = TimeDelta::hours(1);
/// After so long it is tried again where it could not be read.
const AGAIN: TimeDelta = TimeDelta::minutes(5);
/// Most that are remembered.
const MOST: usize = 1_000;
/// Name of the fact in a row of the fleet.
const FACT: &str = "certificates";

/// What was read: when the first one ends, or why that is not known.
#[derive(Debug, Clone)]
struct Seen {
    at: DateTime<Utc>,
    end: Result<DateTime<Utc>, String>,
}

impl Seen {
    fn counts(&self, now: DateTime<Utc>) -> bool {
        now - self.at < if self.end.is_ok() { COUNTS } else { AGAIN }
    }
}

/// Certificates that were looked at.
#[derive(Debug, Clone, Default)]
pub struct Ends(BTreeMap<VclusterKey, Seen>);

impl Ends {
    /// Adds what was read.
    pub fn put(&mut self, key: VclusterKey, end: Result<DateTime<Utc>, String>, now: DateTime<Utc>) {
        self.0.retain(|_, seen| seen.counts(now));
        if self.0.len() < MOST || self.0.contains_key(&key) {
            self.0.insert(key, Seen { at: now, end });
        }
    }

    /// Whether one is to be looked at: its workload tells nothing, and nobody has looked lately.
    pub fn wanted(&self, row: &Vcluster, now: DateTime<Utc>) -> bool {
        let known = self.0.get(&row.key).is_some_and(|seen| seen.counts(now));
        !known && matches!(row.certificates, Known::No(_))
    }

    /// How many were looked at lately.
    pub fn fresh(&self, now: DateTime<Utc>) -> usize {
        self.0.values().filter(|seen| seen.counts(now)).count()
    }

    /// The fleet, with what was read lately of those whose workload tells nothing.
    pub fn over(&self, fleet: &Arc<Fleet>, thresholds: &Thresholds, now: DateTime<Utc>) -> Arc<Fleet> {
        let fresh: Vec<_> = self.0.iter().filter(|(_, seen)| seen.counts(now)).collect();
        if fresh.is_empty() {
            return Arc::clone(fleet);
        }
        let mut over = Fleet::clone(fleet);
        for (key, seen) in fresh {
            let row = over.vclusters.iter_mut().find(|row| row.key == *key);
            if let Some(row) = row.filter(|row| matches!(row.certificates, Known::No(_))) {
                *row = Arc::new(with(row, &seen.end, thresholds, now));
            }
        }
        Arc::new(over)
    }
}

fn with(
    row: &Vcluster,
    end: &Result<DateTime<Utc>, String>,
    thresholds: &Thresholds,
    now: DateTime<Utc>,
) -> Vcluster {
    let mut row = row.clone();
    match end {
        Ok(end) => {
            let (certificates, _) = judge(*end, thresholds, now);
            row.findings.extend(certificates.finding(Maker::of(&row.labels)));
            row.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            row.unknown.remove(FACT);
            row.certificates = Known::Yes(certificates);
        }
        Err(why) => {
            row.unknown.insert(FACT.into(), why.into());
            row.certificates = Known::No(why.into());
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use v9s::health::certificates::code;

    use super::*;
    use crate::fixture::{now, vcluster};

    fn fleet() -> Arc<Fleet> {
        let silent = |name: &str| {
            let mut row = vcluster(name, name);
            row.certificates = Known::unknown("nobody has looked");
            row.unknown = [(FACT.into(), "nobody has looked".into())].into();
            Arc::new(row)
        };
        let telling = Arc::new(vcluster("team-gamma", "team-gamma"));
        Arc::new(Fleet {
            vclusters: vec![silent("team-alpha"), silent("team-beta"), telling],
            ..Fleet::default()
        })
    }

    #[test]
    fn what_was_read_stands_in_the_fleet_for_an_hour_where_the_workload_tells_nothing() {
        let (mut ends, fleet, thresholds) = (Ends::default(), fleet(), Thresholds::default());
        let [alpha, beta, gamma] = [0, 1, 2].map(|at| &fleet.vclusters[at]);
        assert!(Arc::ptr_eq(&ends.over(&fleet, &thresholds, now()), &fleet));
        assert!(ends.wanted(alpha, now()) && !ends.wanted(gamma, now()));
        ends.put(alpha.key.clone(), Ok(now() + TimeDelta::days(3)), now());
        ends.put(beta.key.clone(), Err("forbidden".to_owned()), now());
        ends.put(gamma.key.clone(), Ok(now() + TimeDelta::days(3)), now());
        assert!(!ends.wanted(alpha, now()) && !ends.wanted(beta, now()));

        let over = ends.over(&fleet, &thresholds, now());
        assert!(over.vclusters[0].findings.iter().any(|finding| finding.code == code::ENDING));
        assert!(over.vclusters[0].unknown.is_empty());
        assert_eq!(over.vclusters[1].certificates.why(), Some("forbidden"));
        assert_eq!(over.vclusters[2], *gamma, "its workload knows better");

        let minutes = |minutes| now() + TimeDelta::minutes(minutes);
        assert!(ends.wanted(beta, minutes(5)) && !ends.wanted(alpha, minutes(59)));
        assert_eq!([0, 6, 60].map(|at| ends.fresh(minutes(at))), [3, 2, 0]);
        assert!(Arc::ptr_eq(&ends.over(&fleet, &thresholds, minutes(60)), &fleet));
    }
}
