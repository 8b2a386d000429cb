//! Which objects serve the others of their kind as a dictionary.

use super::Object;
use super::body::Dictionary;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Objects that a dictionary is made of, if they are not too long.
const SAMPLES: usize = 16;
/// A dictionary is made anew when there are so many times more objects than before.
const GROWTH: usize = 16;

/// The dictionary of a kind. Those that are packed by an earlier one keep that.
#[derive(Default)]
pub(super) struct Packing {
    dictionary: Dictionary,
    /// As many objects make the next dictionary.
    next: usize,
}

impl Packing {
    pub(super) fn dictionary(&mut self, objects: &BTreeMap<Box<str>, Arc<Object>>) -> Dictionary {
        if objects.len() >= self.next.max(1) {
            let step = objects.len().div_ceil(SAMPLES);
            self.dictionary = Dictionary::of(objects.values().step_by(step).map(|object| object.json()));
            self.next = objects.len() * GROWTH;
        }
        self.dictionary.clone()
    }
}

impl std::fmt::Debug for Packing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packing(next at {})", self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CONFIG_MAPS, config_map, store, touch};
    use super::super::{Seed, Store};
    use serde_json::json;

    fn unpacked(store: &Store) -> usize {
        store.all(&CONFIG_MAPS, None).iter().filter(|map| map.is_unpacked()).count()
    }

    #[test]
    fn what_rests_is_packed_and_reads_as_before() {
        let store = store(100);
        for n in 0..20 {
            config_map(&store, &format!("m{n}"), &json!({"number": n.to_string()}));
            touch(&store, &format!("m{n}"), &"much the same in all of them ".repeat(20));
        }
        let before: Vec<_> = store.all(&CONFIG_MAPS, None).iter().map(|map| map.value()).collect();
        store.pack();
        assert_eq!(unpacked(&store), 20, "it has just been written");
        let fresh = touch(&store, "m3", &"something else ".repeat(30));
        store.pack();
        assert_eq!(unpacked(&store), 1);
        store.pack();
        assert_eq!(unpacked(&store), 0);
        for (map, value) in store.all(&CONFIG_MAPS, None).iter().zip(before) {
            let value = if map.name() == "m3" { fresh.value() } else { value };
            assert_eq!(map.value(), value);
        }
        let same = touch(&store, "m3", &"something else ".repeat(30));
        assert_eq!(same.revision(), fresh.revision(), "the same again is no write");
    }

    #[test]
    fn what_is_seeded_is_packed_at_once() {
        let store = store(100);
        let object = |n: usize| json!({"metadata": {"name": format!("m{n}"), "namespace": "n"}, "data": {"k": "long enough ".repeat(40)}});
        assert_eq!(store.seed((0..30).map(|n| Seed { resource: CONFIG_MAPS, object: object(n) })), 30);
        assert_eq!(unpacked(&store), 0);
        let found = store.find(&CONFIG_MAPS, Some("n"), "m29").expect("seeded").value();
        assert_eq!(found["data"], object(29)["data"]);
    }
}
