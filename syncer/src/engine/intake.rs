//! From the watches into the index and the queue.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::cluster::watch::{Controls, Event, Fold, Outlet, Phase, Signal, Target, watch};
use v9s::names::HostName;

use super::index::{Pair, Told};
use super::key::{Key, KindId, Side};
use super::mirror::{Affects, At, Mirror, Origin, Source, Teller, name_of};
use super::plan::Absence;
use super::queue::Urgency;
use super::state::State;
use super::{Shared, steady};
use crate::translate::owned;

/// Objects in one page of a list.
const PAGE: u32 = 500;
/// Objects with large bodies come in smaller pages.
const PAGE_OF_LARGE: u32 = 200;
/// Where more pairs than these wait for their turn, objects are packed until it comes.
const CROWD: usize = 64;

/// Starts every watch.
pub(super) fn watch_all(shared: &Arc<Shared>, tasks: &mut JoinSet<()>) {
    for kind in shared.kind_ids() {
        let Some(mirror) = shared.mirror(kind) else { continue };
        for side in [Side::Virtual, Side::Host] {
            let Some(source) = shared.source(kind, side).cloned() else { continue };
            let controls =
                Controls { cluster: steady(shared.writer.cluster(side)), nudge: shared.nudge.subscribe() };
            let fold = Kept { mirror: Arc::clone(mirror), side };
            let way = Way { shared: Arc::clone(shared), kind, side, listed: 0 };
            tasks.spawn(watch(target(source), controls, fold, way));
        }
    }
}

fn target(source: Source) -> Target {
    let large = source.resource == Resource::SECRETS || source.resource == Resource::CONFIG_MAPS;
    let mut target = Target::new(source.resource).in_namespace(source.namespace);
    target.labels = source.labels;
    target.fields = source.fields;
    target.metadata_only = source.metadata_only;
    target.streamed = true;
    target.page_size = if large { PAGE_OF_LARGE } else { PAGE };
    target
}

/// Keeps as much of an object as its kind wants.
struct Kept {
    mirror: Arc<dyn Mirror>,
    side: Side,
}

impl Fold for Kept {
    type Object<'a> = Lean;
    type Row = Arc<Lean>;

    fn fold(&mut self, key: &v9s::cluster::watch::Key, mut object: Lean) -> Option<Arc<Lean>> {
        object.metadata.namespace = key.namespace.clone();
        object.metadata.name = key.name.clone();
        Some(Arc::new(self.mirror.keep(self.side, object)))
    }
}

/// The way of one watch into the engine.
struct Way {
    shared: Arc<Shared>,
    kind: KindId,
    side: Side,
    /// Lists told whole.
    listed: u32,
}

impl Outlet<Arc<Lean>> for Way {
    async fn send(&mut self, signal: Signal<Arc<Lean>>) -> bool {
        match signal {
            Signal::Events(events) => self.take_in(events),
            Signal::Phase(phase) => {
                let live = matches!(phase, Phase::Live | Phase::Polled);
                if let Phase::Broken { failure, .. } = &phase {
                    let kind = self.shared.kind_name(self.kind);
                    tracing::warn!(kind, side = %self.side, %failure, "a watch is broken");
                }
                let mut state = self.shared.lock();
                let before = state.live.insert((self.kind, self.side), live);
                if live && before != Some(true) {
                    state.look_at_pending();
                    self.shared.wake.notify_one();
                }
                if phase == Phase::Listing {
                    // What the list does not mention will be told as gone before it is told whole.
                    state.index.set_partial(self.kind, self.side);
                }
            }
            Signal::Unreadable(count) => {
                let kind = self.shared.kind_name(self.kind);
                tracing::error!(kind, side = %self.side, count, "objects cannot be read and are left alone");
            }
        }
        true
    }
}

impl Way {
    fn take_in(&mut self, events: Vec<Event<Arc<Lean>>>) {
        let mut state = self.shared.lock();
        for event in events {
            match event {
                Event::Upsert(_, object) => self.upsert(&mut state, object),
                Event::Gone(named, last) => self.gone(&mut state, &named, last.as_deref()),
                Event::Synced => {
                    self.listed += 1;
                    if self.side == Side::Virtual {
                        state.doubt_store();
                        self.shared.listed.notify_one();
                    }
                    for key in state.index.set_whole(self.kind, self.side) {
                        state.queue.add(key, Urgency::Later, Instant::now());
                    }
                    self.look_again_at_all(&mut state);
                }
            }
        }
        drop(state);
        self.shared.wake.notify_one();
    }

    /// A first list makes deletions possible that were held back before.
    fn look_again_at_all(&self, state: &mut State) {
        for key in self.shared.all_of(state, self.kind) {
            state.queue.add(key, Urgency::Later, Instant::now());
        }
    }

