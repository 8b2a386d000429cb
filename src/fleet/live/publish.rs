//! From the hosts' pictures to one snapshot, at most four times a second and only when something changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smol_str::SmolStr;
use tokio::sync::{Notify, watch as latest};
use tokio::time::{Instant, sleep_until};

use crate::fleet::model::{Fleet, Host, Link, Scope, Vcluster};
use crate::known::Known;

/// Shortest time between two snapshots.
pub(super) const PACE: Duration = Duration::from_millis(250);

/// One host's picture.
#[derive(Clone)]
pub(super) struct Picture {
    pub(super) host: Arc<Host>,
    pub(super) rows: Arc<[Arc<Vcluster>]>,
}

/// Where one host's task leaves its picture.
#[derive(Clone)]
pub(super) struct Slot {
    shared: Arc<Shared>,
    at: usize,
}

struct Shared {
    pictures: Mutex<Vec<Picture>>,
    changed: Notify,
    urgent: Notify,
}

/// Whether a picture may wait for the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A person waits for it: the first picture, or a list that has just become whole.
    AtOnce,
    /// It is one of many.
    InTurn,
}

impl Slot {
    /// Leaves a new picture; it is part of the next snapshot.
    pub(super) fn put(&self, picture: Picture, urgency: Urgency) {
        let mut pictures = self.shared.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = pictures.get_mut(self.at) {
            *slot = picture;
        }
        drop(pictures);
        self.shared.changed.notify_one();
        if urgency == Urgency::AtOnce {
            self.shared.urgent.notify_one();
        }
    }
}

/// Publishes snapshots.
pub(super) struct Board {
    shared: Arc<Shared>,
    snapshots: latest::Sender<Arc<Fleet>>,
}

impl Board {
    /// A board with an empty picture for every host.
    pub(super) fn new(contexts: impl Iterator<Item = SmolStr>) -> (Board, Vec<Slot>) {
        let pictures: Vec<Picture> = contexts.map(blank).collect();
        let count = pictures.len();
        let first = Arc::new(assemble(0, &pictures));
        let shared = Arc::new(Shared {
            pictures: Mutex::new(pictures),
            changed: Notify::new(),
            urgent: Notify::new(),
        });
        let slots = (0..count).map(|at| Slot { shared: shared.clone(), at }).collect();
        (Board { shared, snapshots: latest::Sender::new(first) }, slots)
    }

    /// Snapshots as they come.
    pub(super) fn subscribe(&self) -> latest::Receiver<Arc<Fleet>> {
        self.snapshots.subscribe()
    }

    /// Publishes until it is dropped: the first change and what is urgent at once, then at the pace.
    pub(super) async fn run(self) {
        let mut epoch = 0;
        loop {
            self.shared.changed.notified().await;
            epoch += 1;
            let pictures = self.shared.pictures.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.snapshots.send_replace(Arc::new(assemble(epoch, &pictures)));
            tokio::select! {
                () = sleep_until(Instant::now() + PACE) => {}
                () = self.shared.urgent.notified() => {}
            }
        }
    }
}

/// A host of which nothing is known yet.
fn blank(context: SmolStr) -> Picture {
    let host = Host {
        context,
        server: SmolStr::default(),
        version: Known::unknown("loading"),
        link: Link::Loading { objects: 0, pending: Vec::new() },
        scope: Scope::All,
        notes: Vec::new(),
    };
    Picture { host: Arc::new(host), rows: Arc::new([]) }
}

fn assemble(epoch: u64, pictures: &[Picture]) -> Fleet {
    let mut by_name: Vec<&Picture> = pictures.iter().collect();
    by_name.sort_by(|a, b| a.host.context.cmp(&b.host.context));
    Fleet {
        epoch,
        hosts: pictures.iter().map(|picture| picture.host.clone()).collect(),
        // Each host's rows are sorted, so the whole is.
        vclusters: by_name.iter().flat_map(|picture| picture.rows.iter().cloned()).collect(),
    }
}
