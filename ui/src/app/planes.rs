//! What is known of control planes because somebody has looked at them: no watch asks tenants' own API servers. For a while it stands in
//! the fleet, too.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use v9s::fleet::Fleet;
use v9s::fleet::model::{Vcluster, VclusterKey};
use v9s::health::Thresholds;
use v9s::health::control::{Reading, judge};

use super::stores::rests;

/// For so long a reading tells how a control plane is.
const COUNTS: TimeDelta = TimeDelta::minutes(2);
/// Readings of one control plane that are kept, for the trend.
const KEPT: usize = 60;
/// Control planes that are remembered.
const MOST: usize = 50;

/// Control planes that were looked at, each with its latest readings, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct Planes(BTreeMap<VclusterKey, VecDeque<Arc<Reading>>>);

impl Planes {
    /// Adds a reading.
    pub fn put(&mut self, key: VclusterKey, reading: Reading) {
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, kept)| kept.back().map(|reading| reading.taken));
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.0.remove(&key);
            }
        }
        let kept = self.0.entry(key).or_default();
        kept.push_back(Arc::new(reading));
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }

    /// The readings of one, the oldest first, however old.
    pub fn get(&self, key: &VclusterKey) -> Option<&VecDeque<Arc<Reading>>> {
        self.0.get(key)
    }

    /// How many were looked at lately.
    pub fn fresh(&self, now: DateTime<Utc>) -> usize {
        self.lately(now).count()
    }

    fn lately(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&VclusterKey, &Reading, Option<&Reading>)> {
        self.0.iter().filter_map(move |(key, kept)| {
            let newest = kept.back().filter(|newest| now - newest.taken < COUNTS)?;
            let before = kept.iter().rev().nth(1).map(Arc::as_ref);
            Some((key, newest.as_ref(), before))
        })
    }

    /// The fleet, with what was found in control planes that were looked at lately.
    pub fn over(&self, fleet: &Arc<Fleet>, thresholds: &Thresholds, now: DateTime<Utc>) -> Arc<Fleet> {
        let fresh: Vec<_> = self.lately(now).collect();
        if fresh.is_empty() {
            return Arc::clone(fleet);
        }
        let mut over = Fleet::clone(fleet);
        for (key, newest, before) in fresh {
            let row = over.vclusters.iter_mut().find(|row| row.key == *key);
            let Some(row) = row.filter(|row| !rests(row.state)) else { continue };
            let mut with = Vcluster::clone(row);
            with.findings.extend(judge(newest, before, thresholds).1);
            with.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            *row = Arc::new(with);
        }
        Arc::new(over)
    }
}

#[cfg(test)]
mod tests {
    use v9s::fleet::state::State;
    use v9s::health::control::code;

    use super::*;
    use crate::fixture::vcluster;
    use crate::panes::control::tests::unwell;

    #[test]
    fn what_was_looked_at_lately_stands_in_the_fleet_and_what_is_old_or_rests_does_not() {
        let mut paused = vcluster("team-beta", "team-beta");
        paused.state = State::Paused;
        let rows = vec![Arc::new(vcluster("team-alpha", "team-alpha")), Arc::new(paused)];
        let fleet = Arc::new(Fleet { vclusters: rows, ..Fleet::default() });
        let (mut planes, thresholds, now) = (Planes::default(), Thresholds::default(), unwell().taken);
        assert!(Arc::ptr_eq(&planes.over(&fleet, &thresholds, now), &fleet));
        for row in &fleet.vclusters {
            planes.put(row.key.clone(), unwell());
        }
        let over = planes.over(&fleet, &thresholds, now);
        assert!(over.vclusters[0].findings.iter().any(|finding| finding.code == code::NOT_READY));
        assert_eq!(over.vclusters[1], fleet.vclusters[1], "it rests");
        let later = now + TimeDelta::minutes(3);
        assert_eq!((planes.fresh(now), planes.fresh(later)), (2, 0));
        assert!(Arc::ptr_eq(&planes.over(&fleet, &thresholds, later), &fleet));
    }

    #[test]
    fn readings_are_kept_for_the_trend_and_no_more() {
        let (mut planes, key) = (Planes::default(), vcluster("a", "a").key);
        for at in 0..100 {
            let reading = Reading { taken: unwell().taken + TimeDelta::seconds(at), ..unwell() };
            planes.put(key.clone(), reading);
        }
        let kept = planes.get(&key).unwrap();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept.back().map(|newest| newest.taken), Some(unwell().taken + TimeDelta::seconds(99)));
        for other in 0..80 {
            planes.put(vcluster("a", &format!("b-{other}")).key, unwell());
        }
        assert!(planes.0.len() <= MOST);
    }
}
