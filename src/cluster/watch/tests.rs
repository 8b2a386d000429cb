//! The engine against scripted answers: what it asks, what it tells, and that nothing is missed or told twice.

mod law;

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{mpsc, watch as latest};

use super::*;
use crate::cluster::script::{
    self, Reply, Server, added, bookmark, deleted, end_of_list, error, list, modified, object,
};
use crate::cluster::{Cluster, FailureKind};

/// Keeps `value`, and nothing of an object whose value is `hidden`.
struct Values;

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    uid: Text<'a>,
    #[serde(borrow, rename = "resourceVersion")]
    resource_version: Text<'a>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    value: Text<'a>,
}

impl Identified for Object<'_> {
    fn identity(&self) -> Identity<'_> {
        Identity {
            namespace: &self.metadata.namespace,
            name: &self.metadata.name,
            uid: &self.metadata.uid,
            resource_version: &self.metadata.resource_version,
        }
    }
}

impl Fold for Values {
    type Object<'a> = Object<'a>;
    type Row = String;

    fn fold(&mut self, _: &Key, object: Object<'_>) -> Option<String> {
        (object.value.as_str() != "hidden").then(|| object.value.as_str().to_owned())
    }
}

/// A watch under test and what it has told.
struct Watched {
    signals: mpsc::Receiver<Signal<String>>,
    nudge: latest::Sender<u64>,
    _cluster: latest::Sender<Cluster>,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

fn start(server: &Server, page_size: u32) -> Watched {
    start_at(server, Target { page_size, ..Target::new(Resource::CONFIG_MAPS) })
}

fn start_streamed(server: &Server) -> Watched {
    start_at(server, Target { streamed: true, ..Target::new(Resource::CONFIG_MAPS) })
}

fn start_at(server: &Server, target: Target) -> Watched {
    let (send, signals) = mpsc::channel(4);
    let (nudge, nudged) = latest::channel(0);
    let (cluster, clusters) = latest::channel(server.cluster());
    let task = tokio::spawn(watch(target, Controls { cluster: clusters, nudge: nudged }, Values, send));
    Watched { signals, nudge, _cluster: cluster, _task: tokio_util::task::AbortOnDropHandle::new(task) }
}

impl Watched {
    async fn signal(&mut self) -> Signal<String> {
        let patience = Duration::from_secs(24 * 3600);
        tokio::time::timeout(patience, self.signals.recv())
            .await
            .expect("no signal in a day")
            .expect("watch ended")
    }

    /// The next events as short words, over any number of signals; phases are passed over.
    async fn told(&mut self, count: usize) -> Vec<String> {
        let mut words = Vec::new();
        while words.len() < count {
            if let Signal::Events(events) = self.signal().await {
                assert!(!events.is_empty() && events.len() <= MAX_BATCH);
                words.extend(events.iter().map(word));
            }
        }
        words
    }

