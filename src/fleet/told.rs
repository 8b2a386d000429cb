//! What companions told, and when they were last heard. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;

use super::rows::StatusRow;
use crate::health::Companion;
use crate::known::Known;

/// Earlier lags that are kept of each virtual cluster.
const MOST: usize = 40;
/// One of them stands for this long: ten minutes in all.
const STEP: TimeDelta = TimeDelta::seconds(15);

/// The newest word of one companion.
#[derive(Debug)]
pub(super) struct Told {
    row: StatusRow,
    /// When it came.
    at: DateTime<Utc>,
    /// Whether it was there before we looked: then its age is not that of its arrival.
    old: bool,
    lags: VecDeque<u32>,
    /// When the newest lag was begun.
    step: Option<DateTime<Utc>>,
}

impl Told {
    /// The first word that we see.
    pub(super) fn first(row: StatusRow, now: DateTime<Utc>) -> Self {
        let mut told = Told { row, at: now, old: true, lags: VecDeque::new(), step: None };
        told.remember(now);
        told
    }

    /// Another word. A change of the object without one, such as of a label, is none.
    pub(super) fn again(&mut self, row: StatusRow, now: DateTime<Utc>) {
        if row.told == self.row.told {
            self.row = row;
            return;
        }
        (self.row, self.at, self.old) = (row, now, false);
        self.remember(now);
    }

    fn remember(&mut self, now: DateTime<Utc>) {
        let Some(lag) = self.companion(None, None).and_then(|one| one.p99().get().copied()) else { return };
        let lag = u32::try_from(lag.as_millis()).unwrap_or(u32::MAX);
        match (self.step, self.lags.back_mut()) {
            (Some(step), Some(newest)) if now - step < STEP => *newest = lag.max(*newest),
            _ => {
                if self.lags.len() == MOST {
                    self.lags.pop_front();
                }
                self.lags.push_back(lag);
                self.step = Some(now);
            }
        }
    }

    /// Lags of the last minutes, the oldest first, in milliseconds.
    pub(super) fn lags(&self) -> Vec<u32> {
        self.lags.iter().copied().collect()
    }

    /// Why its word cannot be read.
    pub(super) fn unreadable(&self) -> Option<&SmolStr> {
        self.row.told.as_ref().err()
    }

    /// When it was heard, by our clock. What was there before we looked is as old as the host says who wrote it, whose
    /// clock is `ahead` of ours; as long as that is not known, it counts as new.
    fn heard(&self, ahead: Option<TimeDelta>) -> DateTime<Utc> {
        match (self.old, ahead, self.row.written) {
            (true, Some(ahead), Some(written)) => {
                // Of the host's word and its own the newer counts: silent is who is so by both.
                let told = self.row.told.as_ref().ok().and_then(|status| status.time).unwrap_or(written);
                (written.max(told) - ahead).min(self.at)
            }
            _ => self.at,
        }
    }

    fn companion(
        &self,
        ahead: Option<TimeDelta>,
        silence: Option<(DateTime<Utc>, TimeDelta)>,
    ) -> Option<Companion> {
        let status = self.row.told.as_ref().ok()?;
        let heard = self.heard(ahead);
        let silent = silence.is_some_and(|(now, patience)| now - heard > patience);
        Some(Companion { status: Arc::clone(status), heard, silent })
    }

    /// The companion as it is at a time for all that we could hear of it until then, and when time alone will make it
    /// silent.
    pub(super) fn at(
        &self,
        ahead: Option<TimeDelta>,
        now: DateTime<Utc>,
        patience: TimeDelta,
    ) -> (Known<Arc<Companion>>, Option<DateTime<Utc>>) {
        match (self.companion(ahead, Some((now, patience))), self.unreadable()) {
            (Some(companion), _) => {
                let due =
                    (!companion.silent).then_some(companion.heard + patience + TimeDelta::milliseconds(1));
                (Known::Yes(Arc::new(companion)), due)
            }
            (None, why) => (Known::No(why.cloned().unwrap_or_default()), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::companion::{LagStatus, SyncerStatus};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(9) + TimeDelta::seconds(seconds)
    }

    /// A word with a lag, written by the host's clock.
    fn word(lag: u64, written: i64) -> StatusRow {
        let status = SyncerStatus {
            version: 1,
            time: Some(at(written - 5_000)),
            to_host: LagStatus { count: 1, p99_millis: Some(lag), ..LagStatus::default() },
            ..SyncerStatus::default()
        };
        StatusRow { vcluster: "a".into(), told: Ok(Arc::new(status)), written: Some(at(written)) }
    }

    fn silent(told: &Told, ahead: Option<i64>, now: i64) -> bool {
        let (one, _) = told.at(ahead.map(TimeDelta::seconds), at(now), TimeDelta::seconds(90));
        one.get().unwrap().silent
    }

    #[test]
    fn what_was_there_before_is_as_old_as_the_host_says_and_what_comes_is_new() {
        // The host's clock is ten minutes ahead of ours, the companion's far behind both.
        let ahead = Some(600);
        let mut told = Told::first(word(1, 600 - 80), at(0));
        assert!(!silent(&told, ahead, 0) && !silent(&told, ahead, 10));
        assert!(silent(&told, ahead, 11), "it is 91 s old");
        assert!(!silent(&told, None, 90), "as long as the host's clock is not known it counts as new");
        assert!(silent(&told, None, 91));
        told.again(word(1, 0), at(20));
        assert!(!silent(&told, ahead, 110), "whatever the clocks say: it has just come");
        assert!(silent(&told, ahead, 111));
        let (_, due) = told.at(None, at(20), TimeDelta::seconds(90));
        assert_eq!(due, Some(at(110) + TimeDelta::milliseconds(1)));
    }

    #[test]
    fn a_change_of_the_object_without_another_word_is_no_sign_of_life() {
        let mut told = Told::first(word(1, 0), at(0));
        told.again(StatusRow { written: Some(at(80)), ..word(1, 0) }, at(80));
        assert!(silent(&told, None, 91));
    }

    #[test]
    fn lags_are_kept_in_steps_and_not_for_ever() {
        let mut told = Told::first(word(5, 0), at(0));
        told.again(word(900, 1), at(5));
        told.again(word(7, 2), at(14));
        assert_eq!(told.lags(), [900], "the worst of a step stands");
        told.again(word(3, 3), at(15));
        assert_eq!(told.lags(), [900, 3]);
        for turn in 0..200_i64 {
            told.again(word(turn as u64, turn), at(100 + 20 * turn));
        }
        assert_eq!((told.lags().len(), told.lags().last().copied()), (MOST, Some(199)));
    }
}
