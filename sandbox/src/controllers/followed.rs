//! The cursor of one kind: its events, and by listing what they have missed.

use std::collections::HashMap;
use std::sync::Arc;

use super::Key;
use crate::store::{Change, Gr, Object, Store};

/// Most events taken from one kind at once.
const BATCH: usize = 1024;

/// What one kind's cursor knows.
#[derive(Debug, Default)]
pub(super) struct Followed {
    position: u64,
    /// Every object as last seen, for what is missed when the cursor falls off the log.
    known: HashMap<Key, Arc<Object>>,
}

/// An event with what it is about.
pub(super) struct Noted {
    pub(super) gr: Gr,
    pub(super) revision: u64,
    pub(super) change: Change,
    pub(super) object: Arc<Object>,
    pub(super) previous: Option<Arc<Object>>,
}

impl Followed {
    pub(super) fn take(&mut self, store: &Store, gr: &Gr, noted: &mut Vec<Noted>) {
        // Objects from before the log are seen by listing, like those that the log has lost.
        if self.position == 0 {
            return self.list(store, gr, noted);
        }
        let Ok((events, position)) = store.events(gr, self.position, BATCH) else {
            return self.list(store, gr, noted);
        };
        self.position = self.position.max(position);
        for event in events {
            let key = Key::of(&event.object);
            match event.change {
                Change::Deleted => self.known.remove(&key),
                Change::Added | Change::Modified => self.known.insert(key, Arc::clone(&event.object)),
            };
            noted.push(Noted {
                gr: gr.clone(),
                revision: event.revision,
                change: event.change,
                object: event.object,
                previous: event.previous,
            });
        }
    }

    /// Finds out by listing what has changed.
    fn list(&mut self, store: &Store, gr: &Gr, noted: &mut Vec<Noted>) {
        let Ok(page) = store.list(gr, &crate::store::ListQuery::default()) else { return };
        self.position = page.revision;
        let mut gone = std::mem::take(&mut self.known);
        let mut note = |change, object: Arc<Object>, previous| {
            let revision = object.revision();
            noted.push(Noted { gr: gr.clone(), revision, change, object, previous });
        };
        for object in page.items {
            let key = Key::of(&object);
            match gone.remove(&key) {
                Some(previous) if previous.revision() == object.revision() => {}
                Some(previous) if previous.uid() == object.uid() => {
                    note(Change::Modified, Arc::clone(&object), Some(previous));
                }
                previous => {
                    // One of the same name went and came again in between.
                    if let Some(previous) = previous {
                        note(Change::Deleted, previous, None);
                    }
                    note(Change::Added, Arc::clone(&object), None);
                }
            }
            self.known.insert(key, object);
        }
        for (_, object) in gone {
            note(Change::Deleted, object, None);
        }
    }
}
