//! Many objects at once, as if they had been there for long.

use super::metadata::{self, set, text};
use super::object::{Draft, Object};
use super::state::{Expect, key};
use super::{Gr, Store, strategy};
use crate::custom::DEFINITIONS;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Seeded objects of a kind that are packed together.
const PACKED_AT_ONCE: usize = 500;

/// An object for [`Store::seed`].
#[derive(Clone, Debug)]
pub struct Seed {
    /// Its kind.
    pub resource: Gr,
    /// The whole object; `metadata.namespace`, `uid`, `creationTimestamp` and `status` are kept as they are.
    pub object: Value,
}

impl Store {
    /// Stores many objects at once, without validation, admission or tracking of fields: for demonstrations and
    /// load tests. UID and creation time are filled in where absent; an object of the same name is replaced.
    /// What is seeded rests at once, see [`Store::pack`]. Answers how many were stored; objects of unknown kinds or
    /// without a name are left out.
    pub fn seed(&self, objects: impl IntoIterator<Item = Seed>) -> usize {
        let mut count = 0;
        let mut seeded: HashMap<Gr, Vec<Arc<Object>>> = HashMap::new();
        let mut kinds = self.kinds();
        for Seed { resource, object } in objects {
            let Some(kind) = kinds.stored(&resource.group, &resource.plural) else { continue };
            let mut object = kind.to_stored(object);
            let resource = kind.stored_as();
            if metadata::ensure(&mut object).is_err() || text(&object, "name").is_empty() {
                continue;
            }
            if text(&object, "uid").is_empty() {
                set(&mut object, "uid", json!(self.chance().uid()));
            }
            if text(&object, "creationTimestamp").is_empty() {
                set(&mut object, "creationTimestamp", json!(self.clock().stamp()));
            }
            strategy::seed(kind, &mut object);
            let namespace = kind.namespaced.then(|| text(&object, "namespace"));
            let key = key(namespace, text(&object, "name"));
            let draft = Draft::new(kind, &object);
            let mut state = self.write();
            let present = state.collection(&resource).and_then(|c| c.get(&key)).map(|o| o.revision());
            let expect = present.map_or(Expect::Absent, Expect::Revision);
            let stored = state.put(&resource, &key, draft, expect);
            drop(state);
            let Ok(object) = stored else { continue };
            count += 1;
            if resource == DEFINITIONS {
                self.written(&resource, &object);
                kinds = self.kinds();
            }
            let some = seeded.entry(resource).or_default();
            some.push(object);
            if some.len() >= PACKED_AT_ONCE {
                // A few at a time, so that they never take much memory.
                seeded.drain().for_each(|(resource, objects)| self.pack_some(&resource, &objects));
            }
        }
        seeded.drain().for_each(|(resource, objects)| self.pack_some(&resource, &objects));
        count
    }

    fn pack_some(&self, gr: &Gr, objects: &[Arc<Object>]) {
        let dictionary = self.write().collection_mut(gr).dictionary();
        objects.iter().for_each(|object| object.pack(&dictionary));
    }
}
