//! ReplicaSets: so many pods of one template, whichever they are.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::queue::Queue;
use super::workload::{
    self, Phase, Pod, Saying, controller_of, min_ready, number, owner_reference, pod_from, pods_of,
    remove_condition, set_condition, set_counts, status_of,
};
use super::{About, Controller, Key, PODS, REPLICA_SETS, Seen, Source, World};
use crate::clock::stamp;
use crate::status::Status;
use crate::store::{DeleteOptions, ListQuery, Object, Selector};

const SOURCE: Source = Source::controller("replicaset-controller");
/// Most pods created or deleted before looking again.
const BURST: usize = 500;

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct ReplicaSets {
    queue: Queue<Key>,
}

impl ReplicaSets {
    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&REPLICA_SETS, key) else { return };
        let Some(about) = world.about(&REPLICA_SETS, &object) else { return };
        let set = object.value();
        let wanted = number(&set, "/spec/replicas", 1).max(0) as usize;
        let mut failure = None;
        if !object.deleting() {
            let active: Vec<Pod> = pods_of(world, object.uid()).into_iter().filter(Pod::active).collect();
            if active.len() < wanted {
                let adopted = adopt(world, &object, &set, wanted - active.len());
                let missing = wanted.saturating_sub(active.len() + adopted);
                failure = create(world, &about, &object, &set, missing).err();
            } else {
                let surplus = active.len() - wanted;
                remove(world, &about, active, surplus);
            }
        }
        let now = world.now();
        match &failure {
            Some(_) => self.queue.retry(key.clone(), now),
            None => self.queue.succeeded(key),
        }
        if let Some(later) = write_status(world, key, &object, &set, failure.as_ref()) {
            self.queue.add_at(key.clone(), later);
        }
    }
}

/// Creates pods; the first refusal ends it.
fn create(
    world: &mut World,
    about: &About,
    object: &Object,
    set: &Value,
    count: usize,
) -> Result<(), Status> {
    let owner = owner_reference("apps/v1", "ReplicaSet", object);
    for _ in 0..count.min(BURST) {
        let metadata = json!({"generateName": format!("{}-", object.name()), "ownerReferences": [owner]});
        let pod = pod_from(&set["spec"]["template"], metadata);
        match world.create(&PODS, object.namespace(), pod) {
            Ok(pod) => {
                let message = format!("Created pod: {}", pod.name());
                world.recorder.normal(about, &SOURCE, "SuccessfulCreate", message);
            }
            Err(refusal) => {
                let message = format!("Error creating: {}", refusal.message);
                world.recorder.warning(about, &SOURCE, "FailedCreate", message);
                return Err(refusal);
            }
        }
    }
    Ok(())
}

/// Takes over pods that match and that nobody manages; answers how many.
fn adopt(world: &World, object: &Object, set: &Value, most: usize) -> usize {
    let Some(selector) = selector_of(&set["spec"]["selector"]) else { return 0 };
    let query =
        ListQuery { namespace: Some(object.namespace().to_owned()), selector, ..ListQuery::default() };
    let Ok(page) = world.store.list(&PODS, &query) else { return 0 };
    let orphans = page.items.into_iter().filter(|pod| controller_of(pod).is_none());
    let mut adopted = 0;
    for pod in orphans.map(Pod::read).filter(Pod::active).take(most) {
        let owner = owner_reference("apps/v1", "ReplicaSet", object);
        let taken = world.update(&PODS, &Key::of(&pod.object), "", |pod| {
            match pod["metadata"]["ownerReferences"].as_array_mut() {
                Some(owners) => owners.push(owner.clone()),
                None => pod["metadata"]["ownerReferences"] = json!([owner]),
            }
        });
        adopted += usize::from(taken.is_ok());
    }
    adopted
}

/// A label selector of the API as the store understands it; None when it selects nothing or cannot be read.
pub(crate) fn selector_of(selector: &Value) -> Option<Selector> {
    let mut terms = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str()?));
    }
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str()?;
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        terms.push(match expression["operator"].as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    if terms.is_empty() { None } else { Selector::labels(&terms.join(",")).ok() }
}

/// Deletes surplus pods, those first that are missed least.
fn remove(world: &mut World, about: &About, mut pods: Vec<Pod>, count: usize) {
    pods.sort_by_cached_key(|pod| {
        let phase = match pod.phase {
            Phase::Pending => 0,
            Phase::Unknown => 1,
            _ => 2,
        };
        let cost: i64 = pod
            .object
            .meta()
            .annotations
            .get("controller.kubernetes.io/pod-deletion-cost")
            .and_then(|cost| cost.parse().ok())
            .unwrap_or(0);
        let recent = (Reverse(pod.ready), Reverse(pod.restarts), Reverse(pod.created.clone()));
        (pod.scheduled, phase, pod.ready(), cost, recent, pod.name().to_owned())
    });
    for pod in pods.iter().take(count.min(BURST)) {
        let options = DeleteOptions::default().uid(pod.object.uid());
        if world.store.delete(&PODS, Some(pod.object.namespace()), pod.name(), &options).is_ok() {
            let message = format!("Deleted pod: {}", pod.name());
            world.recorder.normal(about, &SOURCE, "SuccessfulDelete", message);
        }
    }
}

