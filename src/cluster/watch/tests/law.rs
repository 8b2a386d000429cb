//! The law of the engine: whatever interrupts it, what it has told adds up to what the server holds, each state of
//! each object told at most once and each disappearance exactly once.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::cluster::script::{Reply, Server, added, deleted, error, event, list, modified, object};

/// One change of the server's state.
#[derive(Debug, Clone)]
enum Change {
    Put(u8),
    Delete(u8),
}

/// How the server treats one request.
#[derive(Debug, Clone, Copy)]
enum Mood {
    /// Tells everything and then ends or cuts.
    End,
    Cut,
    /// Cuts in the middle of an event.
    Tear,
    /// Has forgotten the revision.
    Forget,
    Refuse,
}

/// A store with a history, which moves on by some changes with each request.
struct Store {
    history: Vec<Change>,
    /// How much of the history has happened.
    now: usize,
    moods: Vec<(Mood, usize)>,
}

impl Store {
    fn name(key: u8) -> String {
        format!("object-{key}")
    }

    /// Name to revision, as of a point of the history.
    fn state(&self, at: usize) -> BTreeMap<String, usize> {
        let mut state = BTreeMap::new();
        for (index, change) in self.history.iter().take(at).enumerate() {
            match change {
                Change::Put(key) => state.insert(Store::name(*key), index + 1),
                Change::Delete(key) => state.remove(&Store::name(*key)),
            };
        }
        state
    }

    fn events(&self, from: usize) -> Vec<String> {
        let mut events = Vec::new();
        for at in from..self.now {
            let revision = (at + 1).to_string();
            let before = self.state(at);
            match &self.history[at] {
                Change::Put(key) => {
                    let name = Store::name(*key);
                    let new = object(&name, &revision, &revision);
                    events.push(if before.contains_key(&name) { modified(&new) } else { added(&new) });
                }
                Change::Delete(key) => {
                    let name = Store::name(*key);
                    if let Some(last) = before.get(&name) {
                        events.push(deleted(&object(&name, &revision, &last.to_string())));
                    }
                }
            }
        }
        events
    }

    fn answer(&mut self, uri: &str) -> Reply {
        let number = |name: &str| -> Option<usize> {
            let value = uri.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
            value.parse().ok()
        };
        let mood = self.moods.pop();
        if let Some((_, steps)) = mood {
            self.now = (self.now + steps).min(self.history.len());
        } else {
            self.now = self.history.len();
        }
        let mood = mood.map(|(mood, _)| mood);
        if matches!(mood, Some(Mood::Refuse)) {
            return Reply::status(500, error(500, "InternalError"));
        }
        if uri.contains("watch=true") {
            return self.watch(number("resourceVersion").unwrap(), mood);
        }
        // The token of a page: at which revision, from which item.
        let token = number("continue").map(|token| (token / 1000, token % 1000));
        if token.is_some() && matches!(mood, Some(Mood::Forget)) {
            return Reply::status(410, error(410, "Expired"));
        }
        let (revision, from) = token.unwrap_or((self.now, 0));
        let items: Vec<String> = self
            .state(revision)
            .iter()
            .map(|(name, at)| object(name, &at.to_string(), &at.to_string()))
            .collect();
        let to = number("limit").map_or(items.len(), |limit| (from + limit).min(items.len()));
        let next = (to < items.len()).then(|| (revision * 1000 + to).to_string());
        Reply::ok(list(&revision.to_string(), next.as_deref(), &items[from..to]))
    }

    fn watch(&self, from: usize, mood: Option<Mood>) -> Reply {
        let all = self.events(from).concat();
        match mood {
            None => Reply::hang(all),
            Some(Mood::Forget) => Reply::ok(event("ERROR", &error(410, "Expired"))),
            Some(Mood::Tear) => Reply::cut(all[..all.len() * 2 / 3].to_owned()),
            Some(Mood::Cut) => Reply::cut(all),
            Some(_) => Reply::ok(all),
        }
    }
}

fn moods() -> impl Strategy<Value = Vec<(Mood, usize)>> {
    let mood = prop_oneof![
        Just(Mood::End),
        Just(Mood::Cut),
        Just(Mood::Tear),
        Just(Mood::Forget),
        Just(Mood::Refuse),
    ];
    prop::collection::vec((mood, 0usize..6), 0..14)
}

fn history() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![3 => (0u8..8).prop_map(Change::Put), 1 => (0u8..8).prop_map(Change::Delete)];
    prop::collection::vec(change, 0..40)
}

/// Adds up what is told, and fails on anything told twice.
#[derive(Default)]
struct Listener {
    state: BTreeMap<String, String>,
    told: HashSet<(String, String)>,
    synced: bool,
}

impl Listener {
    fn hear(&mut self, event: Event<String>) {
        match event {
            Event::Upsert(key, row) => {
                assert!(self.told.insert((key.name.to_string(), row.clone())), "told twice: {key} at {row}");
                self.state.insert(key.name.to_string(), row);
            }
            Event::Gone(key, last) => {
                let was = self.state.remove(key.name.as_str());
                let was = was.unwrap_or_else(|| panic!("{key} was not there"));
                assert!(last.is_none_or(|last| last == was), "{key} had another last state");
            }
            Event::Synced => self.synced = true,
        }
    }
}

async fn converge(history: Vec<Change>, moods: Vec<(Mood, usize)>) {
    let store = Store { history, now: 0, moods };
    let whole = store.state(store.history.len());
    let expected: BTreeMap<String, String> =
        whole.into_iter().map(|(name, at)| (name, at.to_string())).collect();
    let store = Arc::new(Mutex::new(store));
    let server = Server::with({
        let store = store.clone();
        move |uri| store.lock().unwrap().answer(uri)
    });
    let mut watched = start(&server, 3);
    let mut listener = Listener::default();
    let done = |listener: &Listener| {
        let store = store.lock().unwrap();
        listener.synced
            && listener.state == expected
            && store.now == store.history.len()
            && store.moods.is_empty()
    };
    while !done(&listener) {
        if let Signal::Events(events) = watched.signal().await {
            events.into_iter().for_each(|event| listener.hear(event));
        }
    }
}

proptest! {
    #[test]
    fn what_is_told_adds_up_to_what_is_there(history in history(), moods in moods()) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(converge(history, moods));
    }
}
