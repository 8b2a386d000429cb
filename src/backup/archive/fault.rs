//! Which layer of an archive failed first. Each layer hands the errors below it on in its own words, so they are noted where they arise.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::error::{ArchiveError, Layer};

/// Where a reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the bytes as they come.
    Source,
    /// Above this layer.
    Above(Layer),
}

#[derive(Debug)]
struct Fault {
    place: Place,
    error: io::Error,
}

/// The first fault of a stack of readers.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(Rc<RefCell<Option<Fault>>>);

impl Faults {
    fn note(&self, place: Place, error: &io::Error) {
        let mut first = self.0.borrow_mut();
        if first.is_none() {
            let error = io::Error::new(error.kind(), error.to_string());
            *first = Some(Fault { place, error });
        }
    }

    /// What an error of the uppermost reader really is.
    pub(super) fn explain(&self, error: io::Error) -> ArchiveError {
        let first = self.0.borrow_mut().take();
        match first {
            Some(Fault { place: Place::Source, error }) => ArchiveError::Source(error),
            Some(Fault { place: Place::Above(layer), error }) => of_layer(layer, &error),
            None => of_layer(Layer::Entries, &error),
        }
    }
}

fn of_layer(layer: Layer, error: &io::Error) -> ArchiveError {
    match too_large(error) {
        Some(limit) => ArchiveError::TooLarge { what: "the unpacked content".into(), limit },
        None if error.kind() == io::ErrorKind::UnexpectedEof => ArchiveError::Truncated(layer),
        None => ArchiveError::Damaged { layer, why: first_line(&error.to_smolstr()) },
    }
}

fn first_line(text: &str) -> SmolStr {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

const TOO_LARGE: &str = "more bytes than ";

fn too_large(error: &io::Error) -> Option<u64> {
    let text = error.to_smolstr();
    (error.kind() == io::ErrorKind::QuotaExceeded).then(|| text.strip_prefix(TOO_LARGE)?.parse().ok())?
}

/// A reader that notes faults of what is below it, and ends with one when more comes than may.
pub(super) struct Watched<R> {
    inner: R,
    place: Place,
    faults: Faults,
    limit: u64,
    left: u64,
}

impl<R: Read> Watched<R> {
    pub(super) fn new(inner: R, place: Place, faults: &Faults, limit: u64) -> Self {
        Watched { inner, place, faults: faults.clone(), limit, left: limit }
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            read => read,
        };
        let read = read.and_then(|count| match self.left.checked_sub(count as u64) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => {
                let why = format_smolstr!("{TOO_LARGE}{}", self.limit);
                Err(io::Error::new(io::ErrorKind::QuotaExceeded, why.as_str()))
            }
        });
        read.inspect_err(|error| self.faults.note(self.place, error))
    }
}
