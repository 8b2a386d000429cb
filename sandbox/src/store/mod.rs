//! The memory of the host: every object, by revision, with a log of what happened.
//!
//! One counter numbers all writes. Each kind keeps its objects by key and a bounded log of events; watches and
//! controllers read the log with cursors, so that a slow reader costs nothing and learns that it has fallen behind.
//! The past is the present with later events undone, which makes consistent paging possible without keeping
//! versions.
//!
//! HTTP handlers, controllers and seeding share these methods: the rules of metadata, generation, finalizers and
//! graceful deletion hold for all of them. The store knows nothing of HTTP, users or versions of the wire.

mod body;
mod cursor;
mod delete;
mod gr;
mod health;
mod hooks;
mod log;
mod metadata;
mod object;
mod options;
mod packing;
mod seed;
mod selector;
mod signing;
mod state;
mod strategy;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod track;
mod validate;
mod warnings;
mod write;

pub use cursor::Cursor;
pub use gr::Gr;
pub use health::Health;
pub use hooks::{Admission, Operation, Review, Stage};
pub use log::{Change, Event, TooOld};
pub use object::{Meta, Object, OwnerRef};
pub use options::{DeleteOptions, Deleted, Origin, Propagation, StoreOptions, WriteOptions, Written};
pub use seed::Seed;
pub use selector::Selector;
pub use state::Page;
pub(crate) use strategy::place;
pub(crate) use track::reset_fields;
pub(crate) use validate::{is_open, needs_health_check};

use crate::clock::{Chance, Clock};
use crate::custom::{DEFINITIONS, Definitions};
use crate::kinds::{Kind, Kinds};
use crate::status::Status;
use log::Capacity;
use state::{Scan, State, key};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

/// All objects of a host. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    state: RwLock<State>,
    kinds: RwLock<Arc<Kinds>>,
    kinds_changed: watch::Sender<()>,
    definitions: Definitions,
    admission: RwLock<Vec<Arc<dyn Admission>>>,
    clock: Clock,
    chance: Chance,
    health: watch::Sender<Health>,
}

/// What a client reads when the version it asks for is older than the log.
const EXPIRED_LIST: &str = "The resourceVersion for the provided list is too old.";

/// What to list, and as of when.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only these objects.
    pub selector: Selector,
    /// At most so many; 0 for all.
    pub limit: usize,
    /// Only after this key ([`Page::next`] of the page before).
    pub after: Option<String>,
    /// The state as of this revision; none: now.
    pub revision: Option<u64>,
}

impl Store {
    /// An empty store that serves these kinds.
    pub fn new(kinds: Kinds, options: &StoreOptions) -> Self {
        let capacity = Capacity { events: options.log_capacity, bytes: options.log_bytes };
        Self(Arc::new(Inner {
            // A real server has written its own objects before anybody can ask.
            state: RwLock::new(State::new(1, capacity)),
            kinds: RwLock::new(Arc::new(kinds)),
            kinds_changed: watch::Sender::new(()),
            definitions: Definitions::default(),
            admission: RwLock::default(),
            clock: options.clock.clone(),
            chance: options.chance.clone(),
            health: watch::Sender::new(Health::Sound),
        }))
    }

    /// Time on this host.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Source of UIDs and names on this host.
    pub fn chance(&self) -> &Chance {
        &self.0.chance
    }

    /// The kinds served now.
    pub fn kinds(&self) -> Arc<Kinds> {
        Arc::clone(&self.0.kinds.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the kinds served (custom resource definitions come and go).
    pub fn change_kinds(&self, change: impl FnOnce(&mut Kinds)) {
        let mut kinds = self.0.kinds.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut kinds));
        drop(kinds);
        self.0.kinds_changed.send_replace(());
    }

    /// Tells of every change of the kinds served.
    pub fn kinds_changed(&self) -> watch::Receiver<()> {
        self.0.kinds_changed.subscribe()
    }

    /// The kind of a resource in the version in which it is stored.
    ///
    /// # Errors
    /// 404 when no such kind is served.
    pub fn kind(&self, gr: &Gr) -> Result<Arc<Kind>, Status> {
        self.kinds().stored(&gr.group, &gr.plural).cloned().ok_or_else(Status::unknown_resource)
    }

    /// The kind whose rules hold for a write: that of the writer's version for custom resources, whose versions may
    /// ask for different things of the same object, else the stored one.
    fn kind_for(&self, gr: &Gr, options: &WriteOptions) -> Result<Arc<Kind>, Status> {
        let stored = self.kind(gr)?;
        let version = options.api_version.rsplit('/').next().unwrap_or_default();
        if !stored.is_custom() || version.is_empty() || version == stored.version {
            return Ok(stored);
        }
        Ok(self.kinds().by_path(&gr.group, version, &gr.plural).cloned().unwrap_or(stored))
    }

    /// What follows a write at once: definitions make kinds.
    fn written(&self, gr: &Gr, object: &Object) {
        if *gr == DEFINITIONS {
            self.0.definitions.look(self, object.name());
        }
    }