    async fn broken(&mut self) -> Failure {
        loop {
            if let Signal::Phase(Phase::Broken { failure, .. }) = self.signal().await {
                return failure;
            }
        }
    }
}

fn word(event: &Event<String>) -> String {
    match event {
        Event::Upsert(key, row) => format!("{}={row}", key.name),
        Event::Gone(key, Some(row)) => format!("-{}={row}", key.name),
        Event::Gone(key, None) => format!("-{}", key.name),
        Event::Synced => "synced".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_in_pages_and_the_watch_starts_at_its_revision() {
    let server = Server::new(vec![
        Reply::ok(list("10", Some("more"), &[object("a", "1", "x"), object("b", "2", "y")])),
        Reply::ok(list("10", None, &[object("c", "3", "z")])),
        Reply::hang(added(&object("d", "11", "w"))),
    ]);
    let mut watched = start(&server, 2);
    assert_eq!(watched.told(5).await, ["a=x", "b=y", "c=z", "synced", "d=w"]);
    let asked = server.asked();
    assert!(asked[0].contains("limit=2") && !asked[0].contains("continue"), "{asked:?}");
    assert!(asked[1].contains("continue=more"), "{asked:?}");
    assert!(asked[2].contains("watch=true") && asked[2].contains("resourceVersion=10"), "{asked:?}");
    assert!(asked[2].contains("allowWatchBookmarks=true"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_may_be_the_beginning_of_the_watch() {
    let listed = [added(&object("a", "1", "x")), added(&object("b", "2", "y")), end_of_list("10")].concat();
    let server = Server::new(vec![
        Reply::ok(listed + &added(&object("c", "11", "z"))),
        Reply::hang(deleted(&object("a", "12", "x"))),
    ]);
    let mut watched = start_streamed(&server);
    assert_eq!(watched.told(5).await, ["a=x", "b=y", "synced", "c=z", "-a=x"]);
    let asked = server.asked();
    assert!(asked[0].contains("sendInitialEvents=true"), "{asked:?}");
    assert!(asked[0].contains("resourceVersionMatch=NotOlderThan"), "{asked:?}");
    assert!(asked[1].contains("resourceVersion=11") && !asked[1].contains("sendInitialEvents"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_streams_no_lists_is_asked_for_pages() {
    let server = Server::new(vec![
        Reply::status(422, error(422, "Invalid")),
        Reply::ok(list("10", None, &[object("a", "1", "x")])),
        Reply::hang(added(&object("b", "11", "y"))),
    ]);
    let mut watched = start_streamed(&server);
    assert_eq!(watched.told(3).await, ["a=x", "synced", "b=y"]);
    assert!(server.asked()[1].contains("limit=500"));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_was_broken_off_is_never_taken_for_a_whole_one() {
    let server = Server::new(vec![
        Reply::ok(added(&object("a", "1", "x"))),
        Reply::ok(list("10", None, &[object("b", "2", "y")])),
        Reply::hang(String::new()),
    ]);
    let mut watched = start_streamed(&server);
    assert_eq!(watched.told(4).await, ["a=x", "b=y", "-a", "synced"]);
}

#[tokio::test(start_paused = true)]
async fn an_ended_watch_resumes_where_it_was() {
    let server = Server::new(vec![
        Reply::ok(list("10", None, &[object("a", "1", "x")])),
        Reply::ok(modified(&object("a", "11", "y")) + &bookmark("15")),
        Reply::hang(deleted(&object("a", "16", "y"))),
    ]);
    let mut watched = start(&server, 500);
    assert_eq!(watched.told(4).await, ["a=x", "synced", "a=y", "-a=y"]);
    assert!(server.asked()[2].contains("resourceVersion=15"), "{:?}", server.asked());
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_revision_means_a_new_list_that_is_compared() {
    let gone = || error(410, "Expired");
    for (name, refusal) in
        [("as status", Reply::status(410, gone())), ("as event", Reply::ok(script::event("ERROR", &gone())))]
    {
        let server = Server::new(vec![
            Reply::ok(list(
                "10",
                None,
                &[object("a", "1", "x"), object("b", "2", "y"), object("c", "3", "z")],
            )),
            refusal,
            Reply::ok(list(
                "20",
                None,
                &[object("a", "1", "x"), object("c", "19", "w"), object("d", "18", "v")],
            )),
            Reply::hang(String::new()),
        ]);
        let mut watched = start(&server, 500);
        assert_eq!(watched.told(4).await, ["a=x", "b=y", "c=z", "synced"], "{name}");
        assert_eq!(watched.told(4).await, ["c=w", "d=v", "-b", "synced"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_an_event_comes_again_and_a_whole_one_does_not() {
    let half = added(&object("c", "12", "z"));
    let server = Server::new(vec![
        Reply::ok(list("10", None, &[object("a", "1", "x")])),
        Reply::cut(added(&object("b", "11", "y")) + &half[..half.len() / 2]),
        Reply::hang(added(&object("b", "11", "y")) + &half),
    ]);
    let mut watched = start(&server, 500);
    assert_eq!(watched.told(4).await, ["a=x", "synced", "b=y", "c=z"]);
    assert!(server.asked()[2].contains("resourceVersion=11"), "{:?}", server.asked());
}

#[tokio::test(start_paused = true)]
async fn another_object_of_the_same_name_is_told_as_another() {
    let reborn = object("a", "20", "y").replace("uid-a", "uid-reborn");
    let server = Server::new(vec![
        Reply::ok(list("10", None, &[object("a", "1", "x")])),
        Reply::status(410, error(410, "Expired")),
        Reply::ok(list("20", None, &[reborn])),
        Reply::hang(String::new()),
    ]);
    let mut watched = start(&server, 500);
    assert_eq!(watched.told(5).await, ["a=x", "synced", "-a", "a=y", "synced"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_grows_too_old_is_taken_in_one_piece_and_synced_once() {
    let server = Server::new(vec![
        Reply::ok(list("10", Some("more"), &[object("a", "1", "x")])),
        Reply::status(410, error(410, "Expired")),
        Reply::ok(list("20", None, &[object("a", "1", "x"), object("b", "2", "y")])),
        Reply::hang(String::new()),
    ]);
    let mut watched = start(&server, 1);
    assert_eq!(watched.told(3).await, ["a=x", "b=y", "synced"]);
    assert!(!server.asked()[2].contains("limit"), "{:?}", server.asked());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_reason_and_a_nudge_tries_again() {
    let server = Server::new(vec![
        Reply::status(403, error(403, "Forbidden")),
        Reply::ok(list("10", None, &[])),
        Reply::hang(String::new()),
    ]);
    let mut watched = start(&server, 500);
    assert_eq!(watched.broken().await.kind, FailureKind::Forbidden);
    watched.nudge.send_modify(|count| *count += 1);
    assert_eq!(watched.told(1).await, ["synced"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_does_not_hide_the_others() {
    let broken = object("bad", "2", "y").replace("\"value\":\"y\"", "\"value\":[1]");
    let server = Server::new(vec![
        Reply::ok(list("10", None, &[object("a", "1", "x"), broken.clone(), object("c", "3", "z")])),
        Reply::hang(added(&broken) + &added(&object("d", "12", "w"))),
    ]);
    let mut watched = start(&server, 500);
    let (mut unreadable, mut told) = (0, Vec::new());
    while told.last().is_none_or(|last| last != "d=w") {
        match watched.signal().await {
            Signal::Unreadable(count) => unreadable += count,
            Signal::Events(events) => told.extend(events.iter().map(word)),
            Signal::Phase(_) => {}
        }
    }
    assert_eq!(unreadable, 2);
    assert_eq!(told, ["a=x", "c=z", "synced", "d=w"]);
}

#[tokio::test(start_paused = true)]
async fn what_stops_belonging_is_gone() {
    let server = Server::new(vec![
        Reply::ok(list("10", None, &[object("a", "1", "x"), object("b", "2", "hidden")])),
        Reply::hang(modified(&object("a", "11", "hidden")) + &modified(&object("b", "12", "y"))),
    ]);
    let mut watched = start(&server, 500);
    assert_eq!(watched.told(4).await, ["a=x", "synced", "-a", "b=y"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_every_watch_at_once_is_not_stormed() {
    let server = Server::new(vec![
        Reply::ok(list("10", None, &[])),
        Reply::ok(String::new()),
        Reply::hang(String::new()),
    ]);
    let mut watched = start(&server, 500);
    assert_eq!(watched.broken().await.kind, FailureKind::Cut);
}

#[tokio::test(start_paused = true)]
async fn silence_beyond_the_watch_time_is_a_dead_connection() {
    let server = Server::new(vec![
        Reply::ok(list("10", None, &[])),
        Reply::hang(String::new()),
        Reply::hang(String::new()),
    ]);
    let mut watched = start(&server, 500);
    let began = tokio::time::Instant::now();
    assert_eq!(watched.broken().await.kind, FailureKind::Timeout);
    assert!(began.elapsed() < Duration::from_secs(61), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_object_written_before_its_type_is_understood() {
    let line = format!("{{\"object\":{},\"type\":\"ADDED\"}}\n", object("a", "11", "x"));
    let server = Server::new(vec![Reply::ok(list("10", None, &[])), Reply::hang(line)]);
    let mut watched = start(&server, 500);
    assert_eq!(watched.told(2).await, ["synced", "a=x"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_writes_metadata_behind_the_items_is_paged_too() {
    let backwards = |next: &str, item: String| {
        format!("{{\"items\":[{item}],\"metadata\":{{\"resourceVersion\":\"10\",\"continue\":\"{next}\"}}}}")
    };
    let server = Server::new(vec![
        Reply::ok(backwards("more", object("a", "1", "x"))),
        Reply::ok(backwards("", object("b", "2", "y"))),
        Reply::hang(String::new()),
    ]);
    let mut watched = start(&server, 1);
    assert_eq!(watched.told(3).await, ["a=x", "b=y", "synced"]);
}

#[tokio::test(start_paused = true)]
async fn where_watching_is_forbidden_the_list_is_taken_again() {
    let server = Server::new(vec![
        Reply::ok(list("10", None, &[object("a", "1", "x")])),
        Reply::status(403, error(403, "Forbidden")),
        Reply::ok(list("20", None, &[object("b", "19", "y")])),
        Reply::hang(String::new()),
    ]);
    let mut watched = start(&server, 500);
    let began = tokio::time::Instant::now();
    assert_eq!(watched.told(2).await, ["a=x", "synced"]);
    assert_eq!(watched.signal().await, Signal::Phase(Phase::Polled));
    assert_eq!(watched.told(3).await, ["b=y", "-a", "synced"]);
    assert_eq!(began.elapsed(), POLL_EVERY);
}
