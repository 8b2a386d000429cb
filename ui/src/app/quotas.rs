//! What was seen of quotas as snapshots went by: where each of them goes, and which limit is hit first. No host keeps that, so it is known
//! only as long as the dashboard runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use v9s::fleet::Fleet;
use v9s::fleet::model::{Finding, Vcluster, VclusterKey};
use v9s::health::Thresholds;
use v9s::health::quota::{Watch, outlook};
use v9s::known::Known;

/// As often as this quotas are looked at: more often tells nothing more of hours.
const SWEEP: TimeDelta = TimeDelta::seconds(10);

/// The quotas of every virtual cluster over time.
#[derive(Debug, Clone, Default)]
pub struct Quotas {
    watched: BTreeMap<VclusterKey, Watch>,
    /// Limits that are hit before long.
    found: BTreeMap<VclusterKey, Finding>,
    swept: Option<DateTime<Utc>>,
    /// Grows with every change of what was found.
    revision: usize,
}

impl Quotas {
    /// Takes in how the quotas are now.
    pub fn see(&mut self, fleet: &Fleet, thresholds: &Thresholds, now: DateTime<Utc>) {
        // A clock that was set back must not keep it from looking.
        if self.swept.is_some_and(|swept| (now - swept).abs() < SWEEP) {
            return;
        }
        self.swept = Some(now);
        self.watched.retain(|key, _| fleet.find(key).is_some());
        for row in &fleet.vclusters {
            match (&row.quota, row.stale_since, self.watched.get_mut(&row.key)) {
                (Known::Yes(_), Some(_), Some(watch)) => watch.lose(),
                (Known::Yes(quota), None, Some(watch)) => watch.see(quota, now),
                (Known::Yes(quota), None, None) => {
                    self.watched.insert(row.key.clone(), Watch::begin(quota, now));
                }
                (Known::Yes(_), Some(_), None) => {}
                (Known::No(_) | Known::NotApplicable, ..) => drop(self.watched.remove(&row.key)),
            }
        }
        let found = self.judge(fleet, thresholds, now);
        if found != self.found {
            self.found = found;
            self.revision += 1;
        }
    }

    fn judge(
        &self,
        fleet: &Fleet,
        thresholds: &Thresholds,
        now: DateTime<Utc>,
    ) -> BTreeMap<VclusterKey, Finding> {
        let each = fleet.vclusters.iter().filter_map(|row| {
            let (watch, quota) = (self.watched.get(&row.key)?, row.quota.get()?);
            let finding = outlook(quota, |entry| watch.course(entry)).finding(thresholds, now)?;
            Some((row.key.clone(), finding))
        });
        each.collect()
    }

    /// What was seen of one.
    pub fn get(&self, key: &VclusterKey) -> Option<&Watch> {
        self.watched.get(key)
    }

    /// A number that is another one whenever something else was found.
    pub fn revision(&self) -> usize {
        self.revision
    }

    /// The fleet, with the limits that are hit before long.
    pub fn over(&self, fleet: &Arc<Fleet>) -> Arc<Fleet> {
        if self.found.is_empty() {
            return Arc::clone(fleet);
        }
        let mut over = Fleet::clone(fleet);
        for (key, finding) in &self.found {
            let row = over.vclusters.iter_mut().find(|row| row.key == *key);
            let Some(row) = row.filter(|row| row.quota.is_known()) else { continue };
            let mut with = Vcluster::clone(row);
            with.findings.push(finding.clone());
            with.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            *row = Arc::new(with);
        }
        Arc::new(over)
    }
}

#[cfg(test)]
mod tests {
    use v9s::health::quota::code;

    use super::*;
    use crate::fixture::{now, quota, vcluster};

    fn fleet(used: i64, stale: bool) -> Arc<Fleet> {
        let mut row = vcluster("team-alpha", "team-alpha");
        row.quota = quota("pods", &used.to_string(), "100", used as f64 / 100.0);
        row.stale_since = stale.then(now);
        let other = Vcluster { quota: Known::NotApplicable, ..vcluster("team-beta", "team-beta") };
        Arc::new(Fleet { vclusters: vec![Arc::new(row), Arc::new(other)], ..Fleet::default() })
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        now() + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_limit_that_is_near_stands_in_the_fleet_as_long_as_it_is() {
        let (mut quotas, thresholds) = (Quotas::default(), Thresholds::default());
        for minute in 0..=30 {
            quotas.see(&fleet(10 + minute, false), &thresholds, at(minute));
        }
        let newest = fleet(40, false);
        let over = quotas.over(&newest);
        assert!(over.vclusters[0].findings.iter().any(|finding| finding.code == code::RUNS_OUT));
        assert_eq!(over.vclusters[1], newest.vclusters[1], "it has no quota");
        let revision = quotas.revision();
        for minute in 31..=400 {
            quotas.see(&fleet(40, false), &thresholds, at(minute));
        }
        assert!(quotas.revision() > revision);
        assert!(Arc::ptr_eq(&quotas.over(&newest), &newest), "it stands still by now");
    }

    #[test]
    fn looking_again_at_once_and_at_what_is_stale_teaches_nothing() {
        let (mut quotas, thresholds) = (Quotas::default(), Thresholds::default());
        for minute in 0..=30 {
            quotas.see(&fleet(10 + minute, true), &thresholds, at(minute));
            quotas.see(&fleet(10 + minute, false), &thresholds, at(minute) + TimeDelta::seconds(1));
        }
        assert!(quotas.get(&fleet(1, false).vclusters[0].key).is_none());
        assert_eq!(quotas.revision(), 0);
    }

    #[test]
    fn one_that_is_gone_is_forgotten() {
        let (mut quotas, thresholds) = (Quotas::default(), Thresholds::default());
        let key = fleet(1, false).vclusters[0].key.clone();
        quotas.see(&fleet(10, false), &thresholds, at(0));
        assert!(quotas.get(&key).is_some());
        quotas.see(&Fleet::default(), &thresholds, at(1));
        assert!(quotas.get(&key).is_none());
    }
}
