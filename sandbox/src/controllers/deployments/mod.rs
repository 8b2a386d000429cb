//! Deployments: ReplicaSets that take over from each other.

mod rolling;
mod scaling;
mod status;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::queue::Queue;
use super::workload::{self, hash_of, number, owner_reference};
use super::{About, Controller, DEPLOYMENTS, Key, REPLICA_SETS, Seen, Source, World};
use crate::store::{DeleteOptions, Object};
use rolling::{Size, Wish, next_sizes};
use scaling::Part;
use status::write_status;

const SOURCE: Source = Source::controller("deployment-controller");
const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MOST: &str = "deployment.kubernetes.io/max-replicas";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct Deployments {
    queue: Queue<Key>,
}

/// A ReplicaSet as its Deployment sees it.
#[derive(Debug, Clone)]
struct Set {
    key: Key,
    uid: String,
    created: String,
    revision: i64,
    wanted: i64,
    actual: i64,
    ready: i64,
    available: i64,
    terminating: i64,
    value: Value,
}

impl Set {
    fn read(object: &Object) -> Self {
        let value = object.value();
        let revision = value["metadata"]["annotations"][REVISION].as_str();
        Set {
            key: Key::of(object),
            uid: object.uid().to_owned(),
            created: value["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned(),
            revision: revision.and_then(|revision| revision.parse().ok()).unwrap_or(0),
            wanted: number(&value, "/spec/replicas", 0),
            actual: number(&value, "/status/replicas", 0),
            ready: number(&value, "/status/readyReplicas", 0),
            available: number(&value, "/status/availableReplicas", 0),
            terminating: number(&value, "/status/terminatingReplicas", 0),
            value,
        }
    }

    /// Whether its pods are those of a template.
    fn has(&self, template: &Value) -> bool {
        let mut own = self.value["spec"]["template"].clone();
        if let Some(labels) = own["metadata"]["labels"].as_object_mut() {
            labels.remove(HASH);
        }
        own == *template
    }
}

impl Deployments {
    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&DEPLOYMENTS, key) else { return };
        let Some(about) = world.about(&DEPLOYMENTS, &object) else { return };
        let deployment = object.value();
        let (mut new, mut old) = sets_of(world, &object, &deployment);
        let paused = deployment["spec"]["paused"] == true;
        if !object.deleting() {
            let wish = Wish::read(&deployment);
            let waits = wish.recreate && old.iter().any(|set| set.wanted + set.actual + set.terminating > 0);
            let parts: Vec<Part> = old.iter().chain(&new).map(|set| part(set, new.as_ref())).collect();
            let scales = paused || scaling::is_due(wish, &parts);
            if new.is_none() && !scales && !waits {
                new = begin(world, &about, &object, &deployment, wish, &old);
            }
            if let Some(new) = &new {
                keep_revision(world, key, &deployment, new, &old);
            }
            roll(world, &about, wish, &mut new, &mut old, scales);
            forget(world, &deployment, &old);
        }
        if let Some(later) = write_status(world, key, &object, &deployment, new.as_ref(), &old) {
            self.queue.add_at(key.clone(), later);
        }
    }
}

/// The ReplicaSet of the present template, and the others, oldest first.
fn sets_of(world: &World, object: &Object, deployment: &Value) -> (Option<Set>, Vec<Set>) {
    let keys = world.owners.of_kind(object.uid(), &REPLICA_SETS);
    let mut sets: Vec<Set> =
        keys.iter().filter_map(|key| world.find(&REPLICA_SETS, key)).map(|set| Set::read(&set)).collect();
    sets.sort_by(|a, b| (&a.created, a.revision, &a.key).cmp(&(&b.created, b.revision, &b.key)));
    let present = sets.iter().position(|set| set.has(&deployment["spec"]["template"]));
    let new = present.map(|index| sets.remove(index));
    (new, sets)
}

