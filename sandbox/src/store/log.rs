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

/// The last writes of one kind, oldest first.
#[derive(Debug)]
pub(crate) struct Log {
    events: VecDeque<Event>,
    /// Cursors before this revision have missed something.
    floor: u64,
    capacity: usize,
}

impl Log {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { events: VecDeque::new(), floor: 0, capacity: capacity.max(1) }
    }

    pub(crate) fn push(&mut self, event: Event) {
        if self.events.len() >= self.capacity
            && let Some(dropped) = self.events.pop_front()
        {
            self.floor = dropped.revision;
        }
        self.events.push_back(event);
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

    /// Forgets everything. Who has read it all misses nothing and may stay.
    pub(crate) fn compact(&mut self) {
        if let Some(last) = self.events.back() {
            self.floor = last.revision;
        }
        self.events = VecDeque::new();
    }
}
