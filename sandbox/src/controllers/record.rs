//! Events as controllers and kubelets write them, and their end.
//!
//! The same thing said again about the same object counts up one event instead of making another.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use smol_str::{SmolStr, format_smolstr};

use super::queue::Queue;
use super::{Controller, EVENTS, Key, Seen, World};
use crate::clock::{micro_stamp, stamp};
use crate::kinds::Kind;
use crate::store::{Change, DeleteOptions, Object, Store, WriteOptions};

/// Most things said that are remembered for counting up.
const REMEMBERED: usize = 4096;
/// The same thing said after this long is a new event.
const REPEAT_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct About {
    pub(crate) api_version: SmolStr,
    pub(crate) kind: SmolStr,
    pub(crate) namespace: SmolStr,
    pub(crate) name: SmolStr,
    pub(crate) uid: SmolStr,
    /// Such as `spec.containers{web}`; empty for the whole object.
    pub(crate) field: SmolStr,
}

impl About {
    pub(crate) fn object(kind: &Kind, object: &Object) -> Self {
        About {
            api_version: kind.api_version(),
            kind: kind.kind.clone(),
            namespace: object.namespace().into(),
            name: object.name().into(),
            uid: object.uid().into(),
            field: SmolStr::default(),
        }
    }
}

/// Whether somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Severity {
    Normal,
    Warning,
}

/// Who says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    component: SmolStr,
    /// Node of a kubelet; else empty.
    host: SmolStr,
    /// It writes events as `events.k8s.io` has them: a time in microseconds and a series instead of a count.
    new: bool,
}

impl Source {
    /// A controller.
    pub(crate) const fn controller(component: &'static str) -> Self {
        Source { component: SmolStr::new_static(component), host: SmolStr::new_static(""), new: false }
    }

    /// A component by its name.
    pub(crate) fn named(component: &str) -> Self {
        Source { component: component.into(), host: SmolStr::default(), new: false }
    }

    /// A component on a node.
    pub(crate) fn node(component: &'static str, host: SmolStr) -> Self {
        Source { component: SmolStr::new_static(component), host, new: false }
    }