/// Creates the ReplicaSet of the present template.
fn begin(
    world: &mut World,
    about: &About,
    object: &Object,
    deployment: &Value,
    wish: Wish,
    old: &[Set],
) -> Option<Set> {
    let template = &deployment["spec"]["template"];
    let hash = hash_of(template);
    let name = format!("{}-{hash}", object.name());
    let mut labelled = template.clone();
    labelled["metadata"]["labels"][HASH] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"][HASH] = json!(hash);
    let sizes: Vec<Size> = old.iter().map(size).collect();
    let (replicas, _) = next_sizes(wish, Size { wanted: 0, available: 0 }, &sizes, false);
    let set = json!({
        "metadata": {
            "name": name,
            "labels": labelled["metadata"]["labels"],
            "annotations": annotations(deployment, next_revision(old), wish),
            "ownerReferences": [owner_reference("apps/v1", "Deployment", object)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": number(deployment, "/spec/minReadySeconds", 0),
            "selector": selector,
            "template": labelled,
        },
    });
    match world.create(&REPLICA_SETS, object.namespace(), set) {
        Ok(created) => {
            if replicas > 0 {
                let message = format!("Scaled up replica set {name} from 0 to {replicas}");
                world.recorder.normal(about, &SOURCE, "ScalingReplicaSet", message);
            }
            Some(Set::read(&created))
        }
        Err(refusal) => {
            let message = format!("Failed to create new replica set {name:?}: {}", refusal.message);
            world.recorder.warning(about, &SOURCE, "ReplicaSetCreateError", message);
            None
        }
    }
}

fn size(set: &Set) -> Size {
    Size { wanted: set.wanted, available: set.available }
}

/// A ReplicaSet as scaling sees it.
fn part(set: &Set, new: Option<&Set>) -> Part {
    let noted = |key: &str| set.value["metadata"]["annotations"][key].as_str()?.parse().ok();
    Part {
        wanted: set.wanted,
        available: set.available,
        desired: noted(DESIRED),
        most: noted(MOST),
        new: new.is_some_and(|new| new.key == set.key),
    }
}

fn next_revision(old: &[Set]) -> i64 {
    old.iter().map(|set| set.revision).max().unwrap_or(0) + 1
}

/// A Deployment's annotations as its ReplicaSets carry them.
fn annotations(deployment: &Value, revision: i64, wish: Wish) -> Value {
    let own = deployment["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let mut all: Map<String, Value> = own.into_iter().filter(|(key, _)| key != LAST_APPLIED).collect();
    all.insert(REVISION.to_owned(), json!(revision.to_string()));
    all.insert(DESIRED.to_owned(), json!(wish.replicas.to_string()));
    all.insert(MOST.to_owned(), json!((wish.replicas + wish.surge).to_string()));
    Value::Object(all)
}

/// A ReplicaSet that is taken up again (a rollback) is the newest revision; the Deployment names it.
fn keep_revision(world: &World, key: &Key, deployment: &Value, new: &Set, old: &[Set]) {
    let revision = new.revision.max(next_revision(old));
    let text = revision.to_string();
    if revision != new.revision {
        let _ = world.update(&REPLICA_SETS, &new.key, "", |set| {
            set["metadata"]["annotations"][REVISION] = json!(text);
        });
    }
    if deployment["metadata"]["annotations"][REVISION] != text.as_str() {
        // With the status, as the real controller: this is no new wish of the owner's, so the generation stays.
        let _ = world.update(&DEPLOYMENTS, key, "status", |deployment| {
            deployment["metadata"]["annotations"][REVISION] = json!(text);
        });
    }
}

/// Brings the ReplicaSets one step nearer to what is wanted.
fn roll(world: &mut World, about: &About, wish: Wish, new: &mut Option<Set>, old: &mut [Set], scales: bool) {
    let sizes: Vec<Size> = old.iter().map(size).collect();
    let present = new.as_ref().map_or(Size { wanted: 0, available: 0 }, size);
    let terminating = old.iter().any(|set| set.actual + set.terminating > 0);
    let (wanted, others) = if scales {
        let parts: Vec<Part> = old.iter().chain(&*new).map(|set| part(set, new.as_ref())).collect();
        let mut sizes = scaling::sizes(wish, &parts, old.iter().chain(&*new).map(|set| set.actual).sum());
        let last = new.as_ref().and_then(|_| sizes.pop());
        (last.unwrap_or(0), sizes)
    } else {
        next_sizes(wish, present, &sizes, terminating)
    };
    if let Some(new) = new {
        scale(world, about, wish, new, wanted);
    }
    for (set, wanted) in old.iter_mut().zip(others) {
        scale(world, about, wish, set, wanted);
    }
}

fn scale(world: &mut World, about: &About, wish: Wish, set: &mut Set, wanted: i64) {
    let (desired, most) = (wish.replicas.to_string(), (wish.replicas + wish.surge).to_string());
    let annotations = &set.value["metadata"]["annotations"];
    let noted = annotations[DESIRED] == desired.as_str() && annotations[MOST] == most.as_str();
    if set.wanted == wanted && (noted || wanted == 0) {
        return;
    }
    let scaled = world.update(&REPLICA_SETS, &set.key, "", |set| {
        set["spec"]["replicas"] = json!(wanted);
        set["metadata"]["annotations"][DESIRED] = json!(desired);
        set["metadata"]["annotations"][MOST] = json!(most);
    });
    if scaled.is_err() || set.wanted == wanted {
        return;
    }
    let way = if wanted > set.wanted { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {} from {} to {wanted}", set.key.name, set.wanted);
    world.recorder.normal(about, &SOURCE, "ScalingReplicaSet", message);
    set.wanted = wanted;
}

/// Deletes old ReplicaSets beyond `revisionHistoryLimit`.
fn forget(world: &World, deployment: &Value, old: &[Set]) {
    let limit = usize::try_from(number(deployment, "/spec/revisionHistoryLimit", 10)).unwrap_or(0);
    let mut empty: Vec<&Set> = old.iter().filter(|set| set.wanted == 0 && set.actual == 0).collect();
    empty.sort_by_key(|set| set.revision);
    let surplus = empty.len().saturating_sub(limit);
    for set in empty.into_iter().take(surplus) {
        let options = DeleteOptions::default().uid(set.uid.as_str());
        // Gone already is as good.
        let _ = world.store.delete(&REPLICA_SETS, set.key.namespace(), &set.key.name, &options);
    }
}

impl Controller for Deployments {
    fn name(&self) -> &'static str {
        "deployments"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        workload::observe(&mut self.queue, seen, &DEPLOYMENTS, "Deployment", &[&REPLICA_SETS]);
    }

    fn work(&mut self, world: &mut World) {
        while let Some(key) = self.queue.pop(world.now()) {
            self.reconcile(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}

#[cfg(test)]
mod tests;
