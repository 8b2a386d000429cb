//! StatefulSets: pods with an identity, one after the other.

mod claims;
mod plan;
mod pods;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::queue::Queue;
use super::revisions::{REVISION, prune, revisions};
use super::workload::{self, Phase, Pod, min_ready, pods_of, set_counts, status_of};
use super::{About, Controller, Key, PODS, STATEFUL_SETS, Seen, Source, World};
use crate::status::Status;
use crate::store::Object;
use plan::{Action, Member, Wish, plan};
use pods::{create, delete};

const SOURCE: Source = Source::controller("statefulset-controller");

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct StatefulSets {
    queue: Queue<Key>,
}

impl StatefulSets {
    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&STATEFUL_SETS, key) else { return };
        let Some(about) = world.about(&STATEFUL_SETS, &object) else { return };
        let set = object.value();
        let Some(revisions) = revisions(world, "StatefulSet", &object, &set) else {
            return self.queue.retry(key.clone(), world.now());
        };
        let newest = revisions.last().map(|revision| revision.name.clone()).unwrap_or_default();
        let current = match set["status"]["currentRevision"].as_str() {
            Some(name) if revisions.iter().any(|revision| revision.name == name) => name.to_owned(),
            _ => newest.clone(),
        };
        let wish = Wish::read(&set, &newest);
        let mut failed = false;
        if !object.deleting() {
            let members = members(world, &object, &set, &newest);
            failed |= keep_claims(world, &about, &object, &set, &wish).is_err();
            for action in plan(&wish, &members) {
                let done = match action {
                    Action::Create(ordinal) => {
                        let old = wish.update_from.is_some_and(|from| ordinal < wish.start.max(from));
                        let name = if old { &current } else { &newest };
                        let revision = revisions.iter().find(|revision| revision.name == *name);
                        revision.map_or(Ok(()), |r| create(world, &about, &object, &set, r, ordinal))
                    }
                    Action::Delete(ordinal) => delete(world, &about, &object, ordinal),
                };
                failed |= done.is_err();
            }
            let live = members.values().map(|member| member.revision.as_str()).chain([current.as_str()]);
            prune(world, &object, &set, &revisions, &live.collect());
        }
        match failed {
            true => self.queue.retry(key.clone(), world.now()),
            false => self.queue.succeeded(key),
        }
        if let Some(later) = write_status(world, key, &object, &set, &wish, &current) {
            self.queue.add_at(key.clone(), later);
        }
    }
}

/// The pods of a set by their number.
fn members(world: &World, object: &Object, set: &Value, newest: &str) -> BTreeMap<i64, Member> {
    let (min_ready, now) = (min_ready(set), world.now());
    let pods = pods_of(world, object.uid());
    let numbered = pods.iter().filter_map(|pod| Some((ordinal(object.name(), pod.name())?, pod)));
    numbered.map(|(ordinal, pod)| (ordinal, member(pod, newest, min_ready, now))).collect()
}

/// Sees to the claims of the pods that are there: each has its own, and they follow whom they should.
fn keep_claims(
    world: &mut World,
    about: &About,
    object: &Object,
    set: &Value,
    wish: &Wish,
) -> Result<(), Status> {
    if set["spec"]["volumeClaimTemplates"].as_array().is_none_or(Vec::is_empty) {
        return Ok(());
    }
    for pod in pods_of(world, object.uid()) {
        let Some(ordinal) = ordinal(object.name(), pod.name()) else { continue };
        let wanted = wish.ordinals().contains(&ordinal);
        if wanted && pod.active() {
            claims::make(world, about, object, set, pod.name())?;
        }
        claims::follow(world, object, set, &pod.object, wanted);
    }
    Ok(())
}

/// The revision of a pod. One that was put there without is not known to be old.
fn revision_of<'p>(pod: &'p Pod, newest: &'p str) -> &'p str {
    pod.object.label(REVISION).unwrap_or(newest)
}

fn member(pod: &Pod, newest: &str, min_ready: TimeDelta, now: DateTime<Utc>) -> Member {
    Member {
        healthy: pod.phase == Phase::Running && pod.available(min_ready, now),
        over: pod.terminal(),
        deleting: pod.deleting(),
        revision: revision_of(pod, newest).to_owned(),
    }
}

/// The number at the end of a pod's name.
fn ordinal(set: &str, pod: &str) -> Option<i64> {
    pod.strip_prefix(set)?.strip_prefix('-')?.parse().ok()
}

/// Writes the status; answers when a pod will have been ready for long enough.
fn write_status(
    world: &World,
    key: &Key,
    object: &Arc<Object>,
    set: &Value,
    wish: &Wish,
    current: &str,
) -> Option<DateTime<Utc>> {
    let (min_ready, now) = (min_ready(set), world.now());
    let pods: Vec<Pod> = pods_of(world, object.uid());
    let count = |like: &dyn Fn(&Pod) -> bool| pods.iter().filter(|pod| like(pod)).count() as i64;
    let running = |pod: &Pod| pod.phase == Phase::Running && pod.ready();
    let of = |revision: &str| {
        let revision = revision.to_owned();
        move |pod: &Pod| !pod.deleting() && revision_of(pod, &wish.newest) == revision
    };
    let replicas = pods.len() as i64;
    let updated = count(&of(&wish.newest));
    // A finished rollout makes the newest revision the current one.
    let whole = updated == replicas && replicas == wish.replicas && count(&running) == replicas;
    let current = if whole && wish.update_from.is_some() { wish.newest.as_str() } else { current };

    let mut status = status_of(set);
    status["replicas"] = json!(replicas);
    status["availableReplicas"] = json!(count(&|pod| running(pod) && pod.available(min_ready, now)));
    status["currentRevision"] = json!(current);
    status["updateRevision"] = json!(wish.newest);
    status["collisionCount"] = json!(0);
    set_counts(
        &mut status,
        &[
            ("observedGeneration", object.generation()),
            ("readyReplicas", count(&running)),
            ("currentReplicas", count(&of(current))),
            ("updatedReplicas", updated),
        ],
    );
    if status != set["status"] {
        // Gone meanwhile: nothing to tell.
        let _ = world.update(&STATEFUL_SETS, key, "status", |set| set["status"] = status.clone());
    }
    pods.iter().filter_map(|pod| pod.available_from(min_ready)).filter(|from| *from > now).min()
}

