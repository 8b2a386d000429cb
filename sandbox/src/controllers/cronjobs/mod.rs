//! CronJobs: a Job whenever their schedule says so.

mod schedule;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::jobs::finished;
use super::queue::Queue;
use super::workload::{self, condition, owner_reference, status_of};
use super::{About, CRON_JOBS, Controller, JOBS, Key, Seen, Source, World};
use crate::clock::stamp;
use crate::store::{DeleteOptions, Object, Propagation};
use schedule::{Missed, Schedule};

const SOURCE: Source = Source::controller("cronjob-controller");
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct CronJobs {
    queue: Queue<Key>,
}

/// What becomes of a time that is due.
enum Due {
    /// A Job is made, after these have been deleted.
    Start(Vec<Arc<Object>>),
    /// It passes: another Job is still running.
    Pass,
}

impl CronJobs {
    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&CRON_JOBS, key) else { return };
        let Some(about) = world.about(&CRON_JOBS, &object) else { return };
        let cron = object.value();
        let jobs: Vec<Arc<Object>> = world
            .owners
            .of_kind(object.uid(), &JOBS)
            .iter()
            .filter_map(|job| world.find(&JOBS, job))
            .collect();
        let mut status = status_of(&cron);
        follow(world, &about, &jobs, &mut status);
        let mut again = None;
        if !object.deleting() && cron["spec"]["suspend"] != true {
            match Schedule::read(&cron["spec"]) {
                Ok(schedule) => {
                    self.start(world, &about, &object, &cron, &jobs, &schedule, &mut status);
                    let now = world.now();
                    let last = missed(&cron, &status, &schedule, now, false).map(|missed| missed.time);
                    again = last.or_else(|| earliest(&cron, &status)).and_then(|time| schedule.after(time));
                    again = again.filter(|time| *time > now).or_else(|| schedule.after(now));
                }
                Err(why) => world.recorder.warning(&about, &SOURCE, why.reason, why.message),
            }
        }
        if status != status_of(&cron) {
            // Gone meanwhile: nothing to tell.
            let _ = world.update(&CRON_JOBS, key, "status", |cron| cron["status"] = status.clone());
        }
        clean(world, &about, &cron, &jobs);
        if let Some(again) = again {
            self.queue.add_at(key.clone(), again);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one decision with all it rests on")]
    fn start(
        &mut self,
        world: &mut World,
        about: &About,
        object: &Object,
        cron: &Value,
        jobs: &[Arc<Object>],
        schedule: &Schedule,
        status: &mut Value,
    ) {
        let now = world.now();
        let Some(Missed { time, many }) = missed(cron, status, schedule, now, true) else { return };
        if many {
            let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            world.recorder.warning(about, &SOURCE, "TooManyMissedTimes", message.to_owned());
        }
        let Due::Start(replaced) = due(cron, status, jobs) else {
            let message =
                "Not starting job because prior execution is running and concurrency policy is Forbid";
            return say(world, about, true, "JobAlreadyActive", message.to_owned());
        };
        for job in replaced {
            remove(world, about, &job);
            forget(status, job.uid());
        }
        match world.create(&JOBS, object.namespace(), job(object, cron, schedule, time)) {
            Ok(job) => {
                let message = format!("Created job {}", job.name());
                say(world, about, true, "SuccessfulCreate", message);
                let reference = json!({"apiVersion": "batch/v1", "kind": "Job", "namespace": job.namespace(),
                    "name": job.name(), "uid": job.uid(), "resourceVersion": job.revision().to_string()});
                match status["active"].as_array_mut() {
                    Some(active) => active.push(reference),
                    None => status["active"] = json!([reference]),
                }
                status["lastScheduleTime"] = json!(stamp(time));
            }
            // Made before, when the status could not be written.
            Err(refusal) if refusal.is_already_exists() => status["lastScheduleTime"] = json!(stamp(time)),
            Err(refusal) => {
                let message = format!("Error creating job: {}", refusal.message);
                say(world, about, false, "FailedCreate", message);
                self.queue.retry(Key::of(object), now);
            }
        }
    }
}

fn say(world: &mut World, about: &About, normal: bool, reason: &'static str, message: String) {
    match normal {
        true => world.recorder.normal(about, &SOURCE, reason, message),
        false => world.recorder.warning(about, &SOURCE, reason, message),
    }
}

