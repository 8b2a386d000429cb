//! Both sides as they were last seen, by pair.
//!
//! Objects come from watches and from the answers to our own writes, whichever is newer, so that a plan sees what the
//! plan before it has done.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use smol_str::SmolStr;
use v9s::cluster::lean::{Common, Lean};
use v9s::names::{HostName, VirtualName};

use super::key::{Key, KindId, Side};
use super::mirror::own_name;
use super::room;

/// A pair, either of which may be missing.
#[derive(Debug, Clone, Default)]
pub struct Pair {
    /// The tenant's object.
    pub v: Option<Arc<Lean>>,
    /// The host's object.
    pub h: Option<Arc<Lean>>,
}

impl Pair {
    /// The object of one side.
    pub fn of(&self, side: Side) -> Option<&Arc<Lean>> {
        match side {
            Side::Virtual => self.v.as_ref(),
            Side::Host => self.h.as_ref(),
        }
    }

    fn slot(&mut self, side: Side) -> &mut Option<Arc<Lean>> {
        match side {
            Side::Virtual => &mut self.v,
            Side::Host => &mut self.h,
        }
    }
}

#[derive(Debug, Default)]
struct OfKind {
    /// In order, so that those of a namespace are found together.
    pairs: BTreeMap<VirtualName, Pair>,
    /// Whom the objects on the host belong to, by their names there.
    by_host: HashMap<SmolStr, VirtualName>,
    /// Pairs of the tenant's objects that are not called after them.
    by_virtual: HashMap<VirtualName, VirtualName>,
    /// Whose list has been told whole, virtual and host.
    whole: [bool; 2],
    /// How many objects there are, virtual and host.
    counts: [usize; 2],
    /// What they have in common, virtual and host.
    common: [Common; 2],
    /// Written by us and not yet told of by a watch.
    unconfirmed: HashSet<(Side, VirtualName)>,
}

/// Everything that is mirrored.
#[derive(Debug, Default)]
pub struct Index {
    kinds: Vec<OfKind>,
    uses: HashMap<(Key, Side), Box<[Key]>>,
    used_by: HashMap<Key, BTreeSet<(Key, Side)>>,
}

/// What a change of the index amounted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The index is newer or the same.
    Nothing,
    /// It was not there before.
    New,
    /// It has another state.
    Changed,
    /// It is gone.
    Gone,
}

impl Index {
    /// An index for this number of kinds.
    pub fn new(kinds: usize) -> Self {
        Index { kinds: (0..kinds).map(|_| OfKind::default()).collect(), ..Index::default() }
    }

    /// A pair.
    pub fn pair(&self, key: &Key) -> Option<&Pair> {
        self.of(key.kind)?.pairs.get(&key.object)
    }

    /// Takes note of an object, unless a newer state of it is known.
    pub fn upsert(&mut self, side: Side, key: &Key, object: Arc<Lean>, confirmed: bool) -> Told {
        let Some(kind) = self.kinds.get_mut(usize::from(key.kind.0)) else { return Told::Nothing };
        let slot = kind.pairs.entry(key.object.clone()).or_default().slot(side);
        let told = match slot {
            None => Told::New,
            Some(known) if !supersedes(known, &object) => Told::Nothing,
            Some(_) => Told::Changed,
        };
        if told == Told::New {
            kind.counts[side as usize] += 1;
        }
        if told != Told::Nothing {
            if side == Side::Host {
                kind.by_host.insert(object.metadata.name.clone(), key.object.clone());
            } else if own_name(&object) != key.object {
                kind.by_virtual.insert(own_name(&object), key.object.clone());
            }
            *slot = Some(object);
        }
        let unconfirmed = (side, key.object.clone());
        match confirmed {
            true => kind.unconfirmed.remove(&unconfirmed),
            false => told == Told::New && kind.unconfirmed.insert(unconfirmed),
        };
        told
    }

    /// A pair needs not be looked at for now: it takes less memory until it is.
    pub fn rest(&mut self, key: &Key) {
        let Some(kind) = self.kinds.get_mut(usize::from(key.kind.0)) else { return };
        let Some(pair) = kind.pairs.get_mut(&key.object) else { return };
        for side in [Side::Virtual, Side::Host] {
            if let Some(object) = pair.slot(side) {
                Arc::make_mut(object).pack(&mut kind.common[side as usize]);
            }
        }
    }

