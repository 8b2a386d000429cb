//! How often a control plane restarted lately. Pods tell only a total, so the total is followed over time.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;

use super::rows::ControlPod;

/// How far back "lately" goes.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// The restarts of one control plane, as far as they could be seen or inferred.
#[derive(Debug, Default)]
pub(super) struct RestartLog {
    /// UID to the total last seen.
    totals: HashMap<SmolStr, u32>,
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
    pub(super) fn forget(&mut self, uid: &str) {
        self.totals.remove(uid);
    }

    /// Restarts within the last hour, and when that number will next be smaller.
    pub(super) fn recent(&mut self, now: DateTime<Utc>) -> (u32, Option<DateTime<Utc>>) {
        self.restarts.retain(|(at, _)| now - at < WINDOW);
        let count = self.restarts.iter().map(|(_, count)| count).sum();
        (count, self.restarts.iter().map(|(at, _)| *at + WINDOW).min())
    }
}