    /// What follows when an object is gone: its definition may have waited for that.
    fn gone(&self, gr: &Gr, kind: &Kind, object: &Object) {
        self.written(gr, object);
        if kind.custom.as_ref().is_some_and(|custom| custom.terminating) {
            self.0.definitions.look(self, &gr.to_string());
        }
    }

    /// Lets somebody take part in every write from now on.
    pub fn add_admission(&self, admission: Arc<dyn Admission>) {
        let mut all = self.0.admission.write().unwrap_or_else(PoisonError::into_inner);
        all.push(admission);
        all.sort_by_key(|admission| admission.stage());
    }

    fn admission(&self) -> Vec<Arc<dyn Admission>> {
        self.0.admission.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Revision of the last write.
    pub fn revision(&self) -> u64 {
        self.read().revision
    }

    /// The revision before which nothing is remembered: the last compaction.
    pub fn compacted(&self) -> u64 {
        self.read().compacted
    }

    /// One object.
    ///
    /// # Errors
    /// 404 when it does not exist.
    pub fn get(&self, gr: &Gr, namespace: Option<&str>, name: &str) -> Result<Arc<Object>, Status> {
        self.find(gr, namespace, name).ok_or_else(|| Status::not_found(gr, name))
    }

    /// One object, if it exists.
    pub fn find(&self, gr: &Gr, namespace: Option<&str>, name: &str) -> Option<Arc<Object>> {
        self.read().collection(gr)?.get(&key(namespace, name)).cloned()
    }

    /// A page of objects, all as of one revision.
    ///
    /// # Errors
    /// 410 when the revision has left the log; 504 when it lies in the future.
    pub fn list(&self, gr: &Gr, query: &ListQuery) -> Result<Page, Status> {
        let prefix = query.namespace.as_ref().map(|n| format!("{n}/")).unwrap_or_default();
        let scan = Scan {
            prefix: &prefix,
            after: query.after.as_deref(),
            selector: &query.selector,
            limit: query.limit,
        };
        let state = self.read();
        let revision = query.revision.unwrap_or(state.revision);
        if revision > state.revision {
            return Err(Status::too_large(revision, state.revision));
        }
        let expired = || Status::expired(EXPIRED_LIST);
        if revision < state.compacted {
            return Err(expired());
        }
        let page = match state.collection(gr) {
            None => Page::default(),
            Some(collection) if revision == state.revision => collection.now(scan),
            Some(collection) => collection.past(revision, scan).map_err(|_| expired())?,
        };
        Ok(Page { revision, ..page })
    }

    /// Every object of a kind, or of a kind in one namespace.
    pub fn all(&self, gr: &Gr, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let query = ListQuery { namespace: namespace.map(str::to_owned), ..ListQuery::default() };
        self.list(gr, &query).map(|page| page.items).unwrap_or_default()
    }

    /// How many objects of a kind there are.
    pub fn count(&self, gr: &Gr) -> usize {
        self.read().collection(gr).map_or(0, state::Collection::len)
    }

    /// Events of a kind after a revision, oldest first, at most `limit`; and the revision up to which the reader now
    /// knows everything.
    ///
    /// # Errors
    /// [`TooOld`] when the log no longer reaches back that far.
    pub fn events(&self, gr: &Gr, after: u64, limit: usize) -> Result<(Vec<Event>, u64), TooOld> {
        let state = self.read();
        let Some(collection) = state.collection(gr) else { return Ok((Vec::new(), state.revision)) };
        let events = collection.events(after, limit)?;
        let known = match events.last() {
            Some(last) if events.len() >= limit => last.revision,
            _ => state.revision,
        };
        Ok((events, known))
    }

    /// A reader of one kind's events from a revision on; see [`Cursor`].
    pub fn cursor(&self, gr: &Gr, after: u64) -> Cursor {
        Cursor::new(self.clone(), gr.clone(), after)
    }

    /// Tells of every write to a kind by its revision. For readers that poll [`Store::events`] themselves.
    pub fn pulse(&self, gr: &Gr) -> watch::Receiver<u64> {
        self.write().collection_mut(gr).pulse.subscribe()
    }

    /// Tells of every write to anything by its revision.
    pub fn pulse_of_all(&self) -> watch::Receiver<u64> {
        self.read().pulse.subscribe()
    }

    /// Forgets what happened before the last call of this. Called every few minutes, it leaves the past of that long,
    /// as a real server's regular compaction does.
    pub fn age(&self) {
        self.write().age();
    }

    /// Packs what has not been written since the last call of this: it takes less memory and reads as before.
    pub fn pack(&self) {
        let rested = self.write().unpacked();
        for (dictionary, objects) in rested {
            objects.iter().for_each(|object| object.pack(&dictionary));
        }
    }

    /// Forgets the log, as a real server's compaction does: who is behind has to list again.
    pub fn compact(&self) {
        self.write().compact();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store(revision {})", self.revision())
    }
}