    /// Forgets an object. With a UID only that very object.
    pub fn remove(&mut self, side: Side, key: &Key, uid: Option<&str>) -> Told {
        let Some(kind) = self.kinds.get_mut(usize::from(key.kind.0)) else { return Told::Nothing };
        let Some(pair) = kind.pairs.get_mut(&key.object) else { return Told::Nothing };
        let slot = pair.slot(side);
        let meant = slot.as_ref().is_some_and(|known| uid.is_none_or(|uid| known.metadata.uid == uid));
        if !meant {
            return Told::Nothing;
        }
        kind.counts[side as usize] -= 1;
        match (side, slot.take()) {
            (Side::Host, Some(known)) => drop(kind.by_host.remove(&known.metadata.name)),
            (Side::Virtual, Some(known)) if !kind.by_virtual.is_empty() => {
                kind.by_virtual.remove(&own_name(&known));
            }
            _ => {}
        }
        if pair.v.is_none() && pair.h.is_none() {
            kind.pairs.remove(&key.object);
        }
        kind.unconfirmed.remove(&(side, key.object.clone()));
        Told::Gone
    }

    /// The pair of an object on the host, by its name there.
    pub fn key_of_host(&self, kind: KindId, name: &HostName) -> Option<Key> {
        let object = self.of(kind)?.by_host.get(name.as_str())?;
        Some(Key::new(kind, object.clone()))
    }

    /// The pair of an object of the tenant, by its name.
    pub fn key_of_virtual(&self, kind: KindId, name: VirtualName) -> Key {
        let pair = self.of(kind).and_then(|kind| kind.by_virtual.get(&name)).cloned();
        Key::new(kind, pair.unwrap_or(name))
    }

    /// Gives back what a burst has taken.
    pub fn give_back(&mut self) {
        for kind in &mut self.kinds {
            room::give_back(&mut kind.by_host);
            room::give_back(&mut kind.by_virtual);
            room::give_back_set(&mut kind.unconfirmed);
        }
        room::give_back(&mut self.uses);
        room::give_back(&mut self.used_by);
    }

    /// A list has been told whole. What we wrote and no watch has told of is to be looked at: it may be gone.
    pub fn set_whole(&mut self, kind: KindId, side: Side) -> Vec<Key> {
        let Some(of) = self.kinds.get_mut(usize::from(kind.0)) else { return Vec::new() };
        of.whole[side as usize] = true;
        of.unconfirmed
            .iter()
            .filter(|(of, _)| *of == side)
            .map(|(_, object)| Key::new(kind, object.clone()))
            .collect()
    }

    /// A new list begins: until it is whole nobody knows what is missing.
    pub fn set_partial(&mut self, kind: KindId, side: Side) {
        if let Some(of) = self.kinds.get_mut(usize::from(kind.0)) {
            of.whole[side as usize] = false;
        }
    }

    /// Whether a kind has been listed whole on a side since the process began.
    pub fn is_whole(&self, kind: KindId, side: Side) -> bool {
        self.of(kind).is_some_and(|kind| kind.whole[side as usize])
    }

    /// Sets what a pair uses because of its object on that side. Answers those that have lost or won a user.
    pub fn set_uses(&mut self, user: &Key, side: Side, uses: Vec<Key>) -> Vec<Key> {
        let user = (user.clone(), side);
        let before: BTreeSet<Key> = self.uses.remove(&user).unwrap_or_default().into_iter().collect();
        let after: BTreeSet<Key> = uses.into_iter().collect();
        for lost in before.difference(&after) {
            if let Some(users) = self.used_by.get_mut(lost) {
                users.remove(&user);
                if users.is_empty() {
                    self.used_by.remove(lost);
                }
            }
        }
        for won in after.difference(&before) {
            self.used_by.entry(won.clone()).or_default().insert(user.clone());
        }
        let changed = before.symmetric_difference(&after).cloned().collect();
        if !after.is_empty() {
            self.uses.insert(user, after.into_iter().collect());
        }
        changed
    }

    /// Who uses a pair.
    pub fn users(&self, key: &Key) -> impl Iterator<Item = &Key> {
        self.used_by.get(key).into_iter().flatten().map(|(user, _)| user)
    }

    /// Pairs that others use although neither side has an object, such as a node that is still to be made up.
    pub fn used_and_missing(&self, kind: KindId) -> impl Iterator<Item = &Key> {
        self.used_by.keys().filter(move |key| key.kind == kind && self.pair(key).is_none())
    }

