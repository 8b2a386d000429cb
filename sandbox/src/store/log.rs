//! What happened to one kind of object: a bounded log, read by cursors.

use super::Object;
use std::collections::VecDeque;
use std::sync::Arc;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It came.
    Added,
    /// It changed.
    Modified,
    /// It went.
    Deleted,
}

/// One write.
#[derive(Clone, Debug)]
pub struct Event {
    /// Revision of the write.
    pub revision: u64,
    /// What happened.
    pub change: Change,
    /// The object after the write; a deleted one as it was, under the revision of its deletion.
    pub object: Arc<Object>,
    /// The object before the write; none when it came.
    pub previous: Option<Arc<Object>>,
}

/// A cursor has fallen off the log; list again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld {
    /// The oldest revision that a cursor may stand at.
    pub oldest: u64,
}

/// How much of the past each log keeps; the last write in any case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) events: usize,
    /// Bytes of JSON that only the log still holds.
    pub(crate) bytes: usize,
}

/// The last writes of one kind, oldest first.
#[derive(Debug)]
pub(crate) struct Log {
    events: VecDeque<Event>,
    /// Cursors before this revision have missed something.
    floor: u64,
    capacity: Capacity,
    /// Bytes of JSON that only the log holds.
    bytes: usize,
}

impl Event {
    /// Bytes of JSON that nobody needs but for this event: what was before the write, and what is gone with it. What was
    /// written is in use until a later event says otherwise.
    fn past_bytes(&self) -> usize {
        let gone = if self.change == Change::Deleted { self.object.size() } else { 0 };
        gone + self.previous.as_ref().map_or(0, |previous| previous.size())
    }
}

impl Log {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self { events: VecDeque::new(), floor: 0, capacity, bytes: 0 }
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.bytes += event.past_bytes();
        self.events.push_back(event);
        while self.events.len() > 1
            && (self.events.len() > self.capacity.events || self.bytes > self.capacity.bytes)
        {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(dropped) = self.events.pop_front() {
            self.bytes -= dropped.past_bytes();
            self.floor = dropped.revision;
        }
    }

    /// Forgets the writes up to a revision.
    pub(crate) fn forget(&mut self, revision: u64) {
        while self.events.front().is_some_and(|event| event.revision <= revision) {
            self.drop_first();
        }
        self.events.shrink_to(2 * self.events.len());
    }

    /// The writes after a revision, at most `limit` of them.
    pub(crate) fn after(&self, revision: u64, limit: usize) -> Result<Vec<Event>, TooOld> {
        Ok(self.range(revision)?.take(limit).cloned().collect())
    }

    /// The writes after a revision.
    pub(crate) fn range(&self, revision: u64) -> Result<impl Iterator<Item = &Event>, TooOld> {
        if revision < self.floor {
            return Err(TooOld { oldest: self.floor });
        }
        let start = self.events.partition_point(|event| event.revision <= revision);
        Ok(self.events.range(start..))
    }

    /// The versions that were replaced.
    pub(crate) fn past(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.events.iter().filter_map(|event| event.previous.as_ref())
    }

    /// Forgets everything. Who has read it all misses nothing and may stay.
    pub(crate) fn compact(&mut self) {
        if let Some(last) = self.events.back() {
            self.floor = last.revision;
        }
        self.events = VecDeque::new();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CONFIG_MAPS, config_map, store, touch};
    use super::*;
    use serde_json::json;

    /// The log of one object that was written so many times, each time leaving about 400 bytes.
    fn log(capacity: Capacity, writes: usize) -> (Log, Vec<u64>) {
        let store = store(1000);
        let mut log = Log::new(capacity);
        config_map(&store, "a", &json!({}));
        let revisions = (0..writes).map(|n| touch(&store, "a", &format!("{n:0200}")).revision()).collect();
        let (events, _) = store.events(&CONFIG_MAPS, 0, writes + 1).expect("a long log");
        events.into_iter().for_each(|event| log.push(event));
        (log, revisions)
    }

    fn reach(log: &Log, revisions: &[u64]) -> usize {
        revisions.iter().rev().take_while(|revision| log.after(**revision, 9).is_ok()).count()
    }

    #[test]
    fn a_log_is_bounded_in_events_and_in_bytes() {
        let (of_events, revisions) = log(Capacity { events: 4, bytes: usize::MAX }, 20);
        assert_eq!(reach(&of_events, &revisions), 5, "before each of four events, and after the last");
        let (of_bytes, revisions) = log(Capacity { events: 1000, bytes: 2000 }, 20);
        let reached = reach(&of_bytes, &revisions);
        assert!((3..8).contains(&reached), "{reached}");
        assert!(of_bytes.bytes <= 2000);
        let (tiny, revisions) = log(Capacity { events: 1000, bytes: 1 }, 20);
        assert_eq!(reach(&tiny, &revisions), 2, "the last event stays");
    }

    #[test]
    fn what_is_forgotten_is_the_oldest() {
        let (mut log, revisions) = log(Capacity { events: 1000, bytes: usize::MAX }, 9);
        log.forget(revisions[5]);
        assert_eq!(reach(&log, &revisions), 4);
        log.forget(revisions[8]);
        assert_eq!((log.events.len(), log.bytes), (0, 0));
        assert_eq!(reach(&log, &revisions), 1, "who has read everything misses nothing");
    }

    #[test]
    fn a_store_that_ages_remembers_what_happened_since_it_did() {
        let store = store(1000);
        config_map(&store, "a", &json!({}));
        let first = touch(&store, "a", "1").revision();
        store.age();
        let second = touch(&store, "a", "2").revision();
        store.age();
        assert!(store.events(&CONFIG_MAPS, first - 1, 9).is_err());
        assert_eq!(store.events(&CONFIG_MAPS, first, 9).map(|(events, _)| events.len()), Ok(1));
        store.pack();
        store.pack();
        assert_eq!(store.find(&CONFIG_MAPS, Some("n"), "a").map(|map| map.revision()), Some(second));
    }
}