/// Writes the status; answers when a pod will have been ready for long enough.
fn write_status(
    world: &World,
    key: &Key,
    object: &Object,
    set: &Value,
    failure: Option<&Status>,
) -> Option<DateTime<Utc>> {
    let now = world.now();
    let min_ready = min_ready(set);
    let pods = pods_of(world, object.uid());
    let active: Vec<&Pod> = pods.iter().filter(|pod| pod.active()).collect();
    let labels = set["spec"]["template"]["metadata"]["labels"].as_object();
    let fully = |pod: &&&Pod| {
        let mut labels = labels.into_iter().flatten();
        labels.all(|(key, value)| pod.object.label(key) == value.as_str())
    };
    let count = |like: &dyn Fn(&Pod) -> bool| active.iter().filter(|pod| like(pod)).count() as i64;
    let terminating = pods.iter().filter(|pod| pod.deleting() && !pod.terminal()).count() as i64;

    let mut status = status_of(set);
    status["replicas"] = json!(active.len());
    status["terminatingReplicas"] = json!(terminating);
    set_counts(
        &mut status,
        &[
            ("fullyLabeledReplicas", active.iter().filter(fully).count() as i64),
            ("readyReplicas", count(&Pod::ready)),
            ("availableReplicas", count(&|pod| pod.available(min_ready, now))),
            ("observedGeneration", object.generation()),
        ],
    );
    match failure {
        Some(refusal) => {
            let message = refusal.message.clone();
            let saying = Saying { kind: "ReplicaFailure", status: true, reason: "FailedCreate", message };
            set_condition(&mut status, &saying, &stamp(now), false);
        }
        None => remove_condition(&mut status, "ReplicaFailure"),
    }
    if status != set["status"] {
        // Gone meanwhile: nothing to tell.
        let _ = world.update(&REPLICA_SETS, key, "status", |set| set["status"] = status.clone());
    }
    active.iter().filter_map(|pod| pod.available_from(min_ready)).filter(|from| *from > now).min()
}

impl Controller for ReplicaSets {
    fn name(&self) -> &'static str {
        "replicasets"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        workload::observe(&mut self.queue, seen, &REPLICA_SETS, "ReplicaSet", &[&PODS]);
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
mod tests {
    use super::*;
    use crate::controllers::testing::{Host, host};

    fn set(replicas: i64) -> Value {
        json!({"metadata": {"name": "web"}, "spec": {"replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}})
    }

    fn names(host: &Host) -> Vec<String> {
        host.all("pods")
            .iter()
            .map(|pod| pod["metadata"]["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    #[test]
    fn as_many_pods_as_wanted_come_and_go() {
        let mut host = host();
        host.create("rs", set(3));
        host.settle();
        let pods = host.all("pods");
        assert_eq!(pods.len(), 3);
        assert_eq!(pods[0]["metadata"]["labels"], json!({"app": "web"}));
        assert_eq!(pods[0]["metadata"]["ownerReferences"][0]["name"], "web");
        assert_eq!(host.find("rs", "web").expect("set")["status"]["replicas"], 3);
        host.update("rs", "web", |set| set["spec"]["replicas"] = json!(1));
        host.settle();
        assert_eq!(names(&host).len(), 1);
        let status = host.find("rs", "web").expect("set")["status"].clone();
        assert_eq!((&status["replicas"], &status["observedGeneration"]), (&json!(1), &json!(2)));
    }

    #[test]
    fn ready_pods_are_kept_before_others() {
        let mut host = host();
        host.create("rs", set(3));
        host.settle();
        let keep = names(&host)[1].clone();
        host.run_pod("default", &keep, true);
        host.update("rs", "web", |set| set["spec"]["replicas"] = json!(1));
        host.settle();
        assert_eq!(names(&host), [keep]);
        assert_eq!(host.find("rs", "web").expect("set")["status"]["availableReplicas"], 1);
    }

    #[test]
    fn a_failed_pod_is_replaced_and_stays_to_be_looked_at() {
        let mut host = host();
        host.create("rs", set(1));
        host.settle();
        let first = names(&host)[0].clone();
        host.update_status_in("default", "pods", &first, |pod| pod["status"]["phase"] = json!("Failed"));
        host.settle();
        assert_eq!(names(&host).len(), 2);
        assert_eq!(host.find("rs", "web").expect("set")["status"]["replicas"], 1);
    }

    #[test]
    fn matching_orphans_are_adopted_before_new_ones_are_made() {
        let mut host = host();
        host.create(
            "pods",
            json!({"metadata": {"name": "lone", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i:1"}]}}),
        );
        host.create("rs", set(1));
        host.settle();
        assert_eq!(names(&host), ["lone"]);
        assert_eq!(host.find("pods", "lone").expect("pod")["metadata"]["ownerReferences"][0]["name"], "web");
    }

    #[test]
    fn availability_waits_for_the_minimum_time() {
        let mut host = host();
        let mut object = set(1);
        object["spec"]["minReadySeconds"] = json!(10);
        host.create("rs", object);
        host.settle();
        let pod = names(&host)[0].clone();
        host.run_pod("default", &pod, true);
        host.settle();
        assert!(host.find("rs", "web").expect("set")["status"].get("availableReplicas").is_none());
        host.advance(10);
        assert_eq!(host.find("rs", "web").expect("set")["status"]["availableReplicas"], 1);
    }
}
