//! The pods of a Job.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::plan::{FINALIZER, INDEX, Member, Tally, Wish, free_indexes};
use super::policy::{self, Consequence};
use super::{SOURCE, Sync};
use crate::controllers::workload::{Phase, Pod, owner_reference, pod_from, pods_of};
use crate::controllers::{JOBS, Key, PODS, World, remove_finalizer};
use crate::status::Status;
use crate::store::{DeleteOptions, Object};

/// Most pods made before looking again.
const BURST: i64 = 500;

/// The pods of a Job as it sees them.
pub(super) fn members(world: &World, object: &Object, job: &Value, wish: &Wish) -> Vec<Member> {
    pods_of(world, object.uid()).iter().map(|pod| member(pod, job, wish, world.now())).collect()
}

fn member(pod: &Pod, job: &Value, wish: &Wish, now: DateTime<Utc>) -> Member {
    let meta = pod.object.meta();
    let tracked = meta.finalizers.iter().any(|finalizer| finalizer == FINALIZER);
    // Only those that are counted now are looked at more closely.
    let tree = (tracked && pod.terminal()).then(|| pod.object.value());
    let consequence = match &tree {
        Some(tree) if pod.phase == Phase::Failed => policy::judge(job, tree),
        _ => Consequence::Counts,
    };
    Member {
        name: pod.name().to_owned(),
        phase: pod.phase,
        ready: pod.ready(),
        deleting: pod.deleting(),
        tracked,
        restarts: pod.restarts,
        index: wish.indexed.then(|| meta.annotations.get(INDEX)?.parse().ok()).flatten(),
        ended: tree.as_ref().and_then(ended).unwrap_or(now),
        consequence,
    }
}

/// When the last container of a pod ended.
fn ended(pod: &Value) -> Option<DateTime<Utc>> {
    let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let times =
        statuses.filter_map(|status| status["state"]["terminated"]["finishedAt"].as_str()?.parse().ok());
    times.max()
}

/// Makes pods; answers how many, and the refusal that ended it.
pub(super) fn create(world: &mut World, sync: &Sync<'_>, tally: &Tally, count: i64) -> (i64, Option<Status>) {
    let Some(about) = world.about(&JOBS, sync.object) else { return (0, None) };
    let indexes: Vec<Option<i64>> = match sync.wish.indexed {
        true => free_indexes(&sync.wish, tally, &sync.members, count).into_iter().map(Some).collect(),
        false => vec![None; usize::try_from(count.min(BURST)).unwrap_or(0)],
    };
    let mut made = 0;
    for index in indexes {
        match world.create(&PODS, sync.object.namespace(), pod(sync, index)) {
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

fn pod(sync: &Sync<'_>, index: Option<i64>) -> Value {
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

/// Deletes active pods, those first that have got least far; answers how many.
pub(super) fn remove(world: &mut World, sync: &Sync<'_>, count: i64) -> i64 {
    let Some(about) = world.about(&JOBS, sync.object) else { return 0 };
    let mut active: Vec<&Member> = sync.members.iter().filter(|member| member.active()).collect();
    active.sort_by_key(|member| (member.phase == Phase::Running, member.ready, member.name.clone()));
    let mut removed = 0;
    for member in active.into_iter().take(usize::try_from(count).unwrap_or(0)) {
        if world.store.delete(&PODS, sync.key.namespace(), &member.name, &DeleteOptions::default()).is_ok() {
            removed += 1;
            let message = format!("Deleted pod: {}", member.name);
            world.recorder.normal(&about, &SOURCE, "SuccessfulDelete", message);
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
