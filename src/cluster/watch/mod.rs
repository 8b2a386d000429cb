//! The watch engine: keeps telling its user what a collection of objects is, exactly.
//!
//! First a list, in pages or as the beginning of the watch, then a watch from the list's revision; after every interruption the watch resumes from the
//! last revision, and after a revision that the server has forgotten a new list is compared with what was told
//! before. So each state of each object is told at most once, what vanished in a gap is told as gone, and
//! [`Event::Synced`] comes once after every whole list. Objects are folded into rows on the watch's own task.

mod backoff;
mod buffer;
mod decode;
mod engine;
mod fold;
mod intake;
mod known;
mod pages;
pub mod protobuf;

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

pub use engine::{Controls, watch};
pub use fold::{Fold, Identified, Identity, Key, Text};

use crate::cluster::{Failure, Resource};

/// Largest number of events in one signal.
pub const MAX_BATCH: usize = 512;
/// How often a list is taken again where watching is forbidden.
pub const POLL_EVERY: Duration = Duration::from_secs(30);
/// How long an event waits for company before it is passed on.
const BATCH_DELAY: Duration = Duration::from_millis(20);

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Kind of objects.
    pub resource: Resource,
    /// One namespace, or all of them.
    pub namespace: Option<smol_str::SmolStr>,
    /// Label selector.
    pub labels: Option<String>,
    /// Field selector.
    pub fields: Option<String>,
    /// Whether metadata is enough.
    pub metadata_only: bool,
    /// Fields by which lists may come in protobuf; none for JSON. Events always come in JSON.
    pub protobuf: Option<&'static [protobuf::Field]>,
    /// Objects in one page of a list.
    pub page_size: u32,
    /// Whether lists come as the beginning of the watch, where the server does that (streaming lists, Kubernetes API
    /// concepts): it costs the server less, and neither side holds a page. Pages come sooner.
    pub streamed: bool,
}

impl Target {
    /// All objects of a kind in all namespaces, whole, 500 in a page.
    pub fn new(resource: Resource) -> Self {
        Target {
            resource,
            namespace: None,
            labels: None,
            fields: None,
            metadata_only: false,
            protobuf: None,
            page_size: 500,
            streamed: false,
        }
    }

    /// Only in this namespace.
    pub fn in_namespace(self, namespace: Option<smol_str::SmolStr>) -> Self {
        Target { namespace, ..self }
    }

    /// Only those with these labels.
    pub fn labelled(self, selector: impl Into<String>) -> Self {
        Target { labels: Some(selector.into()), ..self }
    }

    /// Their metadata only.
    pub fn metadata_only(self) -> Self {
        Target { metadata_only: true, ..self }
    }

    /// Lists in protobuf, where the server speaks it, read by these fields.
    pub fn in_protobuf(self, fields: &'static [protobuf::Field]) -> Self {
        Target { protobuf: Some(fields), ..self }
    }

    fn path(&self) -> String {
        self.resource.path(self.namespace.as_deref())
    }
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<R> {
    /// An object is new or has changed.
    Upsert(Key, R),
    /// An object is gone; with its last state when the server told it, without when it vanished in a gap.
    Gone(Key, Option<R>),
    /// A list has been told whole.
    Synced,
}

/// How a watch is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// A list is under way.
    Listing,
    /// The watch is open, or the server has just given a sign of life on it.
    Live,
    /// Listing is allowed and watching is not: the list is taken again every [`POLL_EVERY`].
    Polled,
    /// The last try has failed.
    Broken {
        /// How.
        failure: Failure,
        /// When the next one starts.
        next_try: DateTime<Utc>,
    },
}

/// Events and phases come on one way, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal<R> {
    /// At most [`MAX_BATCH`] events.
    Events(Vec<Event<R>>),
    /// The watch is doing differently.
    Phase(Phase),
    /// This many objects of a list or watch could not be read and are missing.
    Unreadable(usize),
}

/// Where a watch sends its signals.
pub trait Outlet<R>: Send + 'static {
    /// Sends one and waits while the way is full. False when nobody receives any more.
    fn send(&mut self, signal: Signal<R>) -> impl Future<Output = bool> + Send;
}

impl<R: Send + 'static> Outlet<R> for mpsc::Sender<Signal<R>> {
    async fn send(&mut self, signal: Signal<R>) -> bool {
        mpsc::Sender::send(self, signal).await.is_ok()
    }
}

#[cfg(test)]
mod tests;
