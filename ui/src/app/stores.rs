//! What is known of stores because somebody has looked at them: no watch knows it. For a while it stands in the fleet, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use v9s::fleet::Fleet;
use v9s::fleet::model::{Vcluster, VclusterKey};
use v9s::fleet::state::State;
use v9s::health::Thresholds;
use v9s::health::store::{Reading, judge};
use v9s::known::Known;

/// For so long a reading tells how a store is.
const COUNTS: TimeDelta = TimeDelta::minutes(2);
/// Name of the fact in a row of the fleet.
const FACT: &str = "store_health";

/// Readings of one store.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The newest.
    pub newest: Arc<Reading>,
    /// The one before it.
    pub before: Option<Arc<Reading>>,
    /// The first of all.
    pub first: Arc<Reading>,
}

/// Stores that were looked at.
#[derive(Debug, Clone, Default)]
pub struct Stores(BTreeMap<VclusterKey, Looked>);

impl Stores {
    /// Adds a reading.
    pub fn put(&mut self, key: VclusterKey, reading: Reading) {
        let newest = Arc::new(reading);
        let looked = match self.0.remove(&key) {
            Some(known) => Looked { before: Some(known.newest), first: known.first, newest },
            None => Looked { before: None, first: Arc::clone(&newest), newest },
        };
        self.0.insert(key, looked);
    }

    /// What is known of one, however old.
    pub fn get(&self, key: &VclusterKey) -> Option<&Looked> {
        self.0.get(key)
    }

    /// How many stores were looked at lately.
    pub fn fresh(&self, now: DateTime<Utc>) -> usize {
        self.0.values().filter(|looked| counts(looked, now)).count()
    }

    /// The fleet, with what was found in the stores that were looked at lately.
    pub fn over(&self, fleet: &Arc<Fleet>, thresholds: &Thresholds, now: DateTime<Utc>) -> Arc<Fleet> {
        let fresh: Vec<_> = self.0.iter().filter(|(_, looked)| counts(looked, now)).collect();
        if fresh.is_empty() {
            return Arc::clone(fleet);
        }
        let mut over = Fleet::clone(fleet);
        for (key, looked) in fresh {
            if let Some(row) = over.vclusters.iter_mut().find(|row| row.key == *key) {
                // What rests has no store that could be well or not.
                if row.store_health != Known::NotApplicable {
                    *row = Arc::new(with(row, looked, thresholds));
                }
            }
        }
        Arc::new(over)
    }
}

/// Whether a virtual cluster in this state does not run on purpose: nothing of it is asked.
pub fn rests(state: State) -> bool {
    matches!(state, State::Paused | State::ScaledDown)
}

/// Whether it still tells how a store is.
fn counts(looked: &Looked, now: DateTime<Utc>) -> bool {
    now - looked.newest.taken < COUNTS
}

fn with(row: &Vcluster, looked: &Looked, thresholds: &Thresholds) -> Vcluster {
    let (health, findings) = judge(&looked.newest, looked.before.as_deref(), thresholds);
    let mut row = row.clone();
    match health.why() {
        Some(why) => drop(row.unknown.insert(FACT.into(), why.into())),
        None => drop(row.unknown.remove(FACT)),
    }
    row.store_health = health;
    row.findings.extend(findings);
    row.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    row
}

#[cfg(test)]
mod tests {
    use v9s::fleet::model::Severity;

    use super::*;
    use crate::fixture::vcluster;
    use crate::panes::store::tests::etcd;

    fn fleet() -> Arc<Fleet> {
        let mut one = vcluster("team-alpha", "team-alpha");
        one.store_health = Known::unknown("nobody has looked");
        one.unknown = [(FACT.into(), "nobody has looked".into())].into();
        let mut paused = vcluster("team-beta", "team-beta");
        paused.store_health = Known::NotApplicable;
        Arc::new(Fleet { vclusters: vec![Arc::new(one), Arc::new(paused)], ..Fleet::default() })
    }

    #[test]
    fn what_was_looked_at_lately_stands_in_the_fleet_and_what_is_old_does_not() {
        let (mut stores, fleet) = (Stores::default(), fleet());
        let (thresholds, now) = (Thresholds::default(), etcd().taken);
        assert!(Arc::ptr_eq(&stores.over(&fleet, &thresholds, now), &fleet));
        for row in &fleet.vclusters {
            stores.put(row.key.clone(), etcd());
        }
        let over = stores.over(&fleet, &thresholds, now);
        assert_eq!(over.vclusters[0].store_health.get().map(|it| it.severity), Some(Severity::Critical));
        assert!(over.vclusters[0].unknown.is_empty());
        assert!(over.vclusters[0].findings.iter().any(|finding| finding.code == "store-alarm"));
        assert_eq!(over.vclusters[1], fleet.vclusters[1], "it rests");
        assert_eq!((stores.fresh(now), stores.fresh(now + TimeDelta::minutes(3))), (2, 0));
        let later = stores.over(&fleet, &thresholds, now + TimeDelta::minutes(3));
        assert!(Arc::ptr_eq(&later, &fleet));
    }
}
