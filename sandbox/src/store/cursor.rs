//! A reader of one kind's events.

use super::{Event, Gr, Store, TooOld};
use tokio::sync::watch;

/// Most events handed out at once, so that a reader far behind does not hold everything twice.
const BATCH: usize = 512;

/// Reads the events of one kind in order, without gaps or repeats. Costs nothing while nothing happens.
#[derive(Debug)]
pub struct Cursor {
    store: Store,
    gr: Gr,
    position: u64,
    pulse: watch::Receiver<u64>,
}

impl Cursor {
    pub(super) fn new(store: Store, gr: Gr, after: u64) -> Self {
        let pulse = store.pulse(&gr);
        Self { store, gr, position: after, pulse }
    }

    /// The revision up to which this reader knows everything.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What has happened since the last call; empty when nothing has.
    ///
    /// # Errors
    /// [`TooOld`] when this reader has fallen off the log: list again.
    pub fn take(&mut self) -> Result<Vec<Event>, TooOld> {
        // Before reading: what is written in between wakes us once more, never less.
        self.pulse.mark_unchanged();
        let (events, known) = self.store.events(&self.gr, self.position, BATCH)?;
        if events.len() >= BATCH {
            self.pulse.mark_changed();
        }
        self.position = self.position.max(known);
        Ok(events)
    }

    /// Waits until something has happened and takes it; may return nothing after a compaction.
    ///
    /// # Errors
    /// [`TooOld`] when this reader has fallen off the log: list again.
    pub async fn next(&mut self) -> Result<Vec<Event>, TooOld> {
        let events = self.take()?;
        if !events.is_empty() {
            return Ok(events);
        }
        // The store is held by this cursor, so the sender lives.
        let _ = self.pulse.changed().await;
        self.take()
    }
}