    /// A component that writes events of the new kind, as the scheduler does.
    pub(crate) const fn reporter(component: &'static str) -> Self {
        Source { component: SmolStr::new_static(component), host: SmolStr::new_static(""), new: true }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Said {
    about: About,
    reason: SmolStr,
    message: String,
    source: Source,
}

/// Writes events.
#[derive(Debug)]
pub(crate) struct Recorder {
    store: Store,
    said: HashMap<Said, (SmolStr, DateTime<Utc>)>,
    on: bool,
}

impl Recorder {
    pub(crate) fn new(store: Store, on: bool) -> Self {
        Recorder { store, said: HashMap::new(), on }
    }

    pub(crate) fn normal(&mut self, about: &About, source: &Source, reason: &'static str, message: String) {
        self.record(about, source, Severity::Normal, reason, message);
    }

    pub(crate) fn warning(&mut self, about: &About, source: &Source, reason: &'static str, message: String) {
        self.record(about, source, Severity::Warning, reason, message);
    }

    pub(crate) fn record(
        &mut self,
        about: &About,
        source: &Source,
        severity: Severity,
        reason: &'static str,
        message: String,
    ) {
        if !self.on {
            return;
        }
        let now = self.store.clock().now();
        let said = Said { about: about.clone(), reason: reason.into(), message, source: source.clone() };
        if let Some((name, last)) = self.said.get_mut(&said)
            && now - *last < REPEAT_WITHIN
            && count_up(&self.store, &said, name, now)
        {
            *last = now;
            return;
        }
        if self.said.len() >= REMEMBERED {
            self.said.retain(|_, (_, last)| now - *last < REPEAT_WITHIN);
        }
        if self.said.len() >= REMEMBERED {
            self.said.clear();
        }
        if let Some(name) = create(&self.store, &said, severity, now) {
            self.said.insert(said, (name, now));
        }
    }
}

/// Events about cluster-scoped objects live in `default`.
fn namespace_of(about: &About) -> &str {
    if about.namespace.is_empty() { "default" } else { &about.namespace }
}

fn count_up(store: &Store, said: &Said, name: &str, now: DateTime<Utc>) -> bool {
    let options = WriteOptions::by("kube-controller-manager");
    let counted =
        store.update(&EVENTS, Some(namespace_of(&said.about)), name, "", &options, |_, mut event| {
            if said.source.new {
                let count = event["series"]["count"].as_i64().unwrap_or(1) + 1;
                event["series"] = json!({"count": count, "lastObservedTime": micro_stamp(now)});
            } else {
                event["count"] = json!(event["count"].as_i64().unwrap_or(1) + 1);
                event["lastTimestamp"] = json!(stamp(now));
            }
            Ok(event)
        });
    counted.is_ok()
}

/// None when the event is refused, as in a namespace that is going away.
fn create(store: &Store, said: &Said, severity: Severity, now: DateTime<Utc>) -> Option<SmolStr> {
    let about = &said.about;
    let nanos = now.timestamp_nanos_opt().unwrap_or_default();
    // The time alone would not tell apart what is said at the same moment.
    let name = format_smolstr!("{}.{:x}{}", about.name, nanos, store.chance().suffix(3));
    let mut involved = json!({"apiVersion": about.api_version, "kind": about.kind, "name": about.name});
    for (key, text) in [("namespace", &about.namespace), ("uid", &about.uid), ("fieldPath", &about.field)] {
        if !text.is_empty() {
            involved[key] = json!(text);
        }
    }
    let mut event = json!({
        "metadata": {"name": name, "namespace": namespace_of(about)},
        "involvedObject": involved,
        "type": match severity { Severity::Normal => "Normal", Severity::Warning => "Warning" },
        "reason": said.reason,
        "message": said.message,
        "reportingComponent": said.source.component,
        "reportingInstance": said.source.host,
    });
    if said.source.new {
        event["eventTime"] = json!(micro_stamp(now));
        event["action"] = json!(if severity == Severity::Normal { "Binding" } else { "Scheduling" });
        event["reportingInstance"] = json!(format!("{}-0", said.source.component));
    } else {
        event["source"] = json!({"component": said.source.component});
        if !said.source.host.is_empty() {
            event["source"]["host"] = json!(said.source.host);
        }
        event["firstTimestamp"] = json!(stamp(now));
        event["lastTimestamp"] = json!(stamp(now));
        event["count"] = json!(1);
    }
    let options = WriteOptions::by("kube-controller-manager");
    store.create(&EVENTS, Some(namespace_of(about)), event, &options).is_ok().then_some(name)
}

/// Deletes events some time after they were last written, as the API server's leases do.
#[derive(Debug)]
pub(crate) struct Expiry {
    after: TimeDelta,
    queue: Queue<Key>,
}

impl Expiry {
    pub(crate) fn new(after: TimeDelta) -> Self {
        Expiry { after, queue: Queue::default() }
    }

    /// When an event was last written, or now when it does not say.
    fn written(&self, event: &Object, now: DateTime<Utc>) -> DateTime<Utc> {
        let value = event.value();
        let times =
            ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
        let parsed = times.into_iter().find_map(|path| value.pointer(path)?.as_str()?.parse().ok());
        parsed.unwrap_or(now)
    }
}

impl Controller for Expiry {
    fn name(&self) -> &'static str {
        "events"
    }

    fn observe(&mut self, world: &World, seen: &Seen<'_>) {
        if *seen.gr != EVENTS {
            return;
        }
        match seen.change {
            // Counting up does not bring the end nearer: it is looked up when the time has come.
            Change::Added => {
                let now = world.now();
                self.queue.add_at(Key::of(seen.object), self.written(seen.object, now) + self.after);
            }
            Change::Modified => {}
            Change::Deleted => self.queue.forget(&Key::of(seen.object)),
        }
    }

    fn work(&mut self, world: &mut World) {
        let now = world.now();
        while let Some(key) = self.queue.pop(now) {
            let Some(event) = world.find(&EVENTS, &key) else { continue };
            let end = self.written(&event, now) + self.after;
            if end > now {
                self.queue.add_at(key, end);
                continue;
            }
            let options = DeleteOptions::now().uid(event.uid());
            // Gone already is as good.
            let _ = world.store.delete(&EVENTS, key.namespace(), &key.name, &options);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::host;

    const FROM: Source = Source::controller("tester");

    #[test]
    fn the_same_thing_said_again_counts_up() {
        let mut host = host();
        host.create("cm", json!({"metadata": {"name": "a"}}));
        let about = host.about("cm", "a");
        for message in ["one", "one", "two"] {
            host.world().recorder.warning(&about, &FROM, "Because", message.to_owned());
            host.advance(1);
        }
        let counts: Vec<_> =
            host.events().iter().map(|event| (event["message"].clone(), event["count"].clone())).collect();
        assert_eq!(counts, [(json!("one"), json!(2)), (json!("two"), json!(1))]);
        host.advance(700);
        host.world().recorder.warning(&about, &FROM, "Because", "one".to_owned());
        assert_eq!(host.events().len(), 3, "after a while it is news again");
    }

    #[test]
    fn events_end_an_hour_after_they_were_last_said() {
        let mut host = host();
        host.create("cm", json!({"metadata": {"name": "a"}}));
        let about = host.about("cm", "a");
        host.world().recorder.normal(&about, &FROM, "Because", "said twice".to_owned());
        host.world().recorder.normal(&about, &FROM, "Because", "said once".to_owned());
        host.settle();
        host.advance(300);
        host.world().recorder.normal(&about, &FROM, "Because", "said twice".to_owned());
        host.advance(3400);
        let left: Vec<_> = host.events().iter().map(|event| event["message"].clone()).collect();
        assert_eq!(left, ["said twice"]);
        host.advance(300);
        assert!(host.events().is_empty());
    }

    #[test]
    fn events_about_the_cluster_live_in_default() {
        let mut host = host();
        let about = host.about("ns", "default");
        host.world().recorder.normal(&about, &FROM, "Because", "cluster".to_owned());
        assert_eq!(host.events()[0]["metadata"]["namespace"], "default");
        assert!(host.events()[0]["involvedObject"].get("namespace").is_none());
    }
}