    /// All names of a kind.
    pub fn names(&self, kind: KindId) -> impl Iterator<Item = (&VirtualName, &Pair)> {
        self.of(kind).into_iter().flat_map(|kind| kind.pairs.iter())
    }

    /// Names of a kind in order, behind this one.
    pub fn names_after(
        &self,
        kind: KindId,
        last: Option<&VirtualName>,
    ) -> impl Iterator<Item = &VirtualName> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let pairs = self.of(kind).map(|kind| kind.pairs.range::<VirtualName, _>((from, Bound::Unbounded)));
        pairs.into_iter().flatten().map(|(name, _)| name)
    }

    /// How many objects of a kind there are on a side.
    pub fn count(&self, kind: KindId, side: Side) -> usize {
        self.of(kind).map_or(0, |kind| kind.counts[side as usize])
    }

    /// What plans may look at.
    pub fn view(&self) -> View<'_> {
        View { index: self }
    }

    fn of(&self, kind: KindId) -> Option<&OfKind> {
        self.kinds.get(usize::from(kind.0))
    }
}

/// Whether `new` is a later state than `known`. Revisions of one resource on one server are comparable numbers
/// (Kubernetes API conventions since 1.35, and etcd's before); another UID is a later life.
fn supersedes(known: &Lean, new: &Lean) -> bool {
    let number = |object: &Lean| object.metadata.resource_version.parse::<u64>().ok();
    match (number(known), number(new)) {
        (Some(known), Some(new)) => new > known,
        _ => known.metadata.resource_version != new.metadata.resource_version,
    }
}

/// The index as plans see it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    index: &'a Index,
}

impl<'a> View<'a> {
    /// An object of one side.
    pub fn get(&self, side: Side, key: &Key) -> Option<&'a Lean> {
        self.index.pair(key)?.of(side).map(|object| &**object)
    }

    /// The pair of an object on the host that is ours, by its name there.
    pub fn key_of_host(&self, kind: KindId, name: &str) -> Option<Key> {
        self.index.key_of_host(kind, &HostName::as_sent(name))
    }

    /// Whether anything uses a pair.
    pub fn is_used(&self, key: &Key) -> bool {
        self.index.users(key).next().is_some()
    }

    /// Who uses a pair.
    pub fn users(&self, key: &Key) -> impl Iterator<Item = &'a Key> {
        self.index.users(key)
    }

    /// All pairs of a kind.
    pub fn all(&self, kind: KindId) -> impl Iterator<Item = (&'a VirtualName, &'a Pair)> {
        self.index.names(kind)
    }

    /// All pairs of a kind in a virtual namespace.
    pub fn in_namespace(
        &self,
        kind: KindId,
        namespace: SmolStr,
    ) -> impl Iterator<Item = (&'a VirtualName, &'a Pair)> {
        let first = VirtualName::namespaced(namespace.clone(), "");
        let pairs = self.index.of(kind).map(|kind| kind.pairs.range(first..));
        pairs.into_iter().flatten().take_while(move |(name, _)| name.namespace.as_ref() == Some(&namespace))
    }

    /// Whether a kind has been listed whole on a side: only then something that is not here is not there.
    pub fn is_whole(&self, kind: KindId, side: Side) -> bool {
        self.index.is_whole(kind, side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_and_not_there_is_known_until_it_is_there_or_not_used() {
        let (pods, nodes) = (KindId(0), KindId(1));
        let mut index = Index::new(2);
        let pod = Key::new(pods, VirtualName::namespaced("shop", "web"));
        let node = Key::new(nodes, VirtualName::cluster_scoped("one"));
        let missing = |index: &Index| index.used_and_missing(nodes).cloned().collect::<Vec<_>>();
        index.set_uses(&pod, Side::Host, vec![node.clone()]);
        assert_eq!(missing(&index), std::slice::from_ref(&node));
        assert_eq!(index.used_and_missing(pods).count(), 0);

        let object: Lean =
            serde_json::from_str(r#"{"metadata":{"name":"one","uid":"u","resourceVersion":"1"}}"#).unwrap();
        index.upsert(Side::Virtual, &node, Arc::new(object), true);
        assert_eq!(missing(&index), []);
        index.remove(Side::Virtual, &node, Some("u"));
        assert_eq!(missing(&index), [node]);
        index.set_uses(&pod, Side::Host, Vec::new());
        assert_eq!(missing(&index), []);
    }
}
