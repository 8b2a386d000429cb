//! All objects under one revision counter, and what the past of a kind looked like.

use super::Gr;
use super::body::Dictionary;
use super::log::{Capacity, Change, Event, Log, TooOld};
use super::object::{Draft, Object};
use super::packing::Packing;
use super::selector::Selector;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use tokio::sync::watch;

/// Everything behind the lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) revision: u64,
    /// Snapshots before this revision are gone.
    pub(crate) compacted: u64,
    capacity: Capacity,
    /// The revision up to which everything is forgotten next time; see [`State::age`].
    aged: u64,
    /// The revision up to which everything is packed next time; see [`State::unpacked`].
    rested: u64,
    collections: HashMap<Gr, Collection>,
    /// Revision of the last write to anything.
    pub(crate) pulse: watch::Sender<u64>,
}

/// The objects of one kind by key, and what happened to them.
#[derive(Debug)]
pub(crate) struct Collection {
    objects: BTreeMap<Box<str>, Arc<Object>>,
    log: Log,
    packing: Packing,
    /// Keys of objects whose next write is one whatever it says; see [`State::unsettle`].
    unsettled: HashSet<Box<str>>,
    /// Revision of the last write to this kind.
    pub(crate) pulse: watch::Sender<u64>,
}

/// What must hold for a write to go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Nothing is there.
    Absent,
    /// This version is there.
    Revision(u64),
}

/// A write came second: what is there now.
#[derive(Debug)]
pub(crate) struct Lost;

/// One page of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// Revision of the snapshot.
    pub revision: u64,
    /// Objects in the order of namespace and name.
    pub items: Vec<Arc<Object>>,
    /// Key of the last object on the page, when there are more.
    pub next: Option<String>,
    /// How many more there are; unknown with selectors.
    pub remaining: Option<u64>,
}

/// What to list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    /// Prefix of all keys (`namespace/`), empty for all.
    pub(crate) prefix: &'a str,
    /// Only keys after this one.
    pub(crate) after: Option<&'a str>,
    pub(crate) selector: &'a Selector,
    /// 0 for no limit.
    pub(crate) limit: usize,
}

