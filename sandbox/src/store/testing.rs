//! What the tests of the store share.

use super::object::{Draft, Object};
use super::{Gr, Store, StoreOptions, WriteOptions};
use crate::clock::Chance;
use crate::kinds::{Kind, Kinds};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) const PODS: Gr = Gr::core("pods");
pub(super) const CONFIG_MAPS: Gr = Gr::core("configmaps");
pub(super) const NAMESPACES: Gr = Gr::core("namespaces");

pub(super) fn kind(word: &str) -> Arc<Kind> {
    Arc::clone(Kinds::builtin().by_word(word).expect("a built-in kind"))
}

pub(super) fn object(kind: &Kind, value: &Value) -> Object {
    Draft::new(kind, value).commit(7)
}

/// A store with the namespace `n`, whose logs hold `capacity` events.
pub(super) fn store(capacity: usize) -> Store {
    let options =
        StoreOptions { chance: Chance::seeded(1), log_capacity: capacity, ..StoreOptions::default() };
    let store = Store::new(Kinds::builtin().clone(), &options);
    store
        .create(&NAMESPACES, None, json!({"metadata": {"name": "n"}}), &WriteOptions::default())
        .expect("a namespace");
    store
}

/// Creates a ConfigMap in `n`.
pub(super) fn config_map(store: &Store, name: &str, labels: &Value) -> Arc<Object> {
    let object = json!({"metadata": {"name": name, "labels": labels}});
    store.create(&CONFIG_MAPS, Some("n"), object, &WriteOptions::default()).expect("a new ConfigMap")
}

/// Sets a value in the data of a ConfigMap.
pub(super) fn touch(store: &Store, name: &str, value: &str) -> Arc<Object> {
    store
        .update(&CONFIG_MAPS, Some("n"), name, "", &WriteOptions::default(), |_, mut object| {
            object["data"] = json!({"k": value});
            Ok(object)
        })
        .expect("an update")
}
