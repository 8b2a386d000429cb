//! Which objects a watch has told about, so that it tells each change once and finds what a gap has swallowed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};

use smol_str::SmolStr;

use super::fold::{Identity, Key};

/// What an object is to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Not seen before.
    New,
    /// Another state of the same object.
    Changed,
    /// The state that was told already.
    Same,
    /// Another object of the same name: the old one is gone.
    Replaced,
}

/// The revision and the life of one object, and the list that saw it last.
#[derive(Debug, Clone, Copy)]
struct Seen {
    uid: u128,
    revision: u64,
    generation: u32,
}

/// The table: about 80 bytes an object plus names longer than 23 bytes, which rows share.
#[derive(Debug, Default)]
pub(super) struct Known {
    seen: HashMap<Key, Seen>,
    generation: u32,
    /// Lists come ordered by namespace, so one remembered name saves most copies.
    last_namespace: SmolStr,
}

impl Known {
    /// A list begins: what it does not mention until [`Known::sweep`] is gone.
    pub(super) fn begin_list(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// Takes note of an object's state.
    pub(super) fn observe(&mut self, identity: Identity<'_>) -> (Key, Change) {
        let key = self.key(identity);
        let now = Seen {
            uid: number_of_uid(identity.uid),
            revision: number_of_revision(identity.resource_version),
            generation: self.generation,
        };
        match self.seen.entry(key.clone()) {
            Entry::Vacant(slot) => {
                slot.insert(now);
                (key, Change::New)
            }
            Entry::Occupied(mut slot) => {
                let before = slot.insert(now);
                let change = match before {
                    Seen { uid, .. } if uid != now.uid => Change::Replaced,
                    Seen { revision, .. } if revision == now.revision => Change::Same,
                    _ => Change::Changed,
                };
                // Rows share the text of the key that is kept.
                (slot.key().clone(), change)
            }
        }
    }

    /// Forgets an object; says whether it was there.
    pub(super) fn forget(&mut self, key: &Key) -> bool {
        self.seen.remove(key).is_some()
    }

    /// The key of an object that is about to be forgotten.
    pub(super) fn key(&mut self, identity: Identity<'_>) -> Key {
        if self.last_namespace != identity.namespace {
            self.last_namespace = identity.namespace.into();
        }
        Key { namespace: self.last_namespace.clone(), name: identity.name.into() }
    }

    /// A list has ended: removes and returns what it did not mention.
    pub(super) fn sweep(&mut self) -> Vec<Key> {
        let generation = self.generation;
        self.seen.extract_if(|_, seen| seen.generation != generation).map(|(key, _)| key).collect()
    }
}

/// Revisions are compared for equality only; servers write them as numbers.
fn number_of_revision(revision: &str) -> u64 {
    revision.parse().unwrap_or_else(|_| {
        let mut hasher = DefaultHasher::new();
        revision.hash(&mut hasher);
        hasher.finish()
    })
}

fn number_of_uid(uid: &str) -> u128 {
    let digits = uid.bytes().filter(|byte| *byte != b'-');
    let hexadecimal = digits.clone().count() == 32 && digits.clone().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal {
        return digits.fold(0, |number, byte| {
            number << 4 | u128::from(char::from(byte).to_digit(16).unwrap_or_default())
        });
    }
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    u128::from(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id<'a>(name: &'a str, uid: &'a str, revision: &'a str) -> Identity<'a> {
        Identity { namespace: "team-a", name, uid, resource_version: revision }
    }

    #[test]
    fn each_state_is_told_once() {
        let mut known = Known::default();
        let states = [
            (id("a", "u1", "1"), Change::New),
            (id("a", "u1", "1"), Change::Same),
            (id("a", "u1", "2"), Change::Changed),
            (id("a", "u2", "3"), Change::Replaced),
            (id("b", "u3", "3"), Change::New),
        ];
        for (identity, expected) in states {
            assert_eq!(known.observe(identity).1, expected, "{identity:?}");
        }
    }

    #[test]
    fn a_sweep_finds_what_the_new_list_does_not_mention() {
        let mut known = Known::default();
        known.begin_list();
        for name in ["a", "b", "c"] {
            known.observe(id(name, name, "1"));
        }
        assert!(known.sweep().is_empty());
        known.begin_list();
        known.observe(id("b", "b", "1"));
        let mut gone: Vec<_> = known.sweep().into_iter().map(|key| key.name).collect();
        gone.sort();
        assert_eq!(gone, ["a", "c"]);
        assert_eq!(known.observe(id("a", "a", "1")).1, Change::New);
    }

    #[test]
    fn uids_are_compared_whole() {
        let one = number_of_uid("00000000-0000-0000-0000-000000000001");
        let other = number_of_uid("10000000-0000-0000-0000-000000000001");
        assert_eq!(one, 1);
        assert_ne!(one, other);
        assert_ne!(number_of_uid("no-uuid"), number_of_uid("another"));
    }
}
