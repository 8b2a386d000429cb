//! Memory that a burst has taken and nobody needs any more: tables keep room for all that has gone through them at once.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Room for so many is nothing to speak of.
const LITTLE: usize = 512;
/// A table with fewer than one in so many places taken is too large.
const SPARSE: usize = 8;

fn is_too_large(capacity: usize, len: usize) -> bool {
    capacity > LITTLE && len < capacity / SPARSE
}

/// Gives back what a table does not need.
pub(super) fn give_back<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    if is_too_large(table.capacity(), table.len()) {
        table.shrink_to(table.len() * 2);
    }
}

/// Gives back what a set does not need.
pub(super) fn give_back_set<K: Eq + Hash>(set: &mut HashSet<K>) {
    if is_too_large(set.capacity(), set.len()) {
        set.shrink_to(set.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_what_it_needs_and_gives_back_what_a_burst_took() {
        let mut table: HashMap<u32, u32> = (0..10_000).map(|n| (n, n)).collect();
        give_back(&mut table);
        assert!(table.capacity() >= 10_000);
        table.retain(|n, _| *n < 100);
        give_back(&mut table);
        assert!(table.capacity() < 1_000, "{}", table.capacity());
        assert_eq!((table.len(), table.get(&99)), (100, Some(&99)));
    }
}
