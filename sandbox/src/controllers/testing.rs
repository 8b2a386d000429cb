//! A host turned by hand: no thread, a clock that stands still, the same names every time.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

pub(crate) use super::CONFIG_MAPS;
use super::engine::Engine;
use super::{About, EVENTS, Options, World};
use crate::clock::{Chance, Clock};
use crate::kinds::Kinds;
use crate::status::Status;
use crate::store::{DeleteOptions, Gr, Store, StoreOptions, WriteOptions};

/// The host.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    time: Arc<Mutex<DateTime<Utc>>>,
}

/// A settled host with nothing on it, at 2026-01-01T00:00:00Z.
pub(crate) fn host() -> Host {
    host_with(Options { ca: "CA".to_owned(), ..Options::default() })
}

pub(crate) fn host_with(options: Options) -> Host {
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
    let time = Arc::new(Mutex::new(start));
    let shown = Arc::clone(&time);
    let clock = Clock::from_fn(move || *shown.lock().expect("a time"));
    let store_options = StoreOptions { clock, chance: Chance::seeded(1), ..StoreOptions::default() };
    let store = Store::new(Kinds::builtin().clone(), &store_options);
    let mut host = Host { engine: Engine::by_hand(store, &options), time };
    host.settle();
    host
}

fn gr(word: &str) -> Gr {
    let kind = Kinds::builtin().by_word(word).expect("a built-in kind");
    kind.stored_as()
}

fn namespaced<'n>(word: &str, namespace: &'n str) -> Option<&'n str> {
    Kinds::builtin().by_word(word).expect("a built-in kind").namespaced.then_some(namespace)
}

impl Host {
    pub(crate) fn world(&mut self) -> &mut World {
        &mut self.engine.world
    }

    pub(crate) fn store(&self) -> &Store {
        &self.engine.world.store
    }

    /// Turns until nothing is left to do at this time.
    pub(crate) fn settle(&mut self) {
        let mut turns = 0;
        while self.engine.turn() {
            turns += 1;
            assert!(turns < 10_000, "the controllers never come to rest");
        }
    }

    /// Lets time pass and settles.
    pub(crate) fn advance(&mut self, seconds: i64) {
        *self.time.lock().expect("a time") += TimeDelta::seconds(seconds);
        self.settle();
    }

    pub(crate) fn try_create_in(
        &mut self,
        namespace: &str,
        word: &str,
        object: Value,
    ) -> Result<Value, Status> {
        let options = WriteOptions::default();
        let created = self.store().create(&gr(word), namespaced(word, namespace), object, &options)?;
        Ok(created.value())
    }

    pub(crate) fn create_in(&mut self, namespace: &str, word: &str, object: Value) -> Value {
        self.try_create_in(namespace, word, object).expect("a new object")
    }

    pub(crate) fn create(&mut self, word: &str, object: Value) -> Value {
        self.create_in("default", word, object)
    }

    pub(crate) fn find_in(&self, namespace: &str, word: &str, name: &str) -> Option<Value> {
        self.store().find(&gr(word), namespaced(word, namespace), name).map(|object| object.value())
    }

    pub(crate) fn find(&self, word: &str, name: &str) -> Option<Value> {
        self.find_in("default", word, name)
    }

    pub(crate) fn all(&self, word: &str) -> Vec<Value> {
        self.store().all(&gr(word), None).iter().map(|object| object.value()).collect()
    }

    pub(crate) fn uid(&self, word: &str, name: &str) -> String {
        self.find(word, name).expect("an object")["metadata"]["uid"].as_str().expect("a UID").to_owned()
    }

    pub(crate) fn about(&self, word: &str, name: &str) -> About {
        let kind = Kinds::builtin().by_word(word).expect("a built-in kind");
        let object = self.store().find(&gr(word), namespaced(word, "default"), name).expect("an object");
        About::object(kind, &object)
    }

