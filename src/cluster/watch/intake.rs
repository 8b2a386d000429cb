//! From objects to events: what is new, what has changed, what is gone.

use smol_str::SmolStr;
use tokio::time::Instant;

use super::Event;
use super::decode::{self, Line};
use super::engine::{Break, Step};
use super::fold::{Fold, Identified};
use super::known::{Change, Known};
use crate::cluster::{Failure, FailureKind};

/// Turns objects into events.
pub(super) struct Intake<F: Fold> {
    pub(super) fold: F,
    pub(super) known: Known,
    pub(super) batch: Vec<Event<F::Row>>,
    /// When the first event of the batch came.
    pub(super) oldest: Option<Instant>,
}

/// What a line of a watch was.
pub(super) enum Taken {
    /// Its event, if any, is in the batch.
    InBatch,
    /// A sign of life; true when it ends the list that the watch began with.
    Bookmark(bool),
    /// An object that cannot be read.
    Unreadable,
}

impl<F: Fold> Intake<F> {
    pub(super) fn take_line(&mut self, line: &[u8], revision: &mut SmolStr) -> Step<Taken> {
        match decode::line::<F::Object<'_>>(line) {
            Ok(Line::Upsert(object)) => {
                *revision = object.identity().resource_version.into();
                decode::Intake::<F>::take(self, object);
                Ok(Taken::InBatch)
            }
            Ok(Line::Deleted(object)) => {
                *revision = object.identity().resource_version.into();
                self.take_deleted(object);
                Ok(Taken::InBatch)
            }
            Ok(Line::Bookmark { revision: at, ends_list }) => {
                *revision = at;
                Ok(Taken::Bookmark(ends_list))
            }
            Ok(Line::Error(status)) => Err(classify_event(Failure::from_status(&status))),
            Ok(Line::Other) => Ok(Taken::InBatch),
            Err(_) => Ok(Taken::Unreadable),
        }
    }

    fn take_deleted(&mut self, object: F::Object<'_>) {
        let key = self.known.key(object.identity());
        if self.known.forget(&key) {
            let row = self.fold.fold(&key, object);
            self.push(Event::Gone(key, row));
        }
    }

    pub(super) fn push(&mut self, event: Event<F::Row>) {
        self.oldest.get_or_insert_with(Instant::now);
        self.batch.push(event);
    }
}

impl<F: Fold> decode::Intake<F> for Intake<F> {
    fn take(&mut self, object: F::Object<'_>) {
        let (key, change) = self.known.observe(object.identity());
        match change {
            Change::Same => return,
            Change::Replaced => self.push(Event::Gone(key.clone(), None)),
            Change::New | Change::Changed => {}
        }
        match self.fold.fold(&key, object) {
            Some(row) => self.push(Event::Upsert(key, row)),
            None => {
                self.known.forget(&key);
                if change == Change::Changed {
                    self.push(Event::Gone(key, None));
                }
            }
        }
    }
}

/// What an error inside of a watch means: after anything but a plea for patience the revision is not trusted.
fn classify_event(failure: Failure) -> Break {
    match failure.kind {
        FailureKind::Busy { .. } | FailureKind::Timeout => Break::Failed(failure),
        _ => Break::Relist(failure),
    }
}