impl Controller for StatefulSets {
    fn name(&self) -> &'static str {
        "statefulsets"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        workload::observe(&mut self.queue, seen, &STATEFUL_SETS, "StatefulSet", &[&PODS]);
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

    fn set() -> Value {
        json!({"metadata": {"name": "db"}, "spec": {"replicas": 2, "serviceName": "db-headless",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}},
                "spec": {"terminationGracePeriodSeconds": 30, "containers": [{"name": "c", "image": "i:1"}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}}]}})
    }

    fn names(host: &Host, word: &str) -> Vec<String> {
        host.all(word).iter().map(|o| o["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
    }

    #[test]
    fn pods_have_names_claims_and_a_revision() {
        let mut host = host();
        host.create("sts", set());
        host.settle();
        assert_eq!(names(&host, "pods"), ["db-0"], "the second waits for the first");
        host.run_all_pods();
        assert_eq!(names(&host, "pods"), ["db-0", "db-1"]);
        assert_eq!(names(&host, "pvc"), ["data-db-0", "data-db-1"]);
        let pod = host.find("pods", "db-1").expect("pod");
        assert_eq!(pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"], "data-db-1");
        assert_eq!(pod["spec"]["subdomain"], "db-headless");
        assert_eq!(pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"], "1");
        let status = host.find("sts", "db").expect("set")["status"].clone();
        assert_eq!((&status["readyReplicas"], &status["updatedReplicas"]), (&json!(2), &json!(2)));
        assert_eq!(status["currentRevision"], status["updateRevision"]);
        assert_eq!(status["observedGeneration"], 1);
        assert_eq!(names(&host, "controllerrevisions").len(), 1);
    }

    #[test]
    fn claims_stay_when_the_set_shrinks() {
        let mut host = host();
        host.create("sts", set());
        host.run_all_pods();
        host.update("sts", "db", |set| set["spec"]["replicas"] = json!(0));
        host.run_all_pods();
        assert!(names(&host, "pods").is_empty());
        assert_eq!(names(&host, "pvc").len(), 2);
        assert_eq!(host.find("sts", "db").expect("set")["status"]["replicas"], 0);
    }

    #[test]
    fn a_new_template_replaces_pods_from_the_top() {
        let mut host = host();
        host.create("sts", set());
        host.run_all_pods();
        host.update("sts", "db", |set| {
            set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2")
        });
        host.settle();
        let deleting = |host: &Host| {
            let pods = host.all("pods");
            let going = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_string());
            going.map(|pod| pod["metadata"]["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(deleting(&host), ["db-1"]);
        host.run_all_pods();
        for pod in host.all("pods") {
            assert_eq!(pod["spec"]["containers"][0]["image"], "i:2");
        }
        let status = host.find("sts", "db").expect("set")["status"].clone();
        assert_eq!(status["currentRevision"], status["updateRevision"]);
        assert_eq!(status["currentReplicas"], 2);
        assert_eq!(names(&host, "controllerrevisions").len(), 2);
    }

    #[test]
    fn pods_put_there_without_a_revision_are_not_replaced() {
        let mut host = host();
        host.create("sts", set());
        host.settle();
        host.run_all_pods();
        host.update("pods", "db-0", |pod| {
            pod["metadata"]["labels"].as_object_mut().map(|labels| labels.remove(REVISION));
        });
        let before = host.uid("pods", "db-0");
        host.run_all_pods();
        assert_eq!(host.uid("pods", "db-0"), before);
        assert_eq!(host.find("sts", "db").expect("set")["status"]["updatedReplicas"], 2);
    }

    #[test]
    fn a_deleted_pod_comes_back_under_its_name() {
        let mut host = host();
        host.create("sts", set());
        host.run_all_pods();
        let before = host.uid("pods", "db-0");
        host.delete("pods", "db-0");
        host.run_all_pods();
        assert_ne!(host.uid("pods", "db-0"), before);
        assert_eq!(host.find("sts", "db").expect("set")["status"]["readyReplicas"], 2);
    }

    #[test]
    fn below_the_partition_the_old_template_comes_back() {
        let mut host = host();
        host.create("sts", set());
        host.run_all_pods();
        host.update("sts", "db", |set| {
            set["spec"]["updateStrategy"] =
                json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
            set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
        });
        host.run_all_pods();
        host.delete("pods", "db-0");
        host.run_all_pods();
        let image =
            |name: &str| host.find("pods", name).expect("pod")["spec"]["containers"][0]["image"].clone();
        assert_eq!((image("db-0"), image("db-1")), (json!("i:1"), json!("i:2")));
    }
}
