//! Who belongs to whom: every object by the UIDs of its owners.

use std::collections::{BTreeSet, HashMap};

use smol_str::SmolStr;

use super::{Key, Seen};
use crate::store::{Change, Gr, Object};

/// An object that has owners.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Dependent {
    /// Index into [`Owners::kinds`]: two bytes instead of two names for each of many thousands.
    kind: u16,
    key: Key,
}

/// The index. It follows the events of all kinds.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    kinds: Vec<Gr>,
    dependents: HashMap<SmolStr, BTreeSet<Dependent>>,
    owners: HashMap<Dependent, Box<[SmolStr]>>,
}

impl Owners {
    /// Follows an event.
    pub(crate) fn observe(&mut self, seen: &Seen<'_>) {
        let new = match seen.change {
            Change::Deleted => Vec::new(),
            Change::Added | Change::Modified => owner_uids(seen.object),
        };
        let dependent = Dependent { kind: self.kind(seen.gr), key: Key::of(seen.object) };
        let old = self.owners.get(&dependent).map(|owners| &**owners).unwrap_or_default();
        if old == new.as_slice() {
            return;
        }
        for uid in old {
            if let Some(dependents) = self.dependents.get_mut(uid) {
                dependents.remove(&dependent);
                if dependents.is_empty() {
                    self.dependents.remove(uid);
                }
            }
        }
        for uid in &new {
            self.dependents.entry(uid.clone()).or_default().insert(dependent.clone());
        }
        match new.is_empty() {
            true => self.owners.remove(&dependent),
            false => self.owners.insert(dependent, new.into()),
        };
    }

    fn kind(&mut self, gr: &Gr) -> u16 {
        let index = self.kinds.iter().position(|known| known == gr).unwrap_or_else(|| {
            self.kinds.push(gr.clone());
            self.kinds.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// Everything that names this UID as an owner.
    pub(crate) fn dependents(&self, uid: &str) -> impl Iterator<Item = (&Gr, &Key)> {
        let dependents = self.dependents.get(uid).into_iter().flatten();
        dependents
            .filter_map(|dependent| Some((self.kinds.get(usize::from(dependent.kind))?, &dependent.key)))
    }

    /// What of one kind names this UID as an owner.
    pub(crate) fn of_kind(&self, uid: &str, gr: &Gr) -> Vec<Key> {
        self.dependents(uid).filter(|(kind, _)| *kind == gr).map(|(_, key)| key.clone()).collect()
    }

    /// Whether an object names owners.
    pub(crate) fn is_dependent(&self, gr: &Gr, object: &Object) -> bool {
        let kind = self.kinds.iter().position(|known| known == gr).and_then(|kind| u16::try_from(kind).ok());
        kind.is_some_and(|kind| self.owners.contains_key(&Dependent { kind, key: Key::of(object) }))
    }

    /// Whether anything names this UID as an owner.
    pub(crate) fn has_dependents(&self, uid: &str) -> bool {
        self.dependents.contains_key(uid)
    }
}

/// The UIDs of the owners of an object. Most objects have none, which a look at the bytes tells faster than parsing.
fn owner_uids(object: &Object) -> Vec<SmolStr> {
    const FIELD: &[u8] = b"\"ownerReferences\"";
    if !object.json().windows(FIELD.len()).any(|window| window == FIELD) {
        return Vec::new();
    }
    object.meta().owner_references.into_iter().map(|owner| owner.uid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::{CONFIG_MAPS, host};
    use serde_json::json;

    #[test]
    fn dependents_are_known_while_they_name_their_owner() {
        let mut host = host();
        let owner = |uid: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": uid});
        host.create("cm", json!({"metadata": {"name": "o"}}));
        let uid = host.uid("cm", "o");
        host.create("cm", json!({"metadata": {"name": "d", "ownerReferences": [owner(&uid)]}}));
        host.settle();
        assert_eq!(host.world().owners.of_kind(&uid, &CONFIG_MAPS), [Key::new("default", "d")]);
        host.update("cm", "d", |object| object["metadata"]["ownerReferences"] = json!([]));
        host.settle();
        assert!(!host.world().owners.has_dependents(&uid));
    }
}