    fn upsert(&self, state: &mut State, object: Arc<Lean>) {
        match self.key_of(&object) {
            Ok(key) => {
                if let Some(mirror) = self.shared.mirror(self.kind) {
                    mirror.told(self.side, &object, Teller::Watch);
                }
                let told = take(&self.shared, state, self.side, &key, object, true);
                if told != Told::Nothing {
                    let urgency = if self.listed == 0 { Urgency::Later } else { Urgency::Now };
                    if state.queue.depth() > CROWD {
                        state.index.rest(&key);
                    }
                    state.queue.add(key, urgency, Instant::now());
                }
            }
            Err(why) => {
                let kind = self.shared.kind_name(self.kind);
                tracing::debug!(kind, object = %object.metadata.name, why, "an object with our mark is left alone");
                // It may have been ours until somebody took its annotations away.
                let name = HostName::as_sent(object.metadata.name.clone());
                if let Some(key) = state.index.key_of_host(self.kind, &name) {
                    state.index.remove(Side::Host, &key, None);
                    state.queue.add(key, Urgency::Now, Instant::now());
                }
            }
        }
    }

    fn gone(&self, state: &mut State, named: &v9s::cluster::watch::Key, last: Option<&Lean>) {
        let key = match self.side {
            Side::Virtual => {
                let name = name_of(named.namespace.clone(), named.name.clone());
                Some(state.index.key_of_virtual(self.kind, name))
            }
            Side::Host => state.index.key_of_host(self.kind, &HostName::as_sent(named.name.clone())),
        };
        let Some(key) = key else { return };
        // Our own delete has been told by its answer, and what is there now is another.
        let uid = last.map(|last| last.metadata.uid.clone());
        if let Some(uid) = &uid {
            state.queue.ended(&key, self.side, uid.clone());
        }
        let partners = are_partners(state, &key);
        if state.index.remove(self.side, &key, uid.as_deref()) == Told::Nothing && last.is_some() {
            return;
        }
        forget(&self.shared, state, self.side, &key, last.is_some() && partners);
        state.queue.add(key, Urgency::Now, Instant::now());
    }

    fn key_of(&self, object: &Lean) -> Result<Key, &'static str> {
        match self.side {
            Side::Virtual => match self.shared.mirror(self.kind) {
                Some(mirror) => Ok(Key::new(self.kind, mirror.virtual_origin(&self.shared.ctx, object))),
                None => Err("its kind is not mirrored"),
            },
            Side::Host => {
                match self.shared.mirror(self.kind).map(|mirror| mirror.origin(&self.shared.ctx, object)) {
                    Some(Origin::Ours(name)) => Ok(Key::new(self.kind, name)),
                    Some(Origin::Foreign(why)) => Err(why),
                    None => Err("its kind is not mirrored"),
                }
            }
        }
    }
}

/// Takes an object into the index, with what follows for others.
pub(super) fn take(
    shared: &Shared,
    state: &mut State,
    side: Side,
    key: &Key,
    object: Arc<Lean>,
    confirmed: bool,
) -> Told {
    let told = state.index.upsert(side, key, Arc::clone(&object), confirmed);
    if told == Told::Nothing {
        return told;
    }
    if state.seen_gone.get(key) == Some(&side) {
        state.seen_gone.remove(key);
    }
    if let Some(mirror) = shared.mirror(key.kind) {
        let uses = mirror.uses(&shared.ctx, &key.object, side, &object, shared);
        for used in state.index.set_uses(key, side, uses) {
            state.queue.add(used, Urgency::Now, Instant::now());
        }
    }
    tell_others(shared, state, side, key);
    told
}

/// Whether the host's object was made for this very virtual object: of that of a predecessor, whose name another has
/// taken, it says nothing that it goes.
pub(super) fn are_partners(state: &State, key: &Key) -> bool {
    match state.index.pair(key) {
        Some(Pair { v: Some(v), h: Some(h) }) => owned::is_for(h, v),
        _ => true,
    }
}

/// What follows when an object is gone.
pub(super) fn forget(shared: &Shared, state: &mut State, side: Side, key: &Key, seen: bool) {
    if seen {
        state.seen_gone.insert(key.clone(), side);
    }
    for used in state.index.set_uses(key, side, Vec::new()) {
        state.queue.add(used, Urgency::Now, Instant::now());
    }
    tell_others(shared, state, side, key);
    if state.index.pair(key).is_none() {
        state.seen_gone.remove(key);
        state.pending.remove(key);
        state.flips.remove(key);
        state.awaited.remove(key);
    }
}

fn tell_others(shared: &Shared, state: &mut State, side: Side, key: &Key) {
    let now = Instant::now();
    let users: Vec<Key> = state.index.users(key).cloned().collect();
    for user in users {
        state.queue.add(user, Urgency::Later, now);
    }
    let Some(mirror) = shared.mirror(key.kind) else { return };
    let affected = {
        let pair = state.index.pair(key);
        let at = At {
            key,
            v: pair.and_then(|pair| pair.v.as_deref()),
            h: pair.and_then(|pair| pair.h.as_deref()),
            absence: Absence::Seen,
            view: state.index.view(),
            kinds: shared,
            ctx: &shared.ctx,
            now: chrono::Utc::now(),
        };
        match mirror.affects(&at, side) {
            Affects::None => Vec::new(),
            Affects::Keys(keys) => keys,
            Affects::Namespace(kind, namespace) => {
                at.view.in_namespace(kind, namespace).map(|(name, _)| Key::new(kind, name.clone())).collect()
            }
            Affects::Kind(kind) => at.view.all(kind).map(|(name, _)| Key::new(kind, name.clone())).collect(),
        }
    };
    for key in affected {
        state.queue.add(key, Urgency::Later, now);
    }
}