fn time_at(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

/// What times are counted from: the last Job that was made, or else the beginning.
fn earliest(cron: &Value, status: &Value) -> Option<DateTime<Utc>> {
    time_at(&status["lastScheduleTime"]).or_else(|| time_at(&cron["metadata"]["creationTimestamp"]))
}

/// The time for which a Job should have been made by now; where `in_time`, those long past do not count.
fn missed(
    cron: &Value,
    status: &Value,
    schedule: &Schedule,
    now: DateTime<Utc>,
    in_time: bool,
) -> Option<Missed> {
    let patience = cron["spec"]["startingDeadlineSeconds"].as_i64().and_then(TimeDelta::try_seconds);
    let bound = patience.filter(|_| in_time).map(|patience| now - patience);
    schedule.last_between(earliest(cron, status)?.max(bound.unwrap_or(DateTime::<Utc>::MIN_UTC)), now)
}

fn due(cron: &Value, status: &Value, jobs: &[Arc<Object>]) -> Due {
    let active = status["active"].as_array().map(Vec::as_slice).unwrap_or_default();
    match cron["spec"]["concurrencyPolicy"].as_str() {
        Some("Forbid") if !active.is_empty() => Due::Pass,
        Some("Replace") => {
            let running = |job: &&Arc<Object>| active.iter().any(|active| active["uid"] == job.uid());
            Due::Start(jobs.iter().filter(running).cloned().collect())
        }
        _ => Due::Start(Vec::new()),
    }
}

/// Takes note of Jobs that are over, or gone.
fn follow(world: &mut World, about: &About, jobs: &[Arc<Object>], status: &mut Value) {
    let active = status["active"].as_array().cloned().unwrap_or_default();
    for entry in &active {
        let (uid, name) =
            (entry["uid"].as_str().unwrap_or_default(), entry["name"].as_str().unwrap_or_default());
        let Some(job) = jobs.iter().find(|job| job.uid() == uid) else {
            say(world, about, true, "MissingJob", format!("Active job went missing: {name}"));
            forget(status, uid);
            continue;
        };
        let tree = job.value();
        if finished(&tree).is_some() {
            let word = if succeeded(&tree) { "Complete" } else { "Failed" };
            let message = format!("Saw completed job: {name}, condition: {word}");
            say(world, about, true, "SawCompletedJob", message);
            forget(status, uid);
        }
    }
    let trees = jobs.iter().map(|job| job.value()).filter(succeeded);
    let times = trees.filter_map(|job| time_at(&job["status"]["completionTime"]));
    if let Some(latest) = times.chain(time_at(&status["lastSuccessfulTime"])).max() {
        status["lastSuccessfulTime"] = json!(stamp(latest));
    }
}

fn succeeded(job: &Value) -> bool {
    condition(&job["status"], "Complete").is_some_and(|condition| condition["status"] == "True")
}

fn forget(status: &mut Value, uid: &str) {
    let Some(fields) = status.as_object_mut() else { return };
    if let Some(active) = fields.get_mut("active").and_then(Value::as_array_mut) {
        active.retain(|entry| entry["uid"] != uid);
        if active.is_empty() {
            fields.remove("active");
        }
    }
}

fn job(object: &Object, cron: &Value, schedule: &Schedule, time: DateTime<Utc>) -> Value {
    let template = &cron["spec"]["jobTemplate"];
    let mut metadata = json!({"name": format!("{}-{}", object.name(), time.timestamp() / 60),
        "ownerReferences": [owner_reference("batch/v1", "CronJob", object)]});
    for key in ["labels", "annotations"] {
        if let Some(value) = template["metadata"].get(key) {
            metadata[key] = value.clone();
        }
    }
    metadata["annotations"][SCHEDULED] = json!(schedule.shown(time));
    json!({"metadata": metadata, "spec": template["spec"]})
}

fn remove(world: &mut World, about: &About, job: &Object) {
    let options = DeleteOptions {
        propagation: Some(Propagation::Background),
        ..DeleteOptions::default().uid(job.uid())
    };
    if world.store.delete(&JOBS, Some(job.namespace()), job.name(), &options).is_ok() {
        say(world, about, true, "SuccessfulDelete", format!("Deleted job {}", job.name()));
    }
}

/// Deletes the oldest Jobs that are over, beyond those that are to be kept.
fn clean(world: &mut World, about: &About, cron: &Value, jobs: &[Arc<Object>]) {
    for (well, limit) in [(true, "successfulJobsHistoryLimit"), (false, "failedJobsHistoryLimit")] {
        let Some(kept) = cron["spec"][limit].as_u64().and_then(|kept| usize::try_from(kept).ok()) else {
            continue;
        };
        let over = jobs.iter().filter(|job| !job.deleting()).map(|job| (job.value(), job));
        let mut over: Vec<_> =
            over.filter(|(tree, _)| finished(tree).is_some() && succeeded(tree) == well).collect();
        over.sort_by_key(|(tree, job)| (time_at(&tree["status"]["startTime"]), job.name().to_owned()));
        for (_, job) in over.iter().take(over.len().saturating_sub(kept)) {
            remove(world, about, job);
        }
    }
}

impl Controller for CronJobs {
    fn name(&self) -> &'static str {
        "cronjobs"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        workload::observe(&mut self.queue, seen, &CRON_JOBS, "CronJob", &[&JOBS]);
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
