//! The pods of a Job.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::plan::{FAILURES, FINALIZER, IGNORED, INDEX, Member, Wish};
use super::policy::{self, Consequence};
use super::{SOURCE, Sync};
use crate::controllers::workload::{Phase, Pod, condition, owner_reference, pod_from, pods_of};
use crate::controllers::{JOBS, Key, PODS, World, remove_finalizer};
use crate::status::Status;
use crate::store::{DeleteOptions, Object};

/// A pod that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) index: Option<i64>,
    /// How often the index has failed before, counted and ignored, where each index has failures of its own.
    pub(super) failures: Option<(i64, i64)>,
}

/// Most pods made before looking again.
pub(super) const BURST: i64 = 500;

/// The pods of a Job as it sees them.
pub(super) fn members(world: &World, object: &Object, job: &Value, wish: &Wish) -> Vec<Member> {
    pods_of(world, object.uid()).iter().map(|pod| member(pod, job, wish, world.now())).collect()
}

fn member(pod: &Pod, job: &Value, wish: &Wish, now: DateTime<Utc>) -> Member {
    let meta = pod.object.meta();
    let tracked = meta.finalizers.iter().any(|finalizer| finalizer == FINALIZER);
    let number = |key: &str| meta.annotations.get(key).and_then(|text| text.parse::<i64>().ok());
    // Only those that are counted now are looked at more closely.
    let tree = (tracked && (pod.terminal() || pod.deleting())).then(|| pod.object.value());
    let consequence = match &tree {
        Some(tree) if pod.phase != Phase::Succeeded => policy::judge(job, tree),
        _ => Consequence::Counts,
    };
    Member {
        name: pod.name().to_owned(),
        phase: pod.phase,
        ready: pod.ready(),
        deleting: pod.deleting(),
        tracked,
        restarts: pod.restarts,
        index: number(INDEX).filter(|_| wish.indexed),
        before: (number(FAILURES).unwrap_or(0), number(IGNORED).unwrap_or(0)),
        ended: tree.as_ref().and_then(ended).unwrap_or(now),
        consequence,
    }
}

/// When a pod ended: with its last container, or else when it stopped being ready, was deleted, or came.
fn ended(pod: &Value) -> Option<DateTime<Utc>> {
    let time = |value: &Value| value.as_str()?.parse::<DateTime<Utc>>().ok();
    let statuses = pod["status"]["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ends: Option<Vec<_>> =
        statuses.iter().map(|status| time(&status["state"]["terminated"]["finishedAt"])).collect();
    let unready = || {
        let ready = condition(&pod["status"], "Ready").filter(|ready| ready["status"] == "False")?;
        time(&ready["lastTransitionTime"])
    };
    let deleted = || {
        let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_i64().and_then(TimeDelta::try_seconds);
        time(&pod["metadata"]["deletionTimestamp"]).map(|end| end - grace.unwrap_or_default())
    };
    let last = ends.and_then(|ends| ends.into_iter().max());
    last.or_else(unready).or_else(deleted).or_else(|| time(&pod["metadata"]["creationTimestamp"]))
}

/// Makes pods; answers how many, and the refusal that ended it.
pub(super) fn create(world: &mut World, sync: &Sync<'_>, slots: &[Slot]) -> (i64, Option<Status>) {
    let Some(about) = world.about(&JOBS, sync.object) else { return (0, None) };
    let mut made = 0;
    for slot in slots {
        match world.create(&PODS, sync.object.namespace(), pod(sync, slot)) {
            Ok(pod) => {
                made += 1;
                let message = format!("Created pod: {}", pod.name());
                world.recorder.normal(&about, &SOURCE, "SuccessfulCreate", message);
            }
            Err(refusal) => {
                let message = format!("Error creating: {}", refusal.message);
                world.recorder.warning(&about, &SOURCE, "FailedCreate", message);
                return (made, Some(refusal));
            }
        }
    }
    (made, None)
}

fn pod(sync: &Sync<'_>, slot: &Slot) -> Value {
    let index = slot.index;
    let name = sync.object.name();
    let base = index.map_or_else(|| format!("{name}-"), |index| format!("{name}-{index}-"));
    let metadata =
        json!({"generateName": base, "ownerReferences": [owner_reference("batch/v1", "Job", sync.object)]});
    let mut pod = pod_from(&sync.job["spec"]["template"], metadata);
    match pod["metadata"]["finalizers"].as_array_mut() {
        Some(finalizers) => finalizers.push(json!(FINALIZER)),
        None => pod["metadata"]["finalizers"] = json!([FINALIZER]),
    }
    if let Some(index) = index {
        for place in ["annotations", "labels"] {
            pod["metadata"][place][INDEX] = json!(index.to_string());
        }
        pod["spec"]["hostname"] = json!(format!("{name}-{index}"));
        tell_index(&mut pod["spec"]);
    }
    if let Some((failures, ignored)) = slot.failures {
        pod["metadata"]["annotations"][FAILURES] = json!(failures.to_string());
        if ignored > 0 {
            pod["metadata"]["annotations"][IGNORED] = json!(ignored.to_string());
        }
    }
    pod
}

/// Lets every container know the index of its pod.
fn tell_index(spec: &mut Value) {
    let variable = json!({"name": "JOB_COMPLETION_INDEX",
        "valueFrom": {"fieldRef": {"fieldPath": format!("metadata.labels['{INDEX}']")}}});
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            match container["env"].as_array_mut() {
                Some(env) if env.iter().any(|known| known["name"] == variable["name"]) => {}
                Some(env) => env.push(variable.clone()),
                None => container["env"] = json!([variable]),
            }
        }
    }
}

/// Deletes pods; answers how many.
pub(super) fn remove(world: &mut World, sync: &Sync<'_>, names: &[String]) -> i64 {
    let Some(about) = world.about(&JOBS, sync.object) else { return 0 };
    let mut removed = 0;
    for name in names {
        if world.store.delete(&PODS, sync.key.namespace(), name, &DeleteOptions::default()).is_ok() {
            removed += 1;
            world.recorder.normal(&about, &SOURCE, "SuccessfulDelete", format!("Deleted pod: {name}"));
        }
    }
    removed
}

/// Takes the finalizer off pods; `key` names their namespace.
pub(super) fn let_go(world: &World, key: &Key, names: &[String]) {
    for name in names {
        // Gone meanwhile is as good.
        let pod = Key::new(key.namespace.clone(), name.as_str());
        let _ = world.update(&PODS, &pod, "", |pod| remove_finalizer(pod, FINALIZER));
    }
}