    pub(crate) fn try_update(
        &mut self,
        word: &str,
        name: &str,
        change: impl Fn(&mut Value),
    ) -> Result<Value, Status> {
        let options = WriteOptions::default();
        let updated = self.store().update(
            &gr(word),
            namespaced(word, "default"),
            name,
            "",
            &options,
            |_, mut object| {
                change(&mut object);
                Ok(object)
            },
        )?;
        Ok(updated.value())
    }

    pub(crate) fn update_in(&mut self, namespace: &str, word: &str, name: &str, change: impl Fn(&mut Value)) {
        let options = WriteOptions::default();
        let updated = self.store().update(
            &gr(word),
            namespaced(word, namespace),
            name,
            "",
            &options,
            |_, mut object| {
                change(&mut object);
                Ok(object)
            },
        );
        updated.expect("an update");
    }

    pub(crate) fn update_status_in(
        &mut self,
        namespace: &str,
        word: &str,
        name: &str,
        change: impl Fn(&mut Value),
    ) {
        let options = WriteOptions::default();
        let written =
            self.store().update(&gr(word), Some(namespace), name, "status", &options, |_, mut object| {
                change(&mut object);
                Ok(object)
            });
        written.expect("a status");
    }

    /// Lets a pod run, as a node would.
    pub(crate) fn run_pod(&mut self, namespace: &str, name: &str, ready: bool) {
        let bound = self.store().update(
            &gr("pods"),
            Some(namespace),
            name,
            "binding",
            &WriteOptions::default(),
            |_, mut pod| {
                pod["spec"]["nodeName"] = "n1".into();
                Ok(pod)
            },
        );
        bound.expect("a binding");
        let now = self.store().clock().stamp();
        self.update_status_in(namespace, "pods", name, |pod| {
            pod["status"]["phase"] = "Running".into();
            let ready = if ready { "True" } else { "False" };
            pod["status"]["conditions"] =
                json!([{"type": "Ready", "status": ready, "lastTransitionTime": now}]);
        });
    }

    /// Lets every pod run and takes away those that are to go, until nothing changes.
    pub(crate) fn run_all_pods(&mut self) {
        loop {
            self.settle();
            self.reap_pods();
            let waiting: Vec<Value> =
                self.all("pods").into_iter().filter(|p| p["status"]["phase"] == "Pending").collect();
            let going = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_string();
            if waiting.is_empty() && !self.all("pods").iter().any(going) {
                return;
            }
            for pod in waiting {
                let text = |key: &str| pod["metadata"][key].as_str().expect("metadata").to_owned();
                self.run_pod(&text("namespace"), &text("name"), true);
            }
        }
    }

    /// Takes away the pods that are to go.
    pub(crate) fn reap_pods(&mut self) {
        for pod in self.all("pods").iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_string()) {
            let text = |key: &str| pod["metadata"][key].as_str().expect("metadata");
            let gone = self.store().delete(
                &gr("pods"),
                Some(text("namespace")),
                text("name"),
                &DeleteOptions::now(),
            );
            gone.expect("a pod to reap");
        }
        self.settle();
    }

    pub(crate) fn update(&mut self, word: &str, name: &str, change: impl Fn(&mut Value)) {
        self.update_in("default", word, name, change);
    }

    pub(crate) fn delete_with(&self, word: &str, name: &str, options: &DeleteOptions) {
        self.store().delete(&gr(word), namespaced(word, "default"), name, options).expect("a deletion");
    }

    pub(crate) fn delete(&mut self, word: &str, name: &str) {
        self.delete_with(word, name, &DeleteOptions::default());
    }

    /// All events, oldest first.
    pub(crate) fn events(&self) -> Vec<Value> {
        let mut events = self.store().all(&EVENTS, None);
        events.sort_by_key(|event| event.uid().to_owned());
        events.sort_by_key(|event| event.meta().creation_timestamp);
        events.iter().map(|event| event.value()).collect()
    }
}
