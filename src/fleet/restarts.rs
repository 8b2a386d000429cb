//! How often a control plane restarted lately. Pods tell only a total, so the total is followed over time.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::rows::ControlPod;
use crate::cluster::Uid;

/// How far back "lately" goes.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// The restarts of one control plane, as far as they could be seen or inferred.
#[derive(Debug, Default)]
pub(super) struct RestartLog {
    /// Of each pod, the total last seen.
    totals: HashMap<Uid, u32>,
    restarts: VecDeque<(DateTime<Utc>, u32)>,
}

impl RestartLog {
    /// Takes a pod's present total in.
    pub(super) fn observe(&mut self, pod: &ControlPod, now: DateTime<Utc>) {
        let total = pod.row.restarts;
        let at = pod.last_end.as_ref().and_then(|end| end.at).unwrap_or(now).min(now);
        let new = match self.totals.insert(pod.row.uid.clone(), total) {
            Some(before) => total.saturating_sub(before),
            // Seen for the first time: all restarts of a young pod are recent, of an old one at least the last.
            None if pod.row.created.is_some_and(|created| now - created < WINDOW) => total,
            None => u32::from(total > 0 && now - at < WINDOW),
        };
        if new > 0 {
            self.restarts.push_back((at, new));
        }
    }

    /// Forgets a pod's total; its restarts still happened.
    pub(super) fn forget(&mut self, uid: &Uid) {
        self.totals.remove(uid);
    }

    /// Restarts within the last hour, and when that number will next be smaller.
    pub(super) fn recent(&mut self, now: DateTime<Utc>) -> (u32, Option<DateTime<Utc>>) {
        self.restarts.retain(|(at, _)| now - at < WINDOW);
        let count = self.restarts.iter().map(|(_, count)| count).sum();
        (count, self.restarts.iter().map(|(at, _)| *at + WINDOW).min())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::rows::End;
    use crate::fleet::table::tests::control_pod;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// A pod made at minute zero whose last restart was at a minute.
    fn pod(restarts: u32, last: Option<i64>) -> ControlPod {
        let mut pod = control_pod("team-a-0", restarts);
        pod.row.created = Some(at(0));
        pod.last_end = last.map(|minute| End { reason: "Error".into(), at: Some(at(minute)) });
        pod
    }

    #[test]
    fn restarts_are_counted_as_they_happen_and_fade_after_an_hour() {
        let mut log = RestartLog::default();
        log.observe(&pod(10, Some(100)), at(1000));
        assert_eq!(log.recent(at(1000)), (0, None), "old ones do not count");
        log.observe(&pod(12, Some(1010)), at(1011));
        log.observe(&pod(12, Some(1010)), at(1012));
        log.observe(&pod(13, Some(1040)), at(1040));
        assert_eq!(log.recent(at(1041)), (3, Some(at(1070))));
        assert_eq!(log.recent(at(1070)), (1, Some(at(1100))));
        assert_eq!(log.recent(at(1100)), (0, None));
    }

    #[test]
    fn at_first_sight_what_is_certain_counts() {
        let first_sight = |pod: &ControlPod, now: i64| {
            let mut log = RestartLog::default();
            log.observe(pod, at(now));
            log.recent(at(now)).0
        };
        assert_eq!(
            first_sight(&pod(5, Some(30)), 50),
            5,
            "a pod of 50 minutes had all of them within the hour"
        );
        assert_eq!(first_sight(&pod(5, Some(490)), 500), 1, "of an old pod only the last is certain");
        assert_eq!(first_sight(&pod(0, None), 500), 0);
    }

    #[test]
    fn a_pod_that_is_replaced_does_not_take_its_restarts_along() {
        let mut log = RestartLog::default();
        log.observe(&pod(0, None), at(500));
        log.observe(&pod(4, Some(505)), at(505));
        log.forget(&"uid-team-a-0".into());
        assert_eq!(log.recent(at(510)).0, 4);
    }
}
