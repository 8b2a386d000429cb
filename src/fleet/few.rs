//! A map of a handful of entries.
//!
//! A virtual cluster has one or two workloads, pods and configurations, and a fleet has a thousand virtual clusters. A B-tree makes
//! room for eleven entries at once, which was eleven kilobytes of nothing for each of them.

use std::borrow::Borrow;

/// As long as there are fewer, each entry gets exactly the room that it needs.
const FEW: usize = 8;

/// Entries sorted by key, in one piece of memory of their size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Few(Vec::new())
    }
}

impl<K: Ord, V> Few<K, V> {
    /// Puts a value in; returns the one that it replaces.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.make_room(at, key, value);
                None
            }
        }
    }

    /// Takes a value out.
    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| self.0.remove(at).1)
    }

    /// The value of a key.
    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// The value of a key, made if it is not there.
    pub(super) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = self.place(&key).unwrap_or_else(|at| {
            self.make_room(at, key, V::default());
            at
        });
        &mut self.0[at].1
    }

    /// All values, by key.
    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// All entries, by key.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    fn make_room(&mut self, at: usize, key: K, value: V) {
        if self.0.len() < FEW {
            self.0.reserve_exact(1);
        }
        self.0.insert(at, (key, value));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn few_entries_are_those_of_a_map(changes in prop::collection::vec((0u8..20, any::<Option<u8>>()), 0..80)) {
            let (mut few, mut map) = (Few::default(), BTreeMap::new());
            for (key, value) in changes {
                let (a, b) = match value {
                    Some(value) => (few.insert(key, value), map.insert(key, value)),
                    None => (few.remove(&key), map.remove(&key)),
                };
                prop_assert_eq!(a, b);
                prop_assert_eq!(few.get_mut(&key), map.get_mut(&key));
            }
            *few.get_or_default(7) ^= 1;
            *map.entry(7).or_default() ^= 1;
            prop_assert!(few.values().eq(map.values()));
            prop_assert!(few.iter_mut().eq(map.iter_mut()));
            prop_assert_eq!(few.is_empty(), map.is_empty());
        }
    }

    #[test]
    fn a_single_entry_takes_the_room_of_one() {
        let mut few = Few::default();
        few.insert("one", [0_u8; 100]);
        assert_eq!(few.0.capacity(), 1);
    }
}