/// `namespace/name`, or `name`: bytes compare as the real server's keys do.
pub(crate) fn key(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

impl State {
    pub(crate) fn new(revision: u64, capacity: Capacity) -> Self {
        let pulse = watch::Sender::new(revision);
        Self { revision, compacted: 0, capacity, aged: 0, rested: 0, collections: HashMap::new(), pulse }
    }

    pub(crate) fn collection(&self, gr: &Gr) -> Option<&Collection> {
        self.collections.get(gr)
    }

    pub(crate) fn collection_mut(&mut self, gr: &Gr) -> &mut Collection {
        let capacity = self.capacity;
        self.collections.entry(gr.clone()).or_insert_with(|| Collection::new(capacity))
    }

    /// Stores an object if what is expected holds. The same contents again are no write.
    pub(crate) fn put(
        &mut self,
        gr: &Gr,
        key: &str,
        draft: Draft,
        expect: Expect,
    ) -> Result<Arc<Object>, Lost> {
        let revision = self.revision + 1;
        let collection = self.collection_mut(gr);
        let previous = collection.expect(key, expect)?;
        let settled = !collection.unsettled.remove(key);
        if let Some(previous) = previous.as_ref().filter(|_| settled)
            && draft.same_as(previous)
        {
            return Ok(Arc::clone(previous));
        }
        let object = Arc::new(draft.commit(revision));
        collection.objects.insert(key.into(), Arc::clone(&object));
        let change = if previous.is_some() { Change::Modified } else { Change::Added };
        collection.record(Event { revision, change, object: Arc::clone(&object), previous });
        self.advance(revision);
        Ok(object)
    }

    /// Takes an object away if what is expected holds; answers its last state.
    pub(crate) fn remove(&mut self, gr: &Gr, key: &str, expect: Expect) -> Result<Arc<Object>, Lost> {
        let revision = self.revision + 1;
        let collection = self.collection_mut(gr);
        let previous = collection.expect(key, expect)?.ok_or(Lost)?;
        collection.objects.remove(key);
        collection.unsettled.remove(key);
        let object = Arc::new(previous.at_revision(revision));
        collection.record(Event {
            revision,
            change: Change::Deleted,
            object: Arc::clone(&object),
            previous: Some(previous),
        });
        self.advance(revision);
        Ok(object)
    }

    /// Makes the next write to an object one even if it changes nothing: what is stored is not yet what is shown.
    pub(crate) fn unsettle(&mut self, gr: &Gr, key: &str) {
        self.collection_mut(gr).unsettled.insert(key.into());
    }

    fn advance(&mut self, revision: u64) {
        self.revision = revision;
        self.pulse.send_replace(revision);
    }

    /// Forgets the events from before the last call of this.
    pub(crate) fn age(&mut self) {
        let aged = std::mem::replace(&mut self.aged, self.revision);
        for collection in self.collections.values_mut() {
            collection.log.forget(aged);
        }
    }

    /// The objects, and what the log knows of, that have not been written since the last call of this and take more
    /// memory than they need; with the dictionaries to pack them by.
    pub(crate) fn unpacked(&mut self) -> Vec<(Dictionary, Vec<Arc<Object>>)> {
        let rested = std::mem::replace(&mut self.rested, self.revision);
        self.collections
            .values_mut()
            .map(|collection| (collection.dictionary(), collection.unpacked(rested)))
            .collect()
    }

    /// Forgets all events; every cursor that is behind has to list again.
    pub(crate) fn compact(&mut self) {
        self.compacted = self.revision;
        for collection in self.collections.values_mut() {
            collection.log.compact();
            // Wakes those who must find out.
            collection.pulse.send_replace(self.compacted);
        }
        self.pulse.send_replace(self.compacted);
    }
}

impl Collection {
    fn new(capacity: Capacity) -> Self {
        let (log, packing) = (Log::new(capacity), Packing::default());
        let unsettled = HashSet::new();
        Self { objects: BTreeMap::new(), log, packing, unsettled, pulse: watch::Sender::new(0) }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// What packs objects of this kind well.
    pub(crate) fn dictionary(&mut self) -> Dictionary {
        self.packing.dictionary(&self.objects)
    }

    fn unpacked(&self, up_to: u64) -> Vec<Arc<Object>> {
        let all = self.objects.values().chain(self.log.past());
        all.filter(|object| object.revision() <= up_to && object.is_unpacked()).cloned().collect()
    }

    pub(crate) fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, TooOld> {
        self.log.after(after, limit)
    }

    fn expect(&self, key: &str, expect: Expect) -> Result<Option<Arc<Object>>, Lost> {
        match (self.objects.get(key), expect) {
            (None, Expect::Absent) => Ok(None),
            (Some(object), Expect::Revision(revision)) if object.revision() == revision => {
                Ok(Some(Arc::clone(object)))
            }
            _ => Err(Lost),
        }
    }

    fn record(&mut self, event: Event) {
        let revision = event.revision;
        self.log.push(event);
        self.pulse.send_replace(revision);
    }

    /// A page of the present.
    pub(crate) fn now(&self, scan: Scan<'_>) -> Page {
        let objects = self.objects.range::<str, _>(scan.bounds()).map(|(key, object)| (&**key, object));
        scan.page(objects)
    }

    /// A page of the past: the present, with every later write undone.
    pub(crate) fn past(&self, revision: u64, scan: Scan<'_>) -> Result<Page, TooOld> {
        let mut undone: BTreeMap<String, Option<&Arc<Object>>> = BTreeMap::new();
        for event in self.log.range(revision)? {
            let object = &event.object;
            let namespace = (!object.namespace().is_empty()).then(|| object.namespace());
            undone.entry(key(namespace, object.name())).or_insert(event.previous.as_ref());
        }
        if undone.is_empty() {
            return Ok(self.now(scan));
        }
        let present = self.objects.range::<str, _>(scan.bounds()).map(|(key, object)| (&**key, object));
        let changed = undone.range::<str, _>(scan.bounds()).map(|(key, object)| (key.as_str(), *object));
        Ok(scan.page(overlay(present, changed)))
    }
}

/// Two ordered sequences as one; the second one wins, and `None` in it hides a key.
fn overlay<'o>(
    below: impl Iterator<Item = (&'o str, &'o Arc<Object>)>,
    above: impl Iterator<Item = (&'o str, Option<&'o Arc<Object>>)>,
) -> impl Iterator<Item = (&'o str, &'o Arc<Object>)> {
    let (mut below, mut above) = (below.peekable(), above.peekable());
    std::iter::from_fn(move || {
        loop {
            let order = match (below.peek(), above.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((low, _)), Some((high, _))) => low.cmp(high),
            };
            match order {
                Ordering::Less => return below.next(),
                Ordering::Equal => {
                    below.next();
                }
                Ordering::Greater => {
                    if let (key, Some(object)) = above.next()? {
                        return Some((key, object));
                    }
                }
            }
        }
    })
}

impl<'a> Scan<'a> {
    fn bounds(self) -> (Bound<&'a str>, Bound<&'a str>) {
        let from = self.after.map_or(Bound::Included(self.prefix), Bound::Excluded);
        (from, Bound::Unbounded)
    }

    fn page<'o>(self, objects: impl Iterator<Item = (&'o str, &'o Arc<Object>)>) -> Page {
        let mut page = Page::default();
        let mut last = "";
        let mut more = 0;
        let all = self.selector.is_everything();
        for (key, object) in objects.take_while(|(key, _)| key.starts_with(self.prefix)) {
            if !all && !self.selector.matches(object) {
                continue;
            }
            if self.limit == 0 || page.items.len() < self.limit {
                page.items.push(Arc::clone(object));
                last = key;
                continue;
            }
            more += 1;
            if !all {
                break;
            }
        }
        if more > 0 {
            page.next = Some(last.to_owned());
            page.remaining = all.then_some(more);
        }
        page
    }
}
